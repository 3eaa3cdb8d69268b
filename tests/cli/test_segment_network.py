"""`dpa segment`: which network is asked for, and what it sees."""

import json
from pathlib import Path

import pytest

from engine_samples import FakeBackend, names


def test_the_network_sees_every_third_frame(command, backend, place) -> None:
    words = ("--every", "3", "--smooth", "0", "--references", "1", "--json", "run.json")
    assert command("segment", "clip.mkv", *words)[0] == 0
    assert names(place / "clip_masks") == [f"{i:05d}.png" for i in range(7)]
    assert len(backend.calls) == 1 + 3
    settings = json.loads((place / "run.json").read_text())["settings"]
    assert (settings["every"], settings["smooth"]) == (3, 0)


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ((), ("dpa-mobile", None, "cpu", 0, "auto", False)),
        (("--precision", "bf16", "--threads", "2"), ("dpa-mobile", None, "cpu", 2, "bf16", False)),
        (("--compile", "--weights", "mine"), ("dpa-mobile", Path("mine"), "cpu", 0, "auto", True)),
    ],
)
def test_what_network_is_asked_for(command, place, monkeypatch, words, asked) -> None:
    got: list[tuple[object, ...]] = []

    def opened(*given: object, compiled: bool) -> FakeBackend:
        got.append((*given, compiled))
        return FakeBackend()

    monkeypatch.setattr("dpa.engine.segmenter.open_backend", opened)
    assert command("segment", "clip.mkv", "--device", "cpu", *words)[0] == 0
    assert got == [asked]
