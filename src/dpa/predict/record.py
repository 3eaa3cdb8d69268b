"""predict.json: with which settings the masks of a data set were made, and how far that went."""

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dpa.errors import OutputError
from dpa.files import write_whole

FILE = "predict.json"
KINDS = {"binary": "mask", "soft": "soft"}
"""Folder of the output and the kind of its pictures, see `dpa.video.write.kind_of`."""


@dataclass
class Entry:
    """What became of one video.

    Attributes:
        state: a video that has failed has no masks.
        frames: of the video.
        pictures: frames whose flow picture was read.
        computed: frames whose flow was computed.
        seconds: that it took.
        problem: why it failed, one sentence.
        trace: where, for what should not have failed.
    """

    state: Literal["done", "failed"]
    frames: int = 0
    pictures: int = 0
    computed: int = 0
    seconds: float = 0.0
    problem: str = ""
    trace: str = ""


@dataclass
class Record:
    """The content of `OUT/predict.json`.

    Attributes:
        folder: OUT.
        settings: all that decides what the masks look like; those of one folder are of one kind.
        engine: what computed last: device, backend, versions (two machines may differ in a few pixels).
        entries: by video.
    """

    folder: Path
    settings: dict[str, Any]
    engine: dict[str, Any]
    entries: dict[str, Entry] = field(default_factory=dict)

    @classmethod
    def claim(
        cls, folder: Path, settings: dict[str, Any], engine: dict[str, Any], overwrite: bool
    ) -> "Record":
        """Take a folder for masks of these settings: a new one, or one that has such masks already.

        Args:
            overwrite: remove what another record in the folder lists.

        Raises:
            OutputError: the folder has masks of other settings, or is not one of this command's.
        """
        settings = json.loads(json.dumps(settings))  # as it will be read again: tuples are lists
        record = cls(folder, settings, engine)
        file = folder / FILE
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is a file, not a folder: choose another name")
        if not file.exists():
            if folder.is_dir() and any(folder.iterdir()) and not overwrite:
                raise OutputError(f"{folder}: not empty, and no {FILE} is in it: choose another folder")
            return record
        if overwrite:
            record._discard()
            return record
        before, record.entries = _read(file)
        keys = [key for key in {**settings, **before} if before.get(key) != settings.get(key)]
        if keys:
            differences = "; ".join(
                f"{key}: {before.get(key)} there, {settings.get(key)} now" for key in keys
            )
            raise OutputError(
                f"{file}: the masks there were made with other settings ({differences}): "
                "choose another folder, or --overwrite to make them anew"
            )
        return record

    def save(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be made: {error.strerror}") from error
        write_whole(self.folder / FILE, (json.dumps(self.to_dict(), indent=2) + "\n").encode())

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        videos = {
            name: {key: value for key, value in asdict(entry).items() if value != ""}
            for name, entry in sorted(self.entries.items())
        }
        return {"settings": self.settings, "engine": self.engine, "videos": videos}

    def _discard(self) -> None:
        """Remove the masks that the file lists, and the file: half old and half new would pass for one."""
        try:
            _, entries = _read(self.folder / FILE)
        except OutputError:
            entries = {}
        (self.folder / FILE).unlink()
        for name in entries:
            for kind in KINDS:
                discard(self.folder / kind / name)


def discard(masks: Path) -> None:
    """Delete a video's masks; what else somebody may have put there stays."""
    with suppress(OSError):
        for picture in masks.glob("*.png"):
            picture.unlink()
        masks.rmdir()


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Entry]]:
    try:
        content = json.loads(file.read_text("utf-8"))
        return dict(content["settings"]), {name: Entry(**e) for name, e in content["videos"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{file}: cannot be read as a record; --overwrite makes the masks anew") from error
