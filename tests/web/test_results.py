"""What the page gives is what `dpa segment` writes."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from web_samples import Client, ended, upload

from engine_samples import tree

KINDS = [
    ("overlay", "out.mp4", "overlay"),
    ("cutout", "out.webm", "alpha"),
    ("background", "out.mp4", "green"),
    ("coco", "out.json", "coco"),
]


def made(client: Client, video: dict[str, object], **wanted: object) -> bytes:
    answer = client.post(f"/api/videos/{video['id']}/results", json=wanted)
    assert answer.status_code == 201, answer.text
    result = ended(client, video, answer.json()["id"])
    assert result["state"] == "done", result["problem"]
    return bytes(client.get(f"/api/videos/{video['id']}/results/{result['id']}").content)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind[0])
def test_files_are_those_of_the_command_line(
    session: Client, done: dict[str, object], real_masks: Callable[..., Path], kind: tuple[str, str, str]
) -> None:
    name, out, of_segment = kind
    expected = real_masks(out, of_segment).read_bytes()
    assert made(session, done, kind=name) == expected, "made of what is kept"
    if name == "overlay":
        first = ended(session, done)
        downloaded = session.get(f"/api/videos/{done['id']}/results/{first['id']}")
        assert downloaded.content == expected, "made with the network"
        assert downloaded.headers["content-disposition"] == 'attachment; filename="clip_overlay.mp4"'


def test_masks_come_packed_with_the_settings_that_were_given(
    session: Client, done: dict[str, object], real_masks: Callable[..., Path]
) -> None:
    settings = {"threshold": 0.2, "smooth": 0.0, "refine": "off"}
    packed = zipfile.ZipFile(io.BytesIO(made(session, done, kind="masks", settings=settings)))
    expected = tree(real_masks("masks", "mask", **settings))
    assert {name: packed.read(name) for name in packed.namelist()} == expected


def test_settings_of_the_run_and_of_masks_with_the_upload(
    session: Client, clip: Path, real_masks: Callable[..., Path]
) -> None:
    video = upload(session, clip, kind="masks", every=2, threshold=0.4)
    result = ended(session, video)
    data = session.get(f"/api/videos/{video['id']}/results/{result['id']}").content
    packed = zipfile.ZipFile(io.BytesIO(data))
    expected = tree(real_masks("masks", "mask", every=2, threshold=0.4))
    assert {name: packed.read(name) for name in packed.namelist()} == expected
    assert result["name"] == "clip_masks.zip"


def test_a_part(session: Client, done: dict[str, object], real_masks: Callable[..., Path]) -> None:
    packed = zipfile.ZipFile(io.BytesIO(made(session, done, kind="masks", start=2, end=5)))
    whole = tree(real_masks("masks", "mask"))
    assert [packed.read(f"0000{k}.png") for k in range(3)] == [whole[f"0000{k}.png"] for k in (2, 3, 4)]
    assert len(packed.namelist()) == 3
    answer = session.post(f"/api/videos/{done['id']}/results", json={"kind": "masks", "start": 5, "end": 2})
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        "There is no part from frame 5 to 2: the video has 8 frames.",
    )


@pytest.mark.parametrize(
    "run", [{}, {"every": 3}, {"mirror": False}, {"model": "dpa-base", "target": "dinov2"}], ids=str
)
def test_a_frame_that_is_looked_at_is_that_of_the_file(
    session: Client, clip: Path, real_masks: Callable[..., Path], run: dict[str, object]
) -> None:
    video = upload(session, clip, **run)
    ended(session, video)
    for settings in ({}, {"threshold": 0.1, "smooth": 1.0}):
        expected = real_masks("masks", "mask", **run, **settings)
        for index in (0, 4, 7):
            shown = session.get(
                f"/api/videos/{video['id']}/frames/{index}", params={"view": "mask", **settings}
            )
            assert shown.headers["content-type"] == "image/png"
            mask = cv2.imdecode(np.frombuffer(shown.content, np.uint8), cv2.IMREAD_GRAYSCALE)
            assert np.array_equal(mask, cv2.imread(str(expected / f"{index:05d}.png"), cv2.IMREAD_GRAYSCALE))


def test_every_view_of_a_frame_can_be_seen(session: Client, done: dict[str, object]) -> None:
    seen = set()
    for view in ("frame", "overlay", "cutout", "background", "soft", "strip"):
        shown = session.get(f"/api/videos/{done['id']}/frames/3", params={"view": view})
        assert shown.status_code == 200, shown.text
        seen.add(shown.content)
    assert len(seen) == 6
    for address in ("frames/99", "frames/3?view=nothing", "frames/-1"):
        answer = session.get(f"/api/videos/{done['id']}/{address}")
        assert answer.status_code == 400
        assert answer.json()["error"].endswith(".")


def test_backgrounds(session: Client, done: dict[str, object], tmp_path: Path) -> None:
    place = f"/api/videos/{done['id']}"

    def corner(background: str) -> list[int]:
        shown = session.get(f"{place}/frames/3", params={"view": "background", "background": background})
        assert shown.status_code == 200, shown.text
        picture = cv2.imdecode(np.frombuffer(shown.content, np.uint8), cv2.IMREAD_COLOR_RGB)
        return [round(level / 16) for level in picture[60, 3].tolist()]

    assert corner("#ff0000") == [16, 0, 0]
    cv2.imwrite(str(tmp_path / "blue.png"), np.full((30, 40, 3), (255, 0, 0), np.uint8))
    refused = session.get(f"{place}/frames/3", params={"view": "background", "background": "file"})
    assert "choose a picture or video" in refused.json()["error"]
    answer = session.post(f"{place}/background", content=(tmp_path / "blue.png").read_bytes())
    assert answer.status_code == 204, answer.text
    assert corner("file") == [0, 0, 16]
    assert made(session, done, kind="background", background="file") != made(session, done, kind="background")
    for path in (str(tmp_path / "blue.png"), "/etc/passwd"):
        answer = session.post(f"{place}/results", json={"kind": "background", "background": path})
        assert answer.status_code == 400, "files of the server are not a visitor's"


def test_a_result_can_be_dropped_and_the_run_cannot(
    session: Client, done: dict[str, object], folder: Path
) -> None:
    place = f"/api/videos/{done['id']}/results"
    number = session.post(place, json={"kind": "coco"}).json()["id"]
    assert session.delete(f"{place}/{number}").status_code == 204
    assert session.get(f"{place}/{number}").status_code == 404
    assert not list(folder.rglob(number))
    assert session.delete(f"{place}/{ended(session, done)['id']}").status_code == 400
