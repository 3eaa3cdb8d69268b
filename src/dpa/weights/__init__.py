"""Weights by name: the embedded default, the registry and the cards."""

from dpa.weights.card import Card, Figures, Recipe, TrainingData, read_card, write_card
from dpa.weights.registry import DEFAULT, WeightsEntry, entries, find, verify, weights_home

__all__ = [
    "DEFAULT",
    "Card",
    "Figures",
    "Recipe",
    "TrainingData",
    "WeightsEntry",
    "entries",
    "find",
    "read_card",
    "verify",
    "weights_home",
    "write_card",
]
