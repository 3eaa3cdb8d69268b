"""Long videos are cut, done in parts and put together."""

import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hdr_samples import make_hdr
from video_samples import damage, make_folder, make_video

from dpa.batch import local, parts
from dpa.batch.film import Films, Joint, cut, join_one
from dpa.batch.job import Job, Piece, Row, opened
from dpa.batch.parts import bounds_of, load_facts, save_facts
from dpa.batch.work import segment_one
from dpa.errors import OutputError
from dpa.storage import files
from dpa.video import open_source
from dpa.video.hdr import PQ
from dpa.video.write import join as joining
from engine_samples import FakeBackend, image, names, tree

FRAMES, LONGEST = 40, 10
ALONE = local.Share(1, ("cpu",), 0)


@pytest.fixture(autouse=True)
def network(backend: FakeBackend) -> FakeBackend:
    backend.batch = 2
    return backend


def film(path: Path, **options) -> Path:
    """With sound, and a key frame at every fifth frame."""
    images = [image(i) for i in range(FRAMES)]
    keys = {"g": "5", "sc_threshold": "0"}
    return make_video(path, images, **({"options": keys, "sound": "aac"} | options))


def job_of(source: Path | str, *outputs: Path | str, **more) -> Job:
    kinds = {".json": "coco", ".webm": "alpha", ".mp4": "overlay", ".mov": "overlay"}
    pairs = tuple((str(output), kinds.get(Path(str(output)).suffix, "soft")) for output in outputs)
    settings = {"flow": "dis-ultrafast"} | more.pop("settings", {})
    return Job("film", str(source), pairs, settings, **more)


def run(job: Job, longest: int = LONGEST) -> Row:
    (row,) = local.run([job], ALONE, longest=longest)
    return row


def packets(path: Path) -> list[tuple[str, Fraction, Fraction | None]]:
    """Kind, time and duration of all packets, in order of times."""
    with av.open(str(path)) as container:
        found = [
            (p.stream.type, p.pts * p.time_base, p.dts * p.time_base) for p in container.demux() if p.size
        ]
    return sorted(found)


def pictures(path: Path) -> list[np.ndarray]:
    with open_source(path) as source:
        return [np.dstack([f.image, f.alpha]) if f.alpha is not None else f.image for f in source.frames()]


def test_where_it_is_cut(tmp_path: Path) -> None:
    with open_source(film(tmp_path / "a.mp4")) as source:
        assert bounds_of(source, 10) == [0, 12, 22, 32, 40]
        assert bounds_of(source, 12) == [0, 12, 27, 40]
        for whole in (0, 27, 1000):
            assert bounds_of(source, whole) == [0, 40]
    with open_source(make_folder(tmp_path / "frames", [f"{i}.png" for i in range(9)])) as source:
        assert bounds_of(source, 3) == [0, 5, 8, 9]
    with open_source(make_video(tmp_path / "g.gif", 9, codec="gif", pixel_format="rgb8")) as source:
        assert bounds_of(source, 3) == [0, 9], "an animation is read from its start"
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(film(tmp_path / "b.mp4", muxing={"movflags": "faststart"}).read_bytes()[:-4000])
    with open_source(torn) as source:
        assert bounds_of(source, 10) == [0, source.count]


def test_what_is_known_is_not_found_out_again(tmp_path: Path, monkeypatch) -> None:
    path, place = film(tmp_path / "a.mp4"), str(tmp_path / "deep" / "facts.npz")
    with open_source(path) as source:
        save_facts(source, "off", place)
        times = [frame.time for frame in source.frames()]
    monkeypatch.setattr("dpa.video.files.scan", None)
    with open_source(path) as source:
        assert load_facts(place, source) is None
        assert (source.count, next(source.frames(17)).time) == (FRAMES, times[17])


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"every": 3}, {"shots": "auto"}], ids=str)
def test_masks_are_those_of_the_whole(tmp_path: Path, settings: dict, network: FakeBackend) -> None:
    path = film(tmp_path / "a.mp4")
    assert run(job_of(path, tmp_path / "whole", settings=settings), 0).state == "done"
    row = run(job_of(path, tmp_path / "cut", tmp_path / "cut.json", settings=settings))
    assert (row.state, row.frames, row.name, row.problem) == ("done", FRAMES, "film", "")
    assert tree(tmp_path / "cut") == tree(tmp_path / "whole")
    assert names(tmp_path) == ["a.mp4", "cut", "cut.json", "whole"], "nothing else is left"
    assert run(job_of(path, tmp_path / "whole.json", settings=settings), 0).state == "done"
    assert (tmp_path / "cut.json").read_bytes() == (tmp_path / "whole.json").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["o.mp4", "o.mov", "o.webm"])
