"""Pictures with masks, or videos with masks, of anybody's own."""

from dpa.errors import InputError
from dpa.prepare.archive import Archive, Member, join
from dpa.prepare.duts import stills
from dpa.prepare.masks import Above, Objects, Rule
from dpa.prepare.records import (
    Clip,
    Film,
    Options,
    Part,
    check_distinct,
    make_clip,
    match,
    orphan_problems,
)
from dpa.video.images import IMAGE_SUFFIXES
from dpa.video.read import VIDEO_SUFFIXES

IMAGES = ("images", "RGB", "JPEGImages", "Images", "videos", "frames")
MASKS = ("masks", "GT", "Annotations", "Masks", "GroundTruth")


def convert(archive: Archive, options: Options) -> list[Part]:
    """Stills flat in the target, or a folder for each video: the target is the data set.

    Raises:
        InputError: the two folders are not there, or what is in them fits no pattern.
    """
    place, images, masks = _folders(archive, options)
    images, masks = join(place, images), join(place, masks)
    rule: Rule = Objects() if options.threshold is None else Above(options.threshold)
    loose = archive.files(images, IMAGE_SUFFIXES)
    films = archive.files(images, VIDEO_SUFFIXES)
    folders = [f for f in archive.folders(images) if archive.files(join(images, f), IMAGE_SUFFIXES)]
    if loose and (films or folders):
        other = films[0].name if films else f"{folders[0]}/"
        raise InputError(
            f"{archive.path / images}: stills ({loose[0].name}) beside videos ({other}): "
            "a data set is one or the other; give each a folder of its own"
        )
    if loose:
        return [stills(archive, images, masks, "", rule)]
    if not films and not folders:
        raise InputError(f"{archive.path / images}: no pictures, videos or folders of frames in it")
    return [_videos(archive, images, masks, films, folders, options, rule)]


def _folders(archive: Archive, options: Options) -> tuple[str, str, str]:
    """(where, images, masks): the folder that holds the two, and the two."""
    of_images = [options.images.strip("/")] if options.images else IMAGES
    of_masks = [options.masks.strip("/")] if options.masks else MASKS
    for images in of_images:
        for masks in of_masks:
            for place in archive.places(images, masks)[:1]:
                return place, images, masks
    raise archive.missing(
        f"a folder of pictures or videos ({', '.join(of_images)}; --images names another) "
        f"with one of masks ({', '.join(of_masks)}; --masks) beside it"
    )


def _videos(
    archive: Archive,
    images: str,
    masks: str,
    films: list[Member],
    folders: list[str],
    options: Options,
    rule: Rule,
) -> Part:
    check_distinct([*(film.stem for film in films), *folders], images)
    keep = options.frames or "all"
    clips: list[Clip | Film] = []
    problems: list[str] = []
    of_video = {mask.stem: mask for mask in archive.files(masks, VIDEO_SUFFIXES)}
    for film in films:
        found = archive.files(join(masks, film.stem), IMAGE_SUFFIXES)
        if not found and film.stem in of_video:
            found = [of_video[film.stem]]
        if found:
            clips.append(Film(film.stem, film.stem, film, tuple(found), rule, keep))
        else:
            problems.append(f"{film}: no masks: neither {masks}/{film.stem}/ nor {masks}/{film.stem}.*")
    for name in folders:
        frames = archive.files(join(images, name), IMAGE_SUFFIXES)
        annotations = archive.files(join(masks, name), IMAGE_SUFFIXES)
        if not annotations:
            problems.append(f"{archive.path / images / name}: no masks in {masks}/{name}")
            continue
        pairs, orphans = match(frames, annotations)
        problems += orphan_problems(orphans)
        clips.append(make_clip(name, name, frames, pairs, rule, keep))
    if not clips:
        raise InputError(f"{archive.path}: {problems[0]}")
    return Part("", images, tuple(clips), problems=tuple(problems))
