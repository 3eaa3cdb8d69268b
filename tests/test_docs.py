"""Pages that are made from the code say what it does today."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / "docs" / "make_files_list.py"


@pytest.mark.process
@pytest.mark.skipif(not SCRIPT.exists(), reason="the source distribution has no docs")
def test_the_list_of_files_is_made_from_the_tests_of_today() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--check"], check=False)
    assert done.returncode == 0, "run python docs/make_files_list.py"