@pytest.mark.parametrize("varying", [False, True])
def test_films_have_the_times_and_the_sound_of_the_whole(tmp_path: Path, name: str, varying: bool) -> None:
    stamps = (
        np.cumsum([0, *np.random.default_rng(0).integers(1, 9, FRAMES - 1)]).tolist() if varying else None
    )
    unit = Fraction(1, 100) if varying else None
    path = film(tmp_path / "a.mp4", stamps=stamps, unit=unit)
    (tmp_path / "whole").mkdir()
    assert run(job_of(path, tmp_path / "whole" / name), 0).state == "done"
    row = run(job_of(path, tmp_path / name))
    assert (row.state, row.frames, row.warnings) == ("done", FRAMES, [])
    ours, others = packets(tmp_path / name), packets(tmp_path / "whole" / name)
    assert [p[:2] for p in ours] == [p[:2] for p in others]
    video = [dts for kind, _, dts in ours if kind == "video"]
    with av.open(str(tmp_path / name)) as container:
        order = [p.dts for p in container.demux(video=0) if p.size]
    assert order == sorted(set(order))
    assert len(video) == FRAMES
    whole = pictures(tmp_path / "whole" / name)
    for one, other in zip(pictures(tmp_path / name), whole, strict=True):
        assert one.shape == other.shape
        assert np.abs(one.astype(int) - other).mean() < 3


@pytest.mark.slow
def test_high_dynamic_range(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parts, "bounds_of", lambda source, longest: [0, 6, source.count])
    monkeypatch.setattr("dpa.batch.film.bounds_of", lambda source, longest: [0, 6, source.count])
    path = make_hdr(tmp_path / "a.mp4", PQ)
    assert run(job_of(path, tmp_path / "o.mp4", hdr=True)).state == "done"
    with open_source(tmp_path / "o.mp4", hdr=True) as made, open_source(path, hdr=True) as source:
        assert made.hdr == source.hdr
        assert sum(1 for _ in made.frames()) == source.count


