"""Pictures in a folder, one a frame, and a single picture."""

import os
import shutil
from collections.abc import Callable, Container, Iterable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np

from dpa.arrays import Image
from dpa.errors import OutputError
from dpa.files import aside
from dpa.video.segmented import Segmented
from dpa.video.source import Source
from dpa.video.write.base import Sink, claim_file, output_errors, put_in_place, remove
from dpa.video.write.worker import Worker

Painter = Callable[[Segmented], np.ndarray]


class FolderSink(Sink):
    """PNG pictures named like the frames.

    They are written into `OUT.part`, each under a name of its own until it is whole, and the folder is
    renamed to `OUT` when the last one is there. So `OUT` is always whole, and what a killed run leaves in
    `OUT.part` is too as far as it goes: `resume` continues there. An abort leaves `OUT.part` for the same
    reason.

    Args:
        path: the folder, `OUT`.
        painter: makes (H, W), (H, W, 3) RGB or (H, W, 4) RGBA uint8 of a `Segmented`.
        source: names the pictures.
        overwrite: replace an existing folder, if nothing but PNG pictures is in it, when the new one is
            whole.
        resume: continue after the last picture of an unbroken row that is there already.

    Raises:
        OutputError: where the folder exists already, holds other things, or is not writable.
    """

    def __init__(
        self,
        path: Path,
        painter: Painter,
        source: Source,
        *,
        overwrite: bool = False,
        resume: bool = False,
    ) -> None:
        super().__init__()
        self.path = path
        self._paint = painter
        self._source = source
        self._worker = Worker(self._write, "pictures")
        target = path.resolve()
        self._target = target
        self._part = target.with_name(target.name + ".part")
        self._old = target.with_name(target.name + ".old")
        self._check(overwrite, resume)
        self._replaces = target.exists()
        with output_errors(path):
            self._done = resume and self._replaces and self._first_missing(target) == source.count
            if not self._done:
                self._prepare(resume)
        self.start = self._first_missing(target if self._done else self._part) if resume else 0

    def write(self, segmented: Segmented) -> None:
        if segmented.frame.index < self.start:
            return
        self._worker.put((self._paint(segmented), _name(self._source, segmented.frame.index)))

    def take(self, pictures: Iterable[Path]) -> None:
        """Puts pictures that are whole into the result, under their own names; they stay where they are too.

        Raises:
            OutputError: where that fails.
        """
        with output_errors(self.path):
            for picture in pictures:
                try:
                    os.link(picture, self._part / picture.name)
                except OSError:  # another disk, or one without links
                    shutil.copyfile(picture, self._part / picture.name)

    def close(self) -> None:
        self._worker.finish()
        if self._done:
            return
        with output_errors(self.path):
            if self._target.exists():
                if not self._replaces:
                    raise OutputError(
                        f"{self.path} appeared while its masks were made: they are in {self._part}"
                    )
                _remove_pictures(self._old)
                self._target.rename(self._old)
            self._part.rename(self._target)
        self._done = True
        _remove_pictures(self._old)

    def abort(self) -> None:
        # What is painted is worth keeping, for a run that resumes.
        with suppress(OutputError):
            self._worker.finish()
        if not self._done and self._part.is_dir() and not any(self._part.iterdir()):
            self._part.rmdir()

    def _write(self, item: tuple[np.ndarray, str]) -> None:
        picture, name = item
        with output_errors(self.path):
            write_png(self._part / name, picture)

    def _check(self, overwrite: bool, resume: bool) -> None:
        if resume:
            check_comes_back(self.path, self._source)
        if not self._target.exists():
            return
        if not self._target.is_dir():
            raise OutputError(f"{self.path} is a file, not a folder: choose another name")
        names = [entry.name for entry in self._target.iterdir()]
        if names and not (overwrite or resume):
            raise OutputError(
                f"{self.path} exists already: choose another name or use --overwrite or --resume"
            )
        check_pictures(self.path, names)

    def _prepare(self, resume: bool) -> None:
        self._part.parent.mkdir(parents=True, exist_ok=True)
        if not resume:
            self._discard_part()
        elif self._target.is_dir() and not self._part.exists():
            # A folder that lacks frames is continued under the other name, so as not to look finished.
            self._target.rename(self._part)
            self._replaces = False
        self._part.mkdir(exist_ok=True)
        self._discard_torn()
        probe = self._part / ".writable"
        probe.touch()
        probe.unlink()

    def _discard_part(self) -> None:
        if self._part.is_dir():
            self._discard_torn()
            _remove_pictures(self._part)
        if self._part.exists():
            raise OutputError(f"{self._part} is in the way and holds other things than masks: remove it")

    def _discard_torn(self) -> None:
        for torn in self._part.glob(".*.part*"):
            torn.unlink()

    def _first_missing(self, folder: Path) -> int:
        return first_missing(self._source, {entry.name for entry in folder.iterdir()})


class PictureSink(Sink):
    """One PNG picture of a source that has one frame.

    Args:
        path: the picture.
        painter: as for `FolderSink`.
        overwrite: replace an existing picture.

    Raises:
        OutputError: where the picture exists already or is not writable.
    """

    def __init__(self, path: Path, painter: Painter, *, overwrite: bool = False) -> None:
        super().__init__()
        self.path = path
        self._paint = painter
        self._part = claim_file(path, overwrite)
        self._written = False

    def write(self, segmented: Segmented) -> None:
        if self._written:
            raise OutputError(f"{self.path} is one picture and the input has more frames: give a folder")
        with output_errors(self.path):
            write_png(self._part, self._paint(segmented))
        self._written = True

    def close(self) -> None:
        if not self._written:
            return self.abort()
        with output_errors(self.path):
            if self._part.exists():
                put_in_place(self._part, self.path)
        return None

    def abort(self) -> None:
        remove(self._part)


def check_comes_back(place: str | Path, source: Source) -> None:
    """Check that a folder of pictures can be continued.

    Raises:
        OutputError: the source is live.
    """
    if source.live:
        raise OutputError(f"{place} cannot be resumed: the frames of a live source do not come back")


def check_pictures(place: str | Path, names: Iterable[str]) -> None:
    """Check that nothing but pictures is in a folder, which may be replaced then.

    Args:
        place: the folder, or its URL.
        names: what is in it.

    Raises:
        OutputError: something else is.
    """
    foreign = sorted(name for name in names if not name.lower().endswith(".png"))
    if foreign:
        raise OutputError(
            f"{place} holds other things than masks, such as {foreign[0]}: choose another folder"
        )


def first_missing(source: Source, names: Container[str]) -> int:
    """Index of the first frame that has no picture among names; the number of frames where none lacks one."""
    count = source.count or 0
    return next((index for index in range(count) if _name(source, index) not in names), count)


def _name(source: Source, index: int) -> str:
    return f"{source.frame_name(index)}.png"


def _remove_pictures(folder: Path) -> None:
    """Deletes a folder of pictures; what else somebody may have put there meanwhile stays."""
    with suppress(OSError):
        for picture in folder.glob("*.png"):
            picture.unlink()
        folder.rmdir()


def write_png(path: Path, picture: Image) -> None:
    """Writes (H, W), (H, W, 3) RGB or (H, W, 4) RGBA uint8 under another name first, then renames it.

    Raises:
        OSError: where that fails; the other name is removed then.
    """
    if picture.ndim == 3:
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR if picture.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    # Any compression level that is named makes OpenCV try all of PNG's filters, four times as slow.
    whole, data = cv2.imencode(".png", picture)
    if not whole:
        raise OSError(f"OpenCV could not encode {path.name}")
    with aside(path) as part:
        part.write_bytes(data.data)
