"""Training batches: a pure function of the seed and the iteration, so that a resumed run sees the same."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dpa.data.augment import AugmentSettings, View, augment
from dpa.data.layout import Sequence
from dpa.data.motion import made_flow_picture
from dpa.errors import InputError


@dataclass(frozen=True)
class Batch:
    """What one iteration sees: groups of views of one video (or still), group by group.

    Attributes:
        image: (B, 3, H, W) uint8, B = groups * views.
        flow: (B, 3, H, W) uint8; None for the appearance stream alone.
        mask: (B, 1, H, W) uint8, 0 or 1.
    """

    image: np.ndarray
    flow: np.ndarray | None
    mask: np.ndarray


class Batches:
    """Batches by iteration, from stills and videos.

    Args:
        stills: (image, mask) files; their flow is made.
        videos: sequences with masks and flow pictures.
        groups: groups in a batch.
        views: views in a group.
        share: share of the groups that come from stills.
        sizes: (H, W), one is drawn per batch.
        motion: with flow pictures.
        settings: augmentation.
        seed: of everything random.
    """

    def __init__(
        self,
        stills: list[tuple[Path, Path]],
        videos: list[Sequence],
        *,
        groups: int,
        views: int,
        share: float,
        sizes: list[tuple[int, int]],
        motion: bool,
        settings: AugmentSettings,
        seed: int,
    ) -> None:
        if not stills and not videos:
            raise InputError("no training data: give stills, videos or both")
        self.stills, self.videos = stills, videos
        self.groups, self.views = groups, views
        self.share = share if stills and videos else float(bool(stills))
        self.sizes, self.motion, self.settings, self.seed = sizes, motion, settings, seed

    def __getitem__(self, iteration: int) -> Batch:
        rng = np.random.default_rng([self.seed, iteration])
        size = self.sizes[int(rng.integers(len(self.sizes)))]
        of_stills = int(self.groups * self.share + rng.random())
        views = [
            v for g in range(self.groups) for v in (self._still if g < of_stills else self._video)(size, rng)
        ]
        stack = np.stack([v.image for v in views]).transpose(0, 3, 1, 2)
        flow = (
            np.stack([v.flow for v in views if v.flow is not None]).transpose(0, 3, 1, 2)
            if self.motion
            else None
        )
        return Batch(stack, flow, np.stack([v.mask > 0 for v in views])[:, None].astype(np.uint8))

    def _still(self, size: tuple[int, int], rng: np.random.Generator) -> list[View]:
        image, mask = self.stills[int(rng.integers(len(self.stills)))]
        still = read_view(image, mask)
        views = [augment(still, size, rng, self.settings) for _ in range(self.views)]
        if not self.motion:
            return views
        return [View(v.image, v.mask, made_flow_picture(v.mask.astype(np.float32) / 255, rng)) for v in views]

    def _video(self, size: tuple[int, int], rng: np.random.Generator) -> list[View]:
        video = self.videos[int(rng.integers(len(self.videos)))]
        count = len(video.images)
        views = []
        for i in rng.choice(count, self.views, replace=count < self.views):
            mask, flow = video.masks[i], video.flows[i] if self.motion else None
            assert mask is not None
            views.append(augment(read_view(video.images[i], mask, flow), size, rng, self.settings))
        return views


def read_view(image: Path, mask: Path, flow: Path | None = None) -> View:
    """A picture with its mask and flow picture, all of the picture's size.

    Raises:
        InputError: a file cannot be decoded, or the mask is not of the picture's size.
    """
    picture, truth = read_image(image), read_mask(mask)
    if truth.shape != picture.shape[:2]:
        sizes = " and ".join(f"{w}x{h}" for h, w in (truth.shape, picture.shape[:2]))
        raise InputError(f"{mask}: mask and picture {image.name} differ in size: {sizes}")
    if flow is None:
        return View(picture, truth)
    # Flow is often computed on smaller frames (`dpa flow --size`); crops must take the same part of both.
    h, w = truth.shape
    drawn = read_image(flow)
    if drawn.shape[:2] != (h, w):
        drawn = cv2.resize(drawn, (w, h), interpolation=cv2.INTER_LINEAR)
    return View(picture, truth, drawn)


def read_image(path: Path) -> np.ndarray:
    """(H, W, 3) uint8, RGB.

    Raises:
        InputError: the file cannot be decoded.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise InputError(f"{path}: cannot be read as a picture")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def read_mask(path: Path) -> np.ndarray:
    """(H, W) uint8, 0 or 255: any value above 0 is the object.

    Raises:
        InputError: the file cannot be decoded.
    """
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise InputError(f"{path}: cannot be read as a mask")
    return np.where(mask > 0, np.uint8(255), np.uint8(0))
