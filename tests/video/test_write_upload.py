"""Results in a bucket."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from video_samples import make_video, run

from dpa.errors import InputError, OutputError
from dpa.storage import files, transfer
from dpa.video import kind_of, open_sink, open_source
from dpa.video.segmented import Segmented
from dpa.video.write import check_apart
from engine_samples import make_clip, truth
from s3_server import Fault

FRAMES = 4


@pytest.fixture(autouse=True)
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is written here on the way goes."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    yield
    assert list((tmp_path / "tmp").iterdir()) == []


def write(tmp_path: Path, output: str, frames: int = FRAMES, fail: bool = False, **options: object):
    with open_source(make_clip(tmp_path / "clip.mkv", frames)) as source:
        with open_sink(output, None, source, **options) as sink:
            for frame in source.frames():
                mask = truth(frame.index)
                sink.write(Segmented(frame, mask.astype(np.float32), mask))
                if fail:
                    raise RuntimeError
        return sink


def there(place: str = "s3://bucket") -> dict[str, bytes]:
    return {url.removeprefix("s3://bucket/"): files.read(url) for url in files.walked(place)}


@pytest.mark.parametrize("name", ["masks", "masks/", "o.mp4", "o.webm", "o.gif", "o.json"])
def test_as_here(s3, tmp_path: Path, name: str) -> None:
    write(tmp_path, f"s3://bucket/deep/{name}")
    write(tmp_path, str(tmp_path / "out" / name) + ("/" if name.endswith("/") else ""))
    here = {
        f"deep/{p.relative_to(tmp_path / 'out')}": p for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    made, found = {place: path.read_bytes() for place, path in here.items()}, there()
    if name == "o.webm":  # holds a random number
        made, found = ({place: len(data) for place, data in files.items()} for files in (made, found))
    assert made == found
    assert len(here) == (FRAMES if name.startswith("masks") else 1)


def test_names() -> None:
    assert kind_of("s3://bucket/x.webm") == "alpha"
    assert kind_of("s3://bucket/v1.2") == "mask"
    with pytest.raises(InputError, match=r"s3://bucket/x.mkv: .mkv cannot be written"):
        kind_of("s3://bucket/x.mkv")
    with pytest.raises(InputError, match="lies inside"):
        check_apart(["s3://bucket/a", "s3://bucket/a/b.mp4"])
    check_apart(["s3://bucket/a", "s3://other/a"])


def test_what_is_there_stays(s3, tmp_path: Path) -> None:
    for name in ("masks", "o.mp4"):
        write(tmp_path, f"s3://bucket/{name}")
        before = there()
        with pytest.raises(OutputError, match=f"s3://bucket/{name} exists already"):
            write(tmp_path, f"s3://bucket/{name}")
        assert there() == before
    files.write("s3://bucket/y.json/a", b"")
    with pytest.raises(OutputError, match="is a folder there"):
        write(tmp_path, "s3://bucket/y.json")
    for name in ("o.mp4", "masks"):
        with open_source(f"s3://bucket/{name}") as source, pytest.raises(OutputError, match="being read"):
            open_sink(f"s3://bucket/{name}", None, source, overwrite=True)
    with pytest.raises(OutputError, match="nothing can be written to https"):
        write(tmp_path, "https://host/o.mp4")


def test_overwritten_folders_hold_the_new_pictures_alone(s3, tmp_path: Path) -> None:
    write(tmp_path, "s3://bucket/masks", frames=6)
    write(tmp_path, "s3://bucket/masks", overwrite=True)
    assert sorted(there()) == [f"masks/{i:05d}.png" for i in range(FRAMES)]
    files.write("s3://bucket/masks/notes.txt", b"mine")
    with pytest.raises(OutputError, match=r"other things than masks, such as notes.txt"):
        write(tmp_path, "s3://bucket/masks", overwrite=True)


def test_a_folder_is_continued_at_its_first_missing_frame(s3, tmp_path: Path) -> None:
    write(tmp_path, "s3://bucket/masks")
    whole = there()
    for index in (2, 3):
        files.remove([f"s3://bucket/masks/{index:05d}.png"])
    s3.seen.clear()
    assert write(tmp_path, "s3://bucket/masks", resume=True).start == 2
    assert there() == whole
    assert s3.seen["PUT"] == 2
    assert write(tmp_path, "s3://bucket/masks", resume=True).start == FRAMES
    assert write(tmp_path, "s3://bucket/new", resume=True).start == 0
    with pytest.raises(InputError, match="is one file"):
        write(tmp_path, "s3://bucket/o.mp4", resume=True)


@pytest.mark.parametrize("name", ["masks", "o.mp4"])
def test_what_fails_leaves_nothing(s3, tmp_path: Path, name: str) -> None:
    with pytest.raises(RuntimeError):
        write(tmp_path, f"s3://bucket/{name}", fail=True)
    assert there() == {}
    s3.faults[:] = [Fault("500", "PUT", "00003.png", 1000), Fault("500", "PUT", ".mp4", 1000)]
    with pytest.raises(OutputError, match="the storage failed 4 times"):
        write(tmp_path, f"s3://bucket/{name}")
    assert there() == {}
    s3.faults[:] = [Fault("cut", "PUT", "00003.png", 2), Fault("500", "PUT", ".mp4", 2)]
    write(tmp_path, f"s3://bucket/{name}")
    assert there()


def test_what_was_sent_stays_for_who_resumes(s3, tmp_path: Path) -> None:
    s3.faults[:] = [Fault("500", "PUT", "00003.png", 1000)]
    with pytest.raises(OutputError):
        write(tmp_path, "s3://bucket/masks", resume=True)
    assert sorted(there()) == [f"masks/{i:05d}.png" for i in range(3)]
    s3.faults.clear()
    assert write(tmp_path, "s3://bucket/masks", resume=True).start == 3


def test_sound_comes_from_the_bucket(s3, tmp_path: Path) -> None:
    import av

    local = make_video(tmp_path / "in.mp4", 20, sound="aac")
    files.write("s3://bucket/in.mp4", local.read_bytes())
    with open_source("s3://bucket/in.mp4") as source, open_sink("s3://bucket/o.mp4", None, source) as sink:
        run(source, sink)
    assert sink.warnings == []
    transfer.fetch(["s3://bucket/o.mp4"], tmp_path)
    with av.open(str(tmp_path / "o.mp4")) as made:
        assert len(made.streams.audio) == 1
