"""Masks for every video of a data set: resumable, and one broken video does not stop the others."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dpa._version import __version__
from dpa.batch.job import Job
from dpa.batch.work import segment_one
from dpa.config import nearest
from dpa.datasets import Sequence, find_videos
from dpa.engine.config import SegmenterConfig, Settings
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError, OutputError
from dpa.flow.estimator import choose
from dpa.flow.pictures import RECIPE_FILE
from dpa.predict.record import KINDS, Entry, Record, discard
from dpa.weights.card import sha256

if TYPE_CHECKING:
    from typing_extensions import Unpack

# The paper's test settings.
_PAPER: Settings = {
    "size": 512,
    "keep_aspect": False,
    "references": 4,
    "threshold": 0.5,
    "normalise": False,
    "smooth": 0.0,
    "refine": "off",
    "target": "off",
    "mirror": False,
    "shots": "off",
}
PRESETS: dict[str, Settings] = {
    "paper": _PAPER,
    # The release's validation stretches every frame's probabilities to [0, 1] before the threshold, which
    # makes a mask where there is no object; the method does not ask for it.
    "release": {**_PAPER, "normalise": True},
}

PAPER_FLOW = "raft-large-sintel"
"""What a preset computes flow by, where there are no flow pictures and nothing else is asked for."""

Progress = Callable[[str, int, int], None]
"""Called with a video's name, the number of frames done and the number of frames of all videos."""


class Prediction:
    """Masks of a data set, `OUT/binary/VIDEO/FRAME.png` and `OUT/soft/VIDEO/FRAME.png`.

    Args:
        dataset: its folder, see `find_videos`.
        out: folder for the masks; not inside the data set.
        split: which videos, see `find_videos`.
        preset: one of `PRESETS`; `settings` win over it.
        overwrite: make all masks anew, whatever is in the folder.
        settings: of `SegmenterConfig`. With `flow`, flow is computed for every frame; without it flow
            pictures are read where they are, and the others' flow is computed by "auto", with a preset by
            `PAPER_FLOW`.

    Attributes:
        videos: what is to be done.
        record: what has been done; `OUT/predict.json` has it too.
        kept: names of videos whose masks were there already.
        engine: one line that says what computes.

    Raises:
        InputError: no data set, or unknown preset.
        OutputError: `out` has other masks in it, see `Record.claim`.
        DPAError: see `Segmenter`.
    """

    def __init__(
        self,
        dataset: str | Path,
        out: str | Path,
        *,
        split: str | None = None,
        preset: str | None = None,
        overwrite: bool = False,
        **settings: "Unpack[Settings]",
    ) -> None:
        root, self.out = Path(dataset), Path(out)
        if preset is not None and preset not in PRESETS:
            raise InputError(f"unknown preset {preset!r}{nearest(preset, PRESETS)}")
        self.videos = find_videos(root, split)
        if root.resolve() in (self.out.resolve(), *self.out.resolve().parents):
            raise OutputError(f"{out}: lies inside the data set: choose a folder beside it")
        self._forced = "flow" in settings
        computes = self._forced or any(None in video.flows for video in self.videos)
        # Flow that nobody needs must not ask for weights.
        wanted = settings.get("flow", PAPER_FLOW if preset else "auto")
        config = SegmenterConfig().changed(PRESETS.get(preset or "", {})).changed(settings)
        self.segmenter = Segmenter(config.changed({"flow": wanted if computes else "dis"}))
        if self.segmenter.config.every > 1 and not self._forced and any(any(v.flows) for v in self.videos):
            raise InputError(
                "masks cannot be propagated along flow pictures: beside --every give --flow, to compute it"
            )
        name, why = choose(wanted, self.segmenter.config.device)
        if preset and name != PAPER_FLOW:
            why += f"; the paper's flow is RAFT's, trained on Sintel ({PAPER_FLOW})"
        if not self._forced and any(path for video in self.videos for path in video.flows):
            why = f"flow pictures where they are, else {why}" if computes else "all flow pictures are there"
        self.engine = f"{self.segmenter.engine}; {why}"
        self.record = Record.claim(self.out, self._settings(root, name), self._versions(computes), overwrite)
        self.kept: list[str] = []

    @property
    def failed(self) -> dict[str, str]:
        """Why each video of this run that has no masks has none."""
        entries = {video.name: self.record.entries.get(video.name) for video in self.videos}
        return {name: entry.problem for name, entry in entries.items() if entry and entry.state == "failed"}

    def run(self, progress: Progress = lambda name, done, count: None) -> None:
        """Make what is missing; what goes wrong with a video is in its entry of the record.

        Raises:
            OutputError: the record cannot be written: a full disk, say.
        """
        self.record.save()
        done, count = 0, sum(len(video.images) for video in self.videos)
        for video in self.videos:
            progress(video.name, done, count)
            if self._is_whole(video):
                self.kept.append(video.name)
            else:
                told = partial(_advance, progress, video.name, done, count)
                self.record.entries[video.name] = self._make(video, told)
                self.record.save()
            done += len(video.images)
        progress("", done, count)

    def _make(self, video: Sequence, progress: Callable[[int, int | None], None]) -> Entry:
        flows = (None,) * len(video.images) if self._forced else video.flows
        given = sum(path is not None for path in flows)
        entry = Entry("failed", len(video.images), given, len(flows) - given)
        folders = {self.out / folder / video.name: kind for folder, kind in KINDS.items()}
        if video.problem:
            entry.problem = video.problem
            return entry
        # With the slash it is a folder, whatever the name ends in.
        outputs = tuple((f"{folder}/", kind) for folder, kind in folders.items())
        pictures = tuple(flows) if given else None
        job = Job(video.name, tuple(video.images), outputs, flow_pictures=pictures, overwrite=True)
        try:
            row = segment_one(job, progress, self.segmenter)
            entry.state = "done" if row.state == "done" else "failed"
        finally:
            if entry.state == "failed":
                for folder in folders:
                    discard(folder.with_name(f"{folder.name}.part"))
                    discard(folder)
        entry.problem, entry.trace, entry.seconds = row.problem, row.trace, row.seconds
        return entry

    def _is_whole(self, video: Sequence) -> bool:
        entry = self.record.entries.get(video.name)
        if entry is None or entry.state != "done" or entry.frames != len(video.images):
            return False
        wanted = {f"{path.stem}.png" for path in video.images}
        folders = [self.out / folder / video.name for folder in KINDS]
        return all(f.is_dir() and wanted <= {path.name for path in f.iterdir()} for f in folders)

    def _settings(self, root: Path, estimator: str) -> dict[str, Any]:
        s, weights = self.segmenter, Path(self.segmenter.backend.weights)
        recipe = root / RECIPE_FILE
        return {
            "dataset": root.resolve().name,
            "weights": sha256(weights) if weights.is_file() else s.config.name,
            **s.config.of_masks(),
            "flow": {
                "pictures": not self._forced,
                "estimator": estimator,
                "size": s.config.flow_size,
                "floor": s.config.flow_floor,
            },
            "flow_pictures": None if self._forced else _recipe(recipe),
        }

    def _versions(self, computes: bool) -> dict[str, Any]:
        s = self.segmenter
        engine = {"dpa": __version__, "model": s.config.name, "backend": s.backend.name}
        engine |= {"device": s.backend.device}
        return engine | ({"flow": s.estimator.recipe} if computes and s.estimator else {})


def _advance(progress: Progress, name: str, before: int, count: int, done: int, _: int | None) -> None:
    progress(name, before + done, count)


def _recipe(file: Path) -> Any:
    """How the data set's flow pictures were made, if `dpa flow` has left that beside them."""
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
