"""What mask files may hold, and what is refused because it would give a wrong figure."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dpa.errors import InputError
from dpa.evaluate.masks import Code, Rule, agree, binary, read_prediction, read_values, void
from mask_samples import EMPTY, SHAPE, save, save_ids, square

IDS = square(5) + 2 * square(30).astype(np.uint8)
SOFT = np.linspace(0, 255, SHAPE[0] * SHAPE[1]).astype(np.uint8).reshape(SHAPE)


def read(path: Path, rule: Rule | None = None) -> np.ndarray:
    return binary(read_values(path), path, rule or Rule())[0]


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P", "I;16", "01", "P1"])
def test_binary_masks_of_all_kinds(tmp_path: Path, mode: str) -> None:
    mask = square(5)
    path = tmp_path / "a.png"
    if mode == "01":
        save(path, mask.astype(np.uint8))
    elif mode == "P1":
        save_ids(path, mask)
    elif mode == "I;16":
        save(path, mask.astype(np.uint16) * 65535)
    else:
        Image.fromarray(mask.astype(np.uint8) * 255).convert(mode).save(path)
    assert np.array_equal(read(path), mask)


def test_empty_and_full(tmp_path: Path) -> None:
    assert not read(save(tmp_path / "a.png", EMPTY)).any()
    assert read(save(tmp_path / "b.png", ~EMPTY)).all()
    assert not read(save_ids(tmp_path / "c.png", EMPTY)).any()


def test_soft_masks_need_a_threshold(tmp_path: Path) -> None:
    path = save(tmp_path / "soft.png", SOFT)
    with pytest.raises(InputError, match=r"soft\.png: not a binary mask but 256 grey values.*--threshold"):
        read(path)
    for threshold in (0, 0.5, 0.9):
        assert np.array_equal(read(path, Rule(threshold=threshold)), threshold < SOFT / 255)


def test_sixteen_bits_are_cut_at_the_same_share(tmp_path: Path) -> None:
    wide = SOFT.astype(np.uint16) * 257
    path = save(tmp_path / "soft.png", wide)
    assert np.array_equal(read(path, Rule(threshold=0.5)), SOFT / 255 > 0.5)


def test_a_single_grey_value_is_no_mask_by_itself(tmp_path: Path) -> None:
    # A soft mask that is nearly black: to call the 3 an object would be wrong.
    path = save(tmp_path / "a.png", square(5).astype(np.uint8) * 3)
    with pytest.raises(InputError, match=r"a\.png: not a binary mask.*--threshold.*--merge"):
        read(path)
    assert not read(path, Rule(threshold=0.5)).any()
    assert np.array_equal(read(path, Rule(merge_grey=True)), square(5))
    assert np.array_equal(read(path, Rule(ground_truth=True)), square(5)), "an annotation is not soft"


def test_ids_need_merge(tmp_path: Path) -> None:
    path = save_ids(tmp_path / "ids.png", IDS)
    with pytest.raises(InputError, match=r"ids\.png: 2 objects \(ids 1, 2\) where one.*--merge"):
        read(path)
    assert np.array_equal(read(path, Rule(merge=True)), IDS > 0)


def test_colours_are_ids(tmp_path: Path) -> None:
    palette = save_ids(tmp_path / "ids.png", IDS)
    path = tmp_path / "colours.png"
    Image.open(palette).convert("RGB").save(path)
    with pytest.raises(InputError, match=r"ids #008000, #800000.*--merge"):
        read(path)
    assert np.array_equal(read(path, Rule(merge=True)), IDS > 0)


def test_grey_ids_are_merged_only_where_they_are_few(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", IDS.astype(np.uint8))
    with pytest.raises(InputError, match="--merge if they are numbers"):
        read(path, Rule(merge=True))
    assert np.array_equal(read(path, Rule(merge=True, merge_grey=True)), IDS > 0)
    with pytest.raises(InputError, match="256 grey values"):
        read(save(tmp_path / "soft.png", SOFT), Rule(merge=True, merge_grey=True))


def test_objects_without_background_are_refused(tmp_path: Path) -> None:
    # FBMS's own files have a white ground: to merge "all that is not 0" would make the ground an object.
    path = save_ids(tmp_path / "a.png", 1 + IDS)
    with pytest.raises(InputError, match="no pixel is 0"):
        read(path, Rule(merge=True))


def test_void_is_neither_object_nor_ground(tmp_path: Path) -> None:
    ids = IDS.astype(np.uint8)
    ids[square(45)] = 255
    path = save_ids(tmp_path / "a.png", ids)
    values = read_values(path)
    assert np.array_equal(read(path, Rule(ground_truth=True, merge=True, void=True)), IDS > 0)
    open_ = void(values)
    assert open_ is not None
    assert np.array_equal(open_, square(45))
    assert void(read_values(save(tmp_path / "b.png", square(3)))) is None


@pytest.mark.parametrize("kind", ["photo", "cut-out", "text", "float"])
def test_what_is_no_mask(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{'tiff' if kind == 'float' else 'png'}"
    if kind == "photo":
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), dtype=np.uint8)).save(path)
    elif kind == "cut-out":
        Image.fromarray(np.dstack([SOFT] * 4)).save(path)
    elif kind == "float":
        Image.fromarray(SOFT / np.float32(255)).save(path)
    else:
        path.write_text("nothing")
    with pytest.raises(InputError, match=r"a\.(png|tiff): .*(picture|cut-out|mask)"):
        read(path, Rule(merge=True))


def test_soft_annotations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="save this annotation with 0 for background"):
        read(save(tmp_path / "a.png", SOFT), Rule(ground_truth=True))


def test_other_sizes(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", square(5))
    truth, shape = tmp_path / "truth.png", (80, 120)
    with pytest.raises(InputError, match=r"a\.png: is 60x40, but .*truth\.png is 120x80: --resize"):
        read_prediction(path, Rule(), truth, shape, resize=False)
    mask, _ = read_prediction(path, Rule(), truth, shape, resize=True)
    assert np.array_equal(mask, np.kron(square(5), np.ones((2, 2), bool)))
    soft = save(tmp_path / "soft.png", np.repeat(np.array([[0, 255]], np.uint8), 2, axis=0))
    mask, _ = read_prediction(soft, Rule(threshold=0.2), truth, (2, 8), resize=True)
    assert mask[0].tolist() == [False] * 3 + [True] * 5, "soft masks are interpolated before they are cut"


def test_files_of_a_sequence_must_mean_the_same() -> None:
    a, b = Path("s/a.png"), Path("s/b.png")
    agree([(a, Code(255, 255)), (b, Code(255, 0))], Rule())
    with pytest.raises(InputError, match=r"s/b\.png: the object is 1 here and 255 in a\.png"):
        agree([(a, Code(255, 255)), (b, Code(255, 1))], Rule())
    with pytest.raises(InputError, match=r"s/b\.png: the object is 2 here and 1 in a\.png: --merge"):
        agree([(a, Code(0, 1)), (b, Code(0, 2))], Rule())
    agree([(a, Code(0, 1)), (b, Code(0, 2))], Rule(merge=True))


def test_a_threshold_of_masks_of_0_and_1_is_refused() -> None:
    a, b = Path("s/a.png"), Path("s/b.png")
    with pytest.raises(InputError, match="s: --threshold is for soft masks, but no value here is above 1"):
        agree([(a, Code(255, 1)), (b, Code(255, 0))], Rule(threshold=0.5))
    agree([(a, Code(255, 1)), (b, Code(255, 90))], Rule(threshold=0.5))
    agree([(a, Code(255, 0)), (b, Code(255, 0))], Rule(threshold=0.5))
