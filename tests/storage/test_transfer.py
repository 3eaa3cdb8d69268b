"""Files on their way from a bucket, into it and inside it."""

from pathlib import Path

import pytest

from dpa.errors import InputError, OutputError
from dpa.storage import files, transfer
from s3_server import IMPATIENT, Fault

fsspec = pytest.importorskip("fsspec")

DATA = bytes(range(256)) * 40


def impatient(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "silent":
        monkeypatch.setitem(fsspec.config.conf, "s3", IMPATIENT)


@pytest.mark.parametrize("kind", ["500", "cut", "silent", "slow"])
def test_fetching_outlives_faults(s3, kind: str, tmp_path: Path, monkeypatch) -> None:
    impatient(kind, monkeypatch)
    for name in "abc":
        files.write(f"s3://bucket/{name}", DATA)
    s3.faults[:] = [Fault(kind, "GET", "/bucket/b", 2)]
    transfer.fetch([f"s3://bucket/{name}" for name in "abc"], tmp_path / "here")
    assert {path.name: path.read_bytes() for path in (tmp_path / "here").iterdir()} == dict.fromkeys(
        "abc", DATA
    )
    with pytest.raises(InputError, match="s3://bucket/no does not exist"):
        transfer.fetch(["s3://bucket/a", "s3://bucket/no"], tmp_path / "there")


@pytest.mark.parametrize("kind", ["500", "cut", "silent"])
def test_writing_outlives_faults(s3, kind: str, tmp_path: Path, monkeypatch) -> None:
    impatient(kind, monkeypatch)
    (tmp_path / "a").write_bytes(DATA)
    s3.faults[:] = [Fault(kind, "PUT", "/bucket/", 2)]
    done: list[str] = []
    transfer.upload([(tmp_path / "a", "s3://bucket/a")], done.append)
    assert done == ["s3://bucket/a"]
    assert s3.hit[kind] >= 1
    assert files.read("s3://bucket/a") == DATA


@pytest.mark.slow
def test_large_files_go_in_parts(s3, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(101 * 2**20)
        file.seek(60 * 2**20)
        file.write(DATA)
    s3.faults[:] = [Fault("cut", "PUT", "partNumber", 1), Fault("500", "PUT", "partNumber", 1)]
    transfer.upload([(large, "s3://bucket/large")])
    assert s3.hit == {"cut": 1, "500": 1}
    assert s3.seen["PUT"] > 3
    transfer.fetch(["s3://bucket/large"], tmp_path / "back")
    assert (tmp_path / "back" / "large").read_bytes() == large.read_bytes()


def test_a_short_upload_is_noticed(s3, tmp_path: Path, monkeypatch) -> None:
    system, _ = files.filesystem("s3://bucket/a")
    monkeypatch.setattr(system, "put_file", lambda file, path: system.pipe_file(path, b"x"))
    (tmp_path / "a").write_bytes(bytes(2**20 + 1))
    with pytest.raises(OutputError, match="1 of 1048577 bytes arrived"):
        transfer.upload([(tmp_path / "a", "s3://bucket/a")])


@pytest.mark.parametrize("place", ["here", "s3://bucket/there"])
def test_the_file_that_says_what_a_folder_is_goes_last(request, tmp_path: Path, place: str) -> None:
    if place.startswith("s3://"):
        request.getfixturevalue("s3")
    else:
        place = str(tmp_path / place)
        (tmp_path / "here" / "deep").mkdir(parents=True)
    for name in ("a", "deep/b", "last"):
        files.put(f"{place}/{name}", DATA)
    transfer.remove_tree(place, last="last")
    assert not files.exists(place)
    transfer.remove_tree(place, last="last")


def test_copies_stay_in_the_bucket(s3, tmp_path: Path) -> None:
    files.write("s3://bucket/a", DATA)
    transfer.copy({"s3://bucket/a": "s3://bucket/deep/b"})
    assert files.read("s3://bucket/deep/b") == DATA
    with pytest.raises(InputError, match="s3://bucket/no does not exist"):
        transfer.copy({"s3://bucket/no": "s3://bucket/c"})
