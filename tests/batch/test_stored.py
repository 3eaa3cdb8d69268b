"""Inputs and reports in a bucket."""

import csv
import io
from pathlib import Path

import pytest

from dpa.batch import rows
from dpa.batch.inputs import expand, is_many
from dpa.batch.job import Job, Row
from dpa.batch.plan import plan
from dpa.batch.report import Report
from dpa.errors import OutputError
from dpa.storage import files

OUT = "s3://bucket/out"
NAMES = (
    "a.mp4 deep/b.mov deep/er/c.mkv deep/notes.txt frames/1.png frames/2.png dance/RGB/1.png "
    "mixed/d.mp4 mixed/cover.jpg .hidden.mp4 out/old.mp4"
)


@pytest.fixture
def bucket(s3) -> None:
    for name in NAMES.split():
        files.write(f"s3://bucket/{name}", b"x")


def found(*words: str, recursive: bool = False) -> dict[str, str]:
    videos = list(expand(words, recursive, OUT))
    assert len({video.place for video in videos}) == len(videos)
    return {video.place: video.source.removeprefix("s3://bucket/") for video in videos}


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("word", "many"),
    [
        ("s3://bucket", True),
        ("s3://bucket/deep/", True),
        ("s3://bucket/*.mp4", True),
        ("s3://bucket/**/c.*", True),
        ("@s3://bucket/list.txt", True),
        ("s3://bucket/m.csv", True),
        ("s3://bucket/a.mp4", False),
        ("s3://bucket/no.mp4", False),
        ("s3://bucket/frames", False),
        ("s3://bucket/frames/*.png", False),
        ("s3://bucket/mixed", False),
        ("https://host/a.mp4", False),
        ("rtsp://camera", False),
    ],
)
def test_what_stands_for_several(word: str, many: bool) -> None:
    assert is_many([word], recursive=False) is many


@pytest.mark.usefixtures("bucket")
def test_folders_and_globs() -> None:
    assert found("s3://bucket") == {"a": "a.mp4"}
    assert found("s3://bucket/deep/") == {"b": "deep/b.mov"}
    assert found("s3://bucket", recursive=True) == {
        "a": "a.mp4",
        "deep/b": "deep/b.mov",
        "deep/er/c": "deep/er/c.mkv",
        "dance": "dance",
        "frames": "frames",
        "mixed/d": "mixed/d.mp4",
    }
    assert found("s3://bucket/deep/**/*.m*") == {"b": "deep/b.mov", "er/c": "deep/er/c.mkv"}
    assert found("s3://bucket/d*", recursive=True) == {
        "dance": "dance",
        "deep/b": "deep/b.mov",
        "deep/er/c": "deep/er/c.mkv",
    }
    assert found("s3://bucket/**/a.mp4", "s3://bucket/**/old.mp4") == {"a": "a.mp4"}
    assert found("s3://bucket/out/*.mp4") == {"old": "out/old.mp4"}, "asked for by name"
    assert found("s3://bucket/out", recursive=True) == {"old": "out/old.mp4"}
    assert found("s3://bucket/no/*.mp4") == {"no": "no/*.mp4"}, "an error where it is opened"


@pytest.mark.usefixtures("bucket")
def test_lists_and_manifests() -> None:
    files.write("s3://bucket/list.txt", b"s3://bucket/a.mp4\n# no\ns3://bucket/deep\n")
    assert found("@s3://bucket/list.txt") == {"a": "a.mp4", "b": "deep/b.mov"}
    files.write("s3://bucket/m.csv", b"input,output,size\ns3://bucket/a.mp4?v=1,x.webm,128\n")
    (video,) = expand(["s3://bucket/m.csv"])
    assert (video.source, video.place, video.output) == ("s3://bucket/a.mp4?v=1", "a", "x.webm")
    assert video.settings == {"size": 128}


def test_names_of_results(s3) -> None:
    files.write("s3://bucket/frames/1.png", b"x")
    words = ["s3://bucket/x/a.mp4", "s3://bucket/y/a.mp4", "s3://bucket/y/a.mov", "s3://bucket/frames"]
    jobs = plan(list(expand(words)), OUT, ["overlay"], Job("", "", ()))
    assert [job.outputs[0][0] for job in jobs] == [
        f"{OUT}/x/a.mp4",
        f"{OUT}/a_mp4.mp4",
        f"{OUT}/a_mov.mp4",
        f"{OUT}/frames/",
    ]
    tree = [*expand(["s3://bucket/c/a.mp4"]), *expand(["s3://bucket/c/**/*.mp4"])]
    assert len(plan(tree, OUT, [], Job("", "", ()))) == 2


