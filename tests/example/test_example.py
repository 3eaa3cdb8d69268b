"""The example clip: the same every time, masks that fit the picture, files that are whole."""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from dpa.errors import InputError, OutputError
from dpa.example import RATE, Scene, fit, measure, write_clip


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(height=90, width=160, frames=5, seed=3)


def test_same_seed_same_clip(scene: Scene) -> None:
    again = Scene(height=90, width=160, frames=5, seed=3)
    other = Scene(height=90, width=160, frames=5, seed=4)
    first, second, third = next(iter(scene)), next(iter(again)), next(iter(other))
    np.testing.assert_array_equal(first[0], second[0])
    assert not np.array_equal(first[0], third[0])
    np.testing.assert_array_equal(next(iter(scene))[0], first[0])  # a scene can be walked twice


def test_masks_are_of_one_object_that_moves(scene: Scene) -> None:
    masks = [mask for _, mask in scene]
    centres = [np.nonzero(mask)[1].mean() for mask in masks]
    assert all(0.05 < mask.mean() < 0.2 for mask in masks)
    assert np.all(np.diff(centres) > 1)
    for mask, alone in zip(masks, scene.masks(), strict=True):
        np.testing.assert_array_equal(mask, alone)


def test_the_object_differs_from_what_is_behind_it(scene: Scene) -> None:
    image, mask = next(iter(scene))
    red_over_green = image[..., 0].astype(float) - image[..., 1]
    assert red_over_green[mask].mean() > red_over_green[~mask].mean() + 20


def test_written_clip_is_whole(scene: Scene, tmp_path: Path) -> None:
    clip = tmp_path / "deep" / "clip.mp4"
    write_clip(clip, scene, tmp_path / "masks")
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == RATE
        assert container.streams.audio[0].duration is not None
    images = [image for image, _ in scene]
    assert len(frames) == len(images)
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(frames, images, strict=True)) < 6
    assert [path.name for path in clip.parent.iterdir()] == ["clip.mp4"]
    assert Image.open(tmp_path / "masks" / "00000.png").mode == "1"
    assert measure(tmp_path / "masks", scene).j == 1


def test_existing_clip_stays(scene: Scene, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("mine")
    with pytest.raises(OutputError, match="--overwrite"):
        write_clip(clip, scene)
    assert clip.read_text() == "mine"
    write_clip(clip, scene, overwrite=True)
    assert clip.stat().st_size > 1000


def test_places_that_cannot_be_written(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"\.mp4"):
        write_clip(tmp_path / "clip.gif", scene)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="file: cannot be made"):
        write_clip(tmp_path / "file" / "clip.mp4", scene)


def test_fit_counts_overlap() -> None:
    one, other, none = np.eye(4, dtype=bool), np.ones((4, 4), bool), np.zeros((4, 4), bool)
    score = fit(iter([(one, other), (none, none), (one, other)]))
    assert score.j == pytest.approx((4 / 16 + 1 + 4 / 16) / 3)  # the mean, not the median
    assert score.worst == pytest.approx(4 / 16)
    assert score.frames == 3


def test_masks_that_do_not_belong_to_the_clip(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 masks, but the example clip has 5 frames"):
        measure(tmp_path, scene)
    for index in range(5):
        Image.new("1", (10, 20)).save(tmp_path / f"{index}.png")
    with pytest.raises(InputError, match="10 x 20 pixels"):
        measure(tmp_path, scene)
    (tmp_path / "0.png").write_text("no picture")
    with pytest.raises(InputError, match="not a picture"):
        measure(tmp_path, scene)
