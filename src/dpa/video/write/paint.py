"""From a frame and its mask to the picture that is written: one function a kind."""

from dataclasses import dataclass
from functools import lru_cache, partial

import cv2
import numpy as np

from dpa.errors import InputError
from dpa.video.segmented import Segmented
from dpa.video.write.backdrop import Backdrop
from dpa.video.write.folder import Painter
from dpa.video.write.matte import around, before_colour, before_picture, foreground, ramp

OVERLAY_COLOUR = (255, 64, 64)
OVERLAY_SHARE = 0.5
# The chroma key green of paints and cloths, far from skin and from most foliage.
GREEN = (0, 177, 64)
_WHITE_8_BITS = 255.0


@dataclass(frozen=True, eq=False)
class Look:
    """What is painted around and over the object.

    Attributes:
        strength: of the overlay's tint, from 0 to 1.
        backdrop: behind the object, in the kind green; None for the green of chroma keys.

    Raises:
        InputError: there is no such strength.
    """

    strength: float = OVERLAY_SHARE
    backdrop: Backdrop | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise InputError(f"the strength of the overlay must lie between 0 and 1, not {self.strength}")


def paint_mask(segmented: Segmented) -> np.ndarray:
    """(H, W) uint8, 0 or 255."""
    return segmented.mask.astype(np.uint8) * np.uint8(255)


def paint_soft(segmented: Segmented) -> np.ndarray:
    """(H, W) uint8, the probability times 255, rounded."""
    return (np.clip(segmented.probability, 0, 1) * 255 + 0.5).astype(np.uint8)


def paint_overlay(
    segmented: Segmented,
    *,
    strength: float = OVERLAY_SHARE,
) -> np.ndarray:
    """(H, W, 3) uint8: the object tinted and outlined."""
    return _overlay(segmented.frame.image, segmented.mask, _WHITE_8_BITS, strength)


def _overlay(image: np.ndarray, mask: np.ndarray, white: float, strength: float) -> np.ndarray:
    """(H, W, 3) like the image, in which white has that level."""
    image, inside = image.copy(), mask.view(np.uint8)
    box = around(inside)
    if box is None:
        return image
    colour = _at(OVERLAY_COLOUR, white)
    if image.dtype == np.uint8:
        tinted = cv2.LUT(image[box], _tint(strength))
    else:
        tinted = cv2.addWeighted(image[box], 1 - strength, np.full_like(image[box], colour), strength, 0)
    cv2.copyTo(tinted, inside[box], image[box])
    outline, _ = cv2.findContours(
        inside[box], cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE, offset=(box[1].start, box[0].start)
    )
    cv2.drawContours(image, outline, -1, colour, max(1, round(min(inside.shape) / 300)))
    return image


@lru_cache(maxsize=4)
def _tint(strength: float) -> np.ndarray:
    """For every level of a channel the tinted one."""
    levels = np.arange(256, dtype=np.float32)[:, None] * (1 - strength)
    return np.rint(levels + strength * np.array(OVERLAY_COLOUR, np.float32)).astype(np.uint8)[:, None]


def paint_rgba(segmented: Segmented) -> np.ndarray:
    """(H, W, 4) uint8, straight alpha, decontaminated colours; what is wholly transparent is black."""
    alpha = _opacity(segmented)
    return cv2.copyTo(_with_alpha(foreground(segmented.frame.image, alpha), alpha), alpha)


def paint_alpha(segmented: Segmented) -> np.ndarray:
    """(H, W, 4) uint8 as `rgba`, but the object's colours run on outside it.

    Video codecs store colour more coarsely than alpha: black outside would darken the object's edge.
    """
    alpha = _opacity(segmented)
    return _with_alpha(foreground(segmented.frame.image, alpha), alpha)


def paint_green(
    segmented: Segmented,
    *,
    backdrop: Backdrop | None = None,
) -> np.ndarray:
    """(H, W, 3) uint8: the object, colours decontaminated, before a green screen or a backdrop."""
    frame, alpha = segmented.frame, _opacity(segmented)
    if backdrop is None:
        return before_colour(frame.image, alpha, GREEN)
    return before_picture(frame.image, alpha, backdrop.behind(frame, alpha))


def paint_strip(
    segmented: Segmented,
    *,
    width: int = 0,
    strength: float = OVERLAY_SHARE,
) -> np.ndarray:
    """(h, 4 w, 3) uint8: frame, flow, mask and overlay side by side.

    Args:
        width: panels are shrunk so that all four are at most this wide; 0 keeps their size.
        strength: of the overlay.
    """
    image = segmented.frame.image
    panels = [
        image,
        _flow_panel(segmented.flow, image.shape[:2]),
        cv2.cvtColor(paint_mask(segmented), cv2.COLOR_GRAY2RGB),
        paint_overlay(segmented, strength=strength),
    ]
    if width and 4 * image.shape[1] > width:
        scale = width / (4 * image.shape[1])
        size = (width // 4, max(1, round(image.shape[0] * scale)))
        panels = [cv2.resize(panel, size, interpolation=cv2.INTER_AREA) for panel in panels]
    return np.hstack(panels)


def painter(kind: str, *, width: int = 0, look: Look | None = None) -> Painter:
    """The function that paints pictures of a kind."""
    look = look or Look()
    if kind == "strip":
        return partial(paint_strip, width=width, strength=look.strength)
    plain: dict[str, Painter] = {
        "mask": paint_mask,
        "soft": paint_soft,
        "overlay": partial(paint_overlay, strength=look.strength),
        "rgba": paint_rgba,
        "alpha": paint_alpha,
        "green": partial(paint_green, backdrop=look.backdrop),
    }
    return plain[kind]


def hdr_painter(kind: str, white: float, strength: float = OVERLAY_SHARE) -> Painter:
    """The function that paints pictures of a kind in high dynamic range, uint16, from `Frame.coded`.

    Args:
        kind: overlay, alpha or green.
        white: code of the white of drawings, from 0 to 1 (`ToneMap.white`).
        strength: of the overlay.
    """

    def paint(segmented: Segmented) -> np.ndarray:
        coded = segmented.frame.coded
        assert coded is not None
        if kind == "overlay":
            return _overlay(coded, segmented.mask, white * 65535, strength)
        alpha = _opacity(segmented)
        if kind == "green":
            return before_colour(coded, alpha, _at(GREEN, white * 65535))
        return _with_alpha(foreground(coded, alpha), alpha.astype(np.uint16) * np.uint16(257))

    return paint


def _at(colour: tuple[int, int, int], white: float) -> tuple[int, int, int]:
    """A colour of 8 bits where white has that level."""
    red, green, blue = (round(part / 255 * white) for part in colour)
    return red, green, blue


def _opacity(segmented: Segmented) -> np.ndarray:
    """(H, W) uint8: the object's, as far as the source itself is opaque."""
    own, alpha = segmented.frame.alpha, segmented.alpha
    if alpha is None:
        alpha = ramp(segmented.probability)
    return alpha if own is None else cv2.multiply(alpha, own, scale=1 / 255)


def _with_alpha(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    picture = cv2.cvtColor(colours, cv2.COLOR_RGB2RGBA)
    cv2.insertChannel(alpha, picture, 3)
    return picture


def _flow_panel(flow: np.ndarray | None, size: tuple[int, int]) -> np.ndarray:
    height, width = size
    if flow is None:
        return np.zeros((height, width, 3), np.uint8)
    return cv2.resize(flow, (width, height), interpolation=cv2.INTER_LINEAR)
