"""Changes to a graph that has been exported: what is computed stays, how it is computed does not."""

import copy

import numpy as np


def keep_normal(graph: "onnx.ModelProto") -> None:  # type: ignore[name-defined]  # noqa: F821
    """Let no weight of an attention fall below exp(-60) of the largest.

    Such a weight changes no sum in float32; smaller ones become denormal numbers, below 1e-38, which a CPU
    computes with ten times as slowly.
    """
    from onnx import helper, numpy_helper

    main = graph.graph
    main.initializer.append(numpy_helper.from_array(np.float32(60), "least"))
    for node in [n for n in main.node if n.op_type == "Softmax"]:
        scores, name = node.input[0], node.output[0]
        node.input[0] = f"{name}_kept"
        last = numpy_helper.from_array(np.array([-1]), f"{name}_last")
        main.initializer.append(last)
        made = [
            helper.make_node(
                "ReduceMax", [scores, last.name], [f"{name}_most"], f"{name}_ReduceMax", keepdims=1
            ),
            helper.make_node("Sub", [f"{name}_most", "least"], [f"{name}_low"], f"{name}_Sub"),
            helper.make_node("Max", [scores, f"{name}_low"], [f"{name}_kept"], f"{name}_Max"),
        ]
        place = list(main.node).index(node)
        for step in made:
            step.metadata_props.extend(node.metadata_props)
        for step in reversed(made):
            main.node.insert(place, step)


def optional(graph: "onnx.ModelProto", names: tuple[str, ...]) -> None:  # type: ignore[name-defined]  # noqa: F821
    """Compute some of a graph's outputs only where its new input `remember`, a bool, says so; else empty.

    What only those outputs need moves into a branch; what it reads from outside, weights too, stays there.
    8-bit weights are widened in the branch once more: a convolution of them is one kernel only where nothing
    else reads what is widened.

    Args:
        graph: changed in place.
        names: of the outputs, float32.
    """
    from onnx import TensorProto, helper, numpy_helper

    main = graph.graph
    needed = {output.name for output in main.output if output.name not in names}
    for node in reversed(main.node):
        if needed.intersection(node.output):
            needed.update(node.input)
            needed.update(name for a in node.attribute for n in a.g.node for name in n.input)
    branch = [node for node in main.node if not needed.intersection(node.output)]
    stored = {tensor.name for tensor in main.initializer}
    read = {name for node in branch for name in node.input}
    widened = [n for n in main.node if n.op_type == "DequantizeLinear" and stored.issuperset(n.input)]
    again = [copy.deepcopy(n) for n in widened if n not in branch and read.intersection(n.output)]
    inner = {name: f"{name}_then" for name in names}
    for node in branch:
        main.node.remove(node)
    inner |= {name: f"{name}_then" for node in again for name in node.output}
    branch = again + branch
    for node in branch:
        for place, name in enumerate(node.output):
            node.output[place] = inner.get(name, name)
        for place, name in enumerate(node.input):
            node.input[place] = inner.get(name, name)
    empty = [numpy_helper.from_array(np.zeros((0, 0, 0, 0), np.float32), f"{name}_else") for name in names]
    then_branch, else_branch = (
        helper.make_graph(
            nodes,
            kind,
            [],
            [
                helper.make_tensor_value_info(f"{name}_{kind}", TensorProto.FLOAT, [None] * 4)
                for name in names
            ],
        )
        for kind, nodes in (
            ("then", branch),
            ("else", [helper.make_node("Constant", [], [t.name], value=t) for t in empty]),
        )
    )
    main.node.append(
        helper.make_node(
            "If", ["remember"], list(names), "own", then_branch=then_branch, else_branch=else_branch
        )
    )
    for output in main.output:
        if output.name in names:  # nothing, or prototypes
            output.CopyFrom(helper.make_tensor_value_info(output.name, TensorProto.FLOAT, [None] * 4))
    main.input.append(helper.make_tensor_value_info("remember", TensorProto.BOOL, []))
    inside = {name for node in branch for name in node.output}
    for info in [info for info in main.value_info if info.name in inside]:
        main.value_info.remove(info)
