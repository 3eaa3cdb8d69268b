"""Pictures decoded no larger than needed, kept in memory on request, and named when they are broken."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from dpa.errors import InputError, UnreadableError
from dpa.train.data.read import Reader, read_image, read_mask, read_view


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A smooth picture of odd size, a mask of half of it, and a flow picture of another size."""
    w, h = 403, 301
    x = np.linspace(0, 255, w, dtype=np.float32)[None, :, None]
    image = np.broadcast_to(x, (h, w, 3)).astype(np.uint8)
    mask = np.zeros((h, w), np.uint8)
    mask[:, w // 2 :] = 255
    paths = tmp_path / "a.jpg", tmp_path / "a.png", tmp_path / "flow.jpg"
    for path, picture in zip(paths, (image, mask, cv2.resize(image, (202, 150))), strict=True):
        cv2.imwrite(str(path), picture)
    return paths


@pytest.mark.parametrize(("size", "height"), [((301, 403), 301), ((150, 200), 151), ((70, 90), 76)])
def test_decoded_at_the_part_that_is_needed(files: tuple[Path, Path, Path], size, height: int) -> None:
    view = Reader()(*files, size=size)
    assert view.flow is not None
    assert view.image.shape[0] == height
    assert view.image.shape == view.flow.shape
    assert view.mask.shape == view.image.shape[:2]
    assert set(np.unique(view.mask)) == {0, 255}
    assert np.mean(view.mask > 0) == pytest.approx(0.5, abs=0.01)
    # Picture, mask and flow picture still lie on each other.
    for picture in (view.image, view.flow):
        assert np.mean((picture[..., 0] > 127) == (view.mask > 0)) > 0.98


def test_room_is_left_for_crops(files: tuple[Path, Path, Path]) -> None:
    assert Reader(crop=0.4)(*files, size=(150, 200)).image.shape[0] == 301


def test_kept_in_memory_while_there_is_room(files: tuple[Path, Path, Path]) -> None:
    image, mask, _ = files
    need = 301 * 403 * 4
    reader, full = Reader(cache=need), Reader(cache=need - 1)
    first, other = reader(image, mask, size=(301, 403)), full(image, mask, size=(301, 403))
    image.unlink()
    assert reader(image, mask, size=(301, 403)) is first
    with pytest.raises(UnreadableError):
        full(image, mask, size=(301, 403))
    assert np.array_equal(first.image, other.image)


@pytest.mark.parametrize("reduced", [1, 2])
def test_masks_of_another_size_are_refused(files: tuple[Path, Path, Path], reduced: int) -> None:
    image, mask, _ = files
    cv2.imwrite(str(mask), np.zeros((301, 400), np.uint8))
    with pytest.raises(InputError, match=r"a\.png: mask and picture a\.jpg differ in size"):
        read_view(image, mask, reduced=reduced)


@pytest.mark.parametrize("read", [read_image, read_mask])
def test_broken_files_are_named_across_processes_too(tmp_path: Path, read) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    with pytest.raises(UnreadableError, match=r"broken\.png: cannot be read as a") as caught:
        read(path)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.path, str(copy)) == (path, str(caught.value))


def test_read_ahead_and_shared(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    image, mask, flow = files
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    read = Reader(cache=10**7)
    read.fill([(image, mask, None), (broken, mask, None), (image, mask, flow)], (301, 403))
    for path in files:
        path.rename(path.with_suffix(".away"))
    # What was read ahead is there; what could not be read is said when it is asked for.
    assert read(image, mask, size=(301, 403)).flow is None
    assert read(image, mask, flow, size=(301, 403)).flow is not None
    with pytest.raises(UnreadableError):
        read(broken, mask, size=(301, 403))


def test_reading_ahead_keeps_to_the_memory(files: tuple[Path, Path, Path]) -> None:
    image, mask, flow = files
    room = 301 * 403 * 4  # one picture with its mask
    read = Reader(cache=room)
    read.fill([(image, mask, None), (image, mask, flow)], (301, 403))
    assert read.room == 0
    assert len(read._kept) == 1
