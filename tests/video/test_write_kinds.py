"""Which kind is written: by name, by wish, and what does not go together."""

import pytest

from dpa.errors import InputError
from dpa.video import KINDS, kind_of


@pytest.mark.parametrize(
    ("output", "kind", "expected"),
    [
        ("out", None, "mask"),
        ("out/", None, "mask"),
        ("out.v2", None, "mask"),
        ("masks.mp4/", None, "mask"),
        ("out.PNG", None, "mask"),
        ("out.mp4", None, "overlay"),
        ("out.MP4", "strip", "strip"),
        ("out.mov", None, "alpha"),
        ("out.mov", "green", "green"),
        ("out.webm", None, "alpha"),
        ("out.json", None, "coco"),
        ("out", "rgba", "rgba"),
        ("out", "overlay", "overlay"),
    ],
)
def test_the_name_chooses(output, kind, expected):
    assert kind_of(output, kind) == expected


@pytest.mark.parametrize(
    ("output", "kind", "words"),
    [
        ("out.mp4", "mask", r"out\.mp4: \.mp4 cannot hold the kind mask; it needs a folder or \.png"),
        ("out", "alpha", r"a folder cannot hold the kind alpha; it needs \.mov or \.webm"),
        ("out", "coco", r"it needs \.json"),
        ("out.webm", "overlay", r"it needs a folder or \.png or \.mp4 or \.mov"),
        ("out.json", "rgba", "cannot hold"),
        ("out", "matte", "there is no kind matte: choose one of mask, soft"),
        ("out.avi", None, r"\.avi cannot be written"),
        ("out.jpg", "overlay", r"\.jpg cannot be written"),
    ],
)
def test_what_does_not_go_together(output, kind, words):
    with pytest.raises(InputError, match=words):
        kind_of(output, kind)


def test_every_kind_has_an_output_by_default_or_wish():
    outputs = ["out", "out.mp4", "out.mov", "out.webm", "out.json"]

    def fits(output: str, kind: str) -> bool:
        try:
            return kind_of(output, kind) == kind
        except InputError:
            return False

    assert all(any(fits(output, kind) for output in outputs) for kind in KINDS)
