"""What `dpa doctor` looks at: versions, devices, codecs, flow, weights, and a run from end to end."""

import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import dpa
from dpa.errors import DPAError

Status = Literal["ok", "absent", "broken"]

# Distribution -> module.
BASE = {
    "numpy": "numpy",
    "opencv": "cv2",
    "av": "av",
    "pillow": "PIL",
    "onnxruntime": "onnxruntime",
    "typer": "typer",
    "rich": "rich",
    "omegaconf": "omegaconf",
}
EXTRA = ("torch", "torchvision", "timm", "safetensors", "lightning-fabric", "onnx")

# Encoder -> what cannot be written without it.
ENCODERS = {
    "libx264": "overlay and green-screen video (.mp4)",
    "libvpx-vp9": "alpha video (.webm)",
    "prores_ks": "alpha video (.mov)",
    "libopus": "sound that is not copied (.webm)",
}

SELF_TEST_FRAMES = 12
SELF_TEST_J = 0.5  # a working default is far above this on so easy a clip; noise is far below


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        group: the heading it belongs under.
        name: what was looked at.
        status: "absent" is what is not there and need not be; "broken" is what must be mended.
        detail: version, place, figure or the mend.
    """

    group: str
    name: str
    status: Status
    detail: str


def examine() -> Iterator[Finding]:
    """Look at everything, the quick things first; a broken thing does not hide those after it."""
    looks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("versions", _versions),
        ("devices", _devices),
        ("codecs", _codecs),
        ("flow", _flow),
        ("weights", _weights),
        ("self-test", _self_test),
    )
    for group, look in looks:
        try:
            yield from look()
        except DPAError as error:
            yield Finding(group, group, "broken", str(error))
        except Exception as error:  # a doctor reports any illness; none may end the examination
            yield Finding(group, group, "broken", f"{type(error).__name__}: {error}")


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "dpa", "ok", dpa.__version__)
    yield Finding(
        "versions", "python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}"
    )
    for name, module in BASE.items():
        try:  # imported for real: a library can be installed and still not load
            found = getattr(import_module(module), "__version__", None) or version(name)
        except Exception as error:
            yield Finding("versions", name, "broken", f"{type(error).__name__}: {error}")
        else:
            yield Finding("versions", name, "ok", found)
    for name in EXTRA:
        try:
            yield Finding("versions", name, "ok", version(name))
        except PackageNotFoundError:
            yield Finding("versions", name, "absent", 'pip install "dpa-vos[torch]" brings it')


def _devices() -> Iterator[Finding]:
    from dpa.device import pick_device

    everywhere = os.cpu_count()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else everywhere
    yield Finding("devices", "cpu", "ok", f"{usable} of {everywhere} cores usable")
    device = pick_device("auto")
    detail = "what --device auto takes"
    if device.startswith("cuda"):
        import torch

        detail += f": {torch.cuda.get_device_name(device)}"
    elif find_spec("torch") is None:
        detail += "; others need torch"
    yield Finding("devices", device, "ok", detail)
    import onnxruntime

    yield Finding("devices", "onnxruntime", "ok", ", ".join(onnxruntime.get_available_providers()))


def _codecs() -> Iterator[Finding]:
    import av

    libraries = av.library_versions.items()
    text = ", ".join(f"{name} {'.'.join(map(str, number))}" for name, number in libraries)
    yield Finding("codecs", "ffmpeg", "ok", text)
    for name, use in ENCODERS.items():
        try:
            av.codec.Codec(name, "w")
        except ValueError:
            mend = f"{use} cannot be written: install PyAV from its wheel (pip install av)"
            yield Finding("codecs", name, "broken", mend)
        else:
            yield Finding("codecs", name, "ok", use)


def _flow() -> Iterator[Finding]:
    from dpa.device import pick_device
    from dpa.flow.estimator import choose

    yield Finding("flow", "auto", "ok", choose("auto", pick_device("auto"))[1])
    yield Finding("flow", "dis", "ok", "OpenCV, always available")
    if find_spec("torch") is None or find_spec("torchvision") is None:
        yield Finding("flow", "raft", "absent", 'pip install "dpa-vos[torch]" brings it')
        return
    from dpa.flow.raft import cached_weights

    for variant in ("small", "large"):
        path = cached_weights(variant)
        here = path.is_file()
        detail = str(path) if here else f"downloaded when first used, to {path}"
        yield Finding("flow", f"raft-{variant}", "ok" if here else "absent", detail)


def _weights() -> Iterator[Finding]:
    from dpa.weights import DEFAULT, entries, verify

    for entry in entries():
        if entry.path is None:
            must = entry.name == DEFAULT
            detail = (
                "missing from the package: install dpa-vos again" if must else "no weights on this machine"
            )
            yield Finding("weights", entry.name, "broken" if must else "absent", detail)
            continue
        try:
            verify(entry)
        except DPAError as error:
            yield Finding("weights", entry.name, "broken", str(error))
        else:
            yield Finding("weights", entry.name, "ok", f"{entry.path}, sha256 as in the card")


def _self_test() -> Iterator[Finding]:
    """Make a clip whose masks are known, segment it as a user would, and compare."""
    from dpa.example import Scene, fit, write_clip

    scene = Scene(frames=SELF_TEST_FRAMES)
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        write_clip(clip, scene)
        start = time.perf_counter()
        found = [mask.binary for mask in dpa.segment(clip)]
        seconds = time.perf_counter() - start
    if len(found) != scene.frames:
        detail = f"{len(found)} masks for {scene.frames} frames"
        yield Finding("self-test", "segment", "broken", detail)
        return
    score = fit(zip(found, scene.masks(), strict=True))
    good = score.j >= SELF_TEST_J
    detail = f"J {100 * score.j:.1f} on {scene.frames} generated frames in {seconds:.1f} s"
    if not good:
        detail += f", expected at least {100 * SELF_TEST_J:.0f}"
    yield Finding("self-test", "segment", "ok" if good else "broken", detail)


def is_broken(findings: list[Finding]) -> bool:
    """Whether anything that is needed does not work."""
    return any(finding.status == "broken" for finding in findings)
