"""What can be made of a video on the page."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpa.engine.config import SegmenterConfig
from dpa.errors import InputError
from dpa.video.write.backdrop import BLUR, COLOUR, GREEN
from dpa.video.write.paint import Look
from dpa.web.words import say
from dpa.weights.registry import find


@dataclass(frozen=True)
class Kind:
    """One sort of file.

    Attributes:
        kind: as `dpa segment --kind` has it.
        suffix: of the output; "" for a folder of pictures, which is packed.
        ending: of the file's name, as `dpa segment` names its outputs.
    """

    kind: str
    suffix: str
    ending: str


KINDS = {
    "overlay": Kind("overlay", ".mp4", "overlay"),
    "masks": Kind("mask", "", "masks"),
    "soft": Kind("soft", "", "soft"),
    "cutout": Kind("alpha", ".webm", "alpha"),
    "cutout-prores": Kind("alpha", ".mov", "alpha"),
    "cutout-png": Kind("rgba", "", "rgba"),
    "background": Kind("green", ".mp4", "green"),
    "strip": Kind("strip", ".mp4", "strip"),
    "coco": Kind("coco", ".json", "coco"),
}
"""By the page's name for it; the first one is the default."""

OF_RUN = ("every", "mirror", "target", "model")
"""Settings of `SegmenterConfig` that the network has to run with."""
OF_MASKS = ("threshold", "smooth", "refine")
"""Settings that only the stages after the network look at."""

DEFAULTS = {name: getattr(SegmenterConfig, name) for name in (*OF_MASKS, *OF_RUN)}
"""What the settings are without a choice."""


def _flag(value: object) -> bool:
    words = {"true": True, "false": False}
    if isinstance(value, str) and value in words:
        return words[value]
    if isinstance(value, bool):
        return value
    raise ValueError(f"true or false, not {value!r}")


def _network(value: object) -> str:
    find(str(value)).file("config")  # here or not, before a video waits for it
    return str(value)


_TYPES: dict[str, Callable[[Any], Any]] = {
    "every": int,
    "mirror": _flag,
    "target": str,
    "model": _network,
    "threshold": float,
    "smooth": float,
    "refine": str,
}


def check_kind(kind: str) -> None:
    """Check that there is a kind.

    Raises:
        InputError: there is none of that name.
    """
    if kind not in KINDS:
        raise InputError(say("error.kind", kind=kind, kinds=", ".join(KINDS)))


def checked(settings: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Settings that a user may give, as the engine takes them.

    Raises:
        InputError: there is no such setting, or it cannot have that value.
    """
    for name in settings:
        if name not in names:
            raise InputError(say("error.setting", name=name, names=", ".join(names)))
    try:
        typed = {name: _TYPES[name](value) for name, value in settings.items()}
    except (TypeError, ValueError) as error:
        raise InputError(say("error.value", values=settings)) from error
    SegmenterConfig(**typed)
    return typed


def checked_look(strength: float, background: str, own: Path | None) -> dict[str, Any]:
    """What is painted around the object, as `dpa.batch.Job` takes it.

    Args:
        strength: of the overlay.
        background: "green", "blur", a colour, or "file" for the one that was uploaded.
        own: that one; None where there is none.

    Raises:
        InputError: it cannot be.
    """
    Look(strength)
    if background == "file":
        if own is None:
            raise InputError(say("error.background"))
        return {"strength": strength, "background": str(own)}
    if background not in (GREEN, BLUR) and not COLOUR.fullmatch(background):
        # Never the name of a file: those of the server are not a visitor's.
        raise InputError(say("error.look", background=background))
    return {"strength": strength, "background": background}
