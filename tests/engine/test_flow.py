"""Flow pictures that exist already, beside flow that is computed."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dpa.backends import Memory
from dpa.engine.segmenter import Segmenter
from dpa.errors import InputError
from engine_samples import FakeBackend, image, make_clip, threads, tree


class Watching(FakeBackend):
    """Keeps the mean level of the flow pictures that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def one(self, image: np.ndarray, flow: np.ndarray, references: Memory) -> tuple[np.ndarray, Memory]:
        self.seen.append(round(float(flow.mean()), 3))
        return super().one(image, flow, references)


@pytest.fixture
def backend() -> Watching:
    return Watching()


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Nine flow pictures, grey, of level 100 + index; of another size than the frames."""
    (tmp_path / "FLOW").mkdir()
    paths = [tmp_path / "FLOW" / f"{index:05d}.png" for index in range(9)]
    for index, path in enumerate(paths):
        Image.fromarray(np.full((30, 50, 3), 100 + index, np.uint8)).save(path)
    return paths


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "clip.mkv", 9)


def test_given_pictures_are_what_the_network_sees(
    clip: Path, pictures: list[Path], backend: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = Segmenter(backend=backend)
    monkeypatch.setattr("dpa.flow.dis.DIS.__call__", lambda *_: pytest.fail("flow was computed"))
    masks = list(segmenter.masks(clip, flow_pictures=pictures))
    assert backend.seen == [100, 102, 104, 106, *range(100, 109)]
    assert [mask.index for mask in masks] == list(range(9))
    assert all(mask.flow is None for mask in masks)
    assert threads() == []


def test_where_there_is_none_flow_is_computed_as_ever(
    clip: Path, pictures: list[Path], backend: Watching
) -> None:
    segmenter = Segmenter(backend=backend)
    computed = list(segmenter.masks(clip))
    usual, backend.seen = backend.seen, []
    gaps = {0, 4, 8}
    given = [None if index in gaps else path for index, path in enumerate(pictures)]
    mixed = list(segmenter.masks(clip, flow_pictures=given))
    for index, (one, other) in enumerate(zip(mixed, computed, strict=True)):
        if index in gaps:
            assert np.array_equal(one.flow, other.flow)  # type: ignore[arg-type]
        else:
            assert one.flow is None
    frames, before = backend.seen[4:], usual[4:]
    assert [frames[i] for i in gaps] == [before[i] for i in gaps]
    assert [level for i, level in enumerate(frames) if i not in gaps] == [101, 102, 103, 105, 106, 107]
    assert backend.seen[:4] == [usual[0], 102, usual[2], 106]


def test_without_flow_the_motion_stream_sees_the_frame(
    clip: Path, backend: Watching, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pairs = []
    call = Watching.one

    def look(self: Watching, image: np.ndarray, flow: np.ndarray, references: object) -> object:
        pairs.append(np.array_equal(image, flow))
        return call(self, image, flow, references)  # type: ignore[arg-type]

    monkeypatch.setattr(Watching, "one", look)
    segmenter = Segmenter(backend=backend, flow="none")
    assert segmenter.estimator is None
    assert all(mask.flow is None for mask in segmenter.masks(clip))
    assert len(pairs) >= 9
    assert all(pairs)
    summary = segmenter.write(clip, [(tmp_path / "soft", "soft"), (tmp_path / "strip", "strip")])
    assert summary.flow["estimator"] == "none"
    with pytest.raises(InputError, match="propagated without flow"):
        Segmenter(backend=backend, flow="none", every=2)


def test_writing_and_resuming(clip: Path, pictures: list[Path], backend: Watching, tmp_path: Path) -> None:
    segmenter = Segmenter(backend=backend)
    outputs = [(tmp_path / "soft", "soft"), (tmp_path / "strip", "strip")]
    summary = segmenter.write(clip, outputs, flow_pictures=pictures)
    assert summary.flow["pictures_given"] == 9
    assert {"decode", "flow", "network"} <= set(summary.seconds)
    before = tree(tmp_path / "soft")
    (tmp_path / "soft" / "00006.png").unlink()
    backend.seen.clear()
    assert segmenter.write(clip, outputs[:1], flow_pictures=pictures, resume=True).frames == 3
    # Frame 5 has a mask already, but frame 6 is smoothed with what the network says of it; and that sees
    # frame 4 together with it.
    assert backend.seen == [100, 102, 104, 106, 104, 105, 106, 107, 108]
    assert tree(tmp_path / "soft") == before


def test_an_unreadable_picture_is_named_and_nothing_is_left(
    clip: Path, pictures: list[Path], backend: Watching, tmp_path: Path
) -> None:
    pictures[5].write_text("no picture")
    with pytest.raises(InputError, match=r"00005\.png is not a picture"):
        Segmenter(backend=backend).write(clip, [(tmp_path / "out", "mask")], flow_pictures=pictures)
    assert not (tmp_path / "out").exists()
    assert threads() == []


def test_one_entry_a_frame_is_needed(clip: Path, pictures: list[Path], backend: Watching) -> None:
    segmenter = Segmenter(backend=backend)
    with pytest.raises(InputError, match="8 flow pictures for 9 frames"):
        list(segmenter.masks(clip, flow_pictures=pictures[1:]))
    with pytest.raises(InputError, match="flow pictures for a live source"):
        list(segmenter.masks(clip.as_uri(), flow_pictures=pictures))
    assert backend.calls == []


def test_a_square_input(clip: Path, backend: Watching, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = set()
    call = FakeBackend.one

    def look(self: FakeBackend, image: np.ndarray, *rest: object) -> object:
        sizes.add(image.shape[:2])
        return call(self, image, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(FakeBackend, "one", look)
    segmenter = Segmenter(backend=backend, size=96, keep_aspect=False)
    (first, *_) = segmenter.masks(clip)
    assert sizes == {(96, 96)}
    assert first.binary.shape == image(0).shape[:2]
