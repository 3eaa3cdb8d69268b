"""A network that sees every frame as it is and mirrored: test-time augmentation, for `--quality best`."""

import numpy as np

from dpa.arrays import Images
from dpa.backends import Backend, Memory, Seen


class Mirrored:
    """A `Backend` whose probabilities are the mean of a frame's and its mirror image's.

    The flow picture is mirrored too, with its colours as they are: what moves to the right then has the
    colour of what moves to the left. A network trained with colours permuted (`augment.hues`) does not mind:
    on DAVIS_dev it is as good as flow drawn anew. Prototypes and features are those of the frame itself.

    Args:
        backend: the network; given twice as many frames.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.name, self.device, self.precision = backend.name, backend.device, backend.precision
        self.config, self.weights, self.has_features = backend.config, backend.weights, backend.has_features
        self.batch = max(1, backend.batch // 2)

    def __call__(
        self,
        images: Images,
        flows: Images,
        references: Memory,
        *,
        remember: bool = False,
        features: bool = False,
    ) -> Seen:
        n = len(images)
        twice, moving = (np.concatenate([one, one[:, :, ::-1]]) for one in (images, flows))
        seen = self._backend(twice, moving, references, remember=remember, features=features)
        mean = (seen.probability[:n] + seen.probability[n:, :, ::-1]) * np.float32(0.5)
        return Seen(mean, seen.own[:n], seen.features[:n])
