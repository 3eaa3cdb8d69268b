"""Data sets on disk: where their pictures, masks and flow lie, and in which order."""

from dpa.datasets.discover import find_videos
from dpa.datasets.layout import Sequence, Still, find_sequences, find_stills, is_dataset

__all__ = ["Sequence", "Still", "find_sequences", "find_stills", "find_videos", "is_dataset"]
