"""Which source a name stands for, and what outputs of it are called."""

import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from video_samples import make_folder, make_video

from dpa.errors import InputError
from dpa.storage.ranges import NoParts
from dpa.video import RawVideo, open_source, read
from dpa.video.read import VIDEO_SUFFIXES, _url_name


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://host/a/clip.mp4", "clip"),
        ("http://host/a/clip.tar.mp4?x=1.5#t", "clip.tar"),
        ("rtsp://host:554/live/", "live"),
        ("http://host/a%20b(1).ts", "a_20b_1_"),
        ("udp://@:1234", "__1234"),
        ("http://host/.mp4", "stream"),
    ],
)
def test_names_of_streams(url: str, name: str) -> None:
    assert _url_name(url) == name


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What sources are made with, instead of making them."""
    made: list[tuple[Any, ...]] = []

    def stands_for(kind: str) -> Any:
        return lambda *args, **options: made.append((kind, *args, options)) or SimpleNamespace(url="")

    for name in ("LiveSource", "FileSource", "ImageSource", "AnimationSource", "open_camera"):
        monkeypatch.setattr(read, name, stands_for(name))
    monkeypatch.setattr(read, "Stored", lambda url: f"stored {url}")
    return made


def test_streams_are_not_waited_for_for_ever(asked: list) -> None:
    open_source("rtsp://host/a", threads=3, alpha=False)
    open_source("udp://host:1")
    assert asked == [
        (
            "LiveSource", "rtsp://host/a", "rtsp://host/a", "a", 3, False,
            {"timeout": 30.0, "options": {"rtsp_transport": "tcp"}},
        ),
        ("LiveSource", "udp://host:1", "udp://host:1", "host_1", 0, True, {"timeout": 30.0, "options": {}}),
    ]  # fmt: skip


def test_videos_of_web_servers_are_read_in_parts_where_these_can(
    asked: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_source("https://host/a.mp4", threads=2, hdr=True)
    open_source("https://host/a")
    assert [one[:2] for one in asked] == [
        ("FileSource", "stored https://host/a.mp4"),
        ("LiveSource", "https://host/a"),
    ]
    assert asked[0][2:] == (2, True, {"hdr": True})

    def refuses(_: str) -> None:
        raise NoParts("no")

    monkeypatch.setattr(read, "Stored", refuses)
    open_source("https://host/a.mp4")
    assert asked[-1][:2] == ("LiveSource", "https://host/a.mp4")


@pytest.mark.parametrize("source", ["0", "12", "/dev/video3", "video=Cam"])
def test_cameras(asked: list, source: str) -> None:
    open_source(source, threads=4)
    assert asked == [("open_camera", source, 4, {})]


def test_a_folder_may_be_called_by_a_number(
    asked: list, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(tmp_path / "7", ["0.png"])
    monkeypatch.chdir(tmp_path)
    open_source("7")
    assert asked[0][0] == "ImageSource"


def test_what_files_are_opened_with(asked: list, tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 1)
    open_source(path, threads=3, alpha=False, hdr=True)
    assert asked.pop() == ("FileSource", path, 3, False, {"hdr": True})
    folder = make_folder(tmp_path / "in", ["a1.png", "a10.png", "a2.png", "b.png"])
    open_source(folder, rate=Fraction(5), alpha=False)
    assert asked.pop()[2:] == ("in", 5, {"unique": True, "alpha": False})
    open_source(folder / "b.png", rate=Fraction(5), alpha=False)
    assert asked.pop() == ("ImageSource", [folder / "b.png"], "b", 5, {"alpha": False})
    open_source(f"{folder}/a%d.png", rate=Fraction(5))
    numbered = [folder / name for name in ("a1.png", "a2.png", "a10.png")]
    assert asked.pop() == ("ImageSource", numbered, "in", 5, {"alpha": True})
    open_source(f"{folder}/a[12]*.png")
    assert asked.pop()[1] == numbered
    open_source([str(folder / "b.png"), folder / "a1.png"], rate=Fraction(2))
    assert asked.pop() == ("ImageSource", [folder / "b.png", folder / "a1.png"], "in", 2, {"alpha": True})


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("f%d.png", ["f1.png", "f2.png", "f0010.png"]),
        ("f%04d.png", ["f1.png", "f2.png", "f0010.png"]),
        ("%d_%d.png", ["1_2.png"]),
        ("f.%d.png", []),
    ],
)
def test_patterns_of_numbers(asked: list, tmp_path: Path, pattern: str, found: list[str]) -> None:
    make_folder(
        tmp_path / "in", ["f1.png", "f2.png", "f0010.png", "f1x.png", "xf1.png", "1_2.png", "f-1.png"]
    )
    (tmp_path / "in" / "f3.png").mkdir()
    if found:
        open_source(tmp_path / "in" / pattern)
        assert [path.name for path in asked[0][1]] == found
    else:
        with pytest.raises(InputError, match=r"%d\.png matches no picture"):
            open_source(tmp_path / "in" / pattern)


def test_what_is_not_there(tmp_path: Path) -> None:
    for name, words in (
        ("gone.mp4", "does not exist"),
        ("gone/%d.png", "does not exist"),
        ("%d.x", "matches no"),
    ):
        with pytest.raises(InputError, match=words):
            open_source(tmp_path / name)
    with pytest.raises(InputError, match=r"^a{40}\.\.\. is too long for the name of a file"):
        open_source("a" * 5000)


def test_frames_without_a_header_say_how_to_give_them(tmp_path: Path) -> None:
    for suffix in (".yuv", ".RGB", ".raw", ".nv12", ".i420"):
        (tmp_path / f"a{suffix}").write_bytes(bytes(500))
        with pytest.raises(InputError, match=rf"--raw WIDTHxHEIGHT:PIXEL_FORMAT:RATE < a\{suffix}"):
            open_source(tmp_path / f"a{suffix}")
    (tmp_path / "a.dat").write_bytes(bytes(500))
    with pytest.raises(InputError, match=r"a\.dat is not a video that FFmpeg can read"):
        open_source(tmp_path / "a.dat")


def test_a_folder_of_videos_names_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("b.mp4", "a.MOV", "a.txt"):
        (folder / name).touch()
    with pytest.raises(InputError, match=r"in has no pictures in it: give one of its videos, .*in/a\.MOV"):
        open_source(folder)


def test_what_counts_as_a_video() -> None:
    assert {".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".gif", ".3gp"} <= VIDEO_SUFFIXES
    assert not {".png", ".json", ""} & VIDEO_SUFFIXES


def test_standard_input_that_is_an_mp4_with_a_late_index_is_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    path = make_video(tmp_path / "a.mp4", 4)
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=file))
        with open_source("-") as source:
            assert (source.kind, source.count, source.name) == ("video", 4, "stdin")
            assert len(list((tmp_path / "tmp").iterdir())) == 1
        assert not list((tmp_path / "tmp").iterdir())
        assert not file.closed


def test_raw_frames_are_opened_as_they_are_said_to_be(asked: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=sys.stdin))
    raw = RawVideo(4, 2, "rgb24", Fraction(10))
    open_source("-", raw=raw, threads=2, alpha=False)
    ((kind, pipe, label, name, threads, alpha, options),) = asked
    assert (kind, label, name, threads, alpha) == ("LiveSource", "standard input", "stdin", 2, False)
    assert options == {"format": "rawvideo", "options": raw.options()}
    assert pipe.name == "standard input"
