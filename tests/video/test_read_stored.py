"""Videos and pictures in a bucket are read as those on this machine are."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from video_samples import make_folder, make_video, picture

from dpa.errors import InputError, TruncatedError
from dpa.storage import files, ranges
from dpa.video import open_source
from dpa.video.source import Source
from s3_server import Fault


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "BLOCK", 1024)


def send(file: Path, name: str = "") -> str:
    url = f"s3://bucket/deep/{name or file.name}"
    files.write(url, file.read_bytes())
    return url


def clip(tmp_path: Path, suffix: str = ".mp4", **options: object) -> Path:
    pictures = [picture(seed) for seed in range(20)]
    return make_video(tmp_path / f"clip{suffix}", pictures, options={"g": "5"}, **options)


def same(one: Source, other: Source) -> bool:
    pairs = zip(one.frames(), other.frames(), strict=True)
    return all(np.array_equal(a.image, b.image) and a.time == b.time for a, b in pairs)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".ts", ""])
def test_videos(s3, tmp_path: Path, suffix: str) -> None:
    local = clip(tmp_path, suffix or ".mkv")
    url = send(local, "clip" + suffix)
    with open_source(url) as source, open_source(local) as alone:
        assert (source.name, source.count, source.rate, source.size) == (
            "clip", alone.count, alone.rate, alone.size,
        )  # fmt: skip
        assert same(source, alone)
        for index in (17, 3, 19):
            ((here, _),), ((there, _),) = alone.pairs_at([index]), source.pairs_at([index])
            assert np.array_equal(here.image, there.image)
    assert s3.seen["GET"] < 8 + local.stat().st_size / 1024, "nothing came twice"


def test_faults_on_the_way(s3, tmp_path: Path) -> None:
    local = clip(tmp_path)
    url = send(local)
    s3.faults[:] = [Fault(kind, "GET", "clip.mp4", 1) for kind in ("500", "cut", "slow")]
    with open_source(url) as source, open_source(local) as alone:
        assert same(source, alone)
    assert s3.hit == {"500": 1, "cut": 1, "slow": 1}


@pytest.mark.parametrize("when", ["opened", "counted", "read"])
def test_a_storage_that_fails_is_no_damaged_video(s3, tmp_path: Path, when: str) -> None:
    url = send(clip(tmp_path, ".mkv"))
    away = [Fault("500", "GET", "clip.mkv", 1000)]
    if when == "opened":
        s3.faults[:] = away
        with pytest.raises(InputError, match="the storage failed 4 times"):
            open_source(url)
        return
    with open_source(url) as source:
        frames = source.frames() if when == "read" else (source.count for _ in range(1))
        if when == "read":
            next(frames)
            source.close()  # what is kept here would do
        s3.faults[:] = away
        with pytest.raises(InputError, match="the storage failed 4 times") as caught:
            list(frames)
    assert not isinstance(caught.value, TruncatedError)


def test_pictures(s3, tmp_path: Path) -> None:
    make_folder(tmp_path / "frames", ["f2.png", "f10.png", "f1.png"])
    for path in (tmp_path / "frames").iterdir():
        send(path, f"frames/{path.name}")
        send(path, f"dance/RGB/{path.name}")
    send(tmp_path / "frames" / "f1.png", "one.png")
    places = []
    with open_source(tmp_path / "frames") as alone:
        for url in ("deep/frames", "deep/frames/", "deep/frames/*.png", "deep/dance"):
            with open_source(f"s3://bucket/{url}") as source:
                assert (source.kind, source.count) == ("folder", 3)
                assert source.name == ("dance" if "dance" in url else "frames")
                assert [source.frame_name(i) for i in range(3)] == ["f1", "f2", "f10"]
                assert same(source, alone)
                assert source.fetched is not None
                places.append(Path(source.fetched.name))
    with open_source("s3://bucket/deep/one.png") as source:
        assert (source.kind, source.name, source.count) == ("image", "one", 1)
    assert not any(place.exists() for place in places)


def test_what_is_not_there(s3, tmp_path: Path) -> None:
    send(clip(tmp_path), "films/clip.mp4")
    files.write("s3://bucket/deep/broken.png", b"no picture")
    for name, sentence in {
        "deep/no.mp4": "s3://bucket/deep/no.mp4 does not exist",
        "deep/no": "s3://bucket/deep/no does not exist",
        "deep/films": "has no pictures in it",
        "deep/*.jpg": "matches no picture",
        "deep/broken.png": "broken.png",
    }.items():
        with pytest.raises(InputError, match=sentence.replace("*", r"\*")):
            open_source(f"s3://bucket/{name}")
    with pytest.raises(InputError, match=r"nobodys/a.mp4 does not exist"):
        open_source("s3://nobodys/a.mp4")


class Ranged(SimpleHTTPRequestHandler):
    """Gives parts of files, as web servers do and Python's own does not."""

    def do_GET(self) -> None:
        path, asked = Path(self.translate_path(self.path)), self.headers.get("Range")
        if asked is None or not path.exists():
            return super().do_GET()
        data = path.read_bytes()
        start, _, end = asked.removeprefix("bytes=").partition("-")
        part = data[int(start) : int(end or len(data)) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {start}-{int(start) + len(part) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(part)
        return None

    def end_headers(self) -> None:
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Whole(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def web(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), partial(request.param, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("web", "live"), [(Ranged, False), (Whole, True)], indirect=["web"])
def test_files_on_the_web_are_files_where_their_server_gives_parts(web: str, live: bool, tmp_path) -> None:
    pytest.importorskip("aiohttp")
    local = clip(tmp_path)
    with open_source(f"{web}/clip.mp4?token=x") as source, open_source(local) as alone:
        assert (source.live, source.name) == (live, "clip")
        assert same(source, alone)
    with pytest.raises(InputError):
        open_source(f"{web}/no.mp4")
