"""dpa.config: typed settings, and errors that help."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dpa import config
from dpa.errors import InputError


@dataclass
class Optimiser:
    rate: float = 1e-4
    sizes: list[int] = field(default_factory=lambda: [384, 512])


@dataclass
class Settings:
    name: str
    steps: int = 3
    seed: int | None = None
    optimiser: Optimiser = field(default_factory=Optimiser)


def test_defaults_then_file_then_words(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("name: first\nsteps: 5\noptimiser:\n  rate: 0.5\n")
    loaded = config.load(Settings, path, ["steps=7", "optimiser.sizes=[64]", "seed=1"])
    assert loaded == Settings("first", 7, 1, Optimiser(0.5, [64]))
    assert isinstance(loaded.optimiser, Optimiser)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("stpes=2", "unknown key 'stpes'; did you mean 'steps'"),
        ("optimiser.rat=2", "did you mean 'optimiser.rate'"),
        ("steps=many", "'many'"),
        ("optimiser=3", "optimiser=3"),
        ("optimiser.sizes=[a]", r"optimiser\.sizes"),
        ("optimiser.sizes.x=1", r"optimiser\.sizes\.x"),
        ("steps", "key=value"),
        ("name=[1", "not YAML"),
        ("name=${nowhere}", "nowhere"),
    ],
)
def test_wrong_words_are_named(word: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        config.load(Settings, None, ["name=x", word])


def test_a_value_without_default_must_be_given() -> None:
    with pytest.raises(InputError, match="no value for name"):
        config.load(Settings)


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n"])
def test_files_that_are_no_settings(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bad\.yaml"):
        config.load(Settings, path)


def test_names_that_lead_nowhere() -> None:
    with pytest.raises(InputError, match="no settings are called 'stge1'"):
        config.find("stge1")
    with pytest.raises(InputError, match="no such settings file"):
        config.find("folder/run.yaml")


def test_every_packaged_file_has_a_name() -> None:
    assert config.names()
    for name in config.names():
        assert config.find(name).is_file()
