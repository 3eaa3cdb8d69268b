"""The paper's augmentation: its numbers, one after the other."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance

from dpa.train.data.augment import AugmentSettings, View
from dpa.train.data.paper_augment import MIDDLE, paper_augment

PAPER = AugmentSettings(paper=True)
NONE = replace(
    PAPER, flip=0.0, border=0, rotate=0.0, brightness=(1, 1), contrast=(1, 1), colour=(1, 1), sharpness=(1, 1)
)
SQUARE = (MIDDLE, MIDDLE)


def ramps(height: int = MIDDLE, width: int = MIDDLE) -> View:
    """A picture whose channels say where a pixel was, a disk as mask, and flow like the picture."""
    y, x = np.mgrid[:height, :width]
    image = np.stack([x * 255 / width, y * 255 / height, np.full_like(x, 90)], 2).astype(np.uint8)
    mask = np.where(np.hypot(y - height / 2, x - width / 2) < height / 4, np.uint8(255), np.uint8(0))
    return View(image, mask, image.copy())


def seen(view: View, settings: AugmentSettings, count: int, size: tuple[int, int] = SQUARE) -> list[View]:
    rng = np.random.default_rng(0)
    return [paper_augment(view, size, rng, settings) for _ in range(count)]


@pytest.mark.slow
def test_the_crop_is_centred_and_takes_0_to_30_pixels_in_all() -> None:
    view = ramps()
    taken = []
    for found in seen(view, replace(NONE, border=30), 60):
        low, high = (int(found.image[100, column, 0]) * MIDDLE / 255 for column in (0, -1))
        left, right = low, MIDDLE - 1 - high
        assert abs(left - right) <= 4  # in steps of two pixels' brightness
        taken.append(left + right)
    assert max(taken) <= 33
    assert max(taken) > 24
    assert min(taken) < 6


@pytest.mark.slow
def test_whole_degrees_with_probability_a_fifth() -> None:
    view = ramps()
    turned = [v for v in seen(view, replace(NONE, rotate=0.2), 100) if not np.array_equal(v.mask, view.mask)]
    wanted = {
        Image.fromarray(view.image).rotate(a, Image.Resampling.BICUBIC).tobytes() for a in range(-15, 15)
    }
    corners = [v for v in turned if (v.image[0, 0] == 0).all()]
    assert 8 <= len(turned) <= 32
    assert len(corners) > 3
    assert all(v.image.tobytes() in wanted for v in turned)


@pytest.mark.slow
def test_enhancement_is_in_tenths_before_the_resize_and_of_the_picture_alone() -> None:
    view = ramps(60, 80)
    flat = replace(view, image=np.full_like(view.image, 100))
    found = seen(flat, replace(NONE, brightness=(0.5, 1.5)), 80)
    values = {int(v.image[5, 5, 0]) for v in found}
    assert values == set(range(50, 151, 10))
    sharp = np.asarray(ImageEnhance.Sharpness(Image.fromarray(view.image)).enhance(3))
    found = seen(view, replace(NONE, sharpness=(3, 3)), 1)
    wanted = seen(replace(view, image=sharp), NONE, 1)
    assert np.array_equal(found[0].image, wanted[0].image)
    assert np.array_equal(found[0].flow, wanted[0].flow)  # type: ignore[arg-type]


def test_two_resizes_and_a_soft_mask() -> None:
    view = ramps(300, 400)
    found = seen(view, NONE, 1, (384, 416))[0]
    for part, whole in ((found.image, view.image), (found.mask, view.mask)):
        square = np.asarray(Image.fromarray(whole).resize((MIDDLE, MIDDLE), Image.Resampling.BILINEAR))
        assert np.array_equal(part, cv2.resize(square, (416, 384), interpolation=cv2.INTER_CUBIC))
    between = (found.mask > 0) & (found.mask < 255)
    assert np.count_nonzero(between) > 100


@pytest.mark.parametrize("size", [(384, 384), (512, 512)])
def test_picture_mask_and_flow_stay_on_each_other(size: tuple[int, int]) -> None:
    mask = ramps(200, 260).mask
    drawn = np.repeat(mask[..., None], 3, 2)
    still = replace(PAPER, brightness=(1, 1), contrast=(1, 1), colour=(1, 1), sharpness=(1, 1), rotate=0.5)
    for v in seen(View(drawn, mask, drawn), still, 20, size):
        assert v.image.shape[:2] == v.mask.shape == size
        for part in (v.image, v.flow):
            assert np.abs(part[..., 0].astype(int) - v.mask).max() <= 1  # type: ignore[index]
