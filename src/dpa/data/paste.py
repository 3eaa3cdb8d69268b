"""Copy-paste video: the object of one still in the scene of another, several frames long.

One of the two moves and is the object, the other rests and is part of the background, however salient it
is; sometimes both move. Appearance alone cannot tell which: the network has to look at the motion.
"""

import cv2
import numpy as np

from dpa.data.augment import View

_ROLES = ("scene", "pasted", "both")
_ROLE_SHARES = (0.4, 0.45, 0.15)
_TRIES = 8


def paste_scenes(scene: View, other: View, count: int, rng: np.random.Generator) -> list[View]:
    """Frames of a made video: `other`'s object pasted into `scene`.

    The roles are drawn once for all frames. A pasted object that moves is at another place in every frame;
    one that rests stays.

    Args:
        scene, other: stills with their masks, without flow.
        count: of frames.
        rng: decides everything.

    Returns:
        `count` views of the scene's size; the mask is that of what moves. `scene` itself, `count` times,
        where one of the two masks is empty.
    """
    cutout = _cutout(other, scene.mask.shape, rng)
    if cutout is None or not scene.mask.any():
        return [scene] * count
    role = _ROLES[int(rng.choice(len(_ROLES), p=_ROLE_SHARES))]
    apart = role == "both" or rng.random() < 0.7
    place = _place(cutout, scene.mask, rng, apart)
    frames = []
    for _ in range(count):
        image, pasted = _paste(scene.image, cutout, place)
        behind = np.where(pasted > 0, np.uint8(0), scene.mask)
        mask = {"scene": behind, "pasted": pasted, "both": np.maximum(behind, pasted)}[role]
        frames.append(View(image, mask))
        if role != "scene":
            place = _place(cutout, scene.mask, rng, apart)
    return frames


def paste_resting(frame: View, other: View, rng: np.random.Generator) -> View:
    """A video's frame with `other`'s object resting in its background; mask and flow picture stay.

    Returns:
        The frame unchanged where there is no room beside its object.
    """
    cutout = _cutout(other, frame.mask.shape, rng)
    if cutout is None:
        return frame
    image, pasted = _paste(frame.image, cutout, _place(cutout, frame.mask, rng, apart=True))
    if np.any((pasted > 0) & (cv2.dilate(frame.mask, np.ones((9, 9), np.uint8)) > 0)):
        return frame
    return View(image, frame.mask, frame.flow)


def put_bars(view: View, rng: np.random.Generator) -> View:
    """Bars in front of a still's object, as poles and rails are: they are no part of its mask.

    One to three of them run across the picture through the object, 1 to 4 % of its longer side wide, plain or
    striped.
    """
    h, w = view.mask.shape
    if not view.mask.any():
        return view
    image, mask = view.image.copy(), view.mask.copy()
    x, y, bw, bh = cv2.boundingRect(view.mask)
    for _ in range(int(rng.integers(1, 4))):
        through = np.array([rng.uniform(x, x + bw), rng.uniform(y, y + bh)])
        angle = np.pi / 2 + rng.normal(0, 0.15) if rng.random() < 0.7 else rng.uniform(0, np.pi)
        along = np.array([np.cos(angle), np.sin(angle)])
        start, end = rng.choice([0.1, 0.5, 2.0], 2) * max(h, w)
        thick = max(2, round(rng.uniform(0.01, 0.04) * max(h, w)))
        ends = [tuple(int(v) for v in through + s * along) for s in (-start, end)]
        bar = cv2.line(np.zeros((h, w), np.uint8), ends[0], ends[1], 255, thick)
        inside = bar > 0
        colours = rng.integers(0, 256, (2, 3))
        stripe = rng.uniform(0.1, 0.5) * max(h, w) if rng.random() < 0.5 else np.inf
        py, px = np.nonzero(inside)
        which = ((px * along[0] + py * along[1]) // stripe).astype(int) % 2 if np.isfinite(stripe) else 0
        shade = rng.uniform(0.85, 1.0, (len(py), 1))
        image[inside] = (colours[which] * shade).astype(np.uint8)
        mask[inside] = 0
    return View(image, mask, view.flow)


def _cutout(view: View, size: tuple[int, int], rng: np.random.Generator) -> View | None:
    """The object cut out, at a random scale for a scene of `size`; None where there is none."""
    if not view.mask.any():
        return None
    x, y, w, h = cv2.boundingRect(view.mask)
    image, mask = view.image[y : y + h, x : x + w], view.mask[y : y + h, x : x + w]
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    # Its box takes this share of the scene's sides, in the geometric mean.
    scale = rng.uniform(0.15, 0.6) * np.sqrt(size[0] * size[1] / (w * h))
    scale = min(scale, 0.95 * size[0] / h, 0.95 * size[1] / w)
    to = (max(3, round(w * scale)), max(3, round(h * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = cv2.resize(np.ascontiguousarray(image), to, interpolation=how)
    mask = cv2.resize(np.ascontiguousarray(mask), to, interpolation=how)
    gain = rng.uniform(0.8, 1.2)
    return View(cv2.convertScaleAbs(image, alpha=gain), np.where(mask > 127, np.uint8(255), np.uint8(0)))


def _place(cutout: View, mask: np.ndarray, rng: np.random.Generator, apart: bool) -> tuple[int, int]:
    """Where the cutout's corner goes, (y, x): it may leave the scene by a quarter of its size.

    `apart` takes, of several places, the one that covers the least of the scene's object.
    """
    (h, w), (ch, cw) = mask.shape, cutout.mask.shape
    best, least = (0, 0), None
    for _ in range(_TRIES if apart else 1):
        y = int(rng.integers(-(ch // 4), h - ch + ch // 4 + 1))
        x = int(rng.integers(-(cw // 4), w - cw + cw // 4 + 1))
        covered = np.count_nonzero(mask[max(0, y) : y + ch, max(0, x) : x + cw])
        if least is None or covered < least:
            best, least = (y, x), covered
        if least == 0:
            break
    return best


def _paste(image: np.ndarray, cutout: View, place: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The picture with the cutout, and the pasted object's mask in it."""
    (h, w), (y, x) = image.shape[:2], place
    ch, cw = cutout.mask.shape
    y0, x0, y1, x1 = max(0, y), max(0, x), min(h, y + ch), min(w, x + cw)
    inside = slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)
    # One pixel less than the mask: its border has the other picture's background in it.
    core = cv2.erode(cutout.mask, np.ones((3, 3), np.uint8), borderValue=0)
    alpha = (cv2.GaussianBlur(core, (0, 0), 0.8)[inside] / np.float32(255))[..., None]
    result = image.copy()
    part = result[y0:y1, x0:x1]
    result[y0:y1, x0:x1] = part + alpha * (cutout.image[inside].astype(np.float32) - part)
    mask = np.zeros((h, w), np.uint8)
    mask[y0:y1, x0:x1] = core[inside]
    return result, mask
