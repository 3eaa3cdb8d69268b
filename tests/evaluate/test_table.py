"""Figures as people read them: tables, curves, pictures of errors."""

from base64 import b64decode
from pathlib import Path

import cv2
import numpy as np
import pytest

from dpa.errors import InputError
from dpa.evaluate import charts, pictures
from dpa.evaluate.compare import Comparison, Row
from dpa.evaluate.pairs import PairedSequence
from dpa.evaluate.pictures import FALSE_NEGATIVE, FALSE_POSITIVE, error_picture
from dpa.evaluate.report import Report, SequenceReport
from dpa.evaluate.stability import steps
from dpa.evaluate.table import comparison_tables, headline, report_tables, shown


def test_percent_and_fractions() -> None:
    assert (shown("J", 0.7654), shown("J", 0.7654, sign=True), shown("J_decay", -0.0124)) == (
        "76.5",
        "+76.5",
        "-1.2",
    )
    assert (shown("MAE", 0.0456), shown("S", 0.9, sign=True)) == ("0.046", "+0.900")


def report(**figures: float) -> Report:
    one = SequenceReport("cat1", "cat", ("a", "b"), {}, figures)
    two = SequenceReport("dog1", "dog", ("a",), {}, figures)
    classes = {"cat": {"sequences": 1, **figures}, "dog": {"sequences": 1, **dict.fromkeys(figures, 0.5)}}
    return Report("ytobj", "m", "t", {}, (one, two), figures, classes)


def test_tables_of_a_report() -> None:
    made = report(J=0.25, F=0.75)
    assert headline(made) == "ytobj: 2 sequences, 3 frames, percent"
    assert made.class_mean == {"J": 0.375, "F": 0.625}
    by_sequence, by_class = report_tables(made)
    cells = [list(column.cells) for column in by_sequence.columns]
    assert cells == [["cat1", "dog1", "mean"], ["2", "1", "3"], ["25.0"] * 3, ["75.0"] * 3]
    cells = [list(column.cells) for column in by_class.columns]
    assert cells[0] == ["cat", "dog", "mean of classes", "mean of sequences"]
    assert cells[1] == ["1", "1", "2", "2"]
    assert cells[2] == ["25.0", "50.0", "37.5", "25.0"]
    soft = Report("saliency", "m", "t", {}, made.sequences, {"MAE": 0.1})
    assert headline(soft) == "saliency: 2 sequences, 3 frames, fractions"


def test_curves_go_from_left_to_right_and_one_is_at_the_top() -> None:
    first, second = charts.lines([("J", [1, 0.5, 0]), ("F", [0.25])])
    assert (first.label, first.colour, first.points, first.alone) == ("J", 0, "0,0 160,60 320,120", None)
    assert (second.label, second.colour, second.points, second.alone) == ("F", 1, "160,90", (160, 90))
    assert charts.lines([("J", [1 / 3] * 4)])[0].points == "0,80 106.7,80 213.3,80 320,80"


def test_colours_of_errors() -> None:
    assert (FALSE_POSITIVE, FALSE_NEGATIVE) == ((230, 97, 0), (64, 160, 255))
    found, truth = np.zeros((2, 4), bool), np.zeros((2, 4), bool)
    found[:, :2] = truth[:, 1:3] = True
    image = np.full((2, 4, 3), 100, np.uint8)
    drawn = error_picture(image, found, truth)
    assert drawn[0].tolist() == [[230, 97, 0], [140] * 3, [64, 160, 255], [60] * 3]
    assert error_picture(None, found, truth)[0, 3].tolist() == [60] * 3
    assert error_picture(None, found, truth)[0, 1].tolist() == [140] * 3


@pytest.mark.parametrize(
    ("size", "expected"),
    [((40, 320), (40, 320)), ((40, 321), (40, 320)), ((300, 640), (150, 320)), ((1, 900), (1, 320))],
)
def test_pictures_of_a_page_are_no_wider_than_it(size: tuple[int, int], expected: tuple[int, int]) -> None:
    for suffix, kind in ((".png", "png"), (".jpg", "jpeg")):
        url = pictures._data_url(np.full((*size, 3), (200, 100, 50), np.uint8), suffix)
        head, _, data = url.partition(",")
        assert head == f"data:image/{kind};base64"
        picture = cv2.imdecode(np.frombuffer(b64decode(data), np.uint8), cv2.IMREAD_UNCHANGED)
        assert picture.shape == (*expected, 3)
        assert np.abs(picture[0, 0].astype(int) - (50, 100, 200)).max() <= 3


def test_steps_are_of_consecutive_frames_that_both_have_masks() -> None:
    frames = [Path(f"f{k}") for k in range(5)]
    masks = [Path("m0"), Path("m1"), None, Path("m3"), Path("m4")]
    sequence = PairedSequence("bear", "", (), tuple(zip(frames, masks, strict=True)))
    assert steps(sequence) == [
        (Path("m1"), frames[1], Path("m0"), frames[0]),
        (Path("m4"), frames[4], Path("m3"), frames[3]),
    ]
    apart = PairedSequence("bear", "", (), tuple(zip(frames, [masks[0], None] * 2 + [None], strict=True)))
    with pytest.raises(InputError, match="bear: --stability needs masks of two consecutive frames at least"):
        steps(apart)


def test_tables_of_a_comparison() -> None:
    made = report(J=0.25, F=0.75)
    rows = [Row("cat1", [0.5, 0.25], [-0.25]), Row("dog1", [0.5, 0.6], [0.1])]
    found = Comparison(
        [("a", made), ("b", made)], "J", ("J", "F"), rows, Row("mean", [0.5, 0.425], [-0.075]), []
    )
    whole, by_sequence = comparison_tables(found)
    assert [list(column.cells) for column in whole.columns] == [["a", "b"], ["25.0"] * 2, ["75.0"] * 2]
    assert whole.title == "ytobj, data set"
    assert by_sequence.title == "J by sequence, less that of a"
    assert [column.header for column in by_sequence.columns] == ["sequence", "a", "b", "difference"]
    assert [list(column.cells) for column in by_sequence.columns] == [
        ["cat1", "dog1", "mean"],
        ["50.0", "50.0", "50.0"],
        ["25.0", "60.0", "42.5"],
        ["-25.0", "+10.0", "-7.5"],
    ]
