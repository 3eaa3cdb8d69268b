"""Copy-paste video: the object of one still in the scene of another, several frames long.

One of the two moves and is the object, the other rests and is part of the background, however salient it
is; sometimes both move, or one carries the other. Appearance alone cannot tell which: the network has to
look at the motion.
"""

import cv2
import numpy as np

from dpa.train.data.augment import View

_ROLES = ("scene", "pasted", "both", "carried")
_ROLE_SHARES = (0.35, 0.4, 0.1, 0.15)
_TRIES = 8


def paste_scenes(scene: View, other: View, count: int, rng: np.random.Generator) -> list[View]:
    """Frames of a made video: `other`'s object pasted into `scene`.

    The roles are drawn once for all frames. A pasted object that moves is at another place in every frame;
    one that rests stays, and one that is carried (it touches the scene's object, and moves as that does) too.

    Args:
        scene, other: stills with their masks, without flow.
        count: of frames.
        rng: decides everything.

    Returns:
        `count` views of the scene's size; the mask is that of what moves. `scene` itself, `count` times,
        where its mask is empty, or where `other`'s is and no strings are drawn.
    """
    role = _ROLES[int(rng.choice(len(_ROLES), p=_ROLE_SHARES))]
    if role == "carried":
        return [_carried(scene, other, rng)] * count
    cutout = cut_out(other, scene.mask.shape, rng)
    if cutout is None or not scene.mask.any():
        return [scene] * count
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
    cutout = cut_out(other, frame.mask.shape, rng)
    if cutout is None:
        return frame
    image, pasted = _paste(frame.image, cutout, _place(cutout, frame.mask, rng, apart=True))
    if np.any((pasted > 0) & (cv2.dilate(frame.mask, np.ones((9, 9), np.uint8)) > 0)):
        return frame
    return View(image, frame.mask, frame.flow)


def put_bars(view: View, rng: np.random.Generator) -> View:
    """Bars in front of the object and behind it, as poles and rails are: they are no part of its mask.

    One to four of them run across the picture, most through the object, 1 to 4 % of its longer side wide,
    plain or striped. Where there is a flow picture, half of them have a colour of the background's in it: the
    others are lost in the object's motion, as an estimator loses them.
    """
    h, w = view.mask.shape
    if not view.mask.any():
        return view
    image, mask = view.image.copy(), view.mask.copy()
    flow = None if view.flow is None else view.flow.copy()
    box = cv2.boundingRect(view.mask)
    for _ in range(int(rng.integers(1, 5))):
        x, y, bw, bh = box if rng.random() < 0.7 else (0, 0, w, h)
        through = np.array([rng.uniform(x, x + bw), rng.uniform(y, y + bh)])
        angle = np.pi / 2 + rng.normal(0, 0.15) if rng.random() < 0.7 else rng.uniform(0, np.pi)
        along = np.array([np.cos(angle), np.sin(angle)])
        start, end = rng.choice([0.1, 0.5, 2.0], 2) * max(h, w)
        thick = max(2, round(rng.uniform(0.01, 0.04) * max(h, w)))
        ends = [tuple(int(v) for v in through + s * along) for s in (-start, end)]
        bar = cv2.line(np.zeros((h, w), np.uint8), ends[0], ends[1], 255, thick)
        if rng.random() < 0.35:  # behind the object
            bar[view.mask > 0] = 0
        if flow is not None and rng.random() < 0.5:
            flow = _recoloured(flow, bar, view.mask, rng)
        inside = bar > 0
        colours = rng.integers(0, 256, (2, 3))
        stripe = rng.uniform(0.1, 0.5) * max(h, w) if rng.random() < 0.5 else np.inf
        py, px = np.nonzero(inside)
        which = ((px * along[0] + py * along[1]) // stripe).astype(int) % 2 if np.isfinite(stripe) else 0
        shade = rng.uniform(0.85, 1.0, (len(py), 1))
        image[inside] = (colours[which] * shade).astype(np.uint8)
        mask[inside] = 0
    return View(image, mask, flow)


def _recoloured(flow: np.ndarray, bar: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The flow picture with a bar in the colour that the background has somewhere, or a little beside it."""
    y, x = np.nonzero(mask == 0)
    if not len(y):
        return flow
    k = int(rng.integers(len(y)))
    other = rng.normal(0, 25, 3) if rng.random() < 0.5 else 0
    colour = np.clip(flow[y[k], x[k]] + other, 0, 255).astype(np.float32)
    alpha = cv2.GaussianBlur(bar, (0, 0), float(rng.uniform(1, 4)))[..., None] / np.float32(255)
    return (flow + alpha * (colour - flow)).astype(np.uint8)


def _carried(scene: View, other: View, rng: np.random.Generator) -> View:
    """The scene's object with something that it carries: `other`'s object, or strings. Both are the mask."""
    if not scene.mask.any():
        return scene
    y, x = np.nonzero(scene.mask)
    k = int(rng.integers(len(y)))
    if rng.random() < 0.3:
        return _strung(scene, (int(x[k]), int(y[k])), rng)
    cutout = cut_out(other, scene.mask.shape, rng, largest=0.3)
    if cutout is None:
        return scene
    ch, cw = cutout.mask.shape
    image, pasted = _paste(scene.image, cutout, (int(y[k]) - ch // 2, int(x[k]) - cw // 2))
    if rng.random() < 0.5:  # it is carried on the far side
        pasted[scene.mask > 0] = 0
        image = np.where(scene.mask[..., None] > 0, scene.image, image)
    return View(image, np.maximum(scene.mask, pasted))


def _strung(scene: View, start: tuple[int, int], rng: np.random.Generator) -> View:
    """One to four thin strings from a point (x, y) of the object, a quarter of the picture long or more."""
    image, mask = scene.image.copy(), scene.mask.copy()
    side = max(mask.shape)
    angle = rng.uniform(0, 2 * np.pi)
    for _ in range(int(rng.integers(1, 5))):
        toward = angle + rng.normal(0, 0.1)
        length = side * rng.uniform(0.25, 1.0)
        end = (round(start[0] + length * np.cos(toward)), round(start[1] + length * np.sin(toward)))
        thick = int(rng.integers(1, 4))
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
        cv2.line(image, start, end, colour, thick, cv2.LINE_AA)
        cv2.line(mask, start, end, 255, thick)
    return View(image, mask)


def cut_out(view: View, size: tuple[int, int], rng: np.random.Generator, largest: float = 0.6) -> View | None:
    """The object cut out, at a random scale for a scene of `size`; None where there is none."""
    if not view.mask.any():
        return None
    x, y, w, h = cv2.boundingRect(view.mask)
    image, mask = view.image[y : y + h, x : x + w], view.mask[y : y + h, x : x + w]
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    # Its box takes this share of the scene's sides, in the geometric mean.
    scale = rng.uniform(0.1, largest) * np.sqrt(size[0] * size[1] / (w * h))
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
