"""Public archives in small: their own folders, names, sizes, formats and palettes, a few frames each."""

import zipfile
from collections import Counter
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

from dpa.prepare.plan import plan, write
from dpa.prepare.records import Options

Size = tuple[int, int]
DAVIS: Size = (480, 854)
YTVOS: Size = (720, 1280)
FBMS: Size = (240, 320)
SMALL: Size = (60, 80)
LENGTH = 6
"""Frames of `video`."""


def _colour(index: int) -> list[int]:
    """A colour of the palette that DAVIS and YouTube-VOS have from PASCAL VOC: red of the bits 0, 3, 6."""
    return [
        sum((index >> 3 * bit + channel & 1) << 7 - bit for bit in range(3 if channel < 2 else 2))
        for channel in range(3)
    ]


PALETTE = [value for index in range(256) for value in _colour(index)]


def scene(index: int, size: Size, step: int = 4) -> np.ndarray:
    """(H, W, 3) uint8 RGB: a bright square that moves to the right over a still, uneven ground."""
    rng = np.random.default_rng(5)
    ground = cv2.resize(rng.integers(40, 120, (9, 12, 3), dtype=np.uint8), size[::-1])
    ground[square(index, size, step)] += np.uint8(110)
    return ground


def square(index: int, size: Size, step: int = 4) -> np.ndarray:
    """(H, W) bool: where the square of `scene` is."""
    height, width = size
    x, y, side = width // 4 + step * index, height // 3, height // 4
    mask = np.zeros(size, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def save(path: Path, array: np.ndarray) -> Path:
    """A picture in the format that its suffix says; RGB, grey or bool."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def save_labels(path: Path, labels: np.ndarray) -> Path:
    """A palette PNG, as DAVIS and YouTube-VOS have them: (H, W), the object's number at each pixel."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(labels.astype(np.uint8), mode="P")
    picture.putpalette(PALETTE)
    picture.save(path)
    return path


def two_objects(index: int, size: Size) -> np.ndarray:
    """(H, W) uint8: the square in two halves, labels 1 and 2."""
    mask = square(index, size)
    labels = mask.astype(np.uint8)
    labels[: size[0] // 3 + size[0] // 8] *= 2
    return labels


def zipped(folder: Path, file: Path) -> Path:
    """What is in a folder as a zip archive, folders in it as entries of their own, as sites pack them."""
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    return file


def davis2016(root: Path, size: Size = DAVIS) -> Path:
    """DAVIS-data.zip of 2016: lists of pairs under ImageSets/480p, masks of 0 and 255; 1080p lies beside."""
    base = root / "DAVIS"
    for split, sequences in {"train": {"bear": 3, "car-turn": 2}, "val": {"dance-twirl": 2}}.items():
        lines = []
        for name, length in sequences.items():
            for index in range(length):
                image = f"JPEGImages/480p/{name}/{index:05d}.jpg"
                mask = f"Annotations/480p/{name}/{index:05d}.png"
                save(base / image, scene(index, size))
                save(base / mask, square(index, size).astype(np.uint8) * 255)
                lines.append(f"/{image} /{mask}\n")
        (base / "ImageSets" / "480p").mkdir(parents=True, exist_ok=True)
        (base / "ImageSets" / "480p" / f"{split}.txt").write_text("".join(lines))
    save(base / "JPEGImages" / "1080p" / "bear" / "00000.jpg", scene(0, SMALL))
    save(base / "Annotations" / "1080p" / "bear" / "00000.png", square(0, SMALL).astype(np.uint8) * 255)
    return root


def davis2017(root: Path, size: Size = SMALL, masks: str = "Annotations") -> Path:
    """DAVIS-2017-trainval-480p.zip: lists of names for both years, palette masks with an object each."""
    base = root / "DAVIS"
    for name, length in {"bear": 2, "dogs-jump": 2, "dance-twirl": 2, "bike-packing": 2}.items():
        for index in range(length):
            save(base / "JPEGImages" / "480p" / name / f"{index:05d}.jpg", scene(index, size))
            save_labels(base / masks / "480p" / name / f"{index:05d}.png", two_objects(index, size))
    lists = {
        "2016/train": ["bear"],
        "2016/val": ["dance-twirl"],
        "2017/train": ["bear", "dogs-jump"],
        "2017/val": ["bike-packing", "dance-twirl"],
    }
    for name, sequences in lists.items():
        (base / "ImageSets" / name).parent.mkdir(parents=True, exist_ok=True)
        (base / "ImageSets" / f"{name}.txt").write_text("\n".join(sequences) + "\n")
    return root


def duts(root: Path) -> Path:
    """DUTS-TR and DUTS-TE, whose masks have grey edges."""
    names = {"TR": ["ILSVRC2012_test_00000004", "sun_aaajuldidvlcyzhv"], "TE": ["ILSVRC2012_test_00000003"]}
    for split, stems in names.items():
        for index, stem in enumerate(stems):
            save(root / f"DUTS-{split}" / f"DUTS-{split}-Image" / f"{stem}.jpg", scene(index, (300, 400)))
            mask = square(index, (300, 400)).astype(np.uint8) * 255
            mask[0] = 100  # below the middle: not the object
            save(root / f"DUTS-{split}" / f"DUTS-{split}-Mask" / f"{stem}.png", mask)
    return root


def ytvos(root: Path, size: Size = YTVOS) -> Path:
    """train.zip: every fifth frame, palette masks, meta.json; valid beside it has masks of first frames."""
    for video in ("003234408d", "0043f083b5"):
        for number in (0, 5, 10):
            save(root / "train" / "JPEGImages" / video / f"{number:05d}.jpg", scene(number, size))
            save_labels(
                root / "train" / "Annotations" / video / f"{number:05d}.png", two_objects(number, size)
            )
    (root / "train" / "meta.json").write_text('{"videos": {}}')
    save(root / "valid" / "JPEGImages" / "0062f687f1" / "00000.jpg", scene(0, SMALL))
    save_labels(root / "valid" / "Annotations" / "0062f687f1" / "00000.png", two_objects(0, SMALL))
    return root


def longvideos(root: Path, frames: int = 6) -> Path:
    """JPEGImages and Annotations as DAVIS has them, few frames annotated."""
    for video in ("blueboy", "rat"):
        for index in range(frames):
            save(root / "long_video" / "JPEGImages" / video / f"{index:05d}.jpg", scene(index, SMALL))
        for index in (0, 4):
            mask = two_objects(index, SMALL)
            save_labels(root / "long_video" / "Annotations" / video / f"{index:05d}.png", mask)
    return root


def ytobj(root: Path) -> Path:
    """Classes, videos and shots as on the site, frames and the masks of every tenth frame in two trees."""
    for name, video, shot in (("aeroplane", "0001", "001"), ("train", "0003", "012")):
        at = Path(name) / "data" / video / "shots" / shot
        for index in range(1, 12):
            save(root / "videos" / at / f"frame{index:04d}.jpg", scene(index, SMALL, 1))
        for index in (1, 11):
            mask = square(index, SMALL, 1).astype(np.uint8) * 255
            save(root / "youtube_masks" / at / "labels" / f"frame{index:04d}.jpg", mask)
    save(root / "videos" / "cat" / "data" / "0002" / "shots" / "001" / "frame0001.jpg", scene(0, SMALL))
    return root


def video(path: Path, length: int = LENGTH, masks: bool = False) -> Path:
    """A clip of `scene`, or of its masks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = SMALL[1], SMALL[0], "yuv420p"
        stream.bit_rate = 2_000_000
        for index in range(length):
            image = scene(index, SMALL)
            if masks:
                image = np.repeat(square(index, SMALL)[..., None].astype(np.uint8) * 255, 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def converted(dataset: str, source: Path, target: Path, **options: object) -> tuple[Counter, list[str]]:
    """Prepare in this process, without flow: how many frames became what, and the problems."""
    results = list(write(plan(dataset, source, target, Options(**options))))
    return Counter(result.state for result in results), [r.problem for r in results if r.problem]


def mask_at(path: Path) -> np.ndarray:
    """(H, W) bool of a written mask, which must be of one bit a pixel."""
    with Image.open(path) as picture:
        assert (picture.format, picture.mode) == ("PNG", "1")
        return np.asarray(picture)


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())
