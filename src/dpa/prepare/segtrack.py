"""SegTrack v2 (Li et al., ICCV 2013): 14 videos, every frame annotated, a folder of masks an object."""

from dataclasses import replace

from dpa.prepare.archive import Archive, Member, join
from dpa.prepare.masks import Above
from dpa.prepare.records import Clip, Options, Part, make_clip, match, orphan_problems
from dpa.video.images import IMAGE_SUFFIXES

_IMAGES, _MASKS = "JPEGImages", "GroundTruth"


def convert(archive: Archive, options: Options) -> list[Part]:
    """Each video in a folder, objects merged.

    `GroundTruth/VIDEO/*.png`, or `GroundTruth/VIDEO/OBJECT/*.png` where there are several objects.

    Raises:
        InputError: no videos with annotations are there.
    """
    name, clips, problems = "SegTrackV2_test", [], []
    for place in archive.places(_IMAGES, _MASKS):
        for video in archive.folders(join(place, _IMAGES)):
            images = archive.files(join(place, _IMAGES, video), IMAGE_SUFFIXES)
            masks = join(place, _MASKS, video)
            objects = [archive.files(join(masks, one), IMAGE_SUFFIXES) for one in archive.folders(masks)]
            objects = [found for found in (archive.files(masks, IMAGE_SUFFIXES), *objects) if found]
            if not images or not objects:
                continue
            clip, orphans = _clip(join(name, video), video, images, objects)
            problems += orphan_problems(orphans)
            clips.append(clip)
        if clips:
            return [Part(name, place, tuple(clips), problems=tuple(problems))]
    raise archive.missing(f"{_IMAGES}/VIDEO with pictures and {_MASKS}/VIDEO beside it")


def _clip(
    folder: str, video: str, images: list[Member], objects: list[list[Member]]
) -> tuple[Clip, list[Member]]:
    first, *rest = (match(images, masks) for masks in objects)
    clip = make_clip(folder, video, images, first[0], Above())
    entries = tuple(
        replace(entry, others=tuple(pairs[entry.image] for pairs, _ in rest if entry.image in pairs))
        for entry in clip.entries
    )
    return replace(clip, entries=entries), [mask for _, orphans in (first, *rest) for mask in orphans]
