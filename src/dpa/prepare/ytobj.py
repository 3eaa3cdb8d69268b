"""YouTube-Objects (Prest et al., CVPR 2012) with the sparse masks of Jain and Grauman (ECCV 2014)."""

import re
from dataclasses import dataclass, field

from dpa.datasets.classes import YOUTUBE_OBJECTS as CLASSES
from dpa.prepare.archive import Archive, Member, join
from dpa.prepare.masks import Objects
from dpa.prepare.records import Options, Part, make_clip, match, orphan_problems
from dpa.video.images import IMAGE_SUFFIXES

# Folders that say what lies in them, not which video it is of.
_NOT_NAMES = frozenset({"data", "shots", "images", "frames", "jpegimages", "rgb", "480p"})
_OF_MASKS = re.compile(r"mask|label|annotation|ground.?truth|^gt$", re.IGNORECASE)
_NUMBERED = re.compile(rf"({'|'.join(CLASSES)})[-_]?(\d.*)", re.IGNORECASE)


@dataclass
class _Video:
    images: list[Member] = field(default_factory=list)
    masks: list[Member] = field(default_factory=list)


def convert(archive: Archive, options: Options) -> list[Part]:
    """Every video with a mask, in a folder `CLASS_VIDEO_SHOT`.

    Raises:
        InputError: no annotated video of any class is there.
    """
    videos = _videos(archive)
    name, clips, problems = "YTobj_test", [], []
    for sequence in sorted(videos):
        video = videos[sequence]
        if not video.images or not video.masks:
            continue
        pairs, orphans = match(video.images, video.masks)
        problems += orphan_problems(orphans)
        keep = options.frames or "all"
        clips.append(make_clip(join(name, sequence), sequence, video.images, pairs, Objects(), keep))
    if not clips:
        raise archive.missing(
            f"videos below a folder for each class ({', '.join(CLASSES)}) with masks in a folder "
            "whose name says so (masks, labels, GroundTruth, Annotations)"
        )
    return [Part(name, "", tuple(clips), problems=tuple(problems))]


def _videos(archive: Archive) -> dict[str, _Video]:
    """Frames and masks by sequence, wherever the two lie: in one tree, side by side or in two archives."""
    videos: dict[str, _Video] = {}
    for at in sorted(archive.all_folders()):
        pictures = archive.files(at, IMAGE_SUFFIXES)
        sequence = _sequence(at) if pictures else None
        if sequence is None:
            continue
        video = videos.setdefault(sequence, _Video())
        is_mask = any(_OF_MASKS.search(folder) for folder in at.split("/"))
        (video.masks if is_mask else video.images).extend(pictures)
    return videos


def _sequence(at: str) -> str | None:
    """`car_0001_003` of `youtube_masks/car/data/0001/shots/003/labels`; None without a class or a video."""
    folders = at.split("/")
    # The last that names a class: `train` is a class, and the name of many a folder further up.
    for index in reversed(range(len(folders))):
        rest = folders[index + 1 :]
        if folders[index].lower() in CLASSES:
            words = [folders[index].lower()]
        elif found := _NUMBERED.fullmatch(folders[index]):
            words = [found[1].lower(), found[2]]
        else:
            continue
        words += [word for word in rest if word.lower() not in _NOT_NAMES and not _OF_MASKS.search(word)]
        return "_".join(words) if len(words) > 1 else None
    return None
