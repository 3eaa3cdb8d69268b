"""Masks for whole data sets: `dpa predict`."""

from dpa.predict.record import Entry, Record
from dpa.predict.run import PRESETS, Prediction
from dpa.predict.videos import Video, find_videos

__all__ = ["PRESETS", "Entry", "Prediction", "Record", "Video", "find_videos"]
