"""The videos of data sets in the layouts that the public ones are unpacked into."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from video_samples import make_folder

from dpa.datasets import find_videos
from dpa.errors import InputError


def frames(folder: Path, *names: str) -> Path:
    """Files with the names of pictures: the search does not look inside."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or ("00000.jpg", "00001.jpg"):
        (folder / name).write_bytes(b"")
    return folder


def names(root: Path, split: str | None = None) -> list[str]:
    return [video.name for video in find_videos(root, split)]


def test_a_folder_for_each_sequence(tmp_path: Path) -> None:
    frames(tmp_path / "bear" / "RGB", "bear_00000.jpg", "bear_00001.jpg")
    frames(tmp_path / "bear" / "FLOW", "bear_00001.jpg", "else_00000.jpg")
    frames(tmp_path / "bear" / "GT", "bear_00000.png")
    frames(tmp_path / "cow" / "RGB", "2.jpg", "10.jpg", "1.jpg")
    (tmp_path / "cow" / "FLOW").mkdir()
    (tmp_path / "notes").mkdir()
    bear, cow = find_videos(tmp_path)
    assert (bear.name, cow.name) == ("bear", "cow")
    assert [path.name for path in bear.images] == ["bear_00000.jpg", "bear_00001.jpg"]
    assert bear.flows == (None, tmp_path / "bear" / "FLOW" / "bear_00001.jpg")
    assert [path.name for path in cow.images] == ["1.jpg", "2.jpg", "10.jpg"]
    assert cow.flows == (None, None, None)


def test_flat(tmp_path: Path) -> None:
    frames(tmp_path / "RGB", "bear_0.jpg", "bear_1.jpg", "cow_0.jpg")
    frames(tmp_path / "FLOW", "cow_0.jpg")
    assert names(tmp_path) == ["bear", "cow"]
    assert find_videos(tmp_path)[1].flows == (tmp_path / "FLOW" / "cow_0.jpg",)


def davis(root: Path) -> Path:
    for name in ("bear", "bike", "cow"):
        frames(root / "JPEGImages" / "480p" / name)
        frames(root / "JPEGImages" / "1080p" / name, "big.jpg")
        frames(root / "Annotations" / "480p" / name, "00000.png")
    return root


def test_davis(tmp_path: Path) -> None:
    assert names(davis(tmp_path)) == ["bear", "bike", "cow"]
    assert [path.name for path in find_videos(tmp_path)[0].images] == ["00000.jpg", "00001.jpg"]


def test_lists_of_davis_2016_and_2017(tmp_path: Path) -> None:
    sets = davis(tmp_path) / "ImageSets"
    lines = [
        f"/JPEGImages/480p/{n}/{i:05d}.jpg /Annotations/480p/{n}/{i:05d}.png" for n in "ab" for i in (0, 1)
    ]
    for folder in ("480p", "1080p"):
        frames(sets / folder)
        (sets / folder / "val.txt").write_text(
            "\n".join(lines).replace("/a/", "/bear/").replace("/b/", "/cow/")
        )
    assert names(tmp_path, "val") == ["bear", "cow"]
    for year, listed in (("2016", "bike\n\n"), ("2017", "cow\nbike\n")):
        (sets / year).mkdir()
        (sets / year / "train.txt").write_text(listed)
    assert names(tmp_path, "train") == ["bike"]
    assert names(tmp_path, "2017/train") == ["cow", "bike"]


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    root = davis(tmp_path / "set")
    (tmp_path / "mine.txt").write_text("cow\ngone\n")
    cow, gone = find_videos(root, str(tmp_path / "mine.txt"))
    assert (cow.name, cow.problem) == ("cow", "")
    assert gone.name == "gone"
    assert "mine.txt names it" in gone.problem


def test_long_videos_fbms_and_youtube_objects(tmp_path: Path) -> None:
    frames(tmp_path / "long" / "JPEGImages" / "rat")
    frames(tmp_path / "long" / "Annotations" / "rat", "00000.png")
    assert names(tmp_path / "long") == ["rat"]
    for name in ("camel01", "cats01"):
        frames(tmp_path / "fbms" / "Testset" / name, f"{name}_0001.jpg", f"{name}Def.dat")
        frames(tmp_path / "fbms" / "Testset" / name / "GroundTruth", f"{name}_0001_gt.png")
        frames(tmp_path / "fbms" / "Trainingset" / f"{name}x")
    assert names(tmp_path / "fbms") == ["camel01", "cats01"]
    assert len(find_videos(tmp_path / "fbms")[0].images) == 1
    for name in ("cat/0001", "cat/0002", "dog/0001"):
        frames(tmp_path / "plain" / name)
        frames(tmp_path / "deep" / name / "frames")
        frames(tmp_path / "deep" / name / "labels", "00000.png")
    assert names(tmp_path / "plain") == names(tmp_path / "deep") == ["cat/0001", "cat/0002", "dog/0001"]


def test_flow_inside_a_folder_of_frames(tmp_path: Path) -> None:
    folder = frames(tmp_path / "set" / "cow")
    flow = frames(folder / "FLOW", "00000.png")
    (video,) = find_videos(tmp_path / "set")
    assert video.flows == (flow / "00000.png", None)


def test_what_is_wrong_with_one_video_is_its_own(tmp_path: Path) -> None:
    frames(tmp_path / "bear" / "RGB")
    (tmp_path / "empty" / "RGB").mkdir(parents=True)
    frames(tmp_path / "twice" / "RGB", "1.jpg", "1.png")
    problems = {video.name: video.problem for video in find_videos(tmp_path)}
    assert problems["bear"] == ""
    assert "no pictures" in problems["empty"]
    assert "two pictures of one name" in problems["twice"]


@pytest.mark.parametrize(
    ("folder", "split", "sentence"),
    [
        ("gone", None, "gone: no such folder"),
        ("empty", None, "empty: no data set"),
        ("one", None, "use `dpa segment"),
        ("both", None, "would both be called cow"),
        ("set", "val", "--split val: neither a file nor a list"),
        ("lists", "val", "could be a/val, b/val"),
        ("set", "binary", "not a text file"),
    ],
)
def test_errors(tmp_path: Path, monkeypatch, folder: str, split: str | None, sentence: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    frames(tmp_path / "one")
    frames(tmp_path / "set" / "cow")
    frames(tmp_path / "both" / "cow" / "frames")
    frames(tmp_path / "both" / "cow" / "images")
    for name in ("a", "b"):
        (tmp_path / "lists" / "ImageSets" / name).mkdir(parents=True)
        (tmp_path / "lists" / "ImageSets" / name / "val.txt").write_text("cow")
    frames(tmp_path / "lists" / "cow")
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match=sentence):
        find_videos(Path(folder), split)


@given(numbers=st.sets(st.integers(0, 2000), min_size=1, max_size=8))
def test_frames_are_in_the_order_of_their_numbers(tmp_path_factory, numbers: set[int]) -> None:
    root = tmp_path_factory.mktemp("set")
    make_folder(root / "cow", [f"frame{n}.png" for n in numbers], size=(2, 2))
    (video,) = find_videos(root)
    assert [path.stem for path in video.images] == [f"frame{n}" for n in sorted(numbers)]
