"""Marks for what wants more than the base installation, which `make test-oldest` tests alone."""

from importlib.util import find_spec

import pytest

needs_torch = pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
