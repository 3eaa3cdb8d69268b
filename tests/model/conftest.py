"""What the tests of this folder share."""

import pytest
from model_samples import build

from dpa.model.dpa import DPA


@pytest.fixture(scope="session")
def tiny() -> DPA:
    """dpa-mobile's encoders, all else narrow, in evaluation mode. Not to be changed."""
    return build()
