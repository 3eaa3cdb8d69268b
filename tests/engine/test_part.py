"""Parts of a video have the masks that the whole has there, to the bit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_samples import damage, make_folder, make_video

from dpa.engine.part import Part
from dpa.engine.segmenter import Segmenter
from dpa.engine.shots import Span, spans
from dpa.errors import InputError, TruncatedError
from dpa.video import open_source
from engine_samples import FakeBackend, LooksAtDinov2, brightness, image

FRAMES = 41
CUTS = (0, 13, 14, 30)
SETTINGS = [
    {},
    {"smooth": 0.0},
    {"every": 3},
    {"every": 4, "smooth": 0.0},
    {"flow": "none"},
    {"normalise": True, "refine": "off"},
    {"dinov2_every": 5},
    {"dinov2_every": 5, "every": 3},
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a key frame at every seventh frame."""
    images = [image(i) for i in range(FRAMES)]
    return make_video(
        tmp_path_factory.mktemp("part") / "clip.mp4", images, options={"g": "7", "sc_threshold": "0"}
    )


@pytest.fixture(autouse=True)
def dinov2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dpa.engine.network.appearance", lambda threads: brightness)


class Cautious(FakeBackend):
    """What it finds depends on all that it sees at once, as on GPUs."""

    def __call__(self, images, flows, references, *, remember=False, **wanted):
        seen = super().__call__(images, flows, references, remember=remember, **wanted)
        if remember:
            return seen
        changed = seen.probability + 1e-3 * len(images) + images.mean() / 1e4
        return seen._replace(probability=np.clip(changed, 0, 1))


def masks(clip: Path, part: Part | None = None, batch: int = 1, **settings: object) -> list:
    backend = Cautious(batch=batch) if batch > 1 else FakeBackend(batch=1)
    if "dinov2_every" in settings:
        backend = LooksAtDinov2(batch)
    settings = {"flow": "dis-ultrafast"} | settings
    return list(Segmenter(backend=backend, **settings).masks(clip, part=part))


def equal(ours: list, others: list) -> bool:
    assert [mask.index for mask in ours] == [mask.index for mask in others]
    return all(
        np.array_equal(a.probability, b.probability)
        and np.array_equal(a.binary, b.binary)
        and np.array_equal(a.flow_picture, b.flow_picture)
        and (a.alpha is None or np.array_equal(a.alpha, b.alpha))
        for a, b in zip(ours, others, strict=True)
    )


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_bits_are_those_of_the_whole(clip: Path, settings: dict, batch: int) -> None:
    whole = masks(clip, batch=batch, **settings)
    assert len(whole) == FRAMES
    for start, end in [(0, 9), (9, 10), (10, 31), (31, FRAMES), (0, FRAMES), (FRAMES - 1, FRAMES)]:
        assert equal(masks(clip, Part(start, end), batch, **settings), whole[start:end]), (start, end)


@pytest.mark.slow
def test_with_a_network_that_has_weights(clip: Path) -> None:
    segmenter = Segmenter(size=64, device="cpu")
    whole = list(segmenter.masks(clip))
    assert equal([*segmenter.masks(clip, part=Part(0, 17)), *segmenter.masks(clip, part=Part(17, 41))], whole)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("every", [1, 4])
def test_shots_may_be_anywhere(clip: Path, tmp_path: Path, every: int, batch: int, monkeypatch) -> None:
    monkeypatch.setattr("dpa.engine.shots.LONGEST", 11)
    listed = tmp_path / "cuts.txt"
    listed.write_text("\n".join(map(str, CUTS[1:])))
    settings = {"shots": str(listed), "every": every}
    whole = masks(clip, batch=batch, **settings)
    with open_source(clip) as source:
        known = tuple(spans(source.frames(), str(listed)))
    assert [span.start for span in known] == [0, 11, 13, 14, 25, 30]
    for start, end in [(0, 12), (12, 13), (13, 14), (14, 26), (26, 31), (31, FRAMES)]:
        part = Part(start, end, known)
        assert equal(masks(clip, part, batch, **settings), whole[start:end]), (start, end)


def test_frames_elsewhere_are_left_alone(clip: Path, monkeypatch) -> None:
    """Neither decoded, but for the references, nor seen by the network."""
    from dpa.video.files import FileSource

    read: list[int] = []
    part_of = FileSource.part

    def noted(self, start=0, stop=None):
        for frame in part_of(self, start, stop):
            read.append(frame.index)
            yield frame

    monkeypatch.setattr(FileSource, "part", noted)
    backend = FakeBackend(batch=1)
    assert len(list(Segmenter(backend=backend, flow="dis-ultrafast").masks(clip, part=Part(20, 23)))) == 3
    assert read == [18, 19, 20, 21, 22, 23, 24]
    assert len(backend.calls) == 4 + 5, "references, and one before and after"


