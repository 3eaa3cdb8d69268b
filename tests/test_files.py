"""Files are there whole or not at all; folders are of one kind of results."""

import contextlib
from pathlib import Path

import pytest

from dpa.errors import OutputError
from dpa.files import aside, claim, make_folder, write_whole


def test_replaces_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "words"), [(28, "the disk is full"), (13, r"cannot be written \(denied\)")]
)
def test_a_write_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, "denied")

    path = tmp_path / "x"
    path.write_bytes(b"old")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=words):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_while_writing_aside_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"old")
    with contextlib.suppress(KeyError), aside(tmp_path / "x") as part:
        part.write_bytes(b"half")
        raise KeyError
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"old")]


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"file: cannot be made: File exists"):
        make_folder(tmp_path / "file")


def test_a_claimed_folder_takes_results_of_its_own_record_only(tmp_path: Path) -> None:
    file, mend = tmp_path / "out" / "record.json", "choose another folder"
    claim(file, {"size": (3, 4), "kind": "soft"}, [], "they differ", mend)
    claim(file, {"size": (3, 4), "kind": "soft"}, [tmp_path / "out" / "a.png"], "they differ", mend)
    with pytest.raises(OutputError) as caught:
        claim(file, {"size": (3, 5), "floor": 1}, [], "they differ", mend)
    assert str(caught.value) == (
        f"{file}: they differ (size: [3, 4] there, [3, 5] now; floor: None there, 1 now; "
        "kind: soft there, None now): choose another folder"
    )
    file.write_text("[1]")
    with pytest.raises(OutputError, match="cannot be read as a record: choose another folder"):
        claim(file, {}, [], "they differ", mend)
    file.unlink()
    with pytest.raises(OutputError, match=r"a\.png: is there, but no .*record\.json to say how it was made"):
        claim(file, {}, [tmp_path / "out" / "a.png"], "they differ", mend)
