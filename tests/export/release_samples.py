"""A checkpoint as the official release writes one: names, shapes and where each tensor belongs.

Told a second time, independent of `dpa.export.release`, so that a slip in its rules shows.
"""

import zlib
from collections.abc import Iterator

import numpy as np
import torch

Row = tuple[str, tuple[int, ...], str]  # their name, shape, our name; "" where nothing reads it


def conv(
    theirs: str, ours: str, outputs: int, inputs: int, kernel: int = 1, bias: bool = True
) -> Iterator[Row]:
    yield f"{theirs}.weight", (outputs, inputs, kernel, kernel), ours and f"{ours}.weight"
    if bias:
        yield f"{theirs}.bias", (outputs,), ours and f"{ours}.bias"


def linear(theirs: str, ours: str, outputs: int, inputs: int) -> Iterator[Row]:
    yield f"{theirs}.weight", (outputs, inputs), ours and f"{ours}.weight"
    yield f"{theirs}.bias", (outputs,), ours and f"{ours}.bias"


def norm(theirs: str, ours: str, width: int) -> Iterator[Row]:
    for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        shape = () if part == "num_batches_tracked" else (width,)
        yield f"{theirs}.{part}", shape, ours and f"{ours}.{part}"


def attention(theirs: str, ours: str) -> Iterator[Row]:
    yield from norm(f"{theirs}.bn_relu.0", f"{ours}.norm", 128)
    yield from linear(f"{theirs}.theta", f"{ours}.query", 64, 128)
    yield from linear(f"{theirs}.phi", f"{ours}.key", 64, 128)
    yield from linear(f"{theirs}.g", f"{ours}.value", 64, 128)
    yield from linear(f"{theirs}.W", f"{ours}.back", 128, 64)


def fusion(theirs: str, ours: str) -> Iterator[Row]:
    yield from conv(f"{theirs}.0", f"{ours}.0", 512, 640)
    yield from norm(f"{theirs}.1", f"{ours}.1", 512)


def residual(theirs: str, ours: str) -> Iterator[Row]:
    yield from conv(f"{theirs}.conv1.0", f"{ours}.body.0.0", 256, 256, 3)
    yield from norm(f"{theirs}.conv1.1", f"{ours}.body.0.1", 256)
    yield from conv(f"{theirs}.conv1.3", f"{ours}.body.1", 256, 256, 3)
    yield from conv(f"{theirs}.conv2.0", f"{ours}.out.0", 128, 256, 3)
    yield from norm(f"{theirs}.conv2.1", f"{ours}.out.1", 128)


