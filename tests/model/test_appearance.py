"""DINOv2's features: of any frame, of what it shows, and beside the network's own."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.errors import WeightsError
from dpa.model.appearance import PATCH, Appearance, appearance, grid
from dpa.weights.registry import DINOV2


def test_the_file_is_what_its_page_says() -> None:
    said = (DINOV2.parent / "README.md").read_text()
    assert hashlib.sha256(DINOV2.read_bytes()).hexdigest() in said
    assert f"{DINOV2.stat().st_size:,} bytes" in said


def scene(left: int, seed: int = 0) -> np.ndarray:
    """A disc of stripes on noise, (288, 512, 3)."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 160, (288, 512, 3), dtype=np.uint8)
    rows, columns = np.mgrid[:288, :512]
    disc = (rows - 144) ** 2 + (columns - left) ** 2 < 80**2
    image[disc] = np.where((columns[disc] - left) // 8 % 2, 230, 30)[:, None]
    return image


@pytest.mark.slow
def test_the_same_thing_has_the_same_features_elsewhere() -> None:
    network = appearance(1)
    one, other = (network(scene(left, seed)) for left, seed in ((126, 0), (366, 1)))
    assert one.shape == (384, 18, 32)
    assert one.dtype == np.float32
    one, other = (features / np.linalg.norm(features, axis=0) for features in (one, other))
    disc = one[:, 9, 8]
    assert disc @ other[:, 9, 23] > 0.6
    assert disc @ other[:, 9, 23] > 0.2 + max(disc @ other[:, 9, 5], disc @ other[:, 2, 30])


@pytest.mark.slow
def test_colours_and_their_order_count() -> None:
    network, image = appearance(1), scene(200)
    image[..., 2] //= 4
    assert not np.allclose(network(image), network(image[..., ::-1]), atol=0.1)


@given(height=st.integers(1, 3000), width=st.integers(1, 3000))
def test_whole_patches_one_for_every_16_pixels(height: int, width: int) -> None:
    tall, wide = grid(height, width)
    assert tall % PATCH == wide % PATCH == 0
    rows, columns = tall // PATCH, wide // PATCH
    assert min(rows, columns) >= 1
    assert all(abs(16 * n - side) <= 8 or n == 1 for n, side in ((rows, height), (columns, width)))


def test_it_is_loaded_once_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert appearance(1) is appearance(1)


@pytest.mark.parametrize("content", [None, b"", b"not a graph"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.int8.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=re.escape(str(path))):
        Appearance(path)
