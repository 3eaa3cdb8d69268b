"""Zip archives that mean harm: nothing leaves the target, and nothing fills memory or disk."""

import stat
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from archive_samples import SMALL, converted, davis2016, zipped

from dpa.errors import InputError
from dpa.prepare.archive import Archive, Member, _opened

BOMB = 65 << 20


@pytest.fixture(autouse=True)
def closed():
    yield
    _opened.cache_clear()


def around(folder: Path, target: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path != target and target not in path.parents}


@pytest.mark.parametrize(
    "name",
    [
        "../../evil/00000.jpg",
        "/evil/00000.jpg",
        "DAVIS/JPEGImages/480p/../../../../evil/00000.jpg",
        "DAVIS/JPEGImages/480p/..\\..\\evil/00000.jpg",
    ],
)
def test_names_that_lead_outside(tmp_path, name):
    path = zipped(davis2016(tmp_path / "source", SMALL), tmp_path / "DAVIS-data.zip")
    picture = next((tmp_path / "source").rglob("*.jpg")).read_bytes()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, picture)
    target = tmp_path / "deep" / "target"
    before = around(tmp_path, target) | {target.parent}
    with suppress(InputError):
        converted("davis", path, target)
    assert around(tmp_path, target) <= before


def test_a_link_is_not_followed(tmp_path):
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"mine")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        link = zipfile.ZipInfo("in/link.png")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, str(secret))
    (member,) = Archive(tmp_path / "a.zip").files("in")
    with pytest.raises(InputError, match=r"a\.zip/in/link\.png: is a symbolic link"):
        member.read()


def test_a_folder_that_links_to_itself_is_walked_once(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in", target_is_directory=True)
    archive = Archive(tmp_path / "in")
    assert archive.folders() == []
    assert [member.name for member in archive.files()] == ["a.png"]


def test_what_is_made_to_fill_memory_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/bomb.png", bytes(BOMB))
        archive.writestr("in/flat.png", bytes(1 << 20))
    bomb, flat = Archive(tmp_path / "a.zip").files("in")
    with pytest.raises(InputError, match=r"bomb\.png: unpacks to 65 MiB, over 100 times its size"):
        bomb.read()
    with pytest.raises(InputError, match="unpacks to"), bomb.local():
        pytest.fail("unpacked")
    assert len(flat.read()) == 1 << 20


def test_a_size_that_lies(tmp_path):
    """The directory says 16 bytes: no more are unpacked, and that they are not the file is noticed."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(BOMB))
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    data[entry + 24 : entry + 28] = (16).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(InputError, match="cannot be read"):
        Member(str(path), "bomb.png").read()
