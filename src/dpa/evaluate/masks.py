"""Mask files: what is in them, and a binary mask only where that is beyond doubt."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from dpa.arrays import Binary
from dpa.errors import InputError
from dpa.video.images import BROKEN

# Grey pictures of more levels than this are soft masks or smoothed edges, not numbers of objects.
_MOST_GREY_IDS = 16
_MOST_IDS = 255
_VOID = 255
_COLOUR = 1 << 24  # added to ids that are colours, so that blue is not 255


class Values(NamedTuple):
    """What a mask file holds.

    Attributes:
        array: (H, W), grey levels or ids of objects; 0 is background.
        top: the grey level that means 1; 0 if the values are ids.
    """

    array: np.ndarray
    top: int


class Code(NamedTuple):
    """What stood for the object in one file: all files of a sequence must agree.

    Attributes:
        top: `Values.top`.
        value: the object's; 0 where there was none; with a threshold the highest; None for several.
    """

    top: int
    value: int | None


@dataclass(frozen=True)
class Rule:
    """How values become a binary mask.

    Attributes:
        ground_truth: it is an annotation: one value beside 0 is the object, whatever it is.
        threshold: grey above this share of white is object; None refuses soft masks.
        merge: palette ids (or colours) of several objects are one object.
        merge_grey: so are a few grey values, which could also be a soft mask that is nearly black.
        void: id 255 is neither object nor background.
    """

    ground_truth: bool = False
    threshold: float | None = None
    merge: bool = False
    merge_grey: bool = False
    void: bool = False


def read_values(path: Path) -> Values:
    """The values of a mask file, palette numbers and colours as ids.

    Raises:
        InputError: it is no picture, or none that a mask can be.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return _values(image, path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except BROKEN as error:
        raise InputError(f"{path}: cannot be read as a mask ({error})") from error


def binary(values: Values, path: Path, rule: Rule) -> tuple[Binary, Code]:
    """The mask that a file holds: (H, W) bool, and what stood for the object.

    Raises:
        InputError: it is soft and there is no threshold, or it has several objects that are not to be merged.
    """
    array, top = values
    if top and rule.threshold is not None:
        return array > rule.threshold * top, Code(top, int(array.max()))
    value = _only_value(array)
    if value is None or (
        top and value not in (0, 1, 255, top) and not (rule.ground_truth or rule.merge_grey)
    ):
        _refuse(values, path, rule)
    mask = array > 0
    if rule.void and not top:
        mask &= array != _VOID
    return mask, Code(top, value)


def read_prediction(
    path: Path, rule: Rule, other: Path, shape: tuple[int, ...], resize: bool
) -> tuple[Binary, Code]:
    """A mask at the size of another picture, its annotation or frame: see `binary`.

    Soft masks are resized before they are cut, bilinearly; others by the nearest pixel.

    Raises:
        InputError: see `binary`; also where it has another size and is not to be resized.
    """
    values = read_values(path)
    if values.array.shape == shape:
        return binary(values, path, rule)
    refuse_size(path, values.array.shape, other, shape, resize)
    size = shape[1], shape[0]
    if values.top and rule.threshold is not None:
        return binary(Values(cv2.resize(values.array, size), values.top), path, rule)
    mask, code = binary(values, path, rule)
    nearest = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT)
    return nearest.view(bool), code


def refuse_size(path: Path, size: tuple[int, ...], other: Path, shape: tuple[int, ...], resize: bool) -> None:
    """Raise the error for a mask of another (height, width) than its annotation or frame.

    Raises:
        InputError: unless it is to be resized.
    """
    if size != shape and not resize:
        ours, theirs = (f"{width}x{height}" for height, width in (size, shape))
        raise InputError(f"{path}: is {ours}, but {other} is {theirs}: --resize brings it to that size")


def void(values: Values) -> Binary | None:
    """(H, W) bool, the pixels that an annotation leaves open (palette id 255); None if there are none."""
    open_ = values.array == _VOID
    return open_ if not values.top and open_.any() else None


