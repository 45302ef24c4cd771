"""A set of tests against all others: how alike they are, and whether they rank higher."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import mad_of
from pytest_crackle.cooling.tails import log_rank_sum_p

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EMPTY", "SIGMA", "log_p_above", "log_scale", "mean_distance"]

EMPTY: Final = 1e-4
"""Seconds; an empty phase costs 35-100 us, which is pytest itself (detectors.md 1.3)."""

SIGMA: Final = 1.4826
"""From the median absolute deviation to the standard deviation of a normal distribution."""


def log_scale(seconds: Sequence[float]) -> float:
    """Return the robust standard deviation of the logarithms; 1 if most values are the same.

    Parameters
    ----------
    seconds : sequence of float
        Values under 100 us count as 100 us.
    """
    logs = [math.log(max(value, EMPTY)) for value in seconds]
    return (SIGMA * mad_of(logs) if logs else 0.0) or 1.0


def mean_distance(seconds: Sequence[float], scale: float) -> float:
    """Return the mean over all pairs of the distance between logarithms, in units of `scale`.

    Notes
    -----
    From the sorted logarithms, O(n log n).
    """
    logs = sorted(math.log(max(value, EMPTY)) for value in seconds)
    n = len(logs)
    if n < 2:
        return 0.0
    total = math.fsum((2 * i - n + 1) * x for i, x in enumerate(logs))
    return max(0.0, 2 * total / (n * (n - 1)) / scale)


def log_p_above(values: Sequence[float], others: Sequence[float], n_others: int) -> float:
    """Return ln of the one-sided rank-sum p that `values` lie so high above others by chance.

    Parameters
    ----------
    values : sequence of float
    others : sequence of float
        Sorted; what is known about the others.
    n_others : int
        How many others there are now: a replica holds a share of them.

    Notes
    -----
    Mann and Whitney's U by bisection, O(len(values) ln(len(others))): a replica need not be sorted.

    References
    ----------
    H. B. Mann, D. R. Whitney, "On a test of whether one of two random variables is stochastically
    larger than the other", Annals of Mathematical Statistics 18 (1947) 50-60,
    doi:10.1214/aoms/1177730491.
    """
    n = len(values)
    if not n or not others:
        return 0.0
    wins = math.fsum((bisect_left(others, v) + bisect_right(others, v)) / 2 for v in values)
    rank_sum = n * (n + 1) / 2 + wins * n_others / len(others)
    return log_rank_sum_p(n, rank_sum, n + n_others)
