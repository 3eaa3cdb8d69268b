"""The pages: whole in one file, with everything in them that they promise."""

import re
import sys
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from dpa.errors import MissingExtra
from dpa.evaluate.compare import compare
from dpa.evaluate.page import comparison_page, evaluation_page
from dpa.evaluate.pairs import find_pairs
from dpa.evaluate.pictures import FALSE_NEGATIVE, FALSE_POSITIVE, error_picture
from dpa.evaluate.protocols import find_protocol
from dpa.evaluate.run import Settings, score
from mask_samples import dataset_of, masks_of, save, square

pytest.importorskip("jinja2")


class Reader(HTMLParser):
    """Collects tags, and complains about those that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def page_of(masks: Path, truth: Path, protocol: str = "davis16", worst: int = 4) -> str:
    settings = Settings(find_protocol(protocol))
    sequences = find_pairs(masks, truth, settings.protocol)
    report = score(sequences, settings, str(masks), str(truth))
    return evaluation_page(report, sequences, settings, worst)


@pytest.fixture
def data(tmp_path: Path) -> tuple[Path, Path]:
    lefts = {"<b>&bear": (10, 10, 15, 40, 10, 10, 10), "rhino": (10,) * 7}
    truth = dataset_of(tmp_path / "t", {name: [square(10)] * 7 for name in lefts}, frames=True)
    return masks_of(tmp_path / "m", {n: [square(x) for x in xs] for n, xs in lefts.items()}), truth


def check_self_contained(text: str) -> Reader:
    page = Reader(text)
    assert not page.of("script")
    assert not page.of("link")
    assert "url(" not in text
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "data"):
            assert (attrs.get(name) or "data:").startswith("data:")
    return page


def test_page_of_an_evaluation(data: tuple[Path, Path]) -> None:
    text = page_of(*data)
    page = check_self_contained(text)
    assert "prefers-color-scheme: dark" in text
    assert "&lt;b&gt;&amp;bear" in text, "names are text"
    assert len(page.of("polyline")) == 4, "J and F of two sequences"
    # By hand: frames 1 ... 5 of the bear have J 1, 1/3, 0, 1, 1; J is drawn from the top, 120 units high.
    assert "0,0 80,80 160,120 240,0 320,0" in text
    assert text.index("_00003</b>") < text.index("_00002</b>"), "the worst is first"
    pictures = page.of("img")
    assert len(pictures) == 4 * 4
    assert all(picture["alt"] for picture in pictures)
    assert "false positive" in text


def test_pictures_show_the_error(data: tuple[Path, Path]) -> None:
    page = check_self_contained(page_of(*data, worst=1))
    shown = []
    for picture in page.of("img"):
        coded = np.frombuffer(b64decode((picture["src"] or "").partition(",")[2]), np.uint8)
        shown.append(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1])
    assert [picture.shape for picture in shown] == [(40, 60, 3)] * 4
    _, truth, found, error = shown
    assert np.array_equal(truth[..., 0] > 127, square(10))
    assert np.array_equal(found[..., 0] > 127, square(40)), "the frame in which the bear is missed"
    # JPEG keeps colours to about that.
    assert np.abs(error[15, 45].astype(int) - FALSE_POSITIVE).max() < 40
    assert np.abs(error[15, 15].astype(int) - FALSE_NEGATIVE).max() < 40


def test_error_picture_by_hand() -> None:
    picture = error_picture(None, square(5), square(0))
    assert (picture[10:20, 10:15] == FALSE_POSITIVE).all()
    assert (picture[10:20, 0:5] == FALSE_NEGATIVE).all()
    assert (picture[10:20, 5:10] > picture[0, 0]).all()


def test_page_without_frames_and_without_worst(data: tuple[Path, Path], tmp_path: Path) -> None:
    bare = dataset_of(tmp_path / "bare", {"rhino": [square(10)] * 3})
    text = page_of(data[0] / "rhino", data[1] / "rhino", worst=0)
    assert not Reader(text).of("img")
    assert "no frame given" in page_of(bare, bare)


def test_neighbours_are_shown_once(tmp_path: Path) -> None:
    truth = dataset_of(tmp_path / "t", {"bear": [square(10)] * 62})
    ours = masks_of(tmp_path / "m", {"bear": [square(10)] * 20 + [square(40)] * 3 + [square(10)] * 39})
    names = re.findall(r"<b>bear, bear_(\d+)</b>", page_of(ours, truth, worst=3))
    assert names[0] == "00020"
    assert all(abs(int(name) - 20) >= 3 for name in names[1:])


def test_page_of_one_frame_and_of_classes(tmp_path: Path) -> None:
    truth = dataset_of(tmp_path / "t", {"cat1": [square(10)], "dog1": [square(10)]})
    page = check_self_contained(page_of(truth, truth, "ytobj"))
    assert len(page.of("circle")) == 4, "one frame is a point"
    assert "mean of classes" in page_of(truth, truth, "ytobj")


def test_page_of_a_protocol_without_boundaries(tmp_path: Path) -> None:
    truth = dataset_of(tmp_path / "t", {"crab": [square(10)] * 3})
    text = page_of(truth, truth, "moca")
    check_self_contained(text)
    assert "J 100.0" in text


def test_page_of_saliency(tmp_path: Path) -> None:
    pytest.importorskip("py_sod_metrics")
    for index in range(3):
        save(tmp_path / "s" / f"{index}.png", square(5 * index))
    text = page_of(tmp_path / "s", tmp_path / "s", "saliency")
    check_self_contained(text)
    assert "max Fβ" in text


def test_page_of_a_comparison(data: tuple[Path, Path], tmp_path: Path) -> None:
    settings = Settings(find_protocol("davis16"))
    for label, masks in {"ours": data[0], "perfect": data[1]}.items():
        report = score(find_pairs(masks, data[1], settings.protocol), settings, label, "truth")
        report.write_json(tmp_path / f"{label}.json")
    text = comparison_page(compare([tmp_path / "ours.json", tmp_path / "perfect.json"], "J"))
    page = check_self_contained(text)
    assert len(page.of("polyline")) == 4
    assert len(page.of("rect")) == 2 * 3, "a bar and its axis for two sequences and the mean"
    assert "+33.3" in text, "the bear's J is 2/3: (1 + 1/3 + 0 + 1 + 1) / 5"
    assert text.index("rhino") < text.index("&lt;b&gt;&amp;bear"), "the largest gain comes last"


def test_without_jinja2(data: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtra, match=r'an HTML page .*pip install "dpa-vos\[evaluate\]"'):
        page_of(*data)
