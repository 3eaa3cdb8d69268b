"""report.csv: what is done, what is left, what must not be mixed."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from dpa.batch.job import Job, Row
from dpa.batch.report import Report
from dpa.errors import OutputError


def jobs(out: Path, **settings: object) -> list[Job]:
    made = [Job(n, f"{n}.mp4", ((f"{out / n}/", "mask"),), dict(settings)) for n in ("a", "b", "c")]
    for job in made:
        Path(job.source).touch()
    return made


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A report in which a is done, b has failed, and c was at work when the run was killed."""
    monkeypatch.chdir(tmp_path)
    report = Report(tmp_path / "out", jobs(tmp_path / "out", size=128))
    (tmp_path / "out" / "a").mkdir()
    report.add(Row("a", "done", 7, 1.5))
    report.add(Row("b", "failed", problem="b.mp4, it says, is broken"))
    return tmp_path / "out"


def lines(out: Path) -> dict[str, dict[str, str]]:
    with (out / "report.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_a_killed_run_goes_on_where_it_was(out: Path) -> None:
    with (out / "report.csv").open("a") as file:
        file.write('c,/c.mp4,mask: c,done,7,1,,,"{""si')  # torn off
    report = Report(out, jobs(out, size=128))
    assert report.kept == ["a"]
    assert [(job.name, job.resume, job.overwrite) for job in report.todo] == [
        ("b", True, True),
        ("c", True, True),
    ]
    assert {name: row["state"] for name, row in lines(out).items()} == {
        "a": "done",
        "b": "waiting",
        "c": "waiting",
    }


def test_names_that_are_not_text_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    job = Job("bad\udcff", "bad\udcff.mp4", (("out/", "mask"),), {"shots": "bad\udcff.txt"})
    report = Report(tmp_path, [job])
    report.add(Row(job.name, "failed", problem="bad\udcff.mp4 is broken"))  # and killed here
    again = Report(tmp_path, [job])
    assert [one.name for one in again.todo] == [job.name]
    (tmp_path / "out").mkdir()
    again.add(Row(job.name, "done", 7))
    again.close()
    (row,) = (kept := Report(tmp_path, [job])).rows()
    assert kept.kept == [job.name]
    assert (row["input"], row["settings"]) == (str(tmp_path / job.source), job.settings)


def test_rows(out: Path) -> None:
    report = Report(out, jobs(out, size=128))
    report.add(Row("b", "damaged", 3, 0.5, "the end is missing", warnings=["no sound", "no title"]))
    assert len((out / "report.csv").read_text().splitlines()) == 1 + 3 + 1
    report.close()
    assert list(lines(out)) == ["a", "b", "c"]
    first, second, third = report.rows()
    assert (first["frames"], first["seconds"], first["settings"]) == (7, 1.5, {"size": 128})
    assert (second["state"], second["warnings"]) == ("damaged", "no sound no title")
    assert (third["state"], third["frames"]) == ("waiting", 0)


def test_a_result_that_was_deleted_is_made_again(out: Path) -> None:
    (out / "a").rmdir()
    assert [job.name for job in Report(out, jobs(out, size=128)).todo] == ["a", "b", "c"]


def test_half_a_result_of_other_settings_is_begun_anew(out: Path) -> None:
    others = [replace(job, settings={"size": 256}) if job.name == "c" else job for job in jobs(out, size=128)]
    report = Report(out, others)
    assert [(job.name, job.resume) for job in report.todo] == [("b", True), ("c", False)]


def test_results_are_not_mixed(out: Path) -> None:
    with pytest.raises(OutputError, match=r'other settings \(\{"size": 128\} there, defaults now\)'):
        Report(out, jobs(out))
    elsewhere = [replace(job, source=f"x/{job.source}") for job in jobs(out, size=128)]
    with pytest.raises(OutputError, match=r"a there is the result of .*a\.mp4, not of .*x/a\.mp4"):
        Report(out, elsewhere)
    # How it is computed does not decide what it is.
    assert Report(out, jobs(out, size=128, device="cpu", threads=1)).kept == ["a"]
    assert [job.overwrite for job in Report(out, jobs(out), overwrite=True).todo] == [True] * 3


def test_what_others_have_put_there_stays(out: Path) -> None:
    foreign = Job("d", "d.mp4", ((f"{out / 'd'}/", "mask"),))
    (out / "d").mkdir()
    for _ in range(2):  # the second time there is a row of it
        report = Report(out, [foreign])
        assert report.todo == []
        assert report.rows()[0]["state"] == "refused"
        assert "exists already" in report.rows()[0]["problem"]
    assert set(lines(out)) == {"a", "b", "c", "d"}, "rows of other commands stay"


def test_a_file_that_is_no_report(tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("name,score\na,1\n")
    with pytest.raises(OutputError, match="not a report"):
        Report(tmp_path, [])
