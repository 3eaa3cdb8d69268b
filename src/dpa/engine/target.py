"""What the object of this video looks like, learnt from the network's own masks of a few of its frames.

The network decides anew in every frame what the object is. Over a video the answer is nearly always the same,
so where one frame says something else about pixels that look like the object's, or like the background's, it
is probably wrong. A linear model of the appearance encoder's features, fitted to a few frames, says how much
a place looks like the object; probabilities are moved towards that. Discriminative target models come from
tracking and from semi-supervised segmentation, where the first mask is given (A. Robinson et al., CVPR 2020,
arXiv 2003.00908); here the masks are the network's own.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dpa.arrays import Features, Probability

# Measured on DAVIS (docs/experiments.md): how far around a place the network's own answer is averaged before
# the two are compared, in pixels of the features.
_BLUR = 1.5
_RIDGE = 1.0  # times a feature's variance
_LEAST = 2.0  # sure pixels that the model is fitted to, below which there is no object, or no background
_MOST_CHANNELS = 128  # that OpenCV takes at once: OpenCV 5 takes more for another dimension


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the pixels of frames, from which the model is fitted; those of several frames add up.

    Attributes:
        squares: (2, C + 1, C + 1) float64, sums of the products of two features, over the background's pixels
            and over the object's, weighted by how sure the network is of them; the last feature is 1.
        answers: (2, C + 1) float64, the same of a feature and the probability.
    """

    squares: NDArray[np.float64]
    answers: NDArray[np.float64]

    @classmethod
    def of(cls, probability: Probability, features: Features) -> "Moments":
        """Those of one frame.

        Args:
            probability: (h, w) float32 in [0, 1].
            features: of the frame, the finest first; they are looked at at half its size.
        """
        size = (features[0].shape[1] // 2, features[0].shape[2] // 2)
        levels = [_halved(features[0]), *features[1:]]
        maps = [_resized(plane, size).reshape(len(plane), -1) for plane in levels]
        x = np.ascontiguousarray(np.concatenate([*maps, np.ones((1, maps[0].shape[1]), np.float32)]).T)
        p = _reduced(probability, size).ravel()
        sure = np.abs(2 * p - 1)
        squares, answers = [], []
        for there in (p <= 0.5, p > 0.5):
            part = x[there]
            weighted = part * sure[there, None]
            squares.append(weighted.T @ part)
            answers.append(weighted.T @ p[there])
        return cls(np.stack(squares).astype(np.float64), np.stack(answers).astype(np.float64))

    @classmethod
    def sum(cls, parts: "Iterable[Moments]") -> "Moments":
        """Those of several frames; at least one."""
        parts = list(parts)
        return cls(np.sum([p.squares for p in parts], axis=0), np.sum([p.answers for p in parts], axis=0))

    def target(self) -> "Target | None":
        """The model that fits best, object and background weighing the same; None where one of them is
        missing, or features are not finite, as half precision's may be.
        """
        weights = self.squares[:, -1, -1]
        if weights.min() < _LEAST or not np.isfinite(self.squares).all():
            return None
        squares = (self.squares / weights[:, None, None]).mean(0)
        answers = (self.answers / weights[:, None]).mean(0)
        variance = np.maximum(np.diag(squares) - squares[-1] ** 2, 0)
        # The least ridge is for features that never change, or are 0; the constant hardly feels it.
        squares[np.diag_indices_from(squares)] += _RIDGE * variance + 1e-6 * np.diag(squares) + 1e-12
        fitted = np.linalg.solve(squares, answers).astype(np.float32)
        return Target(fitted[:-1], fitted[-1])


@dataclass(frozen=True, eq=False)
class Target:
    """How much a place looks like the object.

    Attributes:
        weights: (C,) float32, of the features, those of the finest first.
        constant: what is added.

    Example:
        >>> left = np.zeros((8, 16, 16), np.float32)
        >>> left[:, :, :8] = 1
        >>> probability = np.float32(0.9) * left[0] + np.float32(0.05)
        >>> target = Moments.of(probability, [left]).target()
        >>> probability[2:6, 2:6] = 0.4  # here a part of the object is missing
        >>> bool((target.applied(probability, [left], strength=3)[2:6, 2:6] > 0.5).all())
        True
    """

    weights: NDArray[np.float32]
    constant: np.float32

    def likeness(self, features: Features) -> NDArray[np.float32]:
        """1 where a frame looks like the object, 0 where like the background.

        Args:
            features: of the frame, the finest first.

        Returns:
            (h, w) float32 in [0, 1], at the size of the finest features.
        """
        size = features[0].shape[1:]
        parts = np.split(self.weights, np.cumsum([len(f) for f in features])[:-1])
        pairs = zip(parts, features, strict=True)
        maps = (_enlarged(np.tensordot(w, f, 1), size) for w, f in pairs)
        likeness: NDArray[np.float32] = np.clip(sum(maps) + self.constant, 0, 1)
        return likeness

    def applied(self, probability: Probability, features: Features, strength: float) -> Probability:
        """The probabilities of a frame: raised where it looks more like the object than they say around a
        place, lowered where less.

        Args:
            probability: (h, w) float32 in [0, 1].
            features: of the frame, the finest first.
            strength: of the correction, in logits for a difference of 1.

        Returns:
            The same shape; 0 and 1 stay.
        """
        likeness = self.likeness(features)
        said = cv2.GaussianBlur(_reduced(probability, likeness.shape), (0, 0), _BLUR)
        # In place: new arrays of a frame's size cost more than what is computed.
        raised = _enlarged(np.exp(np.float32(strength) * (likeness - said)), probability.shape)
        raised *= probability
        rest = 1 - probability
        rest += raised
        raised /= rest
        return raised


def _halved(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C, h, w) -> (C, h // 2, w // 2), the means of four pixels."""
    h, w = (side // 2 * 2 for side in planes.shape[1:])
    rows = planes[:, 0:h:2] + planes[:, 1:h:2]
    return np.float32(0.25) * (rows[..., 0:w:2] + rows[..., 1:w:2])


def _resized(planes: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    """(C, h, w) -> (C, *size), linearly."""
    if planes.shape[1:] == size:
        return planes
    return by_channels(planes, lambda part: _enlarged(part, size))


def by_channels(
    planes: NDArray[np.float32], change: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """What OpenCV makes of planes, some at once: (C, h, w) -> (C, H, W).

    Args:
        planes: (C, h, w).
        change: (h, w, some of C) -> (H, W, as many), or (H, W) of one.
    """
    starts = range(0, len(planes), _MOST_CHANNELS)
    parts = [np.ascontiguousarray(np.moveaxis(planes[k : k + _MOST_CHANNELS], 0, 2)) for k in starts]
    changed = [change(part) for part in parts]
    apart = [done.reshape(*done.shape[:2], -1) for done in changed]
    return np.concatenate([np.moveaxis(done, 2, 0) for done in apart])


def _enlarged(plane: NDArray[np.float32], size: tuple[int, ...]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(plane, (size[1], size[0]), interpolation=cv2.INTER_LINEAR))


def _reduced(plane: Probability, size: tuple[int, ...]) -> Probability:
    return np.asarray(cv2.resize(plane, (size[1], size[0]), interpolation=cv2.INTER_AREA))
