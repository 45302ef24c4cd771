"""How rare a large deviation is, by deviations of the same kind that were seen."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Tail"]

_LEAST_IN_TAIL: Final = 10
_LEAST_EDGE: Final = 0.5
_LEAST_INDEX: Final = 0.1


class Tail:
    """The upper tail of deviations in which nothing happened.

    Parameters
    ----------
    seen : iterable of float
        Scaled deviations of either sign; those that are not finite are left out.

    Notes
    -----
    Shares of what was seen, and beyond the largest sqrt(n) of them a Pareto tail whose index is
    Hill's estimate plus two of its standard errors. Normal and lognormal deviations have lighter
    tails than any Pareto, so for them it errs to the safe side; heavy tails, outliers included,
    count as what they are: a suite that jumps by itself needs larger jumps to be told. O(n log n)
    once, O(log n) a question.

    References
    ----------
    B. M. Hill, "A simple general approach to inference about the tail of a distribution", Annals of
    Statistics 3 (1975) 1163-1174, doi:10.1214/aos/1176343247.

    Examples
    --------
    >>> tail = Tail([i / 100 for i in range(-300, 301)])
    >>> tail.log_p(1.0) > tail.log_p(3.0) > tail.log_p(30.0)
    True
    """

    def __init__(self, seen: Iterable[float]) -> None:
        self._ordered = sorted(value for value in seen if math.isfinite(value))
        n = len(self._ordered)
        size = min(max(_LEAST_IN_TAIL, math.isqrt(n)), n // 2)
        self._edge = max(_LEAST_EDGE, self._ordered[n - size - 1] if n else _LEAST_EDGE)
        top = [value for value in self._ordered[n - size :] if value > self._edge]
        self._share = (len(top) + 1) / (n + 1)
        excess = math.fsum(math.log(value / self._edge) for value in top) / max(1, size)
        # a handful of deviations says next to nothing about how far the next one may lie
        least = max(_LEAST_INDEX, 1 / math.sqrt(n + 1))
        self._index = max(least, excess * (1 + 2 / math.sqrt(max(1, size))))

    def log_p(self, deviation: float) -> float:
        """Return ln of the chance that a deviation is at least so large where nothing happened."""
        n = len(self._ordered)
        above = n - bisect_left(self._ordered, deviation)
        if deviation <= self._edge:
            return math.log((above + 1) / (n + 1))
        return math.log(self._share) - math.log(deviation / self._edge) / self._index
