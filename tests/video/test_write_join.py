"""Parts that were written apart become one result: their frames, in order, at their times."""

import json
import shutil
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hdr_samples import make_hdr
from video_samples import make_folder, make_video, picture, run

from dpa.errors import OutputError
from dpa.video import open_sink, open_source
from dpa.video.excerpt import Excerpt
from dpa.video.hdr import PQ
from dpa.video.source import Source
from dpa.video.write.join import join_parts
from dpa.video.write.movie import KEEPS_HDR

CUTS = (0, 3, 7, 10)


def write_parts(source: Source, folder: Path, name: str, kind: str, **options: str) -> list[tuple[int, Path]]:
    parts = []
    for start, end in pairwise(CUTS):
        path = folder / f"part{start}{name}"
        part = Excerpt(source, start, end)
        with open_sink(path, kind, part, **options) as sink:
            run(part, sink)
        parts.append((start, path))
    return parts


def write_whole(source: Source, path: Path, kind: str) -> Path:
    with open_sink(path, kind, source) as sink:
        run(source, sink)
    return path


def packets(path: Path, kind: str = "video") -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        stream = getattr(container.streams, kind)[0]
        return [(p.pts * p.time_base, bytes(p)) for p in container.demux(stream) if p.size]


def pictures(path: Path) -> list[tuple[Fraction | None, np.ndarray]]:
    with open_source(path) as source:
        return [(frame.time, frame.image) for frame in source.frames()]


@pytest.mark.parametrize(("name", "kind"), [(".mp4", "overlay"), (".mov", "alpha"), (".webm", "alpha")])
def test_videos_go_on_at_their_times(tmp_path: Path, name: str, kind: str) -> None:
    stamps = [0, 2, 4, 7, 8, 10, 12, 19, 20, 22]
    made = make_video(tmp_path / "in.mp4", 10, stamps=stamps, unit=Fraction(1, 50), sound="aac")
    with open_source(made) as source:
        parts = write_parts(source, tmp_path, name, kind)
        output = tmp_path / f"out{name}"
        assert join_parts(parts, str(output), kind, source, False) == []
        whole = write_whole(source, tmp_path / f"whole{name}", kind)
    joined = pictures(output)
    assert [time for time, _ in joined] == [Fraction(stamp, 50) for stamp in stamps]
    apart = [image for _, path in parts for _, image in pictures(path)]
    assert all(np.array_equal(image, other) for (_, image), other in zip(joined, apart, strict=True))
    assert [data for _, data in packets(output)] == [data for _, path in parts for _, data in packets(path)]
    assert packets(output, "audio") == packets(whole, "audio")
    with av.open(str(output)) as one, av.open(str(whole)) as other:
        assert one.streams.video[0].metadata == other.streams.video[0].metadata
    assert all(path.exists() for _, path in parts), "they stay"


def test_a_video_that_starts_late_is_joined_as_late(tmp_path: Path) -> None:
    made = make_video(tmp_path / "in.mp4", 10, stamps=list(range(5, 15)))
    with open_source(made) as source:
        parts = write_parts(source, tmp_path, ".mp4", "overlay")
        join_parts(parts, str(tmp_path / "out.mp4"), "overlay", source, False)
        whole = write_whole(source, tmp_path / "whole.mp4", "overlay")
    times = [time for time, _ in packets(tmp_path / "out.mp4")]
    assert (
        sorted(times) == sorted(time for time, _ in packets(whole)) == [Fraction(i, 25) for i in range(5, 15)]
    )


def test_pictures_have_the_times_of_their_number(tmp_path: Path) -> None:
    with open_source(make_folder(tmp_path / "in", [f"{i}.png" for i in range(10)])) as source:
        parts = write_parts(source, tmp_path, ".mp4", "overlay")
        join_parts(parts, str(tmp_path / "out.mp4"), "overlay", source, False)
    assert [time for time, _ in pictures(tmp_path / "out.mp4")] == [Fraction(i, 25) for i in range(10)]


def test_decoding_times_rise_over_the_joints(tmp_path: Path) -> None:
    # The frames of the second part are closer than the rate says, at which encoders guess the first ones.
    stamps = [0, 100, 200, 201, 202, 203, 204, 205, 206, 207]
    made = make_video(tmp_path / "in.mp4", 10, stamps=stamps, unit=Fraction(1, 2500))
    with open_source(made) as source:
        parts = write_parts(source, tmp_path, ".mp4", "overlay", encode="good")
        join_parts(parts, str(tmp_path / "out.mp4"), "overlay", source, False)
    with av.open(str(tmp_path / "out.mp4")) as container:
        decoded = [packet.dts for packet in container.demux(video=0) if packet.size]
    assert all(before < after for before, after in pairwise(decoded))
    assert [time for time, _ in pictures(tmp_path / "out.mp4")] == [Fraction(s, 2500) for s in stamps]


