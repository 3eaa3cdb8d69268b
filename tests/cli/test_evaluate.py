"""`dpa evaluate` and `dpa compare` as a user calls them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mask_samples import dataset_of, masks_of, save, save_ids, square

HERE, NEAR = square(10), square(15)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`masks` and `truth` of two sequences, in the working folder."""
    dataset_of(tmp_path / "truth", {name: [HERE] * 5 for name in ("bear", "rhino")}, frames=True)
    masks_of(tmp_path / "masks", {"bear": [NEAR] * 5, "rhino": [HERE] * 5})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_outputs(command: Callable, data: Path) -> None:
    code, out, error = command(
        "evaluate", "masks", "truth", "--csv", "r.csv", "--json", "r.json", "--html", "r.html"
    )
    assert code == 0, error
    lines = out.splitlines()
    assert "davis16: 2 sequences, 6 frames, percent" in lines[0]
    assert any(line.split()[:3] == ["bear", "3", "33.3"] for line in lines)
    assert any(line.split()[:3] == ["mean", "6", "66.7"] for line in lines)
    figures = json.loads((data / "r.json").read_text())
    assert figures["J"] == pytest.approx(2 / 3)
    assert (figures["masks"], figures["truth"]) == ("masks", "truth")
    assert len((data / "r.csv").read_text().splitlines()) == 3
    assert (data / "r.html").read_text().startswith("<!doctype html>")


def test_one_sequence_and_stability(command: Callable, data: Path) -> None:
    code, out, error = command("evaluate", "masks/bear", "truth/bear", "--stability")
    assert code == 0, error
    assert "stability (ours)" in out


def test_compare(command: Callable, data: Path) -> None:
    command("evaluate", "masks", "truth", "--json", "ours.json")
    command("evaluate", "truth", "truth", "--json", "true.json")
    code, out, error = command("compare", "true.json", "ours.json", "--html", "c.html", "--by", "J")
    assert code == 0, error
    rows = [line.split() for line in out.splitlines()]
    assert ["bear", "100.0", "33.3", "-66.7"] in rows
    assert rows.index(["bear", "100.0", "33.3", "-66.7"]) < rows.index(["rhino", "100.0", "100.0", "+0.0"])
    assert "bear" in (data / "c.html").read_text()


def ids(data: Path) -> None:
    for i in range(5):
        save_ids(data / "masks/bear" / f"bear_{i:05d}.png", NEAR + 2 * HERE.astype(np.uint8))


def soft(data: Path) -> None:
    save(data / "masks/bear/bear_00002.png", np.arange(2400).reshape(40, 60).astype(np.uint8))


def other_size(data: Path) -> None:
    save(data / "masks/rhino/rhino_00001.png", np.zeros((20, 30), bool))


def missing(data: Path) -> None:
    (data / "masks/rhino/rhino_00004.png").unlink()


def extra(data: Path) -> None:
    save(data / "masks/rhino/rhino_00005.png", HERE)


def unknown(data: Path) -> None:
    save(data / "masks/lion/lion_00000.png", HERE)


def damaged(data: Path) -> None:
    (data / "masks/bear/bear_00001.png").write_bytes(b"no picture")


@pytest.mark.parametrize(
    ("spoil", "file", "mend"),
    [
        (ids, "masks/bear/bear_00001.png", "--merge"),
        (soft, "masks/bear/bear_00002.png", "--threshold"),
        (other_size, "masks/rhino/rhino_00001.png", "--resize"),
        (missing, "masks/rhino", "rhino_00004"),
        (extra, "masks/rhino/rhino_00005.png", "no annotation"),
        (unknown, "masks/lion", "unknown sequence lion"),
        (damaged, "masks/bear/bear_00001.png", "cannot be read"),
    ],
)
def test_refusals_name_the_file_in_one_sentence(
    command: Callable, data: Path, spoil: Callable, file: str, mend: str
) -> None:
    spoil(data)
    code, out, error = command("evaluate", "masks", "truth", "--json", "r.json", "--html", "r.html")
    assert code == 1
    assert not out
    assert error.startswith(f"dpa: {file}")
    assert mend in error
    assert len(error.strip().splitlines()) == 1
    assert not list(data.glob("r.*"))


@pytest.mark.parametrize(("spoil", "option"), [(ids, "--merge"), (other_size, "--resize")])
def test_what_the_sentence_advises_works(command: Callable, data: Path, spoil: Callable, option: str) -> None:
    spoil(data)
    assert command("evaluate", "masks", "truth", option)[0] == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("masks", "truth", "--protocol", "davis"), "unknown protocol 'davis'"),
        (("gone", "truth"), "gone: no such folder"),
        (("masks", "truth", "--stability", "--frames", "gone"), "gone: no such folder"),
        (("masks", "truth", "--json", "gone/r.json"), "gone/r.json: the folder gone does not exist"),
    ],
)
def test_wrong_words(command: Callable, data: Path, words: tuple[str, ...], sentence: str) -> None:
    code, _, error = command("evaluate", *words)
    assert code == 1
    assert sentence in error.splitlines()[-1]


def test_compare_of_what_is_no_report(command: Callable, data: Path) -> None:
    (data / "x.json").write_text("{}")
    code, _, error = command("compare", "x.json", "x.json")
    assert code == 1
    assert error == "dpa: x.json: is no report of `dpa evaluate --json`\n"


@pytest.mark.parametrize(
    ("module", "words"), [("jinja2", ("--html", "r.html")), ("py_sod_metrics", ("--protocol", "saliency"))]
)
def test_missing_libraries(
    command: Callable, data: Path, monkeypatch: pytest.MonkeyPatch, module: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    code, out, error = command("evaluate", "masks", "truth", *words)
    assert code == 1
    assert not out
    assert 'pip install "dpa-vos[evaluate]"' in error


def test_without_torch(base_python: Callable, data: Path) -> None:
    done = base_python("-m", "dpa", "evaluate", data / "masks", data / "truth")
    assert done.returncode == 0, done.stderr
