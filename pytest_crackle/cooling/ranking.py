"""The order of some values, from which the ranks of any part of them follow without a sort."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, pairwise, repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Ranking"]


class Ranking:
    """Different values numbered in ascending order, once for the ranks of many parts.

    Parameters
    ----------
    values : sequence of float, shape (n,)
        Without NaN.

    Attributes
    ----------
    codes : list of int, shape (n,)
        The place of each value among the different ones, from 0.
    most : int
        How often the commonest value comes.
    """

    def __init__(self, values: Sequence[float]) -> None:
        counts = Counter(values)
        places = {value: place for place, value in enumerate(sorted(counts))}
        self.codes = list(map(places.__getitem__, values))
        self._n_different = len(counts)
        self.most = max(counts.values(), default=0)

    def ranks(self, part: Sequence[int]) -> list[float]:
        """Return the mid-ranks of some of the values among themselves, as `mid_ranks` does.

        Parameters
        ----------
        part : sequence of int, shape (m,)
            Their codes.

        Returns
        -------
        list of float, shape (m,)

        Notes
        -----
        O(m + d) with d different values, nearly all of it in built-in functions.
        """
        if self.most == 1:
            present = bytearray(len(self.codes))
            for code in part:
                present[code] = 1
            upto = list(accumulate(present))
            return list(map(float, map(upto.__getitem__, part)))
        counts = Counter(part)
        ends = accumulate(map(counts.get, range(self._n_different), repeat(0)), initial=0)
        means = [(before + 1 + end) / 2 for before, end in pairwise(ends)]
        return list(map(means.__getitem__, part))