def agree(codes: list[tuple[Path, Code]], rule: Rule) -> None:
    """Check that the files of one sequence mean the same by their values.

    Raises:
        InputError: names the first file that does not.
    """
    soft = [code for _, code in codes if code.top] if rule.threshold is not None else []
    if any(code.value for code in soft) and all(255 * (code.value or 0) <= code.top for code in soft):
        raise InputError(
            f"{codes[0][0].parent}: --threshold is for soft masks, but no value here is above 1 of 255: "
            "leave it out for masks of 0 and 1"
        )
    seen: dict[int, tuple[Path, int]] = {}
    for path, code in codes:
        merged = (rule.merge_grey or rule.threshold is not None) if code.top else rule.merge
        if merged or not code.value:
            continue
        first, value = seen.setdefault(code.top, (path, code.value))
        if value != code.value:
            mend = "save both alike" if code.top else "--merge makes all ids one object"
            here, there = _some(np.array([code.value])), _some(np.array([value]))
            raise InputError(f"{path}: the object is {here} here and {there} in {first.name}: {mend}")


def _values(image: Image.Image, path: Path) -> Values:
    if image.mode in ("LA", "PA", "La", "RGBA", "RGBa"):
        if np.asarray(image.getchannel("A")).min() < 255:
            raise InputError(f"{path}: has transparent parts, so it is a cut-out and not a mask")
        image = image.convert("L" if image.mode.startswith("L") else "RGB")
    if image.mode == "P":
        colours = np.array(image.getpalette() or [0, 0, 0]).reshape(-1, 3)
        if (colours != colours[:, :1]).any():
            return Values(np.array(image), 0)
    if image.mode in ("1", "P", "L"):
        return Values(np.asarray(image if image.mode == "L" else image.convert("L")), 255)
    if image.mode.startswith("I"):
        array = np.asarray(image)
        if array.min() < 0 or array.max() > 65535:
            raise InputError(f"{path}: values outside of 0 to 65535: save it with 8 bits")
        return Values(array.astype(np.uint16), 65535)
    if image.mode == "RGB":
        red, green, blue = (np.array(channel) for channel in image.split())
        if np.array_equal(red, green) and np.array_equal(red, blue):
            return Values(red, 255)
        return Values(_coloured(red, green, blue, path), 0)
    raise InputError(f"{path}: a picture of mode {image.mode} is no mask: save it as 8-bit grey PNG")


def _coloured(red: np.ndarray, green: np.ndarray, blue: np.ndarray, path: Path) -> np.ndarray:
    """Ids for colours, (H, W) int32: black is 0, any other its own number."""
    codes = (red.astype(np.int32) << 16) | (green.astype(np.int32) << 8) | blue
    count = np.unique(codes).size
    if count > _MOST_IDS:
        raise InputError(f"{path}: {count} colours, so it is a picture and not a mask")
    return np.where(codes, codes + _COLOUR, 0)


def _only_value(array: np.ndarray) -> int | None:
    """The only value beside 0; 0 if there is none, None if there are several."""
    highest = int(array.max())
    alone = np.count_nonzero(array) == np.count_nonzero(array == highest)
    return highest if alone or not highest else None


def _refuse(values: Values, path: Path, rule: Rule) -> None:
    """Raise the error for values that are not one object, unless they are several that are to be merged."""
    found = np.unique(values.array)
    few = found.size - 1 <= _MOST_GREY_IDS
    if not values.top and not rule.merge:
        raise InputError(
            f"{path}: {np.count_nonzero(found)} objects (ids {_some(found[found > 0])}) where one mask is "
            "meant: --merge makes them one object"
        )
    if values.top and not (rule.merge_grey and few):
        levels = f"{path}: not a binary mask but {found.size} grey values ({_some(found)})"
        if rule.ground_truth:
            raise InputError(f"{levels}: save this annotation with 0 for background and 255 for the object")
        ids = ", --merge if they are numbers of objects" if few else ""
        raise InputError(f"{levels}: give --threshold if it is soft (0.5 is usual){ids}")
    if found[0] != 0:
        raise InputError(f"{path}: no pixel is 0, so no background can be told from objects: save it as 0")


def _some(values: np.ndarray) -> str:
    shown = [f"#{v - _COLOUR:06x}" if v >= _COLOUR else str(v) for v in values[:4].tolist()]
    return ", ".join(shown) + (", ..." if values.size > 4 else "")