@pytest.mark.slow
def test_the_title_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "titled.mp4"
    with av.open(str(film(tmp_path / "a.mp4"))) as source, av.open(str(path), "w") as titled:
        titled.metadata["title"] = "A dog"
        streams = {stream.index: titled.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                titled.mux(packet)
    assert run(job_of(path, tmp_path / "o.mp4")).state == "done"
    with av.open(str(tmp_path / "o.mp4")) as made:
        assert made.metadata["title"] == "A dog"


def test_frames_are_named_as_they_were(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", [f"{i}.png" for i in range(9)])
    job = Job("film", str(folder), ((f"{tmp_path / 'o'}/", "mask"),), {"flow": "none"}, rate="25")
    assert run(job, 3).frames == 9
    assert names(tmp_path / "o") == [f"{i}.png" for i in range(9)]


def test_what_stays_whole(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    for output in ("o.gif", "o.webp"):
        job = Job("film", str(path), ((str(tmp_path / output), "overlay"),))
        with opened(job) as source:
            assert cut(job, source, LONGEST) == ()


def parts_and_rows(job: Job) -> tuple[tuple[Job, ...], tuple[Row, ...]]:
    row = segment_one(job, longest=LONGEST)
    assert (row.state, len(row.parts)) == ("cut", 4)
    return row.parts, tuple(segment_one(part) for part in row.parts)


@pytest.mark.slow
def test_parts_that_are_done_are_kept(tmp_path: Path, network: FakeBackend) -> None:
    job = job_of(film(tmp_path / "a.mp4"), tmp_path / "o")
    parts, rows = parts_and_rows(job)
    assert [row.frames for row in rows] == [12, 10, 10, 8]
    calls = len(network.calls)
    assert parts_and_rows(job) == (parts, rows), "a run that goes on"
    assert len(network.calls) == calls
    other = segment_one(job_of(job.source, tmp_path / "o", settings={"threshold": 0.3}), longest=LONGEST)
    assert other.parts[0].outputs != parts[0].outputs, "what is made otherwise is not mixed with it"
    os.utime(job.source, (0, 0))
    assert segment_one(job, longest=LONGEST).parts[0].outputs != parts[0].outputs, (
        "another video of that name"
    )


def test_pictures_that_were_replaced_are_others(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "frames", [f"{i}.png" for i in range(30)])
    job = job_of(folder, tmp_path / "o")
    first, again = (segment_one(job, longest=LONGEST).parts[0].outputs for _ in range(2))
    assert first == again
    os.utime(folder / "7.png", (0, 0))
    assert segment_one(job, longest=LONGEST).parts[0].outputs != first


@pytest.mark.slow
def test_joining_may_be_done_again(tmp_path: Path) -> None:
    job = job_of(film(tmp_path / "a.mp4"), tmp_path / "o", tmp_path / "o.mp4", overwrite=True)
    parts, rows = parts_and_rows(job)
    joint = Joint(job, parts, rows)
    first = join_one(joint)
    whole = tree(tmp_path / "o")
    assert (first.state, len(whole)) == ("done", FRAMES)
    assert names(tmp_path) == ["a.mp4", "o", "o.mp4"]
    again = join_one(joint)
    assert (again.state, again.frames) == ("done", FRAMES)
    assert tree(tmp_path / "o") == whole


@pytest.mark.slow
def test_joining_that_breaks_off_half_way(tmp_path: Path, monkeypatch) -> None:
    job = job_of(film(tmp_path / "a.mp4"), tmp_path / "o", overwrite=True)
    parts, rows = parts_and_rows(job)
    take, taken = joining.FolderSink.take, []

    def breaks(self, pictures):
        take(self, pictures)
        taken.append(1)
        if len(taken) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(joining.FolderSink, "take", breaks)
    with pytest.raises(KeyboardInterrupt):
        join_one(Joint(job, parts, rows))
    assert not (tmp_path / "o").exists()
    assert join_one(Joint(job, parts, rows)).state == "done"
    assert len(names(tmp_path / "o")) == FRAMES
    assert names(tmp_path) == ["a.mp4", "o"]


@pytest.mark.slow
def test_a_part_that_fails_is_the_films_trouble(tmp_path: Path, network: FakeBackend) -> None:
    job = job_of(film(tmp_path / "a.mp4"), tmp_path / "o", overwrite=True)
    network.batch, network.fail_at = 1, 30
    row = run(job)
    assert (row.name, row.state, row.problem) == ("film", "failed", "RuntimeError: the network failed")
    assert not (tmp_path / "o").exists()
    network.fail_at, calls = None, len(network.calls)
    row = run(job)
    assert (row.state, row.frames) == ("done", FRAMES)
    assert len(network.calls) - calls < FRAMES + 20, "the parts before it are kept"
    assert names(tmp_path) == ["a.mp4", "o"]


@pytest.mark.parametrize("name", ["done_before", "note_done"])
def test_notes_that_cannot_be_made_or_read_are_the_films_trouble(
    tmp_path: Path, monkeypatch, name: str
) -> None:
    """A storage that stays away ends no run of many videos."""
    film_job = job_of(film(tmp_path / "a.mp4"), tmp_path / "o")
    other = Job("other", film_job.source, ((f"{tmp_path / 'other'}/", "soft"),), film_job.settings)

    def away(*_: object) -> None:
        raise OutputError("the storage failed 4 times")

    monkeypatch.setattr(f"dpa.batch.work.{name}", away)
    rows = {
        row.name: row for row in local.run([film_job, replace(other, frames=(0, 2))], ALONE, longest=LONGEST)
    }
    assert (rows["film"].state, rows["film"].problem) == ("failed", "the storage failed 4 times")


def test_damage_is_the_films(tmp_path: Path) -> None:
    path = damage(film(tmp_path / "a.mp4", options={"g": "5", "sc_threshold": "0", "bf": "0"}))
    row = run(job_of(path, tmp_path / "o"))
    assert (row.state, row.frames) == ("damaged", FRAMES)
    assert "is damaged" in row.problem


@pytest.mark.slow
@pytest.mark.parametrize("shots", ["off", "auto"])
@pytest.mark.parametrize("lost", [3, 15])
def test_last_frames_that_cannot_be_decoded(tmp_path: Path, shots: str, lost: int) -> None:
    """Some of a part's, or all."""
    path = film(tmp_path / "a.mp4", options={"g": "5", "sc_threshold": "0", "bf": "0"})
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    data = bytearray(path.read_bytes())
    for start, size in places[-lost:]:
        data[start : start + size] = bytes(size)
    path.write_bytes(data)
    whole = run(job_of(path, tmp_path / "whole", settings={"shots": shots}), 0)
    row = run(job_of(path, tmp_path / "o", tmp_path / "o.mp4", settings={"shots": shots}))
    assert (row.state, row.frames, row.trace) == ("damaged", FRAMES - lost, "")
    assert (row.frames, row.state) == (whole.frames, whole.state)
    assert tree(tmp_path / "o") == tree(tmp_path / "whole")


@pytest.mark.parametrize("name", ["o.json", "o.mp4", "o"])
def test_what_is_there_stays(tmp_path: Path, name: str) -> None:
    there = tmp_path / name / "mine.png" if name == "o" else tmp_path / name
    there.parent.mkdir(exist_ok=True)
    there.write_text("mine")
    row = run(job_of(film(tmp_path / "a.mp4"), tmp_path / name))
    assert row.state == "failed"
    assert "exists already" in row.problem
    assert there.read_text() == "mine"


def test_parts_of_other_encoders_are_not_joined(tmp_path: Path) -> None:
    job = job_of(film(tmp_path / "a.mp4"), tmp_path / "o.mp4", overwrite=True)
    parts, rows = parts_and_rows(job)
    make_video(Path(parts[1].outputs[0][0]), 10)
    row = join_one(Joint(job, parts, rows))
    assert row.state == "failed"
    assert "leave the video whole (--part-frames 0)" in row.problem
    assert not (tmp_path / "o.mp4").exists()
    existing = Joint(job_of(job.source, tmp_path / "a.mp4"), parts, rows)
    assert join_one(existing).state == "failed"


def test_in_a_bucket(s3, tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    files.write("s3://bucket/a.mp4", path.read_bytes())
    outputs = ("s3://bucket/o/", "s3://bucket/o.json", "s3://bucket/o.mp4")
    files.write("s3://bucket/o/stale.png", b"")
    row = run(job_of("s3://bucket/a.mp4", *outputs, overwrite=True))
    assert (row.state, row.frames, row.problem) == ("done", FRAMES, "")
    here = [tmp_path / "o", tmp_path / "o.json", tmp_path / "o.mp4"]
    assert run(job_of(path, *here)).state == "done"
    there = {url.removeprefix("s3://bucket/"): files.read(url) for url in files.walked("s3://bucket")}
    assert there.pop("a.mp4") == path.read_bytes()
    assert there.pop("o.json") == (tmp_path / "o.json").read_bytes()
    assert there.pop("o.mp4") == (tmp_path / "o.mp4").read_bytes()
    assert there == {f"o/{name}": data for name, data in tree(tmp_path / "o").items()}


def test_the_order_of_work() -> None:
    films, job = Films(), Job("film", "a", ())
    pieces = [Piece("film", i, i + 1, "f/facts", "f/done") for i in range(2)]
    parts = tuple(Job(f"film {piece.start}", "a", (), piece=piece) for piece in pieces)
    assert films.next(Job("b", "b", ()), Row("b", "done")) == ([], Row("b", "done"))
    assert films.next(job, Row("film", "cut", parts=parts)) == (list(parts), None)
    assert films.next(parts[1], Row("film 1", "done")) == ([], None)
    rows = (Row("film 0", "done"), Row("film 1", "done"))
    (joint,), row = films.next(parts[0], rows[0])
    assert (joint, row) == (Joint(job, parts, rows), None)
    assert films.next(joint, Row("film", "done", 2)) == ([], Row("film", "done", 2))
    films.next(job, Row("film", "cut", parts=parts))
    assert films.next(parts[0], Row("film 0", "failed", problem="no")) == (
        [],
        Row("film", "failed", problem="no"),
    )
    assert not films.wanted(parts[1])
    assert films.next(parts[1], Row("film 1", "done")) == ([], None), "it was at work"


def test_rows_are_plain(tmp_path: Path) -> None:
    job = job_of(film(tmp_path / "a.mp4"), tmp_path / "o")
    parts, rows = parts_and_rows(job)
    assert parts[0].piece is not None
    kept = json.loads(Path(parts[0].piece.done).read_text())
    assert (kept["name"], kept["frames"]) == (rows[0].name, 12)
    with pytest.raises(OutputError):
        files.put(str(tmp_path / "a.mp4" / "x"), b"")
