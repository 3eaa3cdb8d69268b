"""Which class a sequence belongs to."""

import pytest

from dpa.datasets.classes import YOUTUBE_OBJECTS, class_of


@pytest.mark.parametrize("name", ["cat0001", "cat_0001", "cat-1", "cat/0001", "cat", "Cat3", "CAT 3"])
def test_the_word_that_a_name_begins_with(name: str) -> None:
    assert class_of(name, YOUTUBE_OBJECTS) == "cat"
    assert class_of(name, ("dog",)) is None


@pytest.mark.parametrize("name", ["cattle01", "0001cat", "", "_cat", "a cat"])
def test_other_names_have_none(name: str) -> None:
    assert class_of(name, YOUTUBE_OBJECTS) is None
