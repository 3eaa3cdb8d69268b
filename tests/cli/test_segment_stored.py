"""`dpa segment` from a bucket into a bucket."""

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest

from dpa.storage import files
from engine_samples import FakeBackend, make_clip
from s3_server import Fault

ALONE = ("--jobs", "1")


@pytest.fixture
def bucket(s3, place: Path, backend: FakeBackend) -> Path:
    """clip.mkv and deep/b.mkv, here and in the bucket."""
    make_clip(place / "b.mkv", 4)
    files.write("s3://bucket/clip.mkv", (place / "clip.mkv").read_bytes())
    files.write("s3://bucket/deep/b.mkv", (place / "b.mkv").read_bytes())
    (place / "tmp").mkdir()
    return place


@pytest.fixture(autouse=True)
def nothing_left(bucket: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(bucket / "tmp"))
    yield
    assert list((bucket / "tmp").iterdir()) == []


def there(place: str) -> dict[str, bytes]:
    return {url.removeprefix(f"{place}/"): files.read(url) for url in files.walked(place)}


def here(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_one_input(command, bucket) -> None:
    words = ("-o", "s3://bucket/o", "--kind", "soft", "--kind", "coco", "--json", "s3://bucket/run.json")
    code, _, err = command("segment", "s3://bucket/clip.mkv", *words)
    assert code == 0, err
    assert "s3://bucket/o/soft, s3://bucket/o/coco.json: 7 frames" in err
    assert command("segment", "clip.mkv", "-o", "o", "--kind", "soft", "--kind", "coco")[0] == 0
    assert there("s3://bucket/o") == here(bucket / "o")
    summary = json.loads(files.read("s3://bucket/run.json"))
    assert (summary["source"], summary["frames"]) == ("s3://bucket/clip.mkv", 7)
    code, _, err = command("segment", "s3://bucket/clip.mkv", *words)
    assert (code, "s3://bucket/run.json exists already" in err) == (1, True)
    code, _, err = command("segment", "s3://bucket/clip.mkv", *words[:6])
    assert (code, "s3://bucket/o/soft exists already" in err) == (1, True)
    code, _, err = command("segment", "s3://bucket/clip.mkv", "--kind", "alpha")
    assert code == 0, err
    assert (bucket / "clip_alpha.webm").exists(), "named here, with no output"


def test_a_folder_is_resumed(command, bucket) -> None:
    words = ("segment", "s3://bucket/clip.mkv", "-o", "s3://bucket/o")
    assert command(*words)[0] == 0
    whole = there("s3://bucket/o")
    files.remove([f"s3://bucket/o/{index:05d}.png" for index in (4, 5, 6)])
    assert "use --overwrite or --resume" in command(*words)[2]
    code, _, err = command(*words, "--resume")
    assert (code, "3 frames" in err) == (0, True)
    assert there("s3://bucket/o") == whole
    assert "all frames were there already" in command(*words, "--resume")[2]


def test_many(command, bucket, s3) -> None:
    s3.faults[:] = [Fault("500", "GET", ".mkv", 2), Fault("cut", "PUT", ".png", 2)]
    words = ("segment", "s3://bucket", "--recursive", "-o", "s3://bucket/out", *ALONE)
    code, _, err = command(*words)
    assert code == 0, err
    assert "videos: 2 written, 0 kept, 0 not whole; s3://bucket/out/report.csv has a row for each" in err
    made = there("s3://bucket/out")
    report = list(csv.DictReader(io.StringIO(made.pop("report.csv").decode())))
    assert {row["name"]: (row["state"], row["frames"]) for row in report} == {
        "clip": ("done", "7"),
        "deep/b": ("done", "4"),
    }
    assert report[0]["input"] == "s3://bucket/clip.mkv"
    assert command("segment", "clip.mkv", "b.mkv", "-o", "out", *ALONE)[0] == 0
    assert {place.removeprefix("deep/"): data for place, data in made.items()} == {
        place: data for place, data in here(bucket / "out").items() if place != "report.csv"
    }
    s3.seen.clear()
    code, _, err = command(*words)
    assert (code, err) == (0, "nothing to do: all 2 results are in s3://bucket/out already\n")
    assert s3.seen["PUT"] == 1, "the report"


def test_a_failing_video_does_not_stop_the_others(command, bucket, s3) -> None:
    files.write("s3://bucket/list.txt", b"s3://bucket/no.mkv\ns3://bucket/clip.mkv\ns3://bucket/deep/b.mkv\n")
    s3.faults[:] = [Fault("500", "GET", "b.mkv", 1000)]
    code, out, _ = command("segment", "@s3://bucket/list.txt", "-o", "s3://bucket/out", "--json", "-", *ALONE)
    assert code == 1
    problems = {row["name"]: row["problem"] for row in json.loads(out)}
    assert problems["no"] == "s3://bucket/no.mkv does not exist"
    assert problems["clip"] == ""
    assert "b.mkv cannot be read: the storage failed 4 times" in problems["b"]
    assert sorted(there("s3://bucket/out")) == [*(f"clip/{i:05d}.png" for i in range(7)), "report.csv"]
    s3.faults.clear()
    assert (
        "1 written, 1 kept, 1 not whole"
        in command("segment", "@s3://bucket/list.txt", "-o", "s3://bucket/out", *ALONE)[2]
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("s3://bucket/no.mkv", "-o", "s3://bucket/o"), "s3://bucket/no.mkv does not exist"),
        (("s3://bucket/clip.mkv", "-o", "https://host/o"), "nothing can be written to https"),
        (("s3://bucket/clip.mkv", "-o", "s3://nobodys/o"), "there is no such bucket"),
        (("s3://bucket/clip.mkv", "-o", "s3://bucket/clip.mkv"), ".mkv cannot be written"),
        (("s3://bucket/clip.mkv", "-o", "o", "--json", "https://host/x"), "nothing can be written to https"),
        (("s3://bucket", "clip.mkv", "-o", "https://host/o"), "nothing can be written to https"),
        (("s3://bucket", "clip.mkv", "-o", "s3://bucket/x.mp4"), "give it with -o"),
        (("@s3://bucket/no.txt", "-o", "s3://bucket/o"), "s3://bucket/no.txt does not exist"),
        (("foo://bucket/a.mp4", "-o", "o"), "there is no storage foo://"),
    ],
)
def test_wrong_use_is_one_sentence(command, bucket, words, sentence) -> None:
    code, out, err = command("segment", *words)
    assert (code, out) == (1, "")
    assert sentence in err
    assert len([line for line in err.splitlines() if line.startswith("dpa: ")]) == 1
    assert not (bucket / "o").exists()


def test_without_the_extra(command, bucket, monkeypatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "fsspec"]:
        monkeypatch.setitem(sys.modules, name, None)
    code, _, err = command("segment", "s3://bucket/clip.mkv")
    assert (code, err) == (
        1,
        'dpa: s3:// needs more than the base installation: pip install "dpa-vos[cloud]"\n',
    )
