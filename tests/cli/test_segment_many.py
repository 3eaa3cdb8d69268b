"""`dpa segment` of several inputs."""

import csv
import json
import os
import sys
from pathlib import Path

import pytest
from hdr_samples import make_hdr
from video_samples import damage, make_folder, make_video

from dpa.batch.cluster import Cluster
from dpa.batch.job import Row
from dpa.batch.plan import plan
from dpa.cli.segment_many import Bars
from dpa.video.hdr import PQ
from engine_samples import FakeBackend, image, make_clip, names, tree

ALONE = ("--jobs", "1")
"""In this process, where the network is the test's."""


@pytest.fixture
def clips(place: Path, backend: FakeBackend) -> Path:
    """Two clips, one of them deeper, a folder of frames, and what is no video."""
    make_clip(place / "clips" / "a.mkv", 3)
    (place / "clips" / "deep").mkdir()
    make_clip(place / "clips" / "deep" / "b.mkv", 4)
    make_folder(place / "clips" / "frames", ["x.png", "y.png"])
    return place


@pytest.fixture(autouse=True)
def folders(place: Path) -> None:
    (place / "clips").mkdir()


def files(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Content and time of every file, however deep."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found if path.name != "report.csv"}


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "report.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_a_result_each(command, clips) -> None:
    words = ("segment", "clip.mkv", "clips", "--recursive", "-o", "out", *ALONE)
    code, out, err = command(*words, "--json", "-")
    assert code == 0, err
    assert names(clips / "out") == ["a", "clip", "deep", "frames", "report.csv"]
    assert names(clips / "out" / "deep") == ["b"]
    assert names(clips / "out" / "frames") == ["x.png", "y.png"]
    assert {n: (r["state"], r["frames"]) for n, r in rows(clips / "out").items()} == {
        "clip": ("done", "7"),
        "a": ("done", "3"),
        "deep/b": ("done", "4"),
        "frames": ("done", "2"),
    }
    assert [row["name"] for row in json.loads(out)] == ["clip", "a", "deep/b", "frames"]
    engine, counts = err.splitlines()
    assert engine.startswith("dpa-mobile on cpu (fake, fp32); flow by dis")
    assert counts == "videos: 4 written, 0 kept, 0 not whole; out/report.csv has a row for each"


def test_as_alone(command, clips) -> None:
    assert command("segment", "clip.mkv", "clips/a.mkv", "-o", "out", "--kind", "soft", *ALONE)[0] == 0
    assert command("segment", "clip.mkv", "-o", "alone", "--kind", "soft")[0] == 0
    assert tree(clips / "alone") == tree(clips / "out" / "clip")


def test_the_same_again_does_nothing(command, clips, backend) -> None:
    words = ("segment", "clip.mkv", "clips/a.mkv", "-o", "out", *ALONE)
    assert command(*words)[0] == 0
    before, calls = files(clips), len(backend.calls)
    code, out, err = command(*words)
    assert (code, out, err) == (0, "", "nothing to do: all 2 results are in out already\n")
    assert (files(clips), len(backend.calls)) == (before, calls)
    code, _, err = command(*words, "--size", "128")
    assert code == 1
    assert "made with other settings" in err
    assert command(*words, "--size", "128", "--overwrite")[0] == 0
    assert len(backend.calls) == 2 * calls


def test_a_failing_video_does_not_stop_the_others(command, clips) -> None:
    (clips / "bad.mp4").write_bytes(b"no video")
    damage(make_clip(clips / "torn.mkv", 12))
    words = ("segment", "no.mp4", "bad.mp4", "torn.mkv", "clip.mkv", "-o", "out", *ALONE)
    for again in (False, True):
        code, _, err = command(*words)
        assert code == 1
        assert {name: row["state"] for name, row in rows(clips / "out").items()} == {
            "no": "failed",
            "bad": "failed",
            "torn": "damaged",
            "clip": "done",
        }
        assert "failed: no: no.mp4 does not exist" in err
        assert "Traceback" not in err
        counts = "0 written, 2 kept" if again else "1 written, 0 kept"
        assert f"videos: {counts}, 3 not whole" in err
    assert names(clips / "out") == ["clip", "report.csv", "torn"]
    make_clip(clips / "bad.mkv", 3).rename(clips / "bad.mp4")
    assert "videos: 1 written, 2 kept, 2 not whole" in command(*words)[2]


def test_an_interrupted_run_goes_on(command, clips, backend) -> None:
    words = ("segment", "clip.mkv", "clips/a.mkv", "-o", "out", *ALONE)
    backend.batch = 1
    backend.fail_at, backend.error = 4 + 5, KeyboardInterrupt()
    code, _, err = command(*words)
    assert (code, err.splitlines()[-1]) == (130, "dpa: interrupted")
    assert names(clips / "out") == ["clip.part", "report.csv"]
    left = 7 - len(names(clips / "out" / "clip.part"))
    backend.fail_at = None
    assert command(*words)[0] == 0
    assert rows(clips / "out")["clip"]["frames"] == str(left)
    assert left < 7
    assert command("segment", "clip.mkv", "-o", "alone")[0] == 0
    assert tree(clips / "alone") == tree(clips / "out" / "clip")


def test_a_manifest_with_outputs_and_settings(command, clips) -> None:
    (clips / "m.csv").write_text(
        "input,output,kind,threshold\nclip.mkv,x.webm,,\nclips/a.mkv,deep/y,soft,0.25\n"
    )
    code, _, err = command("segment", "m.csv", "-o", "out", *ALONE)
    assert code == 0, err
    assert names(clips / "out") == ["deep", "report.csv", "x.webm"]
    assert rows(clips / "out")["deep/y"]["settings"] == '{"threshold": 0.25}'


def test_no_result_replaces_an_input(command, clips) -> None:
    """Neither one of the manifest, nor one that a glob has found where the results are to go."""
    folder = clips / "v2"
    for name in ("a.mp4", "b.mp4", "final/a.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        make_clip(folder / f"{name}.mkv", 3).rename(folder / name)
    (clips / "m.csv").write_text("input,output\nv2/a.mp4,b.mp4\nv2/b.mp4,c.mp4\n")
    before = files(clips)
    code, _, err = command("segment", "m.csv", "-o", "v2", "--overwrite", *ALONE)
    assert (code, len(err.splitlines())) == (1, 1)
    assert "the result of v2/a.mp4 would be v2/b.mp4 and replace the input v2/b.mp4: give" in err
    for words in (("v2/**/*.mp4",), ("v2", "--recursive")):
        words = ("segment", *words, "-o", "v2/final", "--kind", "overlay", "--overwrite", *ALONE)
        code, _, err = command(*words)
        assert (code, len(err.splitlines())) == (1, 1)
        assert "would be v2/final/a.mp4 and replace the input v2/final/a.mp4" in err
    assert files(clips) == before
    assert not list(folder.rglob("report.csv"))


def test_a_glob_does_not_find_its_own_results(command, clips) -> None:
    words = ("segment", "clips/**/*.m*", "-o", "clips/out", "--kind", "overlay", *ALONE)
    assert command(*words)[0] == 0
    assert names(clips / "clips" / "out") == ["a.mp4", "deep", "report.csv"]
    code, _, err = command(*words)
    assert (code, err) == (0, "nothing to do: all 2 results are in clips/out already\n")
    assert "2 written, 0 kept" in command(*words, "--overwrite")[2]
    code, _, err = command("segment", "clips/**/*.mp4", "-o", "clips/out", *ALONE)
    assert (code, "all inputs are in clips/out" in err) == (1, True)


def test_a_name_that_is_not_text(command, clips) -> None:
    """File systems keep bytes; some hold nothing but text."""
    name = os.fsdecode(b"bad\xff")
    try:
        make_clip(clips / "x.mkv", 3).rename(clips / "clips" / f"{name}.mkv")
    except OSError:
        pytest.skip("the file system takes no such name")
    words = ("segment", "clips", "-o", "out", *ALONE)
    code, out, err = command(*words, "--json", "-")
    assert code == 0, err
    assert [(row["name"], row["state"]) for row in json.loads(out)] == [("a", "done"), (name, "done")]
    assert names(clips / "out") == ["a", name, "report.csv"]
    assert b"\nbad\xff," in (clips / "out" / "report.csv").read_bytes()
    assert "nothing to do: all 2 results" in command(*words)[2]
    make_clip(clips / "clips" / "b.mkv", 3)
    assert "1 written, 2 kept, 0 not whole" in command(*words)[2]


def test_cuts_are_each_videos_own(command, clips) -> None:
    (clips / "cuts.txt").write_text("0\n3\n")
    (clips / "m.csv").write_text("input,shots\nclip.mkv,cuts.txt\nclips/a.mkv,\n")
    code, _, err = command("segment", "m.csv", "-o", "out", *ALONE)
    assert code == 0, err
    assert [row["settings"] for row in rows(clips / "out").values()] == ['{"shots": "cuts.txt"}', ""]


@pytest.mark.slow
def test_cut_outs_of_hdr_videos_are_hdr(command, clips) -> None:
    make_hdr(clips / "hdr.mp4", PQ)
    words = ("--kind", "alpha", "--hdr", "keep")
    code, _, err = command("segment", "clip.mkv", "hdr.mp4", "-o", "out", *words, *ALONE)
    assert code == 0, err
    assert names(clips / "out") == ["clip.mov", "hdr.mov", "report.csv"]
    code, _, err = command("segment", "hdr.mp4", "-o", "both", *words, "--kind", "mask")
    assert code == 0, err
    assert names(clips / "both") == ["alpha.mov", "mask"]
    assert command("segment", "hdr.mp4", *words)[0] == 0
    assert command("segment", "clip.mkv", *words)[0] == 0
    assert {"hdr_alpha.mov", "clip_alpha.webm"} <= set(names(clips))


def test_long_videos_in_parts(command, clips) -> None:
    """One input too; how parts are made and joined is in tests/batch/test_film.py."""
    images = [image(i) for i in range(20)]
    make_video(clips / "long.mp4", images, options={"g": "5", "sc_threshold": "0"})
    words = ("segment", "long.mp4", "-o", "out", "--part-frames", "8", "--kind", "soft", *ALONE)
    code, _, err = command(*words)
    assert code == 0, err
    assert {name: (row["state"], row["frames"]) for name, row in rows(clips / "out").items()} == {
        "long": ("done", "20")
    }
    assert command("segment", "long.mp4", "-o", "alone", "--kind", "soft")[0] == 0
    assert tree(clips / "out" / "long") == tree(clips / "alone")
    assert names(clips / "out") == ["long", "report.csv"]
    assert "nothing to do" in command(*words)[2]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("clips/a.mkv", "clip.mkv"), "give it with -o"),
        (("clips/a.mkv", "clip.mkv", "-o", "x.mp4"), "give it with -o"),
        (("clips/a.mkv", "clip.mkv", "-o", "clip.mkv"), "is a file"),
        (("clips/a.mkv", "clip.mkv", "-o", "out", "--raw", "4x4"), "for one input"),
        (("clips/a.mkv", "clip.mkv", "-o", "out", "--json", "no/x.json"), "its folder does not exist"),
        (("clips/a.mkv", "clip.mkv", "-o", "out", "--size", "3"), "at least 64"),
        (("clips/a.mkv", "-", "-o", "out"), "give it alone"),
        (("@no.txt", "-o", "out"), "no.txt cannot be read"),
        ((f"@{os.devnull}", "-o", "out"), "names no inputs: give one on every line"),
        (("clip.mkv", "-o", "out", "--engine", "spark"), "choose local or ray"),
        (("clip.mkv", "clips/a.mkv", "-o", "out", "--address", "auto"), "give --engine ray too"),
        (("clip.mkv", "clips/a.mkv", "-o", "out", "--shots", "cuts.txt"), "the column shots of a manifest"),
    ],
)
def test_wrong_use_is_one_sentence(command, clips, words, sentence) -> None:
    code, out, err = command("segment", *words)
    assert (code, out) == (1, "")
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not (clips / "out").exists()


