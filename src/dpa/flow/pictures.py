"""Flow pictures on disk: one JPEG a frame, and the recipe they were made by, kept beside them."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2

from dpa import files
from dpa._version import __version__
from dpa.arrays import Flow
from dpa.errors import OutputError
from dpa.flow.colour import flow_to_image
from dpa.flow.estimator import FlowEstimator
from dpa.flow.stream import direction, end_rule, flows
from dpa.video.frame import Frame

RECIPE_FILE = "flow.json"
SUFFIX = ".jpg"


@dataclass(frozen=True)
class Look:
    """How flow becomes a picture.

    Attributes:
        size: of the flow's grid, which is the picture's too; see `dpa.flow.stream.flow_size`.
        floor: see `dpa.flow.colour.flow_to_image`.
        quality: of the JPEG, 1 to 100.
        gap: see `dpa.flow.stream.flows`.
    """

    size: int | None = None
    floor: float = 0.0
    quality: int = 95
    gap: int = 1


def make_recipe(
    estimator: FlowEstimator, look: Look, video: dict[str, object] | None = None
) -> dict[str, object]:
    """All that decides what the pictures look like, as JSON values; `video` says of what they are."""
    made_by = dict(estimator.recipe)
    versions = made_by.pop("versions", {})
    assert isinstance(versions, dict)
    return {
        **({} if video is None else {"video": video}),
        **made_by,
        "direction": direction(look.gap),
        "last_frame": end_rule(look.gap),
        "size": look.size,
        "colouring": "Middlebury colour wheel, scaled by each frame's largest length or the floor",
        "floor": look.floor,
        "jpeg_quality": look.quality,
        "versions": {"dpa": __version__, "opencv": cv2.__version__, **versions},
    }


def claim(out: Path, recipe: dict[str, object], existing: Iterable[Path], overwrite: bool) -> None:
    """Put the recipe into a folder, making sure that no picture of another recipe stays beside it.

    Args:
        out: the folder; made if it is not there.
        recipe: see `make_recipe`.
        existing: the pictures that lie where this run would write.
        overwrite: remove them.

    Raises:
        OutputError: without `overwrite`: the pictures there are of another recipe, or of an unknown one.
    """
    file = out / RECIPE_FILE
    pictures = list(existing)
    if overwrite:
        for path in [file, *pictures]:
            path.unlink(missing_ok=True)
        pictures = []
    files.claim(
        file,
        recipe,
        pictures,
        "the pictures there were made by another recipe",
        "choose another folder, or --overwrite to make them anew",
    )


def write_pictures(
    frames: Iterable[Frame],
    estimator: FlowEstimator,
    target: Callable[[Frame], Path],
    look: Look,
) -> Generator[Path, None, None]:
    """Write the flow picture of every frame that has none yet.

    Args:
        frames: of one video, in order.
        estimator: see `FlowEstimator`.
        target: where a frame's picture goes; its folder must exist.
        look: size, colouring and JPEG quality.

    Yields:
        Each picture's path, once it is there.

    Raises:
        InputError: see `dpa.flow.stream.flows`.
        OutputError: a picture cannot be written; nothing half-written stays.
    """
    found = flows(frames, estimator, look.size, lambda frame: target(frame).exists(), look.gap)
    with closing(found) as pairs:
        for frame, flow in pairs:
            write_picture(target(frame), flow, look)
            yield target(frame)


def write_picture(path: Path, flow: Flow, look: Look) -> None:
    """Draw one flow field, (H, W, 2) float32 pixels, and write it.

    Raises:
        OutputError: it cannot be written; nothing half-written stays.
    """
    picture = flow_to_image(flow, look.floor)[..., ::-1]
    done, data = cv2.imencode(SUFFIX, picture, [cv2.IMWRITE_JPEG_QUALITY, look.quality])
    if not done:
        raise OutputError(f"{path}: the picture cannot be packed as JPEG")
    files.write_whole(path, data.tobytes())
