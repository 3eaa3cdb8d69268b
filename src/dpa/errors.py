"""The errors of this package: one clear sentence each, naming the file or setting and the mend."""

from pathlib import Path
from typing import Any


def reason(error: Exception) -> str:
    """What FFmpeg or the system says, as the middle of a sentence."""
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()


class DPAError(Exception):
    """Base of every error that a user can mend. The command line prints it without a traceback.

    Example:
        >>> import dpa
        >>> try:
        ...     dpa.segment("in.mp4", threshold=2)
        ... except dpa.DPAError as error:
        ...     print(type(error).__name__)
        InputError
    """


class InputError(DPAError):
    """A file, folder, stream or setting given by the user cannot be used.

    Example:
        >>> import dpa
        >>> list(dpa.segment("nowhere.mp4"))
        Traceback (most recent call last):
        dpa.errors.InputError: nowhere.mp4 does not exist
    """


class UnreadableError(InputError):
    """A picture or mask of a data set cannot be decoded.

    Attributes:
        path: of the file.
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path

    def __reduce__(self) -> Any:  # an error with arguments of its own would not come out of a worker process
        return _unreadable, (self.path, str(self))


def _unreadable(path: Path, sentence: str) -> UnreadableError:
    return UnreadableError(path, sentence.removeprefix(f"{path}: "))


class TruncatedError(InputError):
    """A video ended before its last frame: what was decoded has been delivered.

    Example:
        >>> import dpa
        >>> masks = []
        >>> try:
        ...     masks.extend(dpa.segment("cut.mp4"))
        ... except dpa.TruncatedError as error:
        ...     print(0 < len(masks) < 40, "of 40 frames" in str(error))
        True True

    Attributes:
        summary: the `dpa.engine.results.Summary` of what was written, where `Segmenter.write` raised it.
    """

    summary: Any = None


class OutputError(DPAError):
    """A result cannot be written: it exists already, the place is not writable, or the disk is full.

    Example:
        >>> import dpa
        >>> dpa.segment("in.mp4", output="in.mp4")
        Traceback (most recent call last):
        dpa.errors.OutputError: in.mp4 is what is being read: choose another name for the output
    """


class WeightsError(DPAError):
    """A weights file is missing, damaged, or does not fit the network.

    Example:
        >>> from dpa.weights import find
        >>> find("dpa-mobil")
        Traceback (most recent call last):
        dpa.errors.WeightsError: no network is called 'dpa-mobil'; did you mean 'dpa-mobile'? ...
    """


class MissingExtra(DPAError):
    """The request needs a library that the base installation does not have.

    Example:
        >>> print(MissingExtra("flow by RAFT"))
        flow by RAFT needs more than the base installation: pip install "dpa-vos[torch]"
    """

    def __init__(self, what: str, extra: str = "torch") -> None:
        super().__init__(f'{what} needs more than the base installation: pip install "dpa-vos[{extra}]"')
