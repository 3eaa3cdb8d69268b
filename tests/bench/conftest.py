"""Lets the tests of this folder import `graph_samples` of ../export, and `model_samples` with it."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "export"))

from graph_samples import Exported, export


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.getbasetemp() / "exported")
