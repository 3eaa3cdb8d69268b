import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dpa.errors import MissingExtra, WeightsError
from dpa.flow import raft
from dpa.flow.raft import RAFT, cached_weights


@pytest.fixture
def untrained(tmp_path: Path) -> Path:
    """A weights file of the right shapes."""
    torch = pytest.importorskip("torch")
    optical_flow = pytest.importorskip("torchvision.models.optical_flow")
    torch.manual_seed(0)
    file = tmp_path / "untrained.pth"
    torch.save(optical_flow.raft_small(weights=None).state_dict(), file)
    return file


def test_names_and_files_are_torchvision_s() -> None:
    optical_flow = pytest.importorskip("torchvision.models.optical_flow")
    for size in ("small", "large"):
        for published, weights in getattr(
            optical_flow, f"Raft_{size.capitalize()}_Weights"
        ).__members__.items():
            if published != "DEFAULT":
                assert cached_weights(f"{size}-{published}").name == weights.url.rpartition("/")[2]
    # Sintel, KITTI and Things by the authors themselves: their weights are torchvision's first versions.
    for name, published in (("sintel", "C_T_SKHT_V1"), ("kitti", "C_T_SKHT_K_V1"), ("things", "C_T_V1")):
        assert cached_weights(f"large-{name}") == cached_weights(f"large-{published}")


def test_a_variant_s_own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, untrained: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = cached_weights("small-C_T_V2")
    place.parent.mkdir(parents=True)
    untrained.rename(place)
    estimator = RAFT("small-C_T_V2")
    assert estimator.name == "raft-small-C_T_V2"
    assert estimator.recipe["weights"] == "raft_small_C_T_V2-01064c6d.pth"


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (5, 140), (129, 130)])
def test_any_size(texture: Callable, untrained: Path, shape: tuple[int, int]) -> None:
    flow = RAFT("small", weights=untrained)(texture(*shape, seed=1), texture(*shape, seed=2))
    assert flow.shape == (*shape, 2)
    assert flow.dtype == np.float32
    assert np.isfinite(flow).all()


def test_the_recipe_names_the_weights(untrained: Path) -> None:
    recipe = RAFT("small", weights=untrained).recipe
    assert json.loads(json.dumps(recipe)) == recipe
    assert recipe["weights"] == "untrained.pth"
    assert len(str(recipe["sha256"])) == 64


def test_weights_of_another_network(untrained: Path) -> None:
    with pytest.raises(WeightsError, match=r"untrained\.pth.*RAFT large"):
        RAFT("large", weights=untrained)


@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 cut short"])
def test_damaged_weights(tmp_path: Path, content: bytes) -> None:
    pytest.importorskip("torchvision")
    file = tmp_path / "damaged.pth"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match=r"damaged\.pth"):
        RAFT("small", weights=file)


def test_a_weights_file_is_never_run(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchvision")
    file = tmp_path / "code.pth"
    torch.save({"weights": Path("somewhere")}, file)
    with pytest.raises(WeightsError, match=r"code\.pth"):
        RAFT("small", weights=file)


def test_a_missing_weights_file(tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    with pytest.raises(WeightsError, match=r"gone\.pth: no such"):
        RAFT("small", weights=tmp_path / "gone.pth")


def test_offline_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("torchvision")

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(WeightsError) as caught:
        RAFT("large")
    assert str(cached_weights("large")) in str(caught.value)
    assert "no route to host" in str(caught.value)
    assert "fetch https://" in str(caught.value)


def test_without_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torchvision", None)
    with pytest.raises(MissingExtra, match=r"dpa-vos\[torch\]"):
        RAFT("small")


def test_pictures_of_two_sizes(texture: Callable, untrained: Path) -> None:
    with pytest.raises(ValueError, match="one size"):
        RAFT("small", weights=untrained)(texture(20, 20), texture(20, 21))


def test_unknown_variant() -> None:
    with pytest.raises(ValueError, match="small"):
        RAFT("huge")


def test_the_cache_is_where_torch_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    for home in (str(tmp_path), None):
        if home is None:
            monkeypatch.delenv("TORCH_HOME", raising=False)
        else:
            monkeypatch.setenv("TORCH_HOME", home)
        assert cached_weights("small").parent == Path(torch.hub.get_dir()) / "checkpoints"


@pytest.mark.parametrize("side", [1, 8, 127, 128, 129, 136, 203, 1080])
def test_sides_are_padded_to_eighths_and_to_128_at_least(side: int) -> None:
    before, after = raft._padding(side)
    whole = before + side + after
    assert whole % 8 == 0
    assert max(128, side) <= whole < max(129, side + 8)
    assert 0 <= after - before <= 1


def test_the_last_of_twelve_updates_is_the_flow(untrained: Path) -> None:
    torch = pytest.importorskip("torch")
    estimator, asked = RAFT("small", weights=untrained), []

    def network(first: object, second: object, num_flow_updates: int) -> list:
        asked.append((first, second, num_flow_updates))
        y, x = torch.meshgrid(torch.arange(136), torch.arange(144), indexing="ij")
        return [torch.full((1, 2, 136, 144), float("nan"))] * 11 + [torch.stack([x, y])[None].float()]

    estimator._network = network
    first, second = (np.full((131, 140, 3), level, np.uint8) for level in (0, 255))
    flow = estimator(first, second)
    assert np.array_equal(flow[..., 0], np.broadcast_to(np.arange(2, 142), (131, 140)))
    assert np.array_equal(flow[..., 1], np.broadcast_to(np.arange(2, 133)[:, None], (131, 140)))
    ((one, other, updates),) = asked
    assert updates == 12
    assert one.shape == other.shape == (1, 3, 136, 144)
    assert ((one == -1).all(), (other == 1).all()) == (True, True)
    mixed = estimator._prepare(np.arange(131 * 140 * 3, dtype=np.uint8).reshape(131, 140, 3))
    assert mixed[0, 0, 2, 2] == -1
    assert mixed[0, 1, 2, 2] == pytest.approx(1 / 127.5 - 1)
    assert torch.equal(mixed[0, :, 0, 0], mixed[0, :, 2, 2]), "edges go on"
    assert torch.equal(mixed[0, :, -1, -1], mixed[0, :, 132, 141])


def test_threads_may_share_one(shifted_pair: Callable, untrained: Path) -> None:
    # Of two sizes: the network keeps a pair's correlations in itself, and mixed ones do not even fit.
    sides = [(128, 136), (136, 160)] * 2
    pairs = [shifted_pair(*size, shift, 0, seed=shift) for shift, size in enumerate(sides, 1)]
    estimator = RAFT("small", weights=untrained)
    alone = [estimator(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: estimator(*pair), pairs))
    for flow, expected in zip(together, alone, strict=True):
        np.testing.assert_allclose(flow, expected, atol=1e-4)


@pytest.mark.real
@pytest.mark.parametrize("shift", [(5, -3), (-12, 7)])
def test_it_finds_a_shift(
    shared: Path, shifted_pair: Callable, monkeypatch: pytest.MonkeyPatch, shift: tuple[int, int]
) -> None:
    pytest.importorskip("torchvision")
    monkeypatch.setenv("TORCH_HOME", str(shared / "weights" / "torch"))
    first, second = shifted_pair(150, 203, *shift)
    flow = RAFT("small")(first, second)
    assert flow.shape == (150, 203, 2)
    np.testing.assert_allclose(np.median(flow[20:-20, 20:-20], axis=(0, 1)), shift, atol=0.5)
