"""predict.json: with which settings the masks of a data set were made, and how far that went."""

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from dpa.errors import OutputError
from dpa.files import check_same, make_folder, read_record, write_json

FILE = "predict.json"
KINDS = {"binary": "mask", "soft": "soft"}
"""Folder of the output and the kind of its pictures, see `dpa.video.write.kind_of`."""

_MEND = "choose another folder, or --overwrite to make them anew"


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
        record = cls(folder, settings, engine)
        file = folder / FILE
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is a file, not a folder: choose another name")
        if file.exists() and overwrite:
            record._discard()
        elif file.exists():
            before, record.entries = _read(file)
            check_same(file, before, settings, "the masks there were made with other settings", _MEND)
        elif folder.is_dir() and any(folder.iterdir()) and not overwrite:
            raise OutputError(f"{folder}: not empty, and no {FILE} is in it: choose another folder")
        return record

    def save(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            OutputError: it cannot be written.
        """
        make_folder(self.folder)
        write_json(self.folder / FILE, self.to_dict())

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
    content = read_record(file, _MEND)
    try:
        return dict(content["settings"]), {name: Entry(**e) for name, e in content["videos"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{file}: cannot be read as a record: {_MEND}") from error
