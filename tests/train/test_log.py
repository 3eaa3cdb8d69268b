"""`log.csv` and `validation.csv`."""

from pathlib import Path

from dpa.train.log import Log


def _rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


def _work(log: Log, start: int, end: int, total: int = 50) -> None:
    for i in range(start, end + 1):
        log.add(i, float(i), 1e-3, 8, i == total)
        if i % 20 == 0:
            log.validation(i, {"a": 0.5, "b": i / 100})


def test_means_since_the_last_row_and_the_end_is_in_it(tmp_path: Path) -> None:
    _work(Log(tmp_path, 0), 1, 50)
    header, *rows = _rows(tmp_path / "log.csv")
    assert header == ["iteration", "loss", "lr", "images_per_second"]
    assert [row[:2] for row in rows] == [["20", "10.5000"], ["40", "30.5000"], ["50", "45.5000"]]
    assert _rows(tmp_path / "validation.csv") == [
        ["iteration", "J", "a", "b"],
        ["20", "0.3500", "0.5000", "0.2000"],
        ["40", "0.4500", "0.5000", "0.4000"],
    ]


def test_resumed_has_no_row_twice(tmp_path: Path) -> None:
    _work(Log(tmp_path, 0), 1, 45)
    with (tmp_path / "log.csv").open("a") as f:
        f.write("4")  # killed while it wrote
    _work(Log(tmp_path, 30), 31, 50)
    assert [row[0] for row in _rows(tmp_path / "log.csv")] == ["iteration", "20", "40", "50"]
    assert [row[0] for row in _rows(tmp_path / "validation.csv")] == ["iteration", "20", "40"]


def test_a_new_run_in_an_old_folder_starts_anew(tmp_path: Path) -> None:
    _work(Log(tmp_path, 0), 1, 45)
    Log(tmp_path, 0)
    assert len(_rows(tmp_path / "log.csv")) == 1
    assert not (tmp_path / "validation.csv").exists()
