"""An open container: its frames to the end, what cannot be decoded, and what cannot be opened."""

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest
from video_samples import make_video

from dpa.errors import InputError
from dpa.video import decode
from dpa.video.decode import Reader, check_storage, readable


class Packet:
    def __init__(self, *frames: str, size: int = 1, error: Exception | None = None) -> None:
        self.frames, self.size, self.error = frames, size, error


def reader(packets: list[Any], held: list[str], file: Any = None) -> Reader:
    """A reader of a container that gives these packets; an error among them breaks it."""

    def demux(_: Any) -> Any:
        for packet in packets:
            if isinstance(packet, Exception):
                raise packet
            yield packet

    def decoded(packet: Packet | None) -> list[str]:
        if packet is None:
            return held
        if packet.error is not None:
            raise packet.error
        return list(packet.frames)

    made = object.__new__(Reader)
    made.errors, made._file, made.stream = 0, file, None  # type: ignore[assignment]
    made.container = SimpleNamespace(demux=demux)  # type: ignore[assignment]
    made._decoder = SimpleNamespace(decode=decoded)
    return made


BROKEN = av.FFmpegError(1, "broken")


def test_all_frames_and_those_that_the_decoder_holds() -> None:
    made = reader([Packet("a"), Packet(), Packet("b", "c")], ["d", "e"])
    assert list(made.decoded()) == ["a", "b", "c", "d", "e"]
    assert made.errors == 0


def test_an_empty_packet_is_not_the_end() -> None:
    made = reader([Packet("a"), Packet("x", size=0), Packet("b")], ["c"])
    assert list(made.decoded()) == ["a", "b", "c"]


def test_what_cannot_be_decoded_is_counted() -> None:
    made = reader([Packet("a"), Packet(error=BROKEN), Packet("b"), Packet(error=BROKEN)], ["c"])
    assert list(made.decoded()) == ["a", "b", "c"]
    assert made.errors == 2


def test_a_container_that_breaks_gives_what_the_decoder_holds() -> None:
    made = reader([Packet("a"), BROKEN, Packet("never")], ["b"])
    assert list(made.decoded()) == ["a", "b"]
    assert made.errors == 1


def test_a_decoder_at_its_end_is_no_error() -> None:
    made = reader([Packet("a"), Packet(error=av.EOFError(1, "end")), Packet("never")], ["never"])
    assert list(made.decoded()) == ["a"]
    assert made.errors == 0


def test_a_storage_that_failed_is_said_at_the_end() -> None:
    failed = SimpleNamespace(failure=InputError("the network"))
    made, got = reader([Packet("a"), BROKEN], ["b"], failed), []
    with pytest.raises(InputError, match="the network"):
        got.extend(made.decoded())
    assert got == ["a"]
    check_storage(SimpleNamespace(failure=None))
    check_storage("a path")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (av.InvalidDataError(1, "Invalid data found"), "is not a video that FFmpeg can read"),
        (EOFError("end"), "is not a video that FFmpeg can read"),
        (ValueError("odd"), "is not a video that FFmpeg can read"),
        (av.FFmpegError(5, "Input/output error"), "cannot be opened"),
        (OSError(errno.EACCES, "Permission denied"), r"cannot be opened \(permission denied\)"),
    ],
)
def test_what_cannot_be_opened(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def fails(*_: Any, **options: Any) -> None:
        assert options == {"metadata_errors": "replace", "timeout": 3}
        raise error

    monkeypatch.setattr(decode.av, "open", fails)
    with pytest.raises(InputError, match=f"in.mp4 {words}"):
        Reader("file:in.mp4", "in.mp4", timeout=3)
    with pytest.raises(InputError, match="the network"):
        Reader(SimpleNamespace(failure=InputError("the network")), "in.mp4", timeout=3)


def opens(monkeypatch: pytest.MonkeyPatch, streams: list[Any], name: str = "mp4") -> list[str]:
    closed: list[str] = []
    container = SimpleNamespace(
        format=SimpleNamespace(name=name),
        streams=SimpleNamespace(video=streams),
        close=lambda: closed.append("closed"),
    )
    monkeypatch.setattr(decode.av, "open", lambda *_, **__: container)
    return closed


def stream(cover: bool = False, codec: str | None = "h264", **metadata: str) -> Any:
    context = None if codec is None else SimpleNamespace(codec=SimpleNamespace(canonical_name=codec))
    disposition = av.stream.Disposition.attached_pic if cover else av.stream.Disposition.default
    return SimpleNamespace(disposition=disposition, codec_context=context, time_base=None, metadata=metadata)


@pytest.mark.parametrize(
    ("streams", "name", "words"),
    [
        ([], "mp4", "has no video stream"),
        ([stream(cover=True)], "mp3", "has no video stream"),
        ([stream(codec=None)], "mp4", "uses a video codec that this FFmpeg cannot decode"),
        ([stream()], "tty", "is a text file, not a video"),
    ],
)
def test_files_without_pictures_are_closed(
    monkeypatch: pytest.MonkeyPatch, streams: list[Any], name: str, words: str
) -> None:
    closed = opens(monkeypatch, streams, name)
    with pytest.raises(InputError, match=f"in.mp4 {words}"):
        Reader("in.mp4", "in.mp4")
    assert closed == ["closed"]


def test_pictures_that_move_come_before_covers(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = stream(), stream()
    opens(monkeypatch, [stream(cover=True), first, second])
    made = Reader("in.mp4", "in.mp4", threads=3)
    assert made.stream is first
    assert made.unit == 1
    assert (first.codec_context.thread_count, first.codec_context.thread_type) == (3, "AUTO")
    Reader("in.mp4", "in.mp4", slices=True)
    assert (first.codec_context.thread_count, first.codec_context.thread_type) == (0, "SLICE")


@pytest.mark.parametrize(
    ("codec", "alpha", "metadata", "decoder"),
    [
        ("vp9", True, {"alpha_mode": "1"}, "libvpx-vp9"),
        ("vp8", True, {"ALPHA_MODE": "1"}, "libvpx"),
        ("vp9", False, {"alpha_mode": "1"}, None),
        ("vp9", True, {"alpha_mode": "0"}, None),
        ("vp9", True, {}, None),
        ("h264", True, {"alpha_mode": "1"}, None),
    ],
)
def test_alpha_of_webm_wants_another_decoder(
    monkeypatch: pytest.MonkeyPatch, codec: str, alpha: bool, metadata: dict[str, str], decoder: str | None
) -> None:
    created: list[tuple[str, str]] = []
    monkeypatch.setattr(decode.av, "codecs_available", {"libvpx", "libvpx-vp9"})
    create: Callable[..., Any] = lambda *args: created.append(args) or SimpleNamespace()  # noqa: E731
    monkeypatch.setattr(decode.av, "CodecContext", SimpleNamespace(create=create))
    made: Any = stream(codec=codec, **metadata)
    decode._decoder(made, alpha)
    assert created == ([] if decoder is None else [(decoder, "r")])
    monkeypatch.setattr(decode.av, "codecs_available", set())
    assert decode._decoder(made, alpha) is made.codec_context


def test_seeking_forgets_what_the_decoder_holds(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 20, options={"g": "5", "bf": "2"})
    made = Reader(readable(path), "a.mp4")
    whole = [frame.pts for frame in made.decoded()]
    made.seek(whole[12])
    assert [frame.pts for frame in made.decoded()] == whole[10:]
    made.close()
    assert readable(Path("a:b.mp4")) == "file:a:b.mp4"
