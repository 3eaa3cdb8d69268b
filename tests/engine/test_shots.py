"""Nothing is moved over a cut, and the shots of a run are told."""

from pathlib import Path

import numpy as np
import pytest
from video_samples import make_video

from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from engine_samples import SIZE, FakeBackend, image


def film(path: Path, lengths: list[int]) -> Path:
    """Shots that differ in colour, with a square that moves in each; the last one has none."""
    images = []
    for number, length in enumerate(lengths):
        tint = np.array([(1, 1, 1), (1, 6, 1), (8, 1, 1)][number % 3])
        for index in range(length):
            picture = np.clip(image(index).astype(int) * np.where(image(index) > 200, 1, tint), 0, 255)
            images.append(picture.astype(np.uint8))
    images[-lengths[-1] :] = [np.full((*SIZE, 3), (0, 0, 90), np.uint8)] * lengths[-1]
    return make_video(path, images, codec="ffv1", pixel_format="bgr0")


def masks(source: Path, **settings) -> list:
    segmenter = Segmenter(backend=FakeBackend(), flow="dis-ultrafast", references=1, **settings)
    return list(segmenter.masks(source))


@pytest.mark.parametrize("every", [1, 4])
def test_each_shot_is_as_it_were_alone(tmp_path, every):
    lengths = [11, 14, 9]
    whole = masks(film(tmp_path / "film.mkv", lengths), every=every)
    assert [mask.frame.shot for mask in whole] == [
        n for n, length in enumerate(lengths) for _ in range(length)
    ]
    listed = tmp_path / "cuts.txt"
    listed.write_text("11\n25\n")
    for one, other in zip(whole, masks(tmp_path / "film.mkv", every=every, shots=str(listed)), strict=True):
        assert np.array_equal(one.probability, other.probability)
    # The last frame of a shot has the flow to the frame before it, as the last one of a video has.
    blind = masks(tmp_path / "film.mkv", every=every, shots="off")
    assert not np.array_equal(whole[10].flow, blind[10].flow)
    assert np.abs(whole[10].flow).max() < np.abs(blind[10].flow).max() + 20
    for index in (3, 15):
        assert np.array_equal(whole[index].flow, blind[index].flow)


def test_the_empty_shot_keeps_no_mask_of_the_one_before(tmp_path):
    film(tmp_path / "film.mkv", [11, 9])
    told = masks(tmp_path / "film.mkv", smooth=1.0)
    assert max(mask.probability.max() for mask in told[11:]) < 0.5
    assert not np.array_equal(told[11].probability, masks(tmp_path / "film.mkv", smooth=1.0, shots="off")[11])


def test_the_summary_lists_the_shots(tmp_path):
    segmenter = Segmenter(backend=FakeBackend(), flow="dis-ultrafast")
    summary = segmenter.write(film(tmp_path / "film.mkv", [11, 14, 9]), [(tmp_path / "out", None)])
    places = [(shot["start"], shot["end"], shot["start_time"], shot["end_time"]) for shot in summary.shots]
    assert places == [
        (0, 10, "0:00:00.000", "0:00:00.400"),
        (11, 24, "0:00:00.440", "0:00:00.960"),
        (25, 33, "0:00:01.000", "0:00:01.320"),
    ]
    assert summary.shots[0]["share"] > 0.02
    assert summary.shots[2]["share"] == 0
    assert summary.warnings == ["no object was found in 1 of 3 shots, the first from 0:00:01.000 on"]


def test_a_resumed_run_has_the_same_shots(tmp_path):
    source = film(tmp_path / "film.mkv", [11, 14, 9])
    segmenter = Segmenter(backend=FakeBackend(), flow="dis-ultrafast", every=2)
    segmenter.write(source, [(tmp_path / "whole", "soft")])
    for start in (9, 11, 12, 13, 26):
        part = tmp_path / f"again{start}.part"
        part.mkdir()
        for index in range(start):
            name = f"{index:05d}.png"
            (part / name).write_bytes((tmp_path / "whole" / name).read_bytes())
        segmenter.write(source, [(tmp_path / f"again{start}", "soft")], resume=True)
        for path in (tmp_path / "whole").iterdir():
            assert (tmp_path / f"again{start}" / path.name).read_bytes() == path.read_bytes(), (start, path)


def test_a_list_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"gone\.txt cannot be read as a list of cuts"):
        masks(film(tmp_path / "film.mkv", [5, 5]), shots="gone.txt")
