"""The worst frames of an evaluation, as pictures inside a page."""

from base64 import b64encode
from typing import NamedTuple

import cv2
import numpy as np

from dpa.arrays import Binary, Image
from dpa.evaluate.compare import frame_values
from dpa.evaluate.pairs import Pair, PairedSequence
from dpa.evaluate.report import Report
from dpa.evaluate.run import Settings, read_maps, read_masks
from dpa.video.images import read_image

#: RGB of pixels that are object in the mask alone, and in the annotation alone; also for the colour-blind.
FALSE_POSITIVE, FALSE_NEGATIVE = (230, 97, 0), (64, 160, 255)

_WIDTH = 320  # pixels of a picture on the page
_APART = 20  # frames of one sequence are shown if at least this share (1 / n) of its frames lies between them


class WorstFrame(NamedTuple):
    """One frame: where it is, its values, and its pictures as data URLs ("" where there is no frame)."""

    sequence: str
    frame: str
    values: dict[str, float]
    image: str
    ground_truth: str
    prediction: str
    error: str


def worst_frames(
    report: Report, sequences: list[PairedSequence], settings: Settings, count: int
) -> list[WorstFrame]:
    """The frames with the lowest J&F (or S), worst first; neighbours, which look the same, only once.

    Args:
        report: of these sequences.
        sequences, settings: as they were scored.
        count: at most so many.
    """
    measure = settings.protocol.headline
    pairs = {(one.name, pair.name): pair for one in sequences for pair in one.pairs}
    worst = []
    for one in report.sequences:
        values = frame_values(one, measure)[1]
        taken: list[int] = []
        for i in np.argsort(values, kind="stable").tolist():
            if all(abs(i - other) * _APART >= len(values) for other in taken):
                taken.append(i)
        worst += [(values[i], one, i) for i in taken]
    worst.sort(key=lambda entry: entry[0])
    return [
        _draw(one.name, pairs[one.name, one.frames[i]], {m: v[i] for m, v in one.values.items()}, settings)
        for _, one, i in worst[:count]
    ]


def error_picture(image: Image | None, prediction: Binary, ground_truth: Binary) -> Image:
    """The frame in grey; wrong pixels in `FALSE_POSITIVE` and `FALSE_NEGATIVE`, right object pixels lighter.

    Args:
        image: (H, W, 3) uint8, RGB; None draws on a flat ground.
        prediction, ground_truth: (H, W) bool.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    grey = (
        np.full(ground_truth.shape, 60.0) if image is None else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) * 0.6
    )
    grey[prediction & ground_truth] = 0.5 * grey[prediction & ground_truth] + 110
    drawn = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    drawn[prediction & ~ground_truth] = FALSE_POSITIVE
    drawn[ground_truth & ~prediction] = FALSE_NEGATIVE
    return drawn


def _draw(sequence: str, pair: Pair, values: dict[str, float], settings: Settings) -> WorstFrame:
    if settings.protocol.saliency:
        soft, ground_truth = read_maps(settings, pair)
        prediction = soft > 127
    else:
        prediction, _, ground_truth, _ = read_masks(settings, pair)
        soft = prediction.astype(np.uint8) * 255
    image = None if pair.image is None else read_image(pair.image)
    if image is not None and image.shape[:2] != ground_truth.shape:
        image = cv2.resize(image, ground_truth.shape[::-1], interpolation=cv2.INTER_AREA)
    return WorstFrame(
        sequence,
        pair.name,
        values,
        "" if image is None else _data_url(image, ".jpg"),
        _data_url(ground_truth.astype(np.uint8) * 255, ".png"),
        _data_url(soft, ".png"),
        _data_url(error_picture(image, prediction, ground_truth), ".jpg"),
    )


def _data_url(picture: np.ndarray, suffix: str) -> str:
    """A picture, RGB or grey, reduced to the page's width and encoded."""
    height, width = picture.shape[:2]
    if width > _WIDTH:
        size = _WIDTH, max(1, round(height * _WIDTH / width))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_JPEG_QUALITY, 85] if suffix == ".jpg" else []
    data = b64encode(cv2.imencode(suffix, picture, settings)[1].tobytes()).decode()
    return f"data:image/{'jpeg' if suffix == '.jpg' else 'png'};base64,{data}"
