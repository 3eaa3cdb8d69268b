import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpa.flow.colour import flow_to_image


def field(seed: int, height: int = 37, width: int = 53, scale: float = 10.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(height, width, 2)) * scale).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0, 1e5])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_torchvisions_picture(seed: int, scale: float) -> None:
    torch = pytest.importorskip("torch")
    utils = pytest.importorskip("torchvision.utils")
    flow = field(seed, scale=scale)
    theirs = utils.flow_to_image(torch.from_numpy(flow).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    # Where another machine's float32 arctangent is an ulp off, a value may fall on the other side of a level.
    difference = np.abs(flow_to_image(flow).astype(int) - theirs)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-4


def test_it_is_torchvisions_picture_of_whole_pixels() -> None:
    torch = pytest.importorskip("torch")
    utils = pytest.importorskip("torchvision.utils")
    x, y = np.meshgrid(np.arange(-20, 21), np.arange(-20, 21))
    flow = np.stack([x, y], axis=-1).astype(np.float32)
    theirs = utils.flow_to_image(torch.from_numpy(flow).permute(2, 0, 1)).permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(flow_to_image(flow), theirs)


@pytest.mark.parametrize(
    ("vector", "colour"),
    [((-1, 0), (0, 209, 255)), ((1, 0), (255, 0, 0))],
)
def test_directions_of_the_published_wheel(vector: tuple[int, int], colour: tuple[int, int, int]) -> None:
    flow = np.full((2, 2, 2), vector, np.float32)
    np.testing.assert_allclose(flow_to_image(flow)[0, 0].astype(int), colour, atol=1)


def test_rest_is_white() -> None:
    assert (flow_to_image(np.zeros((3, 4, 2), np.float32)) == 255).all()


@pytest.mark.parametrize("shape", [(0, 0, 2), (0, 5, 2), (5, 0, 2)])
def test_empty(shape: tuple[int, int, int]) -> None:
    assert flow_to_image(np.zeros(shape, np.float32)).shape == (*shape[:2], 3)


@given(seed=st.integers(0, 99), factor=st.floats(0.01, 100))
def test_a_scaled_flow_has_the_same_picture(seed: int, factor: float) -> None:
    flow = field(seed, 9, 11)
    difference = flow_to_image(flow).astype(int) - flow_to_image(flow * np.float32(factor))
    assert np.abs(difference).max() <= 1


@given(seed=st.integers(0, 99), turn=st.booleans())
def test_no_position_matters(seed: int, turn: bool) -> None:
    flow = field(seed, 8, 8)
    moved = flow.transpose(1, 0, 2) if turn else flow[::-1, ::-1]
    image = flow_to_image(flow)
    np.testing.assert_array_equal(
        flow_to_image(moved), image.transpose(1, 0, 2) if turn else image[::-1, ::-1]
    )


def test_floor_below_the_largest_length_changes_nothing() -> None:
    flow = field(3)
    np.testing.assert_array_equal(flow_to_image(flow, floor=1.0), flow_to_image(flow))


def test_floor_keeps_the_noise_of_a_still_pair_near_white() -> None:
    noise = field(4, scale=0.01)
    assert flow_to_image(noise).min() < 60
    assert flow_to_image(noise, floor=1.0).min() > 240


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e10, 1.7e9])
def test_unknown_flow_is_drawn_as_rest_and_does_not_set_the_scale(value: float) -> None:
    flow = field(5)
    known = flow.copy()
    known[2, 3] = 0
    flow[2, 3, 1] = value
    np.testing.assert_array_equal(flow_to_image(flow), flow_to_image(known))


def test_the_argument_stays_as_it_was() -> None:
    flow = field(6)
    flow[0, 0] = np.nan
    before = flow.copy()
    flow_to_image(flow)
    np.testing.assert_array_equal(flow, before)


@pytest.mark.parametrize("floor", [-1.0, np.nan, np.inf])
def test_a_floor_that_is_no_length(floor: float) -> None:
    with pytest.raises(ValueError, match="floor"):
        flow_to_image(field(0), floor=floor)


def test_a_wrong_shape() -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 2\)"):
        flow_to_image(np.zeros((4, 4, 3), np.float32))