def encoder(stream: str, s: int) -> Iterator[Row]:
    layer, inputs = 0, 3
    for stage, widths in enumerate(([64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3)):
        for i, width in enumerate(widths):
            ours = f"encoders.{s}.stages.{stage}.{2 * i + (stage > 0)}"
            yield from conv(f"{stream}_encoder.vgg.{layer}", ours, width, inputs, 3)
            layer, inputs = layer + 2, width
        layer += 1  # the pooling


def ima(level: int) -> Iterator[Row]:
    for s, stream in enumerate(("rgb", "flow")):
        theirs, ours = f"DAM{level}.{stream}_OCR", f"ima{level}.refine.{s}"
        yield from attention(f"{theirs}.GAN.TF", f"{ours}.attention")
        for i in range(3):
            yield from conv(f"{theirs}.GAN.conv{i + 1}.0", f"{ours}.graph.{i}", 128, 256, bias=False)
            yield from norm(f"{theirs}.GAN.conv{i + 1}.1", f"{ours}.graph.{i}.norm", 128)
        yield from linear(f"{theirs}.GAN.fc", "", 1, 128)
        yield from conv(f"{theirs}.out.0", "", 128, 256)
        yield from norm(f"{theirs}.out.1", "", 128)
        yield from attention(f"DAM{level}.CCM.can{s + 1}", f"ima{level}.exchange.{s}")
        yield from fusion(f"DAM{level}.{stream}_fusion", f"ima{level}.fuse.{s}")


def level6(stream: str, s: int) -> Iterator[Row]:
    ours = f"decoder.level6.{s}.body"
    yield from conv(f"{stream}_COMP6.1", f"{ours}.1", 128, 512)
    for theirs, i in ((2, 2), (5, 3)):
        yield from conv(f"{stream}_COMP6.{theirs}", f"{ours}.{i}.0", 128, 128, 3)
        yield from norm(f"{stream}_COMP6.{theirs + 1}", f"{ours}.{i}.1", 128)
    for theirs, part, inputs, kernel in (
        ("1x1_1", "branches.0", 128, 1),
        ("3x3_1", "branches.1", 128, 3),
        ("3x3_2", "branches.2", 128, 3),
        ("3x3_3", "branches.3", 128, 3),
        ("1x1_2", "pool", 128, 1),
        ("1x1_3", "project", 640, 1),
    ):
        yield from conv(f"{stream}_aspp.conv_{theirs}", f"{ours}.4.{part}.0", 128, inputs, kernel)
        yield from norm(f"{stream}_aspp.bn_conv_{theirs}", f"{ours}.4.{part}.1", 128)


def refinement(level: int, channels: int) -> Iterator[Row]:
    theirs, ours = f"rgb_refine_{level}", f"decoder.refine.{3 - level}"
    yield from conv(f"{theirs}.cmprs", f"{ours}.squeeze", 64, channels)
    for i, (outputs, body) in enumerate(((96, "body.0"), (32, "body.1"))):
        yield from conv(f"{theirs}.merge_conv.{3 * i}", f"{ours}.{body}.0", outputs, 96, 3)
        yield from norm(f"{theirs}.merge_conv.{3 * i + 1}", f"{ours}.{body}.1", outputs)
    yield from conv(f"{theirs}.pred.pred.0", f"{ours}.predict", 1, 32)


def release_rows() -> Iterator[Row]:
    """All 588 tensors."""
    for s, stream in enumerate(("rgb", "flow")):
        yield from encoder(stream, s)
        for level in (4, 5):
            yield from conv(f"{stream}_sq{level}.0", f"squeeze{level}.{s}", 128, 512)
            yield from conv(f"{stream}_COMP{level}.0", f"decoder.level{level}.{s}", 128, 512)
        yield from level6(stream, s)
        yield from conv(f"{stream}_TAM.K", f"ifa.{s}.key", 128, 512)
        yield from conv(f"{stream}_TAM.V", f"ifa.{s}.value", 128, 512)
        yield from fusion(f"{stream}_TAM.fusion", f"ifa.{s}.fuse")
        yield from conv(f"{stream}_fuse5.0", f"join5.{s}", 512, 1024)
    yield from (*ima(4), *ima(5))
    for level in (6, 5, 4):
        yield from residual(f"total_fuse{level}", f"decoder.fuse.{6 - level}")
    yield from residual("rgb_merge_co_56", "decoder.merge5")
    yield from residual("rgb_merge_co_45.0", "decoder.merge4.0")
    yield from conv("rgb_merge_co_45.1", "decoder.merge4.1", 32, 128)
    yield from conv("rgb_get_pred_4.pred.0", "decoder.predict", 1, 32)
    for level, channels in ((3, 256), (2, 128), (1, 64)):
        yield from refinement(level, channels)


def values(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Known values of a tensor of theirs: from its name, and such that no layer is silent."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.array(7)
    x = rng.standard_normal(shape, dtype=np.float32)
    if name.endswith("running_var"):
        return 0.5 + np.abs(x)
    if len(shape) == 1:
        return 0.1 * x + (1 if name.endswith("weight") else 0)
    return x * np.float32(np.sqrt(2 / np.prod(shape[1:])))


def checkpoint() -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.asarray(values(name, shape))) for name, shape, _ in release_rows()}


def in_our_names() -> dict[str, np.ndarray]:
    """The same values for the slow network: float64, EdgeConv's kernels without their two sides of 1."""
    found = {}
    for name, shape, ours in release_rows():
        if ours:
            x = values(name, shape).astype(float)
            found[ours] = x[:, :, 0, 0] if ".graph." in ours and x.ndim == 4 else x
    return found
