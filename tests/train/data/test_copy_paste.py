"""Copy-paste video: the mask is that of what moves, and what rests stays where it is."""

import cv2
import numpy as np
import pytest

from dpa.train.data.augment import View
from dpa.train.data.copy_paste import paste_resting, paste_scenes, put_bars

SCENE, OTHER = (200, 60, 60), (40, 220, 40)
MOVES, RESTS = (220, 40, 160), (40, 200, 90)  # in flow pictures


def _still(colour: tuple[int, int, int], at: tuple[int, int], size: tuple[int, int] = (120, 160)) -> View:
    image, mask = np.full((*size, 3), 20, np.uint8), np.zeros(size, np.uint8)
    cv2.circle(mask, at, 22, 255, -1)
    image[mask > 0] = colour
    return View(image, mask)


def _of(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a picture shows an object, whatever its brightness."""
    channel = int(np.argmax(colour))
    rest = np.delete(image, channel, axis=-1).max(axis=-1).astype(int)
    return image[..., channel] - rest > 60


def _agree(found: np.ndarray, mask: np.ndarray) -> float:
    union = np.count_nonzero(found | (mask > 0))
    return np.count_nonzero(found & (mask > 0)) / union if union else 1.0


def _beyond(found: np.ndarray, mask: np.ndarray) -> float:
    """How far from the mask the farthest of what was found is, in pixels."""
    distance = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, 5)
    return float(distance[found].max(initial=0))


def test_roles() -> None:
    roles = set()
    scene, other = _still(SCENE, (40, 60)), _still(OTHER, (90, 50))
    for seed in range(60):
        frames = paste_scenes(scene, other, 3, np.random.default_rng(seed))
        if all(f is frames[0] for f in frames):
            roles.add("carried")
            continue
        shown = [(_of(f.image, SCENE), _of(f.image, OTHER), f.mask) for f in frames]
        a, b, mask = shown[0]
        assert a.any()
        assert b.any(), seed
        scores = {"scene": _agree(a, mask), "pasted": _agree(b, mask), "both": _agree(a | b, mask)}
        role = max(scores, key=lambda name: scores[name])
        assert scores[role] > 0.8
        roles.add(role)
        places = [np.argwhere(found).mean(0) for _, found, _ in shown]
        rests = all(np.allclose(p, places[0]) for p in places)
        assert rests == (role == "scene"), "what moves is somewhere else in every frame, what rests is not"
        for f in frames:
            assert set(np.unique(f.mask)) <= {0, 255}
            assert f.flow is None
    assert roles == {"scene", "pasted", "both", "carried"}


def test_what_is_carried_is_part_of_the_object_and_touches_it() -> None:
    scene, other = _still(SCENE, (40, 60)), _still(OTHER, (90, 50))
    inside = scene.mask > 0
    before = behind = 0
    for seed in range(200):
        frames = paste_scenes(scene, other, 3, np.random.default_rng(seed))
        if frames[0] is not frames[1]:
            continue  # of another role
        image, mask = frames[0].image, frames[0].mask
        assert len(frames) == 3
        assert frames[2] is frames[0], "it moves with the object: the scene is the same in all frames"
        assert (mask[inside] == 255).all()
        assert set(np.unique(mask)) == {0, 255}
        assert cv2.connectedComponents(mask)[0] == 2, "one background, one object"
        assert _beyond((image != scene.image).any(axis=-1), mask) <= 3
        covered = not np.array_equal(image[inside], scene.image[inside])
        before += covered
        behind += not covered and np.count_nonzero(mask) > np.count_nonzero(inside)
    assert before > 5
    assert behind > 3


def test_strings_are_thin_and_hang_on_the_object() -> None:
    # Strings need no other object; nothing else can be carried here.
    scene, other = _still(SCENE, (40, 60)), _still(OTHER, (90, 50))
    other = View(other.image, np.zeros_like(other.mask))
    made = [paste_scenes(scene, other, 2, np.random.default_rng(seed)) for seed in range(600)]
    strung = [frames for frames in made if frames[0] is not scene]
    assert len(strung) > 10
    reach = []
    for frames in strung:
        assert frames[0] is frames[1]
        image, mask = frames[0].image, frames[0].mask
        assert (mask[scene.mask > 0] == 255).all()
        assert cv2.connectedComponents(mask)[0] == 2
        assert _beyond((image != scene.image).any(axis=-1), mask) <= 2
        strings = ((mask > 0) & (scene.mask == 0)).astype(np.uint8)
        # Four of them side by side at most, each 3 pixels wide.
        assert cv2.distanceTransform(strings, cv2.DIST_L2, 5).max() <= 7
        reach.append(_beyond(strings > 0, scene.mask))
    assert np.median(reach) > 30, "much longer than wide"


def test_the_seed_decides_and_the_stills_stay_as_they_are() -> None:
    scene, other = _still(SCENE, (40, 60)), _still(OTHER, (90, 50), size=(200, 90))
    kept = [part.copy() for part in (scene.image, scene.mask, other.image, other.mask)]
    pictures = []
    for seed in range(40):  # every role is among them
        a, b = (paste_scenes(scene, other, 2, np.random.default_rng(seed)) for _ in range(2))
        assert all(np.array_equal(x.image, y.image) for x, y in zip(a, b, strict=True))
        assert all(np.array_equal(x.mask, y.mask) for x, y in zip(a, b, strict=True))
        pictures.append(a[0].image.tobytes())
    assert len(set(pictures)) > 35
    for part, as_it_was in zip((scene.image, scene.mask, other.image, other.mask), kept, strict=True):
        assert np.array_equal(part, as_it_was)


@pytest.mark.parametrize("empty", ["scene", "other"])
def test_without_an_object_nothing_is_pasted(empty: str) -> None:
    stills = {"scene": _still(SCENE, (40, 60)), "other": _still(OTHER, (90, 50))}
    stills[empty] = View(stills[empty].image, np.zeros_like(stills[empty].mask))
    scene = stills["scene"]
    made = [paste_scenes(scene, stills["other"], 2, np.random.default_rng(seed)) for seed in range(40)]
    stay = [all(frame is scene for frame in frames) for frames in made]
    # The scene's object may have strings, which need no other one.
    assert all(stay) if empty == "scene" else np.mean(stay) > 0.8


def test_a_resting_object_changes_neither_mask_nor_flow_nor_the_object() -> None:
    frame, other = _still(SCENE, (40, 60)), _still(OTHER, (90, 50))
    frame = View(frame.image, frame.mask, np.full_like(frame.image, 7))
    changed = 0
    for seed in range(40):
        result = paste_resting(frame, other, np.random.default_rng(seed))
        assert result.mask is frame.mask
        assert result.flow is frame.flow
        assert np.array_equal(result.image[frame.mask > 0], frame.image[frame.mask > 0])
        changed += not np.array_equal(result.image, frame.image)
    assert changed > 20


def test_no_room_no_paste() -> None:
    full = View(np.zeros((60, 80, 3), np.uint8), np.full((60, 80), 255, np.uint8))
    assert paste_resting(full, _still(OTHER, (90, 50)), np.random.default_rng(0)) is full


def _flowing(view: View) -> View:
    """With a flow picture of one colour for the object and one for the background."""
    return View(view.image, view.mask, np.where(view.mask[..., None] > 0, MOVES, RESTS).astype(np.uint8))


@pytest.mark.parametrize("flow", [False, True])
def test_bars_stand_before_or_behind_and_are_no_part_of_the_mask(flow: bool) -> None:
    still = _still(SCENE, (80, 60))
    still = _flowing(still) if flow else still
    kept = [None if part is None else part.copy() for part in (still.image, still.mask, still.flow)]
    cut = whole = 0
    for seed in range(60):
        barred, again = (put_bars(still, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(barred.image, again.image)
        changed = (barred.image != still.image).any(axis=-1)
        assert np.count_nonzero(changed) < 0.6 * changed.size
        # What a bar in front covers is lost; the rest of the object is whole, in the picture too.
        assert np.array_equal(barred.mask > 0, (still.mask > 0) & ~changed)
        cut += not np.array_equal(barred.mask, still.mask)
        beside = changed & (cv2.dilate(still.mask, np.ones((3, 3), np.uint8)) > 0)
        whole += bool(beside.any()) and np.array_equal(barred.mask, still.mask)
    assert cut > 30
    assert whole > 3, "bars that reach the object and are behind it"
    for part, as_it_was in zip((still.image, still.mask, still.flow), kept, strict=True):
        assert np.array_equal(part, as_it_was)  # type: ignore[arg-type]


def test_without_an_object_no_bars() -> None:
    still = _still(SCENE, (80, 60))
    empty = View(still.image, np.zeros_like(still.mask))
    assert put_bars(empty, np.random.default_rng(0)) is empty


def test_bars_change_the_flow_picture_only_where_they_are() -> None:
    still = _flowing(_still(SCENE, (80, 60)))
    assert still.flow is not None
    lost = seen = 0
    for seed in range(60):
        barred = put_bars(still, np.random.default_rng(seed))
        assert barred.flow is not None
        assert barred.flow.dtype == np.uint8
        bars = (barred.image != still.image).any(axis=-1)
        changed = (barred.flow != still.flow).any(axis=-1)
        # A blur of 4 pixels reaches three times as far.
        assert _beyond(changed, np.where(bars, np.uint8(255), np.uint8(0))) <= 18
        cut = (barred.mask == 0) & (still.mask > 0)
        seen += bool((changed & cut).any())
        lost += bool(cut.any()) and not changed.any()
    assert seen > 10
    assert lost > 10, "some bars are lost in the object's motion"


def test_bars_before_the_object_take_the_background_s_colour() -> None:
    still = _flowing(_still(SCENE, (80, 60)))
    toward = np.subtract(RESTS, MOVES) / np.linalg.norm(np.subtract(RESTS, MOVES))
    for seed in range(40):
        barred = put_bars(still, np.random.default_rng(seed))
        change = np.subtract(barred.flow, still.flow, dtype=float)[still.mask > 0]
        assert (change @ toward).sum() >= 0


def test_bars_take_no_colour_where_there_is_no_background() -> None:
    still = _still(SCENE, (80, 60))
    full = _flowing(View(still.image, np.full_like(still.mask, 255)))
    for seed in range(10):
        barred = put_bars(full, np.random.default_rng(seed))
        assert np.array_equal(barred.flow, full.flow)  # type: ignore[arg-type]
    assert put_bars(still, np.random.default_rng(0)).flow is None
