from pathlib import Path

import cv2
import numpy as np
import pytest
from archive_samples import (
    LENGTH,
    SMALL,
    converted,
    mask_at,
    names,
    save,
    save_labels,
    scene,
    square,
    two_objects,
    video,
    zipped,
)
from PIL import Image

from dpa.datasets.layout import find_sequences, find_stills
from dpa.errors import InputError, OutputError


def test_stills(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    jpeg = save(source / "images" / "a_1.jpg", scene(0, SMALL))
    save(source / "images" / "b.png", scene(1, SMALL))
    save(source / "images" / "c.webp", scene(2, SMALL))
    save_labels(source / "masks" / "a_1.png", two_objects(0, SMALL))
    save(source / "masks" / "b.png", square(1, SMALL).astype(np.uint8))  # 0 and 1
    save(source / "masks" / "c.png", square(2, SMALL).astype(np.uint8) * 255)
    assert converted("folder", source, target) == ({"written": 3}, [])
    stills = find_stills(target)
    assert [image.name for image, _ in stills] == ["a_1.jpg", "b.jpg", "c.jpg"]
    for index, (_, mask) in enumerate(stills):
        assert np.array_equal(mask_at(mask), square(index, SMALL))
    assert stills[0][0].read_bytes() == jpeg.read_bytes()
    assert np.abs(cv2.imread(str(stills[1][0]))[..., ::-1].astype(int) - scene(1, SMALL)).mean() < 3


def test_folders_of_other_names_and_a_threshold(tmp_path: Path) -> None:
    source = tmp_path / "source"
    save(source / "photos" / "a.jpg", scene(0, SMALL))
    save(source / "mattes" / "2024" / "a.png", square(0, SMALL).astype(np.uint8) * 200 + np.uint8(30))
    options = {"images": "photos", "masks": "mattes/2024/", "threshold": 128}
    assert converted("folder", source, tmp_path / "target", **options) == ({"written": 1}, [])
    assert np.array_equal(mask_at(tmp_path / "target" / "GT" / "a.png"), square(0, SMALL))


def test_sequences_keep_apart(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for name in ("a", "a_1", "car-turn"):
        for index in range(2):
            save(source / "JPEGImages" / name / f"{index:05d}.jpg", scene(index, SMALL))
            save_labels(source / "Annotations" / name / f"{index:05d}.png", two_objects(index, SMALL))
    assert converted("folder", source, target) == ({"written": 6}, [])
    assert [sequence.name for sequence in find_sequences(target, masks=True)] == ["a", "a_1", "car-turn"]
    assert names(target / "a_1" / "RGB") == ["a_1_00000.jpg", "a_1_00001.jpg"]


def test_a_video_with_a_mask_for_every_frame(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    video(source / "videos" / "clip.mp4")
    for index in range(LENGTH):  # as many as frames: their order counts, not their numbers
        save(source / "masks" / "clip" / f"{index + 101}.png", square(index, SMALL))
    assert converted("folder", source, target) == ({"written": LENGTH}, [])
    (clip,) = find_sequences(target, masks=True)
    assert (clip.name, len(clip.images)) == ("clip", LENGTH)
    for index, (image, mask) in enumerate(zip(clip.images, clip.masks, strict=True)):
        assert np.array_equal(mask_at(mask), square(index, SMALL))
        assert np.abs(cv2.imread(str(image))[..., ::-1].astype(int) - scene(index, SMALL)).mean() < 8


@pytest.mark.parametrize(("frames", "kept"), [(None, LENGTH), ("annotated", 2)])
def test_a_video_with_few_masks(tmp_path: Path, frames: str | None, kept: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    video(source / "videos" / "clip.mp4")
    for index in (1, 4):
        save(source / "masks" / "clip" / f"{index:05d}.png", square(index, SMALL))
    assert converted("folder", source, target, frames=frames) == ({"written": kept}, [])
    (clip,) = find_sequences(target)
    assert [mask.stem for mask in clip.masks if mask] == ["clip_00001", "clip_00004"]
    assert np.array_equal(mask_at(target / "clip" / "GT" / "clip_00004.png"), square(4, SMALL))
    assert converted("folder", source, target, frames=frames) == ({"kept": kept}, [])


def test_a_video_of_masks_in_a_zip(tmp_path: Path) -> None:
    made = tmp_path / "made"
    video(made / "videos" / "clip.mp4")
    video(made / "masks" / "clip.avi", masks=True)
    file = zipped(made, tmp_path / "all.zip")
    assert converted("folder", file, tmp_path / "target") == ({"written": LENGTH}, [])
    written = mask_at(tmp_path / "target" / "clip" / "GT" / "clip_00003.png")
    assert np.count_nonzero(written != square(3, SMALL)) < 20


def test_a_mask_video_of_another_length(tmp_path: Path) -> None:
    source = tmp_path / "source"
    video(source / "videos" / "clip.mp4")
    video(source / "masks" / "clip.mp4", LENGTH - 1, masks=True)
    counts, problems = converted("folder", source, tmp_path / "target")
    assert counts == {"failed": LENGTH}
    assert problems == [f"{source / 'masks' / 'clip.mp4'}: 5 frames, but clip.mp4 has 6"]


def test_masks_that_no_frame_has_and_one_of_another_size(tmp_path: Path) -> None:
    source = tmp_path / "source"
    video(source / "videos" / "clip.mp4")
    save(source / "masks" / "clip" / "2.png", square(2, SMALL))
    save(source / "masks" / "clip" / "3.png", square(3, (30, 40)))
    save(source / "masks" / "clip" / "6.png", square(2, SMALL))
    counts, problems = converted("folder", source, tmp_path / "target")
    assert counts == {"written": LENGTH - 1, "failed": 2}
    assert "6.png: clip.mp4 has frames 0 to 5" in problems[0]
    assert "mask and picture differ in size: 40x30 and 80x60" in problems[1]


def test_a_damaged_video_gives_what_can_be_decoded(tmp_path: Path) -> None:
    source = tmp_path / "source"
    path = video(source / "videos" / "clip.avi", 40)
    save(source / "masks" / "clip" / "3.png", square(3, SMALL))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    (source / "videos" / "other.mp4").write_bytes(b"no video at all")
    save(source / "masks" / "other" / "0.png", square(0, SMALL))
    counts, problems = converted("folder", source, tmp_path / "target")
    assert 5 < counts["written"] < 40
    assert counts["failed"] == len(problems) == 2
    assert "clip.avi is cut off or damaged" in problems[0]
    assert "other.mp4" in problems[1]


def test_more_masks_than_frames(tmp_path: Path) -> None:
    source = tmp_path / "source"
    video(source / "videos" / "clip.mp4")
    for index in range(LENGTH + 1):
        save(source / "masks" / "clip" / f"{index}.png", square(0, SMALL))
    counts, problems = converted("folder", source, tmp_path / "target")
    assert counts == {"failed": 1}
    assert "7 masks, but clip.mp4 has 6 frames" in problems[0]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("images/a.jpg",), "with one of masks"),
        (("images/a.jpg", "images/s/0.jpg", "masks/a.png"), r"stills \(a.jpg\) beside videos \(s/\)"),
        (("images/readme.txt", "masks/a.png"), "no pictures, videos or folders of frames"),
        (("images/s/0.jpg", "masks/t/0.png"), "no masks in masks/s"),
        (("images/s/0.jpg", "images/s.mp4", "masks/s/0.png"), "two videos of the name s"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, files: tuple[str, ...], message: str) -> None:
    for name in files:
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / name).touch()
    with pytest.raises(InputError, match=message):
        converted("folder", tmp_path / "source", tmp_path / "target")


def test_the_source_is_never_the_target(tmp_path: Path) -> None:
    image = save(tmp_path / "RGB" / "a.png", scene(0, SMALL))
    save(tmp_path / "GT" / "a.png", square(0, SMALL))
    with pytest.raises(OutputError, match="the source itself"):
        converted("folder", tmp_path, tmp_path)
    assert names(image.parent) == ["a.png"]


@pytest.mark.real
def test_real_stills(shared: Path, tmp_path: Path) -> None:
    stills = find_stills(shared / "data" / "STILLS_train")[::400]
    for image, mask in stills:
        for kind, path in (("RGB", image), ("GT", mask)):
            (tmp_path / "source" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / "source" / kind / path.name).symlink_to(path)
    assert converted("folder", tmp_path / "source", tmp_path / "target") == ({"written": len(stills)}, [])
    for (image, mask), (own_image, own_mask) in zip(stills, find_stills(tmp_path / "target"), strict=True):
        assert own_image.read_bytes() == image.read_bytes()
        with Image.open(mask) as before:
            assert np.array_equal(np.asarray(before.convert("1")), mask_at(own_mask))
