"""Files in a bucket: listed, fetched and written whole, also where the network fails."""

import os
import sys

import pytest

from dpa.errors import InputError, MissingExtra, OutputError
from dpa.storage import files
from s3_server import IMPATIENT, Fault

fsspec = pytest.importorskip("fsspec")

DATA = bytes(range(256)) * 40


def impatient(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "silent":
        monkeypatch.setitem(fsspec.config.conf, "s3", IMPATIENT)


def test_what_is_written_can_be_read_and_listed(s3) -> None:
    for name in ("a.txt", "deep/b.txt", "deep/er/c.txt"):
        files.write(f"s3://bucket/{name}", DATA)
    assert files.read("s3://bucket/deep/b.txt") == DATA
    assert files.listed("s3://bucket") == [("s3://bucket/a.txt", False), ("s3://bucket/deep", True)]
    assert files.listed("s3://bucket/nothing") == []
    assert files.listed("s3://bucket/a.txt") == []
    assert files.walked("s3://bucket/deep") == ["s3://bucket/deep/b.txt", "s3://bucket/deep/er/c.txt"]
    assert files.matches("s3://bucket/**/*.txt") == [
        ("s3://bucket/a.txt", False),
        ("s3://bucket/deep/b.txt", False),
        ("s3://bucket/deep/er/c.txt", False),
    ]
    kinds = {name: files.kind_at(f"s3://bucket/{name}") for name in ("a.txt", "deep", "deep/", "no")}
    assert kinds == {"a.txt": "file", "deep": "folder", "deep/": "folder", "no": None}


def test_changes_of_others_are_seen(s3) -> None:
    """No listing is remembered."""
    import s3fs

    other = s3fs.S3FileSystem(skip_instance_cache=True)
    assert files.listed("s3://bucket/x") == []
    other.pipe_file("bucket/x/a", b"1")
    assert files.kind_at("s3://bucket/x/a") == "file"
    assert len(files.listed("s3://bucket/x")) == 1
    other.rm_file("bucket/x/a")
    assert files.kind_at("s3://bucket/x/a") is None


@pytest.mark.parametrize("kind", ["500", "cut", "silent", "slow"])
def test_reading_outlives_faults(s3, kind: str, monkeypatch) -> None:
    impatient(kind, monkeypatch)
    files.write("s3://bucket/a", DATA)
    s3.faults[:] = [Fault(kind, "GET", "/bucket/a", 2)]
    assert files.read("s3://bucket/a") == DATA
    assert s3.hit[kind] >= 1


def test_what_fails_for_good_is_one_sentence(s3) -> None:
    s3.faults[:] = [Fault("500", method, "/bucket", 1000) for method in ("GET", "PUT", "HEAD")]
    with pytest.raises(InputError, match=r"s3://bucket/a cannot be read: the storage failed 4 times"):
        files.read("s3://bucket/a")
    with pytest.raises(OutputError, match=r"s3://bucket/a cannot be written: the storage failed 4 times"):
        files.write("s3://bucket/a", DATA)
    s3.faults.clear()
    with pytest.raises(InputError, match=r"s3://bucket/no does not exist"):
        files.read("s3://bucket/no")
    with pytest.raises(OutputError, match=r"no such bucket"):
        files.write("s3://nobodys/a", DATA)
    with pytest.raises(OutputError, match=r"nothing can be written to https"):
        files.put("https://host/a.json", DATA)
    with pytest.raises(InputError, match=r"there is no storage foo://"):
        files.read("foo://a")


@pytest.mark.parametrize("scheme", ["gs", "az", "abfs", "s3"])
def test_the_libraries_of_all_clouds_are_in_the_extra(scheme: str, monkeypatch) -> None:
    registry = sys.modules["fsspec.registry"]  # fsspec itself has another thing of that name
    assert registry.get_filesystem_class(scheme) is not None
    monkeypatch.setattr(registry, "get_filesystem_class", _gone)
    with pytest.raises(MissingExtra, match=r"pip install \"dpa-vos\[cloud\]\""):
        files.filesystem(f"{scheme}://bucket/a")


def test_a_cloud_that_nobody_has_signed_in_to(monkeypatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    with pytest.raises(InputError, match=r"az://container/a cannot be opened .*check the name and your cred"):
        files.filesystem("az://container/a")


def test_libraries_keep_their_tracebacks(capsys) -> None:
    import logging

    with pytest.raises(InputError):
        files.filesystem("az://container/a")
    logging.getLogger("adlfs").error("Traceback")
    assert capsys.readouterr().err == ""


def _gone(scheme: str) -> None:
    raise ImportError(f"Please install what reads {scheme}")
