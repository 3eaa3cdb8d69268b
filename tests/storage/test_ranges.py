"""Files of a bucket, read by ranges."""

import io
import os

import pytest

from dpa.errors import InputError
from dpa.storage import files, ranges
from dpa.storage.ranges import Stored
from s3_server import IMPATIENT, Fault

fsspec = pytest.importorskip("fsspec")

DATA = os.urandom(10_000)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "BLOCK", 1000)


@pytest.fixture
def stored(s3) -> Stored:
    files.write("s3://bucket/deep/a.bin", DATA)
    s3.seen.clear()
    return Stored("s3://bucket/deep/a.bin")


def whole(stored: Stored) -> bytes:
    file, parts = stored.open(), []
    while part := file.read(700):
        parts.append(part)
    return b"".join(parts)


def test_any_place_can_be_read_and_comes_once(s3, stored) -> None:
    assert (stored.size, stored.name, stored.stem, stored.suffix) == (10_000, "a.bin", "a", ".bin")
    file = stored.open()
    assert (file.seek(-10, os.SEEK_END), file.read(100)) == (9990, DATA[-10:])
    assert (file.seek(2500), file.read(100), file.tell()) == (2500, DATA[2500:2600], 2600)
    assert (file.seek(-100, os.SEEK_CUR), file.read(10_000)) == (2500, DATA[2500:3000])
    assert s3.seen["GET"] == 2, "a block each"
    assert whole(stored) == whole(stored) == DATA
    assert s3.seen["GET"] == 10
    stored.close()
    assert whole(stored) == DATA


def test_another_content_is_another_version(s3, stored) -> None:
    assert Stored(stored.url).version == stored.version
    files.write(stored.url, DATA[::-1])
    assert Stored(stored.url).version != stored.version


def test_what_is_kept_here_is_bounded(s3, stored, monkeypatch) -> None:
    monkeypatch.setattr(ranges, "_KEPT", 3000)
    assert whole(stored) == whole(stored) == DATA
    assert stored._file is not None
    assert os.fstat(stored._file.fileno()).st_size == 3000


def test_a_full_disk_costs_time_only(s3, stored, monkeypatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    assert whole(stored) == DATA


class Filling(io.FileIO):
    """A file on a disk that has so much room; systems write what still fits, and say that it was less."""

    def __init__(self, room: int, fails: int = -1) -> None:
        super().__init__(os.memfd_create("full"), "r+")
        self._room, self._fails = room, fails

    def write(self, data: bytes) -> int:
        self._fails -= 1
        fitting = data[: max(0, self._room - self.tell())]
        if not fitting or self._fails == 0:
            raise OSError(28, "No space left on device")
        return super().write(fitting)


def test_a_disk_that_becomes_full_tears_no_block(s3, stored, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Filling(2500))
    assert whole(stored) == whole(stored) == DATA


def test_a_block_that_makes_room_for_none_gives_it_to_none(s3, stored, monkeypatch) -> None:
    monkeypatch.setattr(ranges, "_KEPT", 3000)
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Filling(3000, fails=4))
    for number in (0, 1, 2, 3, 4, 2, 1):
        assert stored.block(number) == DATA[number * 1000 : (number + 1) * 1000]


@pytest.mark.parametrize("kind", ["500", "cut", "slow", "silent"])
def test_faults_between(s3, kind: str, monkeypatch) -> None:
    files.write("s3://bucket/deep/a.bin", DATA)
    if kind == "silent":
        monkeypatch.setitem(fsspec.config.conf, "s3", IMPATIENT)
    stored = Stored("s3://bucket/deep/a.bin")
    s3.faults[:] = [Fault(kind, "GET", "a.bin", 2)]
    assert whole(stored) == DATA
    assert s3.hit[kind]
    assert stored.failure is None


def test_a_storage_that_stays_away_is_not_the_end_of_the_file(s3, stored) -> None:
    file = stored.open()
    assert file.read(10) == DATA[:10]
    s3.faults[:] = [Fault("500", "GET", "a.bin", 1000)]
    file.seek(5000)
    with pytest.raises(InputError, match="the storage failed 4 times"):
        file.read(10)
    assert isinstance(file.failure, InputError)
    s3.faults.clear()
    files.remove(["s3://bucket/deep/a.bin"])
    with pytest.raises(InputError, match="has gone while it was read"):
        Stored.block(stored, 7)
    with pytest.raises(InputError, match="does not exist"):
        Stored("s3://bucket/deep/a.bin")
    files.write("s3://bucket/deep/b.bin", DATA)
    with pytest.raises(InputError, match="is a folder, not a file"):
        Stored("s3://bucket/deep")
