"""Training batches: a pure function of the seed and the iteration, so that a resumed run sees the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dpa.datasets.layout import Sequence, Still
from dpa.errors import InputError, UnreadableError
from dpa.model.appearance import appearance
from dpa.model.size import MULTIPLE
from dpa.train.data.augment import LEAST_LEFT, AugmentSettings, View, augment
from dpa.train.data.border import border
from dpa.train.data.copy_paste import paste_resting, paste_scenes, put_bars
from dpa.train.data.order import Order
from dpa.train.data.paper_augment import paper_augment
from dpa.train.data.read import Files, Reader
from dpa.train.data.second_frame import estimated_flow_picture
from dpa.train.data.synthetic_flow import SyntheticFlowSettings, lose_motion, synthetic_flow_picture

# Where two objects are in the picture, motion alone tells which one is meant: it must be there.
_PASTED = SyntheticFlowSettings(still_object=0.0, least=0.006)
# Pictures that cannot be read are replaced by others; so many in a row are no accident.
_TRIES = 20


@dataclass(frozen=True)
class Batch:
    """What one iteration sees, or a part of it: groups of views of one video (or still), group by group.

    Attributes:
        image: (B, 3, H, W) uint8, B = groups * views.
        flow: (B, 3, H, W) uint8; None for the appearance stream alone.
        mask: (B, 1, H, W) uint8, 0 to 255; between them where augmentation leaves borders soft.
        skipped: files that could not be read, each with its error; others took their places.
        border: (B, 1, H, W) int32, see `border`; None where it is not wanted.
        dinov2: (B, 384, h, w) float32, DINOv2's features of the pictures; None where they are not wanted.
    """

    image: np.ndarray
    flow: np.ndarray | None
    mask: np.ndarray
    skipped: dict[str, str] = field(default_factory=dict)
    border: np.ndarray | None = None
    dinov2: np.ndarray | None = None


class Batches:
    """Batches by iteration, from stills and videos.

    Args:
        stills: (image, mask) files; their flow is synthetic, but where `still_flows` has a picture.
        videos: sequences with masks and flow pictures; every frame is a group's first view once an epoch.
        extra: more of them, of which every epoch takes as many frames as `videos` has, drawn anew.
        groups: groups in a batch.
        views: views in a group.
        distinct: a group's views are different frames of the video, where it has so many; otherwise only the
            first is fixed, and the others are drawn from all frames, the first among them (paper).
        share: share of the groups that come from stills.
        paste: share of the groups that have another still's object pasted in (with motion only).
        bars: share of the groups that have bars in front of the object or behind it (with motion only).
        crowd: share of the groups that have one to three more objects at rest in them (with motion only).
        estimated: share of the groups of stills whose flow is DIS's, to a made second frame; that of the
            others is drawn from the synthetic motion itself.
        sizes: (H, W), one is drawn per batch.
        motion: with flow pictures.
        still_flows: flow pictures of the stills, one entry each; None for none.
        lost: share of the views without flow of the object, see `lose_motion` (with motion only).
        frame_flow: share of the groups whose motion stream sees the pictures themselves, as TMO trains (Cho
            et al., WACV 2023), so that the network works without flow too.
        borders: with the planes from which the loss weighs the object's border.
        dinov2: with DINOv2's features, which the processes that make batches compute.
        settings: augmentation.
        seed: of everything random.
        cache: bytes of decoded pictures that are kept in memory.
    """

    def __init__(
        self,
        stills: list[Still],
        videos: list[Sequence],
        extra: list[Sequence] | None = None,
        *,
        groups: int,
        views: int,
        distinct: bool = True,
        share: float,
        paste: float = 0.0,
        bars: float = 0.0,
        crowd: float = 0.0,
        estimated: float = 0.0,
        sizes: list[tuple[int, int]],
        motion: bool,
        still_flows: list[Path | None] | None = None,
        lost: float = 0.0,
        frame_flow: float = 0.0,
        borders: bool = False,
        dinov2: bool = False,
        settings: AugmentSettings,
        seed: int,
        cache: int = 0,
    ) -> None:
        if not stills and not videos:
            raise InputError("no training data: give stills, videos or both")
        self.stills, self.videos = stills, [*videos, *(extra or [])]
        self.frames = [(v, i) for v, video in enumerate(self.videos) for i in range(len(video.images))]
        fixed = sum(len(video.images) for video in videos)
        self.still_order = Order(len(stills), seed=seed)
        self.frame_order = Order(fixed, len(self.frames) - fixed, seed)
        self.groups, self.views, self.distinct = groups, views, distinct
        self.augment = paper_augment if settings.paper else augment
        self.share = share if stills and videos else float(bool(stills))
        self.paste = paste if motion and stills else 0.0
        self.bars = bars if motion else 0.0
        self.crowd = crowd if motion and stills else 0.0
        self.estimated = estimated
        self.lost, self.frame_flow = (lost, frame_flow) if motion else (0.0, 0.0)
        self.still_flows = still_flows if still_flows and motion else [None] * len(stills)
        self.sizes, self.motion, self.borders, self.dinov2 = sizes, motion, borders, dinov2
        self.settings, self.seed = settings, seed
        # The paper's pixels of crop are the whole picture's: nothing is decoded smaller.
        taken = 1.0 if settings.paper else max(settings.crop, 1 - LEAST_LEFT if settings.leave else 0)
        self.read = Reader(cache, crop=taken)

    def fill_cache(self) -> None:
        """Read what fits into the cache before workers are started, which then share it."""
        if not self.read.room:
            return
        largest = max(self.sizes, key=lambda size: size[0] * size[1])
        flows_of = zip(self.stills, self.still_flows, strict=True)
        files: list[Files] = [(image, mask, flow) for (image, mask), flow in flows_of]
        for video in self.videos:
            flows = video.flows if self.motion else [None] * len(video.images)
            files += [(i, m, f) for i, m, f in zip(video.images, video.masks, flows, strict=True) if m]
        self.read.fill(files, largest)

    @property
    def pictures(self) -> int:
        """How many pictures there are to train on."""
        return len(self.stills) + len(self.frames)

    @property
    def epoch(self) -> float:
        """Iterations in which every video frame is seen once (every still, where there are no videos)."""
        if self.share < 1:
            return len(self.frame_order) / (self.groups * (1 - self.share))
        return len(self.still_order) / self.groups

    def __getitem__(self, iteration: int) -> Batch:
        return self.part(iteration, 0, 1)

    def part(self, iteration: int, part: int, parts: int) -> Batch:
        """Every `parts`-th group of an iteration's batch, from number `part` on.

        The parts are the same groups whoever makes them: a run on more devices sees what a run on one sees.
        """
        size = self.sizes[int(np.random.default_rng([self.seed, iteration]).integers(len(self.sizes)))]
        before, of_stills = self._stills_before(iteration), self._stills_before(iteration + 1)
        of_stills -= before
        views: list[View] = []
        skipped: dict[str, str] = {}
        for g in range(part, self.groups, parts):
            rng = np.random.default_rng([self.seed, iteration, g])
            if g < of_stills:
                place, make, order = before + g, self._still, self.still_order
            else:
                place = iteration * self.groups - before + g - of_stills
                make, order = self._video, self.frame_order
            group = _whole(make, order[place], len(order), size, rng, skipped)
            if self.lost:
                group = lose_motion(group, self.lost, rng)
            if self.frame_flow and rng.random() < self.frame_flow:
                group = [View(view.image, view.mask, view.image) for view in group]
            views += group
        image = np.stack([v.image for v in views]).transpose(0, 3, 1, 2)
        flow = None
        if self.motion:
            flow = np.stack([v.flow for v in views if v.flow is not None]).transpose(0, 3, 1, 2)
        near = np.stack([border(v.mask) for v in views])[:, None] if self.borders else None
        shown = np.stack([_shown(v.image) for v in views]) if self.dinov2 else None
        return Batch(image, flow, np.stack([v.mask for v in views])[:, None], skipped, near, shown)

    def _stills_before(self, iteration: int) -> int:
        """Groups of stills in all the iterations before this one."""
        return int(iteration * self.groups * self.share + 1e-9)

    def _still(self, record: int, size: tuple[int, int], rng: np.random.Generator) -> list[View]:
        flow = self.still_flows[record]
        scene, motion = self.read(*self.stills[record], flow, size=size), None
        if flow is not None:
            if rng.random() < self.paste:
                scene = paste_resting(scene, self._any_still(size, rng), rng)
            return [self.augment(scene, size, rng, self.settings) for _ in range(self.views)]
        if rng.random() < self.crowd:
            scene, motion = self._crowded(scene, size, rng), _PASTED
        scenes = [scene] * self.views
        if rng.random() < self.paste:
            scenes, motion = paste_scenes(scene, self._any_still(size, rng), self.views, rng), _PASTED
        if self.bars and rng.random() < self.bars:
            scenes = [put_bars(scene, rng) for scene in scenes]
        views = [self.augment(scene, size, rng, self.settings) for scene in scenes]
        if not self.motion:
            return views
        estimated = rng.random() < self.estimated
        return [_with_flow(view, estimated, rng, motion) for view in views]

    def _video(self, record: int, size: tuple[int, int], rng: np.random.Generator) -> list[View]:
        number, first = self.frames[record]
        video = self.videos[number]
        resting = [self._any_still(size, rng)] if rng.random() < self.paste else []
        if rng.random() < self.crowd:
            resting += [self._any_still(size, rng) for _ in range(_many(rng))]
        barred = self.bars and rng.random() < self.bars
        rest = np.arange(len(video.images))
        if self.distinct and len(rest) > 1:
            rest = np.delete(rest, first)
        others = rng.choice(rest, self.views - 1, replace=len(rest) < self.views - 1)
        views = []
        for i in (first, *others):
            mask = video.masks[i]
            assert mask is not None
            view = self.read(video.images[i], mask, video.flows[i] if self.motion else None, size=size)
            for other in resting:
                view = paste_resting(view, other, rng)
            if barred:
                view = put_bars(view, rng)
            views.append(self.augment(view, size, rng, self.settings))
        return views

    def _crowded(self, scene: View, size: tuple[int, int], rng: np.random.Generator) -> View:
        for _ in range(_many(rng)):
            scene = paste_resting(scene, self._any_still(size, rng), rng)
        return scene

    def _any_still(self, size: tuple[int, int], rng: np.random.Generator) -> View:
        return self.read(*self.stills[int(rng.integers(len(self.stills)))], size=size)


def _shown(image: np.ndarray) -> np.ndarray:
    """DINOv2's features of a picture, (h, w, 3) uint8, as the network sees it: (384, y, x)."""
    h, w = image.shape[:2]
    padded = np.pad(image, ((0, -h % MULTIPLE), (0, -w % MULTIPLE), (0, 0)), mode="edge")
    return appearance(1)(padded)


def _many(rng: np.random.Generator) -> int:
    """How many more objects a crowd has."""
    return int(rng.integers(1, 4))


def _with_flow(
    view: View, estimated: bool, rng: np.random.Generator, motion: SyntheticFlowSettings | None
) -> View:
    mask = view.mask.astype(np.float32) / 255
    if estimated:
        image, flow = estimated_flow_picture(view.image, mask, rng, motion)
        return View(image, view.mask, flow)
    return View(view.image, view.mask, synthetic_flow_picture(mask, rng, motion))


def _whole(
    make: Callable[[int, tuple[int, int], np.random.Generator], list[View]],
    record: int,
    count: int,
    size: tuple[int, int],
    rng: np.random.Generator,
    skipped: dict[str, str],
) -> list[View]:
    """A group of views; where a file cannot be read, of another record, and the file is noted."""
    for left in reversed(range(_TRIES)):
        try:
            return make(record, size, rng)
        except UnreadableError as error:
            if not left:
                raise
            skipped[str(error.path)] = str(error)
            record = int(rng.integers(count))
    raise AssertionError
