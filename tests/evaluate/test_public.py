"""The public sets: found as unpacked, counted against what was published; boxes and their success rates."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dpa.errors import InputError
from dpa.evaluate.measures import box_of
from dpa.evaluate.pairs import Pair, PairedSequence
from dpa.evaluate.protocols import find_protocol
from dpa.evaluate.public import find_annotations, variant
from dpa.evaluate.run import evaluate
from mask_samples import SHAPE, masks_of, save, square


def sequences(*lengths: int) -> list[PairedSequence]:
    pair = Pair("a", Path("a"), Path("a"), None)
    return [PairedSequence(f"s{i}", "", (pair,) * n, ()) for i, n in enumerate(lengths)]


def test_counts_as_published_and_others() -> None:
    davis, fbms = find_protocol("davis16"), find_protocol("fbms")
    # Each sequence's first and last frame are annotated, though not scored.
    assert variant(sequences(*[66] * 19, 82), davis) == (
        "DAVIS-2016 val: 20 sequences, 1,376 annotated frames",
        True,
    )
    said, right = variant(sequences(3, 3), davis)
    assert not right
    assert said.startswith(
        "2 sequences, 10 annotated frames; DAVIS-2016 val as published has 20 sequences, 1,376"
    )
    assert variant(sequences(*[24] * 30), fbms)[1]
    assert not variant(sequences(*[24] * 29, 23), fbms)[1]
    assert variant(sequences(1), find_protocol("saliency")) == ("1 sequences, 1 annotated frames", True)


def davis(root: Path, names: list[str], listed: list[str], lines: str = "{}") -> Path:
    for name in names:
        for i in range(4):
            save(root / "Annotations" / "480p" / name / f"{i:05d}.png", square(10))
            save(root / "JPEGImages" / "480p" / name / f"{i:05d}.jpg", square(10))
    (root / "ImageSets" / "2016").mkdir(parents=True)
    text = "".join(lines.format(name) + "\n" for name in listed)
    (root / "ImageSets" / "2016" / "val.txt").write_text(text)
    return root


@pytest.mark.parametrize("lines", ["{}", "/JPEGImages/480p/{0}/00000.jpg /Annotations/480p/{0}/00000.png"])
def test_davis_as_unpacked(command: Callable, tmp_path: Path, lines: str) -> None:
    root = davis(tmp_path / "DAVIS", ["bear", "cows", "dog"], ["cows", "dog"], lines)
    masks_of(tmp_path / "m", {name: [square(15)] * 4 for name in ("cows", "dog")})
    place, only = find_annotations(root, find_protocol("davis16"))
    assert (place, only) == (root / "Annotations" / "480p", ["cows", "dog"])
    code, out, err = command("evaluate", tmp_path / "m", root)
    assert code == 0, err
    assert "the 2 sequences of its test list" in err
    assert err.startswith("warning: ")
    assert "davis16: 2 sequences, 4 frames" in out
    assert evaluate(tmp_path / "m", root).figures["J"] == pytest.approx(1 / 3)


def test_a_list_that_names_what_is_not_there(tmp_path: Path) -> None:
    root = davis(tmp_path / "DAVIS", ["cows"], ["cows", "dog"])
    with pytest.raises(InputError, match=r"480p: no annotations of dog, which the set's list names"):
        evaluate(masks_of(tmp_path / "m", {"cows": [square(15)] * 4}), root)


def test_segtrack_scores_every_frame(tmp_path: Path) -> None:
    for folder, left in (("m", 15), ("t", 10)):
        masks_of(tmp_path / folder, {"bird": [square(left)] * 3})
    report = evaluate(tmp_path / "m", tmp_path / "t", "segtrack-v2")
    assert (report.frames, report.figures["J"]) == (3, pytest.approx(1 / 3))


def test_boxes() -> None:
    mask = np.zeros(SHAPE, bool)
    assert not box_of(mask).any()
    mask[5:15, 10] = mask[14, 10:20] = True  # an L: its box is full
    mask[30:35, 50:55] = True  # a region of its own, of more pixels but with a smaller box
    assert np.array_equal(box_of(mask), np.pad(np.ones((10, 10), bool), ((5, 25), (10, 40))))


def test_moca_success_is_of_all_frames_boxes(tmp_path: Path) -> None:
    # IoU of the boxes: 1 twice; 1/3 once.
    masks_of(tmp_path / "t", {"crab": [square(10)], "moth": [square(10), square(10)]})
    ring = square(10)
    ring[12:18, 12:18] = False
    masks_of(tmp_path / "m", {"crab": [ring], "moth": [ring, square(15)]})
    save(tmp_path / "m" / "moth" / "moth_00005.png", ring)  # of a frame without a box
    figures = evaluate(tmp_path / "m", tmp_path / "t", "moca").figures
    assert figures["J"] == pytest.approx((1 + (1 + 1 / 3) / 2) / 2)  # the mean of the videos
    assert all(figures[f"success_{t}"] == pytest.approx(2 / 3) for t in (0.5, 0.6, 0.7, 0.8, 0.9))
    assert figures["success"] == pytest.approx(2 / 3)
