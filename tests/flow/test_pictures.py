import json
from pathlib import Path

import pytest

from dpa.errors import OutputError
from dpa.flow.dis import DIS
from dpa.flow.pictures import Look, claim, make_recipe


def test_the_recipe_says_it_all() -> None:
    recipe = make_recipe(DIS(), Look(size=320, floor=1.5, quality=90))
    assert json.loads(json.dumps(recipe)) == recipe
    asked = {"estimator", "preset", "direction", "last_frame", "size", "colouring", "floor", "jpeg_quality"}
    assert asked <= recipe.keys()
    assert {"dpa", "opencv"} <= dict(recipe["versions"]).keys()


def test_the_same_recipe_may_go_on(tmp_path: Path) -> None:
    recipe = make_recipe(DIS(), Look())
    claim(tmp_path / "a" / "b", recipe, [], overwrite=False)
    claim(tmp_path / "a" / "b", recipe, [], overwrite=False)
    assert json.loads((tmp_path / "a" / "b" / "flow.json").read_text()) == recipe


def test_another_recipe_may_not(tmp_path: Path) -> None:
    claim(tmp_path, make_recipe(DIS(), Look()), [], overwrite=False)
    old = tmp_path / "00000.jpg"
    old.touch()
    changed = make_recipe(DIS("fast"), Look(floor=2.0))
    with pytest.raises(
        OutputError, match=r"preset: medium there, fast now.*floor: 0\.0 there, 2\.0 now.*--overw"
    ):
        claim(tmp_path, changed, [old], overwrite=False)
    assert old.exists()
    claim(tmp_path, changed, [old], overwrite=True)
    assert not old.exists()
    assert json.loads((tmp_path / "flow.json").read_text()) == changed


def test_another_video_may_not(tmp_path: Path) -> None:
    claim(tmp_path, make_recipe(DIS(), Look(), {"name": "a.mp4"}), [], overwrite=False)
    with pytest.raises(OutputError, match=r"a\.mp4"):
        claim(tmp_path, make_recipe(DIS(), Look(), {"name": "b.mp4"}), [], overwrite=False)


def test_pictures_of_unknown_origin(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"00000\.jpg.*--overwrite"):
        claim(tmp_path, make_recipe(DIS(), Look()), [tmp_path / "00000.jpg"], overwrite=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "\x00"])
def test_a_damaged_recipe(tmp_path: Path, content: str) -> None:
    (tmp_path / "flow.json").write_text(content)
    with pytest.raises(OutputError, match=r"flow\.json.*--overwrite"):
        claim(tmp_path, make_recipe(DIS(), Look()), [], overwrite=False)


def test_a_recipe_that_is_no_object(tmp_path: Path) -> None:
    (tmp_path / "flow.json").write_text("[1]")
    with pytest.raises(OutputError, match="cannot be read as a record"):
        claim(tmp_path, make_recipe(DIS(), Look()), [], overwrite=False)


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError, match="out"):
        claim(tmp_path / "out" / "deeper", make_recipe(DIS(), Look()), [], overwrite=False)
