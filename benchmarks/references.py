"""What the references of IFA are worth to a network, and whether its prototypes differ from each other.

    python benchmarks/references.py WEIGHTS DATASET

J of every sequence, neither smoothed nor refined nor corrected: with the references that the engine chooses,
and with the frame itself as its only reference. Where both are the same, the network does not read them.
Then the mean cosine among the prototypes of each place in the network, near 1 where they say all the same.
"""

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import fmean

from torch import Tensor

from dpa.arrays import Images
from dpa.backends.protocol import Memory, Seen
from dpa.backends.torch import TorchBackend
from dpa.datasets.layout import Sequence, find_sequences
from dpa.engine.config import SegmenterConfig
from dpa.engine.segmenter import Segmenter
from dpa.evaluate.measures import region_similarity
from dpa.model.dpa import DPA
from dpa.model.ima import PrototypeRefinement
from dpa.model.size import fit
from dpa.train.data.read import read_mask
from dpa.video.images import ImageSource


class OfItself(TorchBackend):
    """A network that gets a frame's own prototypes in place of its references'."""

    def __call__(
        self, images: Images, flows: Images, references: Memory, *, remember: bool = False, **wanted: bool
    ) -> Seen:
        if not remember:
            assert len(images) == 1
            (references,) = super().__call__(images, flows, references, remember=True).own
        return super().__call__(images, flows, references, remember=remember, **wanted)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights")
    parser.add_argument("dataset", type=Path)
    args = parser.parse_args()
    model = DPA.from_pretrained(args.weights).eval()
    videos = find_sequences(args.dataset, masks=True)
    cosines = watch(model)
    for name, kind in (("references", TorchBackend), ("itself", OfItself)):
        segmenter = Segmenter(
            SegmenterConfig(smooth=0.0, refine="off", target="off", flow="dis"), backend=kind(model)
        )
        scores = {video.name: j(segmenter, video) for video in videos}
        each = "  ".join(f"{video} {100 * value:.1f}" for video, value in scores.items())
        print(f"{name:10} J {100 * fmean(scores.values()):.1f}  {each}")
    for place, values in cosines.items():
        print(f"{place:24} cosine among prototypes {fmean(values):.3f}")


def j(segmenter: Segmenter, video: Sequence) -> float:
    """Mean J of all frames but the first and the last."""
    scores = []
    for mask in segmenter.masks(ImageSource(video.images, video.name)):
        if 0 < mask.index < len(video.images) - 1:
            path = video.masks[mask.index]
            assert path is not None
            scores.append(region_similarity(mask.binary, fit(read_mask(path), mask.binary.shape[:2]) > 127))
    return fmean(scores)


def watch(model: DPA) -> dict[str, list[float]]:
    """Cosines among the prototypes that IMA refines from now on, by the place in the network."""
    found: dict[str, list[float]] = defaultdict(list)

    def note(name: str, p: Tensor) -> None:
        unit = p / p.norm(dim=-1, keepdim=True)
        d = p.shape[-2]
        found[name].append(float(((unit @ unit.mT).sum((-2, -1)) - d).mean() / (d * (d - 1))))

    for name, module in model.named_modules():
        if isinstance(module, PrototypeRefinement):
            module.register_forward_pre_hook(lambda _, args, name=name: note(name, args[0]))
    return found


if __name__ == "__main__":
    main()
