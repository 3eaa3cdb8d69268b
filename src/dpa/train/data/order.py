"""The order of training records: endless shuffled epochs, any place of it without the ones before."""

import numpy as np


class Order:
    """An endless row of record numbers, a pure function of the seed.

    Every epoch holds each of the first `fixed` records once; of the `drawn` records after them it holds as
    many as there are fixed ones (or all, if they are fewer), drawn anew: so the paper mixes YouTube-VOS with
    DAVIS (section 4.2).

    Args:
        fixed: records 0 .. fixed - 1.
        drawn: records fixed .. fixed + drawn - 1.
        seed: of the shuffling.
    """

    def __init__(self, fixed: int, drawn: int = 0, seed: int = 0) -> None:
        self.fixed, self.drawn, self.seed = fixed, drawn, seed
        self._epoch, self._records = -1, np.empty(0, np.int64)

    def __len__(self) -> int:
        """Records of an epoch."""
        return self.fixed + min(self.fixed, self.drawn)

    def __getitem__(self, place: int) -> int:
        epoch, at = divmod(place, len(self))
        if epoch != self._epoch:
            self._epoch, self._records = epoch, self._shuffled(epoch)
        return int(self._records[at])

    def _shuffled(self, epoch: int) -> np.ndarray:
        rng = np.random.default_rng([self.seed, epoch])
        extra = rng.choice(self.drawn, len(self) - self.fixed, replace=False) + self.fixed
        return rng.permutation(np.concatenate([np.arange(self.fixed), extra]))
