"""A part of a video that is segmented alone, and gives the masks that it has in the whole."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import groupby

from dpa.engine.shots import Span


@dataclass(frozen=True)
class Part:
    """Frames of a video.

    References are those of the whole video. What else masks depend on are their neighbours: the frames beside
    them that they are smoothed with, those that masks are propagated from, and those that the network sees
    at once with them.

    Attributes:
        start, end: index of the first frame, and of the one after the last.
        spans: of the whole video, where shots are looked for (`dpa.engine.shots.spans`), so that they need
            not be found for each part; None for one.

    Example:
        >>> from dpa.engine.segmenter import Segmenter
        >>> segmenter = Segmenter(size=128)
        >>> [mask.index for mask in segmenter.masks("in.mp4", part=Part(1, 3))]
        [1, 2]
    """

    start: int
    end: int
    spans: tuple[Span, ...] | None = None

    def reach(
        self, count: int, every: int, together: int, smooth: bool, dinov2_every: int = 1
    ) -> tuple[int, int]:
        """The first frame that the network is to see for the masks of this part, and the one after the last.

        Args:
            count: frames of the video.
            every: see `SegmenterConfig`.
            together: frames that the network sees at once; they are those of the whole video.
            smooth: whether masks are smoothed with those beside them.
            dinov2_every: see `SegmenterConfig`; 1 without DINOv2.
        """
        first, last = max(0, self.start - smooth), min(self.end - 1 + smooth, count - 1)
        groups = self._groups(count, every, together)
        firsts = [group[0] for group in groups]
        before = bisect_right(firsts, first) - 1
        if dinov2_every > 1:  # from a frame on that DINOv2 looks at
            spans = self.spans or (Span(0, count, 0),)
            begun = max(span.start for span in spans if span.start <= firsts[before])
            looked = max(begun, firsts[before] // dinov2_every * dinov2_every)
            before = max(0, bisect_right(firsts, looked) - 1)
        # Spans end where a damaged video's last frames cannot be decoded.
        after = min(bisect_left([group[-1] for group in groups], last), len(groups) - 1)
        return groups[before][0], groups[after][-1] + 1

    def _groups(self, count: int, every: int, together: int) -> list[list[int]]:
        """The frames that the network sees of the whole video, as it sees them (`propagation.keyed`)."""
        spans = self.spans or (Span(0, count, 0),)
        shots = [list(shot) for _, shot in groupby(spans, key=lambda span: span.shot)]
        ends = {frame for shot in shots for frame in (shot[0].start, shot[-1].end - 1)}
        groups = []
        for span in spans:
            seen = [frame for frame in range(span.start, span.end) if frame % every == 0 or frame in ends]
            groups += [seen[start : start + together] for start in range(0, len(seen), together)]
        return groups
