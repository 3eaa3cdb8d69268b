"""Lets the tests of this folder import `archive_samples`: pytest's importlib mode leaves it off the path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
