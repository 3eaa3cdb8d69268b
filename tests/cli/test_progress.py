"""The bar, and who is told of a training run."""

import logging
import sys

import pytest

from dpa.cli.progress import TrainingBar, count_up, training_progress
from dpa.train.report import Lines, Row


def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)


def test_a_terminal_gets_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _terminal(monkeypatch)
    with training_progress() as reporters:
        (bar,) = reporters
        assert isinstance(bar, TrainingBar)
        bar.validated(20, {"bear": 0.5, "car": 0.75}, {})
        bar.row(Row(40, 100, 0.25, 1e-4, 12.3))
        bar.note("skipped: [a].jpg: broken")
        bar.close()
    out, err = capsys.readouterr()
    assert out == ""
    for words in (
        "iteration 20: J 62.5 (bear 50.0, car 75.0)",
        "40/100",
        "loss 0.250 · J 62.5 · 12.3 images/s",
        "[a].jpg: broken",
    ):
        assert words in err


def test_a_file_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("dpa.train")
    before = log.handlers[:], log.level
    with training_progress() as reporters:
        assert reporters == []
        Lines().row(Row(40, 100, 0.25, 1e-4, 12.3))
        Lines().note("skipped: a.jpg: broken")
    assert capsys.readouterr().out.splitlines() == [
        "iteration 40/100 loss 0.2500 lr 0.0001 images/s 12.30",
        "skipped: a.jpg: broken",
    ]
    assert (log.handlers, log.level) == before


def test_no_bar_where_nobody_looks_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert count_up("things", iter([1, 2]), 3, 6) == 3
    assert capsys.readouterr() == ("", "")