def jobs(*names: str) -> list[Job]:
    return [
        Job(name, f"s3://bucket/{name}.mp4", ((f"{OUT}/{name}/", "mask"), (f"{OUT}/{name}.json", "coco")))
        for name in names
    ]


def make(job: Job) -> None:
    for output, _ in job.outputs:
        files.write(f"{output}00000.png" if output.endswith("/") else output, b"x")


def states() -> dict[str, str]:
    text = files.read(f"{OUT}/report.csv").decode()
    return {row["name"]: row["state"] for row in csv.DictReader(io.StringIO(text))}


def test_a_report_goes_on(s3) -> None:
    report = Report(OUT, jobs("a", "b", "c"))
    assert states() == {"a": "waiting", "b": "waiting", "c": "waiting"}
    for job in report.jobs.values():
        make(job)
    report.add(Row("a", "done", 3))
    report.add(Row("b", "failed", problem="no"))
    report.close()
    assert states() == {"a": "done", "b": "failed", "c": "waiting"}
    assert files.listed(f"{OUT}/report.csv.parts") == []
    again = Report(OUT, jobs("a", "b", "c", "d"))
    assert (again.kept, [job.name for job in again.todo]) == (["a"], ["b", "c", "d"])
    assert again.rows()[0]["outputs"] == "mask: a; coco: a.json"
    files.remove([f"{OUT}/a.json"])
    assert [job.name for job in Report(OUT, jobs("a")).todo] == ["a"], "one of its outputs has gone"


def test_a_run_that_is_killed_has_lost_little(s3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_PATIENCE", 0.0)
    killed = Report(OUT, jobs("a", "b", "c"))
    for name in ("a", "b"):
        make(killed.jobs[name])
        killed.add(Row(name, "done", 3))
    assert states() == {"a": "waiting", "b": "waiting", "c": "waiting"}
    assert len(files.listed(f"{OUT}/report.csv.parts")) == 2
    again = Report(OUT, jobs("a", "b", "c"))
    assert (again.kept, [job.name for job in again.todo]) == (["a", "b"], ["c"])
    assert states() == {"a": "done", "b": "done", "c": "waiting"}
    assert files.listed(f"{OUT}/report.csv.parts") == []


def test_names_that_are_not_text(s3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_PATIENCE", 0.0)
    job = Job("bad", "bad\udcff.mp4", ((f"{OUT}/bad/", "mask"),))
    killed = Report(OUT, [job])
    make(job)
    killed.add(Row("bad", "damaged", 3, problem="bad\udcff.mp4 ends early"))
    again = Report(OUT, [job])
    assert (again.kept, again.rows()[0]["problem"]) == (["bad"], "bad\udcff.mp4 ends early")


def test_rows_go_together(s3) -> None:
    report = Report(OUT, jobs(*map(str, range(20))))
    s3.seen.clear()
    for index in range(20):
        report.add(Row(str(index), "done", 3))
    assert s3.seen["PUT"] <= 2
    report.close()
    assert set(states().values()) == {"done"}


def test_results_are_looked_for_by_folders(s3) -> None:
    Report(OUT, jobs("a"))
    s3.seen.clear()
    Report(OUT, jobs(*map(str, range(50))))
    assert s3.seen["GET"] + s3.seen["HEAD"] < 20


def test_what_is_not_ours_is_left(s3) -> None:
    (job,) = jobs("a")
    make(job)
    report = Report(OUT, [job])
    assert (report.todo, states()) == ([], {"a": "refused"})
    files.write(f"{OUT}/report.csv", b"a,b\n1,2\n")
    with pytest.raises(OutputError, match="not a report"):
        Report(OUT, [job])


def test_resuming_is_by_what_is_there(s3, tmp_path: Path) -> None:
    folders = Job("a", "s3://bucket/a.mp4", ((f"{OUT}/a/", "mask"),))
    Report(OUT, [folders])
    make(folders)
    (job,) = Report(OUT, [folders]).todo
    assert (job.overwrite, job.resume) == (True, True)