@given(
    count=st.integers(1, 60),
    every=st.integers(1, 5),
    together=st.integers(1, 4),
    smooth=st.booleans(),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    bounds=st.tuples(st.integers(0, 59), st.integers(1, 60)),
)
def test_what_is_reached_holds_what_is_needed(count, every, together, smooth, cuts, bounds) -> None:
    start, end = min(bounds[0], count - 1), min(max(bounds), count)
    start, end = min(start, end - 1), end
    places = sorted({0, *(cut for cut in cuts if cut < count)})
    known = tuple(
        Span(a, b, i // 2) for i, (a, b) in enumerate(zip(places, [*places[1:], count], strict=True))
    )
    part = Part(start, end, known)
    begin, stop = part.reach(count, every, together, smooth)
    groups = part._groups(count, every, together)
    seen = sorted(frame for group in groups for frame in group)
    assert begin in [group[0] for group in groups]
    assert stop - 1 in [group[-1] for group in groups]
    assert begin <= max(0, start - smooth)
    assert stop >= min(end + smooth, count)
    assert {0, count - 1} <= set(seen)


@pytest.mark.slow
def test_damage_is_told_where_it_lies(tmp_path: Path) -> None:
    images = [image(i) for i in range(40)]
    path = damage(make_video(tmp_path / "clip.mp4", images, options={"g": "10", "bf": "0"}))
    with pytest.raises(TruncatedError):
        masks(path)
    told = []
    for start in range(0, 40, 10):
        try:
            masks(path, Part(start, start + 10))
        except TruncatedError as error:
            told.append((start, str(error)))
    assert len(told) == 1
    assert "is damaged" in told[0][1]


def test_pictures_have_parts_and_streams_have_none(tmp_path: Path, clip: Path) -> None:
    folder = make_folder(tmp_path / "frames", [f"{i}.png" for i in range(9)])
    whole = masks(folder)
    assert equal(masks(folder, Part(4, 9)), whole[4:])
    with open_source(folder) as pictures, open_source(clip) as film:
        assert list(pictures.entries or ()) == list(range(9))
        assert film.entries == list(range(0, FRAMES, 7))
        assert (pictures.time_of(3), film.time_of(5)) == (None, next(film.frames(5)).time)
    live = open_source(iter([image(0), image(1)]))
    assert live.entries is None
    with pytest.raises(InputError, match="is live: no part of it"):
        masks(iter([image(0)]), Part(1, 2))


def test_the_groups_that_the_network_sees() -> None:
    part = Part(0, 9)
    assert part._groups(7, 1, 3) == [[0, 1, 2], [3, 4, 5], [6]]
    assert part._groups(8, 3, 2) == [[0, 3], [6, 7]], "and the last one"
    assert part._groups(1, 5, 4) == [[0]]
    # One shot in two spans, and another one: every third frame, and the ends of shots.
    spans = (Span(0, 5, 0), Span(5, 8, 0), Span(8, 11, 1))
    assert Part(0, 9, spans)._groups(11, 3, 2) == [[0, 3], [6, 7], [8, 9], [10]]
    assert Part(0, 9, spans)._groups(11, 9, 9) == [[0], [7], [8, 9, 10]]


@pytest.mark.parametrize(
    ("part", "every", "together", "smooth", "expected"),
    [
        ((3, 5), 1, 1, False, (3, 5)),
        ((3, 5), 1, 1, True, (2, 6)),
        ((0, 12), 1, 1, True, (0, 12)),
        ((3, 5), 1, 4, False, (0, 8)),
        ((4, 8), 1, 4, False, (4, 8)),
        ((4, 8), 1, 4, True, (0, 12)),
        ((5, 6), 4, 1, False, (4, 9)),
        ((4, 5), 4, 1, False, (4, 5)),
        ((4, 5), 4, 1, True, (0, 9)),
        ((9, 10), 4, 1, False, (8, 12)),
        ((5, 6), 4, 2, False, (0, 12)),
    ],
)
def test_what_is_reached(
    part: tuple[int, int], every: int, together: int, smooth: bool, expected: tuple[int, int]
) -> None:
    assert Part(*part).reach(12, every, together, smooth) == expected


@pytest.mark.parametrize(
    ("part", "every", "together", "expected"),
    [
        ((3, 5), 1, 1, (0, 5)),
        ((5, 6), 1, 1, (5, 6)),
        ((9, 11), 1, 1, (5, 11)),
        ((9, 11), 1, 2, (4, 12)),
        ((14, 15), 1, 1, (13, 15)),
        ((9, 10), 3, 1, (3, 10)),
    ],
)
def test_what_is_reached_where_dinov2_sees_one_of_five(
    part: tuple[int, int], every: int, together: int, expected: tuple[int, int]
) -> None:
    spans = (Span(0, 13, 0), Span(13, 20, 1))
    assert Part(*part, spans).reach(20, every, together, False, 5) == expected
