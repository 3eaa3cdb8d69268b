"""What a run tells about itself: CSV files, lines, a progress bar, TensorBoard."""

from pathlib import Path

import numpy as np
import pytest

from dpa.train.report import Board, Lines, Log, Reporter, Row, make_reporters


def _rows(path: Path) -> list[list[str]]:
    return [line.split(",") for line in path.read_text().splitlines()]


def _work(log: Log, start: int, end: int) -> None:
    for i in range(start, end + 1):
        if i % 20 == 0 or i == 50:
            log.row(Row(i, 50, i / 7, 1e-3, 8))
        if i % 20 == 0:
            log.validated(i, {"a": 0.5, "b": i / 100}, {})


def test_rows(tmp_path: Path) -> None:
    _work(Log(tmp_path, 0), 1, 50)
    assert _rows(tmp_path / "log.csv") == [
        ["iteration", "loss", "lr", "images_per_second"],
        ["20", "2.8571", "0.001", "8.00"],
        ["40", "5.7143", "0.001", "8.00"],
        ["50", "7.1429", "0.001", "8.00"],
    ]
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


SCORES = {"bear": 0.5, "car": 0.75}


def _tell(reporter: Reporter) -> None:
    reporter.row(Row(20, 100, 0.25, 1e-4, 12.3))
    reporter.validated(20, SCORES, {})
    reporter.row(Row(40, 100, 0.25, 1e-4, 12.3))
    reporter.note("skipped: [a].jpg: broken")
    reporter.close()


def test_the_log(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level("INFO", "dpa.train"):
        _tell(Lines())
    assert [record.getMessage() for record in caplog.records] == [
        "iteration 20/100 loss 0.2500 lr 0.0001 images/s 12.30",
        "iteration 20: J 62.5 (bear 50.0, car 75.0)",
        "iteration 40/100 loss 0.2500 lr 0.0001 images/s 12.30",
        "skipped: [a].jpg: broken",
    ]
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "INFO", "WARNING"]
    assert capsys.readouterr().out == "", "a library does not print"


def test_tensorboard_has_scalars_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = Board(tmp_path, 0)
    board.row(Row(20, 100, 0.25, 1e-4, 12.3))
    board.validated(20, SCORES, {"bear": np.full((8, 32, 3), 7, np.uint8)})
    board.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "lr", "images_per_second", "J", "J/bear", "J/car"}
    assert events.Scalars("J")[0].value == pytest.approx(0.625)
    picture = events.Images("bear")[0]
    assert (picture.step, picture.width, picture.height) == (20, 32, 8)


def test_who_is_told(tmp_path: Path) -> None:
    class Own(Lines):
        pass

    for given, kind in (((), Lines), ([Own()], Own)):
        reporters = make_reporters(tmp_path, 0, given)
        assert [type(r) for r in reporters][:2] == [Log, kind]
        for reporter in reporters:
            reporter.close()