def test_parts_that_were_encoded_otherwise_are_refused(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "in.mp4", 10)) as source:
        parts = write_parts(source, tmp_path, ".mp4", "overlay")
        with open_source(make_video(tmp_path / "other.mp4", [picture(0, (48, 96))] * 10)) as other:
            write_parts(other, tmp_path / "b", ".mp4", "overlay")
        shutil.copy(tmp_path / "b" / "part7.mp4", parts[2][1])
        with pytest.raises(OutputError, match=r"out\.mp4: its parts were encoded by libraries that differ"):
            join_parts(parts, str(tmp_path / "out.mp4"), "overlay", source, False)
    assert not (tmp_path / "out.mp4").exists()


def test_only_what_is_to_be_replaced_is(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "in.mp4", 10)) as source:
        for name, kind in ((".mp4", "overlay"), ("", "mask")):
            parts = write_parts(source, tmp_path, name or "masks", kind)
            output = tmp_path / f"out{name}"
            join_parts(parts, str(output), kind, source, False)
            with pytest.raises(OutputError, match="exists already"):
                join_parts(parts, str(output), kind, source, False)
            join_parts(parts, str(output), kind, source, True)


@pytest.mark.parametrize("output", ["out", "out.mp4/", "OUT/"])
def test_folders_hold_the_pictures_of_all_parts(tmp_path: Path, output: str) -> None:
    with open_source(make_video(tmp_path / "in.mp4", 10)) as source:
        parts = write_parts(source, tmp_path, "masks", "mask")
        (parts[1][1] / "notes.txt").write_text("not a mask")
        assert join_parts(parts, f"{tmp_path}/{output}", "mask", source, False) == []
        whole = write_whole(source, tmp_path / "whole", "mask")
    names = [path.name for path in sorted((tmp_path / output).iterdir())]
    assert names == [f"{i:05d}.png" for i in range(10)]
    for name in names:
        assert (tmp_path / output / name).read_bytes() == (whole / name).read_bytes()


def test_coco_files_list_all_frames(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "in.mp4", 10)) as source:
        parts = write_parts(source, tmp_path, ".json", "coco")
        assert join_parts(parts, str(tmp_path / "OUT.JSON"), "coco", source, True) == []
        whole = write_whole(source, tmp_path / "whole.json", "coco")
    joined, plain = (json.loads(path.read_text()) for path in (tmp_path / "OUT.JSON", whole))
    # Times of parts count from their own first frames, as do those of a part's video.
    for images in (joined["images"], plain["images"]):
        for image in images:
            image.pop("time")
    assert joined == plain


def test_an_excerpt_begins_its_clock_and_keeps_the_frames_names(tmp_path: Path) -> None:
    with open_source(make_video(tmp_path / "in.mp4", 10, rate=10, sound="aac")) as source:
        part = Excerpt(source, 3, 7)
        assert part.count == 4
        assert part.origin == source.start + Fraction(3, 10)
        assert not part.sound
        assert part.path is None
        assert [frame.index for frame in part.frames()] == [3, 4, 5, 6]
        assert [frame.index for frame in part.frames(2)] == [5, 6]
        ((one, after),) = part.pairs_at([1])
        assert after is not None
        assert (one.index, after.index) == (4, 5)
        assert part.frame_name(4) == "00004"
        assert part.reads(tmp_path / "in.mp4")
    with open_source(make_folder(tmp_path / "in", ["a.png", "b.png"])) as source:
        assert Excerpt(source, 1, 2).origin == Fraction(1, 25)
        assert Excerpt(source, 1, 2).frame_name(1) == "b"


@pytest.mark.parametrize(("name", "kind", "tag"), [(".mp4", "overlay", "avc1"), (".mov", "alpha", "ap4h")])
def test_players_are_told_the_same_of_the_whole(tmp_path: Path, name: str, kind: str, tag: str) -> None:
    with open_source(make_video(tmp_path / "in.mp4", 10, aspect=Fraction(4, 3))) as source:
        parts = write_parts(source, tmp_path, name, kind)
        join_parts(parts, str(tmp_path / f"out{name}"), kind, source, False)
    with av.open(str(tmp_path / f"out{name}")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.codec_tag == tag
        assert stream.sample_aspect_ratio == Fraction(4, 3)
    assert b"pasp" in (tmp_path / f"out{name}").read_bytes(), (
        "in the container too (ISO/IEC 14496-12, 12.1.4)"
    )


@pytest.mark.skipif(not KEEPS_HDR, reason="this PyAV has no matrix of BT.2020")
def test_high_dynamic_range_is_joined_with_its_tags(tmp_path: Path) -> None:
    with open_source(make_hdr(tmp_path / "in.mp4", PQ), hdr=True) as source:
        parts = write_parts(source, tmp_path, ".mp4", "overlay")
        join_parts(parts, str(tmp_path / "out.mp4"), "overlay", source, False)
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        assert context.codec_tag == "hvc1"
        assert (context.color_trc, context.color_primaries, context.colorspace) == (PQ, 9, 9)
