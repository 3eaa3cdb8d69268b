"""Lets the tests of this folder import `model_samples`: pytest's importlib mode leaves it off the path."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from model_samples import build

from dpa.model.dpa import DPA


@pytest.fixture(scope="session")
def tiny() -> DPA:
    """dpa-mobile's encoders, all else narrow, in evaluation mode. Not to be changed."""
    return build()
