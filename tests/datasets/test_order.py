"""Every verb reads a sequence's frames in the same order and calls it by the same name."""

from pathlib import Path

import pytest
from video_samples import make_folder

from dpa.datasets import find_sequences, find_stills, find_videos
from dpa.datasets.naming import by_sequence, split_name
from dpa.evaluate.pairs import find_pairs
from dpa.evaluate.protocols import find_protocol
from dpa.prepare.flow_batch import plan
from dpa.video import open_source

NUMBERS = (1, 2, 9, 10, 11)
WANTED = [f"frame{number}" for number in NUMBERS]
EVERY = find_protocol("davis17-unsupervised-merged")


@pytest.fixture(params=["surf/{}", "{}"], ids=["sequence", "flat"])
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A data set with one sequence, in either layout, called surf in both."""
    for kind in ("RGB", "GT"):
        names = [f"frame{number}.png" for number in reversed(NUMBERS)]
        make_folder(tmp_path / "surf" / request.param.format(kind), names, size=(2, 2))
    return tmp_path / "surf"


def stems(paths) -> list[str]:
    return [path.stem for path in paths]


def test_every_verb_reads_the_frames_in_natural_order(place: Path) -> None:
    (sequence,) = find_sequences(place, masks=True)
    assert (sequence.name, stems(sequence.images), stems(sequence.masks)) == ("surf", WANTED, WANTED)
    (video,) = find_videos(place)
    assert (video.name, stems(video.images)) == ("surf", WANTED)
    (job,) = plan(str(place), place)
    assert (list(job.names), stems(job.source)) == (WANTED, WANTED)
    (pairs,) = find_pairs(place, place, EVERY)
    assert (pairs.name, [pair.name for pair in pairs.pairs]) == ("surf", WANTED)
    with open_source(place if (place / "RGB").is_dir() else place / "surf") as source:
        assert [source.frame_name(index) for index in range(len(NUMBERS))] == WANTED


def test_stills_and_sequences_are_in_natural_order(tmp_path: Path) -> None:
    for kind in ("RGB", "GT"):
        make_folder(tmp_path / "stills" / kind, ["a10.png", "a9.png"], size=(2, 2))
        make_folder(tmp_path / "flat" / kind, ["cat10_0.png", "cat9_0.png"], size=(2, 2))
        for name in ("cat10", "cat9"):
            make_folder(tmp_path / "set" / name / kind, ["0.png"], size=(2, 2))
    assert [image.stem for image, _ in find_stills(tmp_path / "stills")] == ["a9", "a10"]
    for name in ("flat", "set"):
        root = tmp_path / name
        found = [find_sequences(root), find_videos(root), find_pairs(root, root, EVERY)]
        assert [[one.name for one in some] for some in found] == [["cat9", "cat10"]] * 3


def test_masks_of_a_flat_data_set_with_one_video_are_paired_with_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "set" / "RGB", ["bear_0.png"], size=(2, 2))
    make_folder(tmp_path / "set" / "GT", ["bear_0.png"], size=(2, 2))
    (video,) = find_videos(tmp_path / "set")
    make_folder(tmp_path / "binary" / video.name, ["bear_0.png"], size=(2, 2))
    (pairs,) = find_pairs(tmp_path / "binary", tmp_path / "set", EVERY)
    assert pairs.name == "bear"


def test_names_without_a_group_are_one_sequence() -> None:
    stems = ["frame1", "bear_0", "00000", "frame2", "2010_5", "bear_", "_7"]
    assert by_sequence(stems, "set") == {
        "set": ["frame1", "00000", "frame2", "bear_", "_7"],
        "bear": ["bear_0"],
        "2010": ["2010_5"],
    }
    assert split_name("dog_2_٣") == ("dog_2_٣", -1)
