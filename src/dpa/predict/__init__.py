"""Masks for whole data sets: `dpa predict`."""

from dpa.predict.record import Entry, Record
from dpa.predict.run import PRESETS, Prediction

__all__ = ["PRESETS", "Entry", "Prediction", "Record"]
