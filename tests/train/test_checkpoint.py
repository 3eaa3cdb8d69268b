"""Checkpoints: whole or not at all, and what is not one is named."""

import errno
from pathlib import Path

import pytest
import torch

from dpa.errors import InputError, OutputError
from dpa.train.checkpoint import NAME, load_checkpoint, save_checkpoint


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"iteration": 3, "model": {"a": torch.arange(4.0)}})
    state = load_checkpoint(tmp_path)
    assert state["iteration"] == 3
    assert torch.equal(state["model"]["a"], torch.arange(4.0))


class FullDisk:
    """A file that takes so many bytes and no more."""

    def __init__(self, file: object, room: int) -> None:
        self.file, self.room = file, room

    def __getattr__(self, name: str) -> object:
        return getattr(self.file, name)

    def __enter__(self) -> "FullDisk":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()  # type: ignore[attr-defined]

    def write(self, data: bytes) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self.file.write(data)  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("room", [0, 1000])
def test_a_full_disk_leaves_the_last_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    save_checkpoint(tmp_path, {"iteration": 1})
    real = Path.open
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda self, *mode: FullDisk(real(self, *mode), room))
        with pytest.raises(OutputError, match=NAME):
            save_checkpoint(tmp_path, {"iteration": 2, "model": torch.rand(1000)})
    assert load_checkpoint(tmp_path) == {"iteration": 1}
    assert [p.name for p in tmp_path.iterdir()] == [NAME]


def test_none_to_resume_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkpoint to resume from"):
        load_checkpoint(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "text", "code"])
def test_damaged_is_named_and_nothing_is_run(tmp_path: Path, damage: str) -> None:
    path = tmp_path / NAME
    save_checkpoint(tmp_path, {"model": torch.rand(1000)})
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:2000])
    elif damage == "text":
        path.write_text("not a checkpoint")
    else:
        torch.save({"model": Trap(tmp_path / "ran")}, path)
    with pytest.raises(InputError, match=NAME):
        load_checkpoint(tmp_path)
    assert not (tmp_path / "ran").exists()


class Trap:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)
