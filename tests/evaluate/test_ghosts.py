"""Ghost share: half-transparent pieces whose area is known."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dpa.errors import InputError
from dpa.evaluate.ghosts import ghost_share
from dpa.evaluate.run import evaluate
from mask_samples import dataset_of, masks_of, square

SHAPE = (180, 240)  # the border reaches 2 pixels


def disc_before(ghost: int) -> np.ndarray:
    """A hard square of 40 x 40 and, away from it, a piece of 20 x 20 with an alpha of its own."""
    alpha = np.zeros(SHAPE, np.uint8)
    alpha[100:140, 100:140] = 255
    alpha[10:30, 10:30] = ghost
    return alpha


def test_by_hand() -> None:
    assert ghost_share(disc_before(0)) == 0
    assert ghost_share(disc_before(100)) == pytest.approx(400 / 1600)
    assert ghost_share(disc_before(12)) == 0, "as good as clear"
    inside = disc_before(0)
    inside[110:120, 110:120] = 200
    assert ghost_share(inside) == pytest.approx(100 / 1600)


def test_a_soft_edge_is_none() -> None:
    alpha = np.zeros(SHAPE, np.uint8)
    alpha[100:140, 100:140] = 255
    assert ghost_share(cv2.blur(alpha, (3, 3))) == 0
    assert ghost_share(cv2.blur(alpha, (25, 25))) > 0.2


def test_without_an_object_ghosts_count_by_the_picture() -> None:
    alpha = np.zeros(SHAPE, np.uint8)
    alpha[10:30, 10:30] = 100
    assert ghost_share(alpha) == pytest.approx(400 / alpha.size)
    assert ghost_share(np.zeros(SHAPE, np.uint8)) == 0


def test_of_cut_outs_and_of_soft_masks(tmp_path: Path) -> None:
    masks = {"bear": [square(100, shape=SHAPE)] * 4}
    truth = dataset_of(tmp_path / "t", masks)
    ours = masks_of(tmp_path / "m", masks)
    names = sorted(path.name for path in (ours / "bear").iterdir())
    for kind in ("rgba", "soft"):
        (tmp_path / kind / "bear").mkdir(parents=True)
        for index, name in enumerate(names):
            alpha = disc_before(100 if index == 1 else 0)
            picture = cv2.merge([alpha * 0] * 3 + [alpha]) if kind == "rgba" else alpha
            cv2.imwrite(str(tmp_path / kind / "bear" / name), picture)
        figures = evaluate(ours, truth, cutouts=tmp_path / kind).figures
        # The protocol leaves the first and the last frame out of J and F; ghosts are of the same frames.
        assert figures["ghosts_worst"] == pytest.approx(0.25)
        assert 0 < figures["ghosts"] < 0.25
    assert "ghosts" not in evaluate(ours, truth).figures


def test_what_it_needs(tmp_path: Path) -> None:
    masks = {"bear": [square(100, shape=SHAPE)] * 3}
    truth, ours = dataset_of(tmp_path / "t", masks), masks_of(tmp_path / "m", masks)
    with pytest.raises(InputError, match="none: no such folder"):
        evaluate(ours, truth, cutouts=tmp_path / "none")
    colours = tmp_path / "c" / "bear"
    colours.mkdir(parents=True)
    for path in (ours / "bear").iterdir():
        cv2.imwrite(str(colours / path.name), np.zeros((*SHAPE, 3), np.uint8))
    with pytest.raises(InputError, match="has no alpha"):
        evaluate(ours, truth, cutouts=tmp_path / "c")
    sorted((tmp_path / "c" / "bear").iterdir())[1].unlink()
    with pytest.raises(
        InputError, match="bear: no cut-out of frame bear_00001: --ghosts wants one for every"
    ):
        evaluate(ours, truth, cutouts=tmp_path / "c")


def test_they_lie_as_masks_may(tmp_path: Path) -> None:
    """In SEQ/GT/, or several sequences in one folder, told apart by name; never one's for another's."""
    masks = {"bear": [square(100, shape=SHAPE)] * 3, "crab": [square(100, shape=SHAPE)] * 3}
    truth, ours = dataset_of(tmp_path / "t", masks), masks_of(tmp_path / "m", masks)
    below, flat, one = (tmp_path / name for name in ("below", "flat", "one"))
    for name, ghost in (("bear", 100), ("crab", 0)):
        for path in sorted((ours / name).iterdir()):
            for place in (below / name / "GT", flat / "GT", one):
                place.mkdir(parents=True, exist_ok=True)
                if place != one or name == "bear":
                    cv2.imwrite(str(place / path.name), disc_before(ghost))
    for place in (below, flat):
        report = evaluate(ours, truth, cutouts=place)
        assert [s.figures["ghosts"] for s in report.sequences] == [pytest.approx(0.25), 0]
    with pytest.raises(
        InputError, match="one: no cut-outs of sequence bear: --ghosts wants a folder that is laid"
    ):
        evaluate(ours, truth, cutouts=one)
    alone = evaluate(ours / "bear", truth / "bear", cutouts=one)
    assert alone.figures["ghosts"] == pytest.approx(0.25)
