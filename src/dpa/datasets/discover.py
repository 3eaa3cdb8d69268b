"""The videos of a data set, in this project's layout or as the public sets are unpacked.

| layout | a video's name |
|---|---|
| `RGB/bear_00000.jpg` (flat) | what names share, see `dpa.datasets.naming` |
| `SEQ/RGB/*` | SEQ |
| DAVIS: `JPEGImages/480p/SEQ/*` | SEQ |
| Long-Videos: `JPEGImages/SEQ/*` | SEQ |
| FBMS: `Testset/SEQ/*` | SEQ |
| YouTube-Objects: `CLASS/VIDEO/*` or `CLASS/VIDEO/frames/*` | CLASS/VIDEO |

Flow pictures are looked for in FLOW/, beside RGB/ or inside a folder of frames, by the frames' names.
"""

from collections.abc import Iterator
from pathlib import Path

from dpa.datasets.layout import FLOWS, IMAGES, Sequence, find_sequences, is_flat
from dpa.datasets.lists import listed_videos
from dpa.errors import InputError
from dpa.video.listing import by_stem, list_pictures, natural_key

# Folders of a video that hold something else than its frames, by their names in lower case.
_NO_FRAMES = {"gt", "flow", "groundtruth", "ground-truth", "annotations", "masks", "labels", "imagesets"}
# Folders whose name says only that frames are in them: the video is called after the folder around them.
_FRAMES = {"rgb", "frames", "images"}
# Where two copies of a set of names are, the one of DAVIS-2016 and of the resolution that is read.
_FIRST_SETS = ("2016", "480p")


def find_videos(root: Path, split: str | None = None) -> list[Sequence]:
    """The videos of a data set, by name.

    Args:
        root: the data set's folder.
        split: name of a list in its ImageSets/ (`val`, `2016/val`), or a file with a name on every line; None
            for all videos.

    Raises:
        InputError: no such folder or list, or no videos in it. What is wrong with one video alone becomes its
            `problem`.

    Example:
        >>> [video.name for video in find_videos(Path("VIDEOS"))]
        ['bear', 'cow']
    """
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")
    if is_flat(root):
        base, videos = root, find_sequences(root)
    else:
        base = _base(root)
        videos = [_video(base, folder) for folder in _folders(base, base)]
    _check_names(videos, root)
    if split is not None:
        videos = _listed(videos, base, _split_file(root, split))
    if not videos:
        raise InputError(f"{root}: no data set: neither {IMAGES}/ nor folders with frames are in it")
    return videos


def _base(root: Path) -> Path:
    """The folder that the videos' folders are in."""
    for part in ("JPEGImages/480p", "JPEGImages", "Testset"):
        if (root / part).is_dir():
            return root / part
    return root


def _folders(folder: Path, base: Path) -> Iterator[Path]:
    """Folders of frames; what lies inside one is not looked at."""
    if (folder / IMAGES).is_dir():
        yield folder / IMAGES
    elif list_pictures(folder):
        if folder == base:
            raise InputError(f"{folder}: the frames of one video, not a data set: use `dpa segment {folder}`")
        yield folder
    else:
        for inner in sorted(folder.iterdir(), key=natural_key):
            if inner.is_dir() and not inner.name.startswith(".") and inner.name.lower() not in _NO_FRAMES:
                yield from _folders(inner, base)


def _video(base: Path, folder: Path) -> Sequence:
    named = folder.parent if folder.name.lower() in _FRAMES and folder.parent != base else folder
    name = named.relative_to(base).as_posix()
    try:
        images = by_stem(list_pictures(folder))
    except InputError as error:
        return Sequence(name, problem=str(error))
    if not images:
        return Sequence(name, problem=f"{folder}: no pictures in it")
    given = named / FLOWS
    flows = {path.stem: path for path in list_pictures(given)} if given.is_dir() else {}
    return Sequence(
        name, tuple(images.values()), (None,) * len(images), tuple(flows.get(stem) for stem in images)
    )


def _check_names(videos: list[Sequence], root: Path) -> None:
    seen: dict[str, Sequence] = {}
    for video in videos:
        if video.name in seen:
            raise InputError(
                f"{root}: two folders of frames would both be called {video.name}: rename or move one"
            )
        seen[video.name] = video


def _split_file(root: Path, split: str) -> Path:
    if Path(split).is_file():
        return Path(split)
    found = sorted((root / "ImageSets").glob(f"**/{split}.txt"))
    if not found:
        raise InputError(f"--split {split}: neither a file nor a list in {root / 'ImageSets'}")
    first = [path for path in found if path.parent.name in _FIRST_SETS] if len(found) > 1 else found
    if len(first) != 1:
        names = ", ".join(path.relative_to(root / "ImageSets").with_suffix("").as_posix() for path in found)
        raise InputError(f"--split {split} could be {names}: give one of these")
    return first[0]


def _listed(videos: list[Sequence], base: Path, file: Path) -> list[Sequence]:
    """The videos that a file names: a name on every line, or the frames with their masks (DAVIS-2016)."""
    names = listed_videos(file)
    known = {video.name: video for video in videos}
    missing = f"no such video in {base}, though {file} names it"
    return [known.get(name) or Sequence(name, problem=f"{name}: {missing}") for name in names]
