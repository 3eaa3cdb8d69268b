"""Where a long video is cut, and what those who work on its parts need not find out again."""

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from dpa.engine.shots import OFF, Span, spans
from dpa.files import make_folder
from dpa.storage.files import put, read
from dpa.storage.urls import is_url
from dpa.video.files import FileSource
from dpa.video.packets import PacketTable
from dpa.video.source import Source

_BEFORE = 2  # frames that are decoded before a part's own: smoothing and flow need them


def bounds_of(source: Source, longest: int) -> list[int]:
    """The first frames of the parts of a video, and its number of frames.

    Parts are of about `longest` frames; they begin where reading begins at a key frame. A video that is
    little longer stays whole, and so does one of which no part can be read alone, see `Source.entries`.
    """
    count = source.count
    if longest < 1 or count is None or count <= 1.5 * longest:
        return [0, count or 0]
    entries = source.entries
    if entries is None:
        return [0, count]
    number = round(count / longest)
    wanted = [count * k // number for k in range(1, number)]
    found = {_entry_before(entries, frame) + _BEFORE for frame in wanted}
    return [0, *sorted(frame for frame in found if _BEFORE < frame < count), count]


def parts_of(bounds: Sequence[int]) -> list[tuple[int, int]]:
    """First frame, and the one after the last, of each part."""
    return list(pairwise(bounds))


def save_facts(source: Source, shots: str, place: str) -> None:
    """Write what is known of a video: the place of its packets and, where shots are looked for, its spans.

    Args:
        source: the video.
        shots: see `SegmenterConfig`.
        place: a file, here or in a storage; its folder is made.

    Raises:
        DPAError: it cannot be written, or the video not be read.
    """
    facts: dict[str, np.ndarray] = {}
    if isinstance(source, FileSource):
        table = source.table
        assert table.times is not None
        assert table.stamps is not None
        facts |= {"times": table.times, "stamps": table.stamps, "keys": table.keys}
    if shots != OFF:
        found = [(span.start, span.end, span.shot) for span in spans(source.frames(), shots)]
        facts["spans"] = np.array(found, np.int64)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **facts)
    if not is_url(place):
        make_folder(Path(place).parent)
    put(place, file.getvalue())


def load_facts(place: str, source: Source) -> tuple[Span, ...] | None:
    """Tell a source what is known of it; gives its spans, None where shots are not looked for.

    Raises:
        DPAError: it cannot be read.
    """
    data = read(place) if is_url(place) else Path(place).read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as facts:
        if isinstance(source, FileSource):
            count = len(facts["times"])
            source.table = PacketTable(facts["times"], facts["stamps"], facts["keys"], count, count, False)
        if "spans" not in facts:
            return None
        return tuple(Span(*map(int, span)) for span in facts["spans"])


def _entry_before(entries: Sequence[int], frame: int) -> int:
    place = int(np.searchsorted(np.asarray(entries), frame, side="right")) - 1
    return int(entries[max(0, place)])
