"""Bytes that come once: given as they arrive, looked at ahead, saved where they must be."""

import errno
import io
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.errors import InputError
from dpa.video import pipe as pipe_module
from dpa.video.pipe import Pipe, has_late_index, open_named, spool


class Slow(io.RawIOBase):
    """Gives at most three bytes at once, and has no descriptor."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)
        self.asked: list[int] = []

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self.asked.append(size)
        return self._data.read(min(size, 3))


def of(data: bytes) -> Pipe:
    return Pipe(io.BytesIO(data), "here")


@contextmanager
def system_pipe() -> Iterator[tuple[Pipe, int]]:
    out, into = os.pipe()
    with os.fdopen(out, "rb", buffering=0) as file:
        yield Pipe(file, "here"), into
    with suppress(OSError):
        os.close(into)


@given(st.binary(max_size=40), st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=12))
def test_what_was_looked_at_comes_again(data: bytes, steps: list[tuple[bool, int]]) -> None:
    pipe, got = Pipe(Slow(data), "here"), b""  # type: ignore[arg-type]
    for peek, size in steps:
        if peek:
            assert pipe.peek(size) == data[len(got) : len(got) + size]
        else:
            part = pipe.read(size)
            assert 0 < len(part) <= size or len(got) == len(data)
            got += part
    while part := pipe.read(7):
        got += part
    assert got == data


def test_a_read_gives_what_has_arrived() -> None:
    with system_pipe() as (pipe, into):
        os.write(into, b"abc")
        assert pipe.read(100) == b"abc"
        os.close(into)
        assert pipe.read(100) == b""


def test_a_read_asks_for_no_more_than_is_wanted() -> None:
    file = Slow(b"abcdef")
    assert Pipe(file, "here").read(2) == b"ab"  # type: ignore[arg-type]
    assert file.asked == [2]


def test_a_read_that_waits_ends_when_nobody_wants_it() -> None:
    with system_pipe() as (pipe, _):
        got: list[bytes] = []
        reader = threading.Thread(target=lambda: got.append(pipe.read(1)))
        reader.start()
        reader.join(0.05)
        assert reader.is_alive(), "it waits"
        pipe.stopped = True
        reader.join(60)
        assert got == [b""]


def test_nothing_is_read_once_it_is_stopped() -> None:
    pipe = of(b"abc")
    assert not pipe.stopped
    pipe.stopped = True
    assert pipe.read(3) == b""


@pytest.mark.parametrize("owned", [False, True])
def test_only_what_is_owned_is_closed(owned: bool) -> None:
    file = io.BytesIO()
    Pipe(file, "here", owned).close()
    assert file.closed == owned
    kept = io.BytesIO()
    Pipe(kept, "here").close()
    assert not kept.closed


def test_a_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"x" * 100,))
    writer.start()
    pipe = open_named(tmp_path / "pipe", 60)
    assert pipe.name == str(tmp_path / "pipe")
    data = b""
    while part := pipe.read(1000):
        data += part
    assert data == b"x" * 100
    assert os.get_blocking(pipe._file.fileno())
    pipe.close()
    assert pipe._file.closed
    writer.join()


def test_a_named_pipe_that_is_not_there_or_that_nobody_fills(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone cannot be opened \(no such file or directory\)"):
        open_named(tmp_path / "gone", 0)
    os.mkfifo(tmp_path / "pipe")
    # Somebody has it open, and writes nothing; without a writer it would be at its end.
    descriptor = os.open(tmp_path / "pipe", os.O_RDWR)
    with pytest.raises(InputError, match=r"pipe: nobody has written into this pipe for 0 seconds"):
        open_named(tmp_path / "pipe", 0.01)
    os.close(descriptor)


def test_an_error_without_words_is_said_in_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("Out of luck")

    monkeypatch.setattr("os.open", fail)
    with pytest.raises(InputError, match=r"cannot be opened \(out of luck\)"):
        open_named(tmp_path / "a", 0)


def box(kind: bytes, size: int, *, wide: bool = False, claimed: int | None = None) -> bytes:
    """A box of an MP4 (ISO/IEC 14496-12, 4.2), `size` bytes long with its header."""
    claimed = size if claimed is None else claimed
    head = struct.pack(">I4sQ", 1, kind, claimed) if wide else struct.pack(">I4s", claimed, kind)
    return head + bytes(size - len(head))


TYPE, INDEX, PICTURES = box(b"ftyp", 24), box(b"moov", 40), box(b"mdat", 60)
LATE = [
    TYPE + PICTURES + INDEX,
    TYPE + box(b"free", 17) + PICTURES,
    TYPE + box(b"free", 8) + PICTURES,
    TYPE + box(b"wide", 33, wide=True) + PICTURES,
    TYPE + box(b"mdat", 50, wide=True),
    TYPE + box(b"mdat", 16, claimed=0),
    TYPE + box(b"free", 9) + box(b"uuid", 19) + PICTURES,
    TYPE + box(b"free", (1 << 20) - 25) + PICTURES,
]
EARLY = [
    TYPE + INDEX + PICTURES,
    TYPE + box(b"moof", 40) + PICTURES,
    TYPE + box(b"free", 17) + INDEX + PICTURES,
    PICTURES + INDEX,
    box(b"free", 24) + PICTURES,
    b"",
    TYPE + PICTURES[:15],
    TYPE + box(b"free", 16, claimed=7) + PICTURES,
    TYPE + box(b"free", 16, claimed=0) + PICTURES,
    TYPE + box(b"free", 1 << 20) + PICTURES,
]


@pytest.mark.parametrize("data", [*LATE, *EARLY], ids=range(len(LATE + EARLY)))
def test_an_mp4_whose_index_comes_behind_its_pictures(data: bytes) -> None:
    pipe = of(data)
    assert has_late_index(pipe) == (data in LATE)
    assert b"".join(iter(lambda: pipe.read(1 << 20), b"")) == data, "all comes again"


def test_no_more_is_looked_at_than_is_needed() -> None:
    file = Slow(TYPE + PICTURES * 10)
    assert has_late_index(Pipe(file, "here"))  # type: ignore[arg-type]
    assert len(file.asked) <= -(-(len(TYPE) + 16) // 3)


def test_saved_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(pipe_module, "_CHUNK", 10)
    pipe = of(bytes(range(95)))
    pipe.peek(33)
    path = spool(pipe)
    assert path.read_bytes() == bytes(range(95))
    assert path.parent == tmp_path
    assert path.suffix == ".mp4"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_cannot_be_saved_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    class Broken:
        name = "standard input"

        def read(self, _: int) -> bytes:
            raise error

    with pytest.raises((InputError, KeyboardInterrupt)) as caught:
        spool(Broken())  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    if isinstance(error, OSError):
        assert str(caught.value).startswith("standard input is an MP4 with its index at the end")
        assert f"{tmp_path} has no room for it" in str(caught.value)
