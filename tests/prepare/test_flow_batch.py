import contextlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from dpa.errors import InputError, OutputError, TruncatedError
from dpa.flow.colour import flow_to_image
from dpa.flow.pictures import Look
from dpa.flow.stream import pair_flow
from dpa.prepare import flow_batch as batch
from dpa.prepare.flow_batch import Maker, plan, run
from dpa.video import open_source
from engine_samples import make_cut_clip
from flow_samples import shifted_pair

MAKER = Maker("dis-fast", "cpu", None)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two sequences, bear of three frames and car_park of two, flat."""
    root = tmp_path / "data"
    (root / "RGB").mkdir(parents=True)
    for name, length in (("bear", 3), ("car_park", 2)):
        for index in range(length):
            image, _ = shifted_pair(60, 80, index + 1, 0, seed=3)
            cv2.imwrite(str(root / "RGB" / f"{name}_{index:05d}.png"), image)
    return root


def pictures(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_flat_data_set(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    jobs = plan(str(dataset), out)
    assert sum(run(jobs, MAKER, Look())) == 5
    assert pictures(out / "FLOW") == [
        "bear_00000.jpg",
        "bear_00001.jpg",
        "bear_00002.jpg",
        "car_park_00000.jpg",
        "car_park_00001.jpg",
    ]
    paths = [dataset / "RGB" / f"bear_{index:05d}.png" for index in range(3)]
    first, second, last = (cv2.imread(str(path))[..., ::-1] for path in paths)
    for index, flow in ((0, pair_flow(MAKER(), first, second)), (2, pair_flow(MAKER(), last, None, second))):
        written = cv2.imread(str(out / "FLOW" / f"bear_{index:05d}.jpg"))[..., ::-1]
        assert np.abs(written.astype(int) - flow_to_image(flow)).mean() < 3


def test_a_data_set_by_sequence_into_itself(dataset: Path) -> None:
    for name in ("bear", "car_park"):
        (dataset / name / "RGB").mkdir(parents=True)
        for path in (dataset / "RGB").glob(f"{name}_*"):
            path.rename(dataset / name / "RGB" / path.name)
    (dataset / "RGB").rmdir()
    assert sum(run(plan(str(dataset), dataset), MAKER, Look(size=40))) == 5
    assert pictures(dataset / "car_park" / "FLOW") == ["car_park_00000.jpg", "car_park_00001.jpg"]
    assert cv2.imread(str(dataset / "bear" / "FLOW" / "bear_00000.jpg")).shape == (30, 40, 3)


def test_a_run_goes_on_where_it_stopped(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = plan(str(dataset), dataset)
    list(run(jobs, MAKER, Look()))
    whole = {path: path.read_bytes() for path in (dataset / "FLOW").iterdir()}
    for name in ("bear_00002", "bear_00000"):
        (dataset / "FLOW" / f"{name}.jpg").unlink()
    opened = []
    original = batch.open_source
    monkeypatch.setattr(batch, "open_source", lambda source: opened.append(source) or original(source))
    assert sum(run(jobs, MAKER, Look())) == 2
    assert len(opened) == 1
    assert {path: path.read_bytes() for path in (dataset / "FLOW").iterdir()} == whole
    assert sum(run(jobs, MAKER, Look())) == 0


@pytest.mark.slow
def test_processes_write_what_one_does(dataset: Path, tmp_path: Path) -> None:
    for out, processes in ((tmp_path / "one", 1), (tmp_path / "two", 2)):
        assert sum(run(plan(str(dataset), out), MAKER, Look(), processes)) == 5
    for path in (tmp_path / "one" / "FLOW").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / "FLOW" / path.name).read_bytes()


@pytest.mark.slow
def test_an_error_in_a_process_reaches_the_caller(dataset: Path, tmp_path: Path) -> None:
    (dataset / "RGB" / "bear_00001.png").write_text("not a picture")
    with pytest.raises(InputError, match="bear_00001"):
        list(run(plan(str(dataset), tmp_path / "out"), MAKER, Look(), 2))


def test_a_folder_of_frames_keeps_its_names(dataset: Path, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    (dataset / "RGB").rename(folder)
    for path in folder.glob("car*"):
        path.unlink()
    jobs = plan(str(folder), tmp_path / "out")
    assert jobs[0].video == {"name": "frames", "frames": 3, "size": [80, 60]}
    assert sum(run(jobs, MAKER, Look())) == 3
    assert pictures(tmp_path / "out") == [f"bear_{index:05d}.jpg" for index in range(3)]


@pytest.mark.parametrize("source", ["frames", "frames/*.png", "frames/bear_00000.png"])
def test_flow_never_takes_the_place_of_the_frames(dataset: Path, tmp_path: Path, source: str) -> None:
    (dataset / "RGB").rename(tmp_path / "frames")
    with pytest.raises(OutputError, match="the frames themselves"):
        plan(str(tmp_path / source), tmp_path / "frames" / ".." / "frames")


def test_quality_is_a_setting(dataset: Path, tmp_path: Path) -> None:
    sizes = []
    for quality in (30, 95):
        list(run(plan(str(dataset), tmp_path / str(quality)), MAKER, Look(quality=quality)))
        sizes.append((tmp_path / str(quality) / "FLOW" / "bear_00000.jpg").stat().st_size)
    assert sizes[0] < sizes[1]


def test_live_input_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Camera(contextlib.nullcontext):
        live = True
        count = None

        def __enter__(self) -> "Camera":
            return self

    monkeypatch.setattr(batch, "open_source", lambda source: Camera())
    with pytest.raises(InputError, match="not of live input"):
        plan("0", tmp_path)


def test_all_that_can_be_decoded_of_a_cut_video_is_written_before_the_error(tmp_path: Path) -> None:
    path, out = make_cut_clip(tmp_path / "cut.mp4"), tmp_path / "out"
    written = []
    with pytest.raises(TruncatedError, match="of 40 frames"):
        written.extend(run(plan(str(path), out), MAKER, Look()))
    with open_source(path) as source:
        decoded = [frame.index for frame in source.read()]
        assert "of 40 frames" in str(source.damage)
    assert pictures(out) == [f"{index:05d}.jpg" for index in decoded]
    assert len(written) == len(decoded) < 40


def test_a_place_that_is_a_file(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="cannot be made"):
        list(run(plan(str(dataset), tmp_path / "out"), MAKER, Look()))
