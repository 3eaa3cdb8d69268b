"""Flow of prepared videos."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from archive_samples import SMALL, davis2017, names, save, scene, square, video, ytvos
from fbms_samples import fbms

from dpa.datasets.layout import find_sequences
from dpa.errors import OutputError
from dpa.flow.colour import flow_to_image
from dpa.flow.pictures import Look, make_recipe
from dpa.flow.stream import pair_flow
from dpa.prepare.flow import claim_flow, count_flow, write_flow
from dpa.prepare.flow_batch import Maker
from dpa.prepare.plan import plan, write
from dpa.prepare.records import Options

MAKER = Maker("dis-fast", "cpu", None)


def with_flow(dataset: str, source: Path, target: Path, look: Look | None = None, **options: object) -> int:
    """Prepare in this process; how many flow pictures were written."""
    look = look or Look()
    work = plan(dataset, source, target, Options(**options))
    list(write(work))
    written = 0
    for part in work.parts:
        claim_flow(target / part.name, make_recipe(MAKER(), look), overwrite=False)
        written += sum(write_flow(part, target, MAKER, look, 1))
    return written


def assert_flow(
    picture: Path, image: np.ndarray, after: np.ndarray | None, before: np.ndarray | None
) -> None:
    written = cv2.imread(str(picture))[..., ::-1]
    expected = flow_to_image(pair_flow(MAKER(), image, after, before))
    assert np.abs(written.astype(int) - expected).mean() < 3


def read(path: Path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


def test_all_frames(tmp_path: Path) -> None:
    target = tmp_path / "target"
    assert with_flow("davis", davis2017(tmp_path / "source"), target) == 4
    (bear,) = find_sequences(target / "DAVIS_train", masks=True, flows=True)
    (dance,) = find_sequences(target / "DAVIS_test", masks=True, flows=True)
    assert dance.flows[0] == target / "DAVIS_test" / "dance-twirl" / "FLOW" / "dance-twirl_00000.jpg"
    first, second = (read(path) for path in bear.images)
    assert_flow(bear.flows[0], first, second, None)
    assert json.loads((target / "DAVIS_train" / "flow.json").read_text())["preset"] == "fast"


def test_annotated_frames_have_the_flow_to_the_true_next_frame(tmp_path: Path) -> None:
    source, target = fbms(tmp_path / "source", step=2), tmp_path / "target"
    assert with_flow("fbms", source, target) == 7
    cars, _ = find_sequences(target / "FBMS_train", masks=True, flows=True)
    frames = [read(source / "Trainingset" / "cars2" / f"cars2_{n:02d}.jpg") for n in range(1, 6)]
    assert_flow(cars.flows[0], frames[0], frames[1], None)
    assert_flow(cars.flows[1], frames[4], None, frames[3])
    with pytest.raises(AssertionError):
        assert_flow(cars.flows[0], frames[0], frames[4], None)
    assert count_flow(target / "FBMS_train") == (3, 3)


def test_ytvos_with_all_frames(tmp_path: Path) -> None:
    source, target = ytvos(tmp_path / "source", SMALL), tmp_path / "target"
    every = source / "train_all_frames" / "JPEGImages" / "003234408d"
    for index in range(12):
        # Between the annotated frames it moves backwards.
        save(every / f"{index:05d}.jpg", scene(index if index % 5 == 0 else 12 - index, SMALL))
    assert with_flow("ytvos", source, target) == 6
    _, first = find_sequences(target / "YTVOS_train", masks=True, flows=True)
    assert_flow(first.flows[1], read(first.images[1]), read(every / "00006.jpg"), None)


def test_annotated_frames_of_a_video_file(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    video(source / "videos" / "clip.mp4")
    for index in (2, 5):
        save(source / "masks" / "clip" / f"{index}.png", square(index, SMALL))
    assert with_flow("folder", source, target, frames="annotated") == 2
    assert with_flow("folder", source, target, frames="annotated") == 0
    (clip,) = find_sequences(target, masks=True, flows=True)
    for flow, index in zip(clip.flows, (2, 5), strict=True):
        shown = read(flow)[square(index, SMALL)].astype(int).mean(axis=0)
        assert shown[0] > max(shown[1:]) + 60, "to the right is red on the wheel, in the last frame too"


@pytest.mark.parametrize("dataset", ["davis", "fbms"])
def test_a_run_goes_on_where_it_stopped(tmp_path: Path, dataset: str) -> None:
    source = {"davis": davis2017, "fbms": fbms}[dataset](tmp_path / "source")
    target = tmp_path / "target"
    with_flow(dataset, source, target)
    gone = sorted(target.rglob("FLOW/*.jpg"))[::2]
    before = {path: path.read_bytes() for path in gone}
    for path in gone:
        path.unlink()
    assert with_flow(dataset, source, target) == len(gone)
    assert {path: path.read_bytes() for path in gone} == before


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    source, target = fbms(tmp_path / "source"), tmp_path / "target"
    with_flow("fbms", source, target)
    with pytest.raises(OutputError, match="size: None there, 64 now"):
        with_flow("fbms", source, target, Look(size=64))


def test_a_frame_that_cannot_be_read_is_stepped_over(tmp_path: Path) -> None:
    source, target = fbms(tmp_path / "source", step=2), tmp_path / "target"
    folder = source / "Trainingset" / "cars2"
    (folder / "cars2_02.jpg").write_text("damaged")
    (folder / "cars2_05.jpg").write_text("damaged")
    assert with_flow("fbms", source, target) == 6
    assert names(target / "FBMS_train" / "FLOW") == ["cars2_00001.jpg", "cars_10_00001.jpg"]
    first, third = (read(folder / f"cars2_{number:02d}.jpg") for number in (1, 3))
    assert_flow(target / "FBMS_train" / "FLOW" / "cars2_00001.jpg", first, third, None)
