"""A generated clip whose true masks are known: for a first try, the self-test and the README's pictures."""

from dpa.example.clip import Fit, fit, measure, write_clip
from dpa.example.scene import RATE, Scene

__all__ = ["RATE", "Fit", "Scene", "fit", "measure", "write_clip"]