def test_ray_that_is_not_installed(command, clips, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = command("segment", "clip.mkv", "-o", "out", "--engine", "ray")
    assert code == 1
    assert err.splitlines()[-1] == (
        'dpa: --engine ray needs more than the base installation: pip install "dpa-vos[ray]"'
    )


def test_jobs_of_another_engine(command, clips, monkeypatch) -> None:
    """What the command line hands to Ray, and takes from it; Ray itself is in tests/batch."""
    asked = []

    def run(jobs, cluster):
        asked.append((len(jobs), cluster))
        yield from (Row(job.name, "done", 7) for job in jobs)

    monkeypatch.setattr("dpa.batch.cluster.run", run)
    words = ("--engine", "ray", "--address", "auto", "--task-cpus", "2", "--task-gpus", "0.5", "--jobs", "3")
    code, _, err = command("segment", "clip.mkv", "-o", "out", *words)
    assert code == 0, err
    assert asked == [(1, Cluster("auto", 2, 0.5, 3, 5000))]
    assert rows(clips / "out")["clip"]["frames"] == "7"
    assert "on Ray auto" in err


def test_the_time_left_is_by_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Bars(4) as bars:
        assert bars.frames() == (0, None)
        bars.told(("a", 5, 10))
        bars.told(("b", 10, 30))
        assert bars.frames() == (15, 80), "two videos are not open yet"
        bars.done(Row("a", "failed", 0))
        bars.told(("a", 6, 10))
        assert bars.frames() == (15, 70)
        bars.done(Row("b", "done", 30))
        bars.done(Row("c", "failed", 0))


@pytest.mark.usefixtures("clips")
def test_every_option_reaches_every_job(command, monkeypatch) -> None:
    seen: list[tuple[object, ...]] = []

    def planned(videos, out, kinds, common):
        seen.append((common.rate, common.source_alpha, common.hdr, common.encode, common.encoder))
        seen.append((common.settings["shots"], common.settings["refine"]))
        return plan(videos, out, kinds, common)

    monkeypatch.setattr("dpa.batch.plan.plan", planned)
    words = ("segment", "clips", "clip.mkv", "-o", "out", "--rate", "12.5", "--hdr", "keep", *ALONE)
    more = ("--source-alpha", "ignore", "--encode", "good", "--encoder", "auto", "--shots", "off")
    code, _, err = command(*words, *more, "--refine", "off")
    assert code == 0, err
    assert seen == [("25/2", False, True, "good", "auto"), ("off", "off")]
    assert json.loads(rows(Path("out"))["clip"]["settings"])["hdr"] is True
    code, _, err = command("segment", "clips", "clip.mkv", "-o", "out", "--hdr", "yes")
    assert (code, "choose keep or tone-map" in err) == (1, True)
