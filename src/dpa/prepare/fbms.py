"""FBMS-59 (Ochs, Malik and Brox, PAMI 2014): about every twentieth frame is annotated, objects merged."""

from dpa.prepare import fbms_list
from dpa.prepare.archive import Archive, Member, join
from dpa.prepare.masks import AllButBackground
from dpa.prepare.records import Keep, Options, Part, make_clip, match, orphan_problems
from dpa.video.images import IMAGE_SUFFIXES

_TRUTH = "GroundTruth"
_LABELS = (".png", ".pgm", ".ppm")  # the first of them counts, where one frame has several
_SPLITS = {"trainingset": "FBMS_train", "testset": "FBMS_test"}


def convert(archive: Archive, options: Options) -> list[Part]:
    """The training set flat with its annotated frames; the test set by sequence, by default with all frames.

    Raises:
        InputError: neither is there.
    """
    parts = []
    for split, name in _SPLITS.items():
        flat = split == "trainingset"
        keep: Keep = options.frames or ("annotated" if flat else "all")
        tried = (_part(archive, place, name, flat, keep) for place in archive.ending(split))
        parts += [part for part in tried if part.clips][:1]
    if not parts:
        raise archive.missing(f"Trainingset or Testset with SEQUENCE/{_TRUTH} in it")
    return parts


def _part(archive: Archive, place: str, name: str, flat: bool, keep: Keep) -> Part:
    clips, problems = [], []
    for sequence in archive.folders(place):
        at = join(place, sequence)
        labels, images = _sorted_out(archive, at)
        if not labels or not images:
            continue
        listed, missing = _by_lists(archive, at, images, labels)
        # A listed frame may be annotated in other formats too: those files are no strays.
        taken = {label.stem for label in listed.values()}
        rest = _one_per_frame([label for label in labels if label.stem not in taken])
        pairs, orphans = match([image for image in images if image not in listed], rest)
        pairs |= listed
        problems += missing + orphan_problems(orphans)
        rule = AllButBackground(tuple(pairs.values()))
        clips.append(make_clip(name if flat else join(name, sequence), sequence, images, pairs, rule, keep))
    return Part(name, place, tuple(clips), problems=tuple(problems))


def _sorted_out(archive: Archive, at: str) -> tuple[list[Member], list[Member]]:
    """Annotations and frames of a sequence; both may lie in its own folder."""
    here = archive.files(at, IMAGE_SUFFIXES)
    labels = archive.files(join(at, _TRUTH), _LABELS)
    labels += [m for m in here if m.suffix == ".pgm" or (m.stem.endswith("_gt") and m.suffix in _LABELS)]
    images: dict[str, Member] = {}
    for member in here:
        # Where a frame is there as JPEG and as PPM, the JPEG is the one that is copied as it is.
        if member not in labels and (member.stem not in images or member.suffix == ".jpg"):
            images[member.stem] = member
    return labels, list(images.values())


def _by_lists(
    archive: Archive, at: str, images: list[Member], labels: list[Member]
) -> tuple[dict[Member, Member], list[str]]:
    """Annotations by their frames as the sequence's lists have it, and what is listed but not there."""
    frames = {image.stem: image for image in images}
    files = {label.name: label for label in labels}
    pairs: dict[Member, Member] = {}
    missing = []
    for member in [*archive.files(at, [".dat"]), *archive.files(join(at, _TRUTH), [".dat"])]:
        for entry in fbms_list.parse(member.read().decode("utf-8", "replace")):
            image = frames.get((entry.image or "").rpartition(".")[0])
            if entry.image is None and entry.frame is not None and entry.frame < len(images):
                image = images[entry.frame]
            label = files.get(entry.label)
            if image is not None and label is not None:
                pairs[image] = label
            elif label is None and not _has_stem(labels, entry.label):
                missing.append(f"{member}: lists {entry.label}, which is not there")
    return pairs, missing


def _has_stem(labels: list[Member], name: str) -> bool:
    return name.rpartition(".")[0] in {label.stem for label in labels}


def _one_per_frame(labels: list[Member]) -> list[Member]:
    """Of annotations of one name in several formats, the first of `_LABELS`."""
    best: dict[str, Member] = {}
    for label in sorted(labels, key=lambda member: _LABELS.index(member.suffix)):
        best.setdefault(label.stem, label)
    return [label for label in labels if best[label.stem] is label]
