"""What the words of a command stand for."""

import json
from pathlib import Path

import pytest

from dpa.batch.inputs import expand, is_many, read_manifest
from dpa.batch.manifest import read_list
from dpa.errors import InputError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree of empty files; nothing here opens a video."""
    for name in (
        "clips/b.mp4",
        "clips/a.mov",
        "clips/cover.jpg.txt",
        "clips/.hidden.mp4",
        "clips/deep/c.mkv",
        "clips/deep/cover.jpg",
        "clips/deep/frames/0.png",
        "clips/deep/frames/1.png",
        "clips/set/RGB/0.jpg",
        "frames/0.png",
        "frames/notes.txt",
        "results/a/0.png",
        "one.mp4",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*words: str, recursive: bool = False, leave_out: Path | None = None) -> dict[str, str]:
    return {video.source: video.place for video in expand(words, recursive, leave_out)}


@pytest.mark.parametrize(
    "word", ["one.mp4", "frames", "frames/*", "frames/%d.png", "0", "-", "rtsp://camera/1", "no.mp4", "no/*"]
)
def test_one_input_stays_one(place: Path, word: str) -> None:
    assert not is_many([word], False)


@pytest.mark.parametrize("word", ["clips", "clips/*.m*", "@list.txt", "manifest.csv", "clips/**/*.mkv"])
def test_several_in_one_word(place: Path, word: str) -> None:
    (place / "manifest.csv").touch()
    assert is_many([word], False)


def test_folders(place: Path) -> None:
    assert found("clips") == {"clips/a.mov": "a", "clips/b.mp4": "b"}
    assert found("frames", "one.mp4") == {"frames": "frames", "one.mp4": "one"}
    assert found("clips/set") == {"clips/set": "set"}
    # A cover beside a film is no video of one frame; a folder of frames is one video.
    assert found("clips", recursive=True) == {
        "clips/a.mov": "a",
        "clips/b.mp4": "b",
        "clips/deep/c.mkv": "deep/c",
        "clips/deep/frames": "deep/frames",
        "clips/set": "set",
    }


def test_results_are_not_looked_into(place: Path) -> None:
    assert "results/a" in found(".", recursive=True)
    assert "results/a" not in found(".", recursive=True, leave_out=place / "results")
    deep = {"clips/a.mov", "clips/b.mp4"}
    assert set(found("clips/**/*.m*", leave_out=place / "clips" / "deep")) == deep
    (place / "link").symlink_to("clips")
    assert set(found("link/**/*.m*", leave_out=Path("clips/deep"))) == {"link/a.mov", "link/b.mp4"}
    assert "clips/deep" not in found("clips/*", recursive=True, leave_out=Path("clips/deep/"))
    # Who asks for what lies in it gets it.
    for results in ("clips/deep", "clips", "."):
        assert set(found("clips/deep/*.mkv", leave_out=Path(results))) == {"clips/deep/c.mkv"}


def test_globs_keep_the_tree_below_their_first_pattern(place: Path) -> None:
    assert found("clips/*.mp4") == {"clips/b.mp4": "b"}
    assert found("clips/**/*.m*") == {"clips/a.mov": "a", "clips/b.mp4": "b", "clips/deep/c.mkv": "deep/c"}
    assert found("clips/*/fr*") == {"clips/deep/frames": "deep/frames"}
    assert found("frames/*.png", "one.mp4") == {"frames/*.png": "frames", "one.mp4": "one"}
    assert found("clips/*.avi", "one.mp4") == {"clips/*.avi": "clips", "one.mp4": "one"}


def test_what_is_not_there_is_left_to_who_opens_it(place: Path) -> None:
    assert found("no.mp4", "one.mp4") == {"no.mp4": "no", "one.mp4": "one"}
    long = "x" * 300
    assert found(f"{long}.mp4", "one.mp4")[f"{long}.mp4"] == long


def test_a_list(place: Path) -> None:
    (place / "list.txt").write_text("\ufeffone.mp4\n\n# not this one\nclips/*.mp4\nframes\n", "utf-8")
    assert list(found("@list.txt")) == ["one.mp4", "clips/b.mp4", "frames"]
    with pytest.raises(InputError, match=r"no\.txt cannot be read"):
        found("@no.txt")
    (place / "empty.txt").write_text("\n# one.mp4\n")
    with pytest.raises(InputError, match=r"empty\.txt names no inputs: give one on every line"):
        found("@empty.txt")


def test_frames_one_by_one_are_not_as_many_videos(place: Path) -> None:
    with pytest.raises(InputError, match="glob in quotes"):
        found("clips/deep/frames/0.png", "clips/deep/frames/1.png")
    with pytest.raises(InputError, match="give it alone"):
        found("one.mp4", "-")


def test_a_manifest(place: Path) -> None:
    rows = [
        {"input": "one.mp4", "output": "x/first.webm", "size": 256, "normalise": True, "flow_size": None},
        {"input": "frames", "kind": "soft", "smooth": 0},
    ]
    (place / "m.jsonl").write_text("\n\n".join(map(json.dumps, rows)))
    header = "input,output,kind,size,normalise,smooth,flow_size\n"
    (place / "m.csv").write_text(header + "one.mp4,x/first.webm,,256,true,,\nframes,,soft,,,0,\n")
    for name in ("m.jsonl", "m.csv"):
        first, second = read_manifest(place / name)
        assert (first.source, first.output, first.kind) == ("one.mp4", "x/first.webm", "")
        assert first.settings == {"size": 256, "normalise": True}
        assert (second.source, second.output, second.kind) == ("frames", "", "soft")
        assert second.settings == {"smooth": 0.0}


def test_a_row_has_its_quality(place: Path) -> None:
    (place / "m.csv").write_text("input,quality,every\na.mp4,best,\nb.mp4,fast,3\nc.mp4,,\n")
    settings = [video.settings for video in read_manifest(place / "m.csv")]
    assert settings == [
        {"model": "dpa-base", "every": 1, "target": "dinov2"},
        {"model": "dpa-mobile", "every": 3, "target": "auto"},
        {},
    ]


def test_a_table_as_people_write_it(place: Path) -> None:
    (place / "m.csv").write_text('input, kind, size\none.mp4, soft, 64\n"two\nlines.mp4",,\n')
    first, second = read_manifest(place / "m.csv")
    assert (first.source, first.kind, first.settings) == ("one.mp4", "soft", {"size": 64})
    assert second.source == "two\nlines.mp4"
    for name in ("a\u2028b.mp4", "a\x85b.mp4", "a\x1cb.mp4"):
        (place / "m.csv").write_text(f"input\n{name}\n", "utf-8")
        (place / "m.jsonl").write_text(json.dumps({"input": name}, ensure_ascii=False), "utf-8")
        (place / "l.txt").write_text(f"{name}\n", "utf-8")
        assert [video.source for m in ("m.csv", "m.jsonl") for video in read_manifest(place / m)] == [
            name
        ] * 2
        assert read_list(place / "l.txt") == [name]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        pytest.param(
            "m.csv", 'input\n"' + "a" * 200_000, "after line 1: not CSV", id="a quote that does not end"
        ),
        ("m.csv", "input,sise\na.mp4,3\n", "no column 'sise'; did you mean 'size'"),
        ("m.csv", "input,device\na.mp4,cpu\n", "no column 'device'"),
        ("m.csv", "input,size\na.mp4,big\n", "line 2: size is a whole number, not 'big'"),
        ("m.csv", "input,normalise\na.mp4,maybe\n", "line 2: normalise is true or false"),
        ("m.csv", "input,quality\na.mp4,better\n", "line 2: unknown quality 'better': choose fast"),
        ("m.csv", "input\na.mp4,b\n", "line 2: more values"),
        ("m.csv", "", r"m\.csv names no inputs: give"),
        ("m.csv", "input,size\n\n", r"m\.csv names no inputs: give"),
        ("m.jsonl", "\n", r"m\.jsonl names no inputs: give"),
        ("m.csv", "output\na.mp4\n", "line 2: nothing in the column input"),
        ("m.jsonl", '{"input": "a"}\n[1]\n', "line 2: not an object"),
        ("m.jsonl", "input\n", "line 1: not JSON"),
    ],
)
def test_a_manifest_that_is_none(place: Path, name: str, text: str, sentence: str) -> None:
    (place / name).write_text(text)
    with pytest.raises(InputError, match=sentence):
        list(read_manifest(place / name))
