"""Nothing is moved over a cut, and the shots of a run are told."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from video_samples import make_video

from dpa.engine.references import reference_indices
from dpa.engine.results import Mask
from dpa.engine.segmenter import Segmenter
from dpa.engine.shots import ShotLog, _clock
from dpa.errors import InputError
from dpa.video.frame import Frame
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


def masks(source: str | Path, backend: FakeBackend | None = None, **settings) -> list:
    settings = {"shots": "auto", **settings}
    segmenter = Segmenter(backend=backend or FakeBackend(), flow="dis-ultrafast", **settings)
    return list(segmenter.masks(source))


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 4])
def test_each_shot_is_as_it_were_alone(tmp_path, every):
    lengths = [12, 16, 4, 9]
    whole = masks(film(tmp_path / "film.mkv", lengths), every=every)
    assert [mask.frame.shot for mask in whole] == [
        n for n, length in enumerate(lengths) for _ in range(length)
    ]
    listed = tmp_path / "cuts.txt"
    listed.write_text("12\n0:01.12\n32\n")
    known = masks(tmp_path / "film.mkv", every=every, shots=str(listed))
    start = 0
    for number, length in enumerate(lengths):
        images = [mask.frame.image for mask in whole[start : start + length]]
        path = make_video(tmp_path / f"{number}.mkv", images, codec="ffv1", pixel_format="bgr0")
        for index, mask in enumerate(masks(path, every=every), start=start):
            assert np.array_equal(whole[index].probability, mask.probability), index
            assert np.array_equal(whole[index].flow, mask.flow), index
        start += length
    for one, other in zip(whole, known, strict=True):
        assert np.array_equal(one.probability, other.probability)


def test_references_are_those_of_the_shot(tmp_path):
    backend = FakeBackend(batch=1)
    whole = masks(film(tmp_path / "film.mkv", [11, 14, 3, 9]), backend, smooth=0.0)
    levels = [float(mask.frame.image.mean()) for mask in whole]
    spans = [(0, 11), (11, 25), (25, 28), (28, 37)]
    calls = iter(backend.calls)
    for start, end in spans:
        chosen = [start + i for i in reference_indices(end - start, 4)]
        own = [next(calls)[0] for _ in chosen]
        assert own == pytest.approx([levels[i] for i in chosen], abs=1)
        for index in range(start, end):
            level, known = next(calls)
            assert level == pytest.approx(levels[index], abs=1)
            assert known == own
    assert next(calls, None) is None


def test_a_long_shot_gets_new_references_on_the_way_and_nothing_else_changes(tmp_path, monkeypatch):
    path = film(tmp_path / "film.mkv", [23, 5])
    before = masks(path)
    monkeypatch.setattr("dpa.engine.shots.LONGEST", 10)
    after = masks(path)
    assert [mask.frame.span for mask in after] == [
        span for span in [(0, 10), (10, 20), (20, 23), (23, 28)] for _ in range(*span)
    ]
    for one, other in zip(before, after, strict=True):
        assert one.frame.shot == other.frame.shot
        assert np.array_equal(one.flow, other.flow)


def test_cuts_of_a_live_source_begin_new_references(tmp_path):
    path, backend = film(tmp_path / "film.mkv", [11, 14, 9]), FakeBackend(batch=1)
    live = masks(path.as_uri(), backend)
    assert [mask.frame.shot for mask in live] == [0] * 11 + [1] * 14 + [2] * 9
    levels = [float(mask.frame.image.mean()) for mask in live]
    for start in (0, 11, 25):
        # The first frame of a shot is its own reference.
        known = [given for level, given in backend.calls if level == pytest.approx(levels[start], abs=0.5)]
        assert [pytest.approx(levels[start], abs=1)] in known, start
    blind = masks(path.as_uri(), shots="off")
    assert {mask.frame.shot for mask in blind} == {0}


def test_flow_beside_given_pictures_stops_at_the_cut(tmp_path):
    path = film(tmp_path / "film.mkv", [6, 9])
    picture = tmp_path / "flow.png"
    Image.fromarray(image(0)).save(picture)
    given = [picture, *[None] * 13, picture]
    segmenter = Segmenter(backend=FakeBackend(), flow="dis-ultrafast", shots="auto")
    mixed = list(segmenter.masks(path, flow_pictures=given))
    for one, other in zip(mixed[1:-1], masks(path)[1:-1], strict=True):
        assert np.array_equal(one.flow, other.flow)


def test_the_empty_shot_keeps_no_mask_of_the_one_before(tmp_path):
    film(tmp_path / "film.mkv", [11, 9])
    told = masks(tmp_path / "film.mkv", smooth=1.0)
    assert max(mask.probability.max() for mask in told[11:]) < 0.5
    assert not np.array_equal(told[11].probability, masks(tmp_path / "film.mkv", smooth=1.0, shots="off")[11])


def test_the_summary_lists_the_shots(tmp_path):
    segmenter = Segmenter(backend=FakeBackend(), flow="dis-ultrafast", shots="auto")
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


@pytest.mark.slow
def test_a_resumed_run_has_the_same_shots(tmp_path):
    source = film(tmp_path / "film.mkv", [11, 14, 9])
    segmenter = Segmenter(backend=FakeBackend(), flow="dis-ultrafast", shots="auto", every=2)
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


def test_a_time_is_said_in_hours_minutes_seconds_and_thousandths():
    assert _clock(Fraction(7325) + Fraction(1, 8)) == "2:02:05.125"
    assert _clock(Fraction(3599999, 1000)) == "0:59:59.999"
    assert _clock(Fraction(3600)) == "1:00:00.000"


def test_one_shot_without_an_object_is_no_warning_and_one_of_two_is():
    log, empty = ShotLog(), np.zeros((4, 4), bool)
    for index, shot in enumerate([0, 0, 1]):
        assert log.warnings() == []
        frame = Frame(np.zeros((4, 4, 3), np.uint8), index, shot=shot)
        log.add(Mask(empty, empty.astype(np.float32), frame))
    assert log.warnings() == ["no object was found in 2 of 2 shots, the first from frame 0 on"]
