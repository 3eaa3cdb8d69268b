"""A correction followed through a video, in a process of its own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dpa.engine.config import SegmenterConfig
from dpa.engine.corrections import Corrected, Correction
from dpa.engine.flow import FlowInput
from dpa.engine.kept import Kept
from dpa.engine.pipeline import Pipeline
from dpa.engine.threads import Clock
from dpa.engine.track import Tracker
from dpa.flow.estimator import choose, make_estimator
from dpa.video.read import open_source
from dpa.web.child import Tell


@dataclass(frozen=True)
class Followed:
    """A correction that is to be followed.

    Attributes:
        source, kept: see `dpa.web.work.Order`.
        settings: of the run and of the masks that the click was made on.
        index: of the frame that was clicked on.
        folder: of the correction.
        before: folders of those that were made before it.
    """

    source: str
    kept: str
    settings: dict[str, Any]
    index: int
    folder: str
    before: tuple[str, ...]


def follow(tell: Tell, order: Followed) -> dict[str, Any]:
    """Follow a correction to both sides; tells how far it is, {"done": ..., "total": None}.

    Returns:
        What `dpa.web.work.make` does, without a file.
    """
    config = SegmenterConfig(**order.settings)
    estimator = make_estimator(choose(config.flow, "cpu")[0], "cpu")
    correction = Correction(Path(order.folder))
    before = Corrected([Correction(Path(folder)) for folder in order.before], config.threshold)
    with open_source(order.source) as source:
        motion = FlowInput(source, estimator, config, Clock())
        pipeline = Pipeline(source, motion, None, config, Clock(), Kept(Path(order.kept)), before)
        tracker = Tracker(pipeline, config, correction)
        tracker.follow(order.index, lambda done: tell({"done": done, "total": None}))
    return {"state": "done", "frames": len(correction.frames), "file": None}
