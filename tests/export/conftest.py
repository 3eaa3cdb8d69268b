"""Lets the tests of this folder import `graph_samples`, which lies in it."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from graph_samples import Exported, export


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.getbasetemp() / "exported")
