"""Ranks, robust summaries and correlations: the arithmetic that every detector shares."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "block_slope",
    "cliff_delta",
    "mad_of",
    "median_of",
    "mid_ranks",
    "pearson",
    "quantile",
    "spearman",
    "theil_sen",
]

# |x| within 2**+-300: squares and their sums neither overflow nor vanish
_SAFE_EXPONENT: Final = 300


def mid_ranks(values: Sequence[float]) -> list[float]:
    """Rank values from 1 to n; equal values share the mean of their ranks.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
        Any numbers but NaN; infinities are allowed.

    Returns
    -------
    list[float], shape (n,)

    Notes
    -----
    One sort and one or two dictionaries: O(n log n), Python-level loops over different values only.

    Examples
    --------
    >>> mid_ranks([30.0, 10.0, 30.0])
    [2.5, 1.0, 2.5]
    """
    ordered = sorted(values)
    n = len(ordered)
    last = dict(zip(ordered, range(1, n + 1), strict=True))
    if len(last) == n:
        return list(map(float, map(last.__getitem__, values)))
    ends = [0, *last.values()]  # increasing, as the keys are
    means = [(before + 1 + end) / 2 for before, end in itertools.pairwise(ends)]
    return list(map(dict(zip(last, means, strict=True)).__getitem__, values))


def median_of(values: Sequence[float]) -> float:
    """Return the median; of an even number of values the mean of the middle two.

    Raises
    ------
    ValueError
        If there are no values.

    Examples
    --------
    >>> median_of([4.0, 1.0, 2.0, 3.0])
    2.5
    """
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        raise ValueError("the median of no values is not defined")
    high = ordered[n // 2]
    if n % 2:
        return high
    low = ordered[n // 2 - 1]
    total = low + high
    return total / 2 if math.isfinite(total) else low / 2 + high / 2  # 1e308 + 1e308 overflows


def mad_of(values: Sequence[float]) -> float:
    """Return the median absolute deviation from the median, not scaled.

    Times 1.4826 it estimates the standard deviation of a normal distribution.
    """
    middle = median_of(values)
    return median_of([abs(value - middle) for value in values])


def quantile(sorted_values: Sequence[float], q: float) -> float:
    """Return the lower order statistic at position int(q (n - 1)).

    Parameters
    ----------
    sorted_values : Sequence[float], shape (n,)
        In ascending order.
    q : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If there are no values or q is outside 0..1.
    """
    if not sorted_values:
        raise ValueError("the quantile of no values is not defined")
    if not 0 <= q <= 1:
        raise ValueError(f"q = {q} is not between 0 and 1")
    return sorted_values[int(q * (len(sorted_values) - 1))]


def cliff_delta(before: Sequence[float], after: Sequence[float]) -> float:
    """Return P(after > before) - P(after < before) over all pairs; 0 if one side is empty.

    Notes
    -----
    From mid-ranks, O(n log n). With a step between them this is the size of the step that does not
    depend on the unit.

    References
    ----------
    N. Cliff, "Dominance statistics: Ordinal analyses to answer ordinal questions", Psychological
    Bulletin 114 (1993) 494-509, doi:10.1037/0033-2909.114.3.494.
    """
    if not before or not after:
        return 0.0
    ranks = mid_ranks([*before, *after])
    n_before, n_after = len(before), len(after)
    mean_before = sum(ranks[:n_before]) / n_before
    mean_after = sum(ranks[n_before:]) / n_after
    return 2 * (mean_after - mean_before) / (n_before + n_after)


def theil_sen(x: Sequence[float], y: Sequence[float]) -> float:
    """Return the median slope over all pairs with different x; 0 if there is none.

    Notes
    -----
    All pairs, O(n^2 log n): for some hundred points. Longer series: `block_slope`.

    References
    ----------
    P. K. Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 63 (1968)
    1379-1389, doi:10.1080/01621459.1968.10480934.
    """
    slopes: list[float] = []
    for i, (x_i, y_i) in enumerate(zip(x, y, strict=True)):
        slopes += [
            (y_j - y_i) / (x_j - x_i)
            for x_j, y_j in zip(x[i + 1 :], y[i + 1 :], strict=True)
            if x_j != x_i
        ]
    return median_of(slopes) if slopes else 0.0


def block_slope(values: Sequence[float], max_blocks: int = 24) -> float:
    """Return the slope per step of the Theil-Sen line through the medians of equal blocks.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
    max_blocks : int
        At most so many blocks of at least two values.

    Returns
    -------
    float
        0 if there are fewer than four values.

    Notes
    -----
    O(n log n) instead of O(n^2); the medians bear up to half of a block being outliers.
    """
    n = len(values)
    n_blocks = min(max_blocks, n // 2)
    if n_blocks < 2:
        return 0.0
    edges = [i * n // n_blocks for i in range(n_blocks + 1)]
    spans = list(itertools.pairwise(edges))
    centres = [(start + stop - 1) / 2 for start, stop in spans]
    return theil_sen(centres, [median_of(values[start:stop]) for start, stop in spans])


def pearson(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Pearson's correlation of two series of finite numbers; 0 if one of them is constant.

    Raises
    ------
    ValueError
        If the lengths differ.

    Notes
    -----
    Two passes (deviations first). Series outside 2**+-300 are scaled by a power of two, so
    1e308 and 1e-308 are as good as 1.
    """
    if len(x) != len(y):
        raise ValueError(f"{len(x)} values against {len(y)}")
    if len(x) < 2:
        return 0.0
    dx, dy = _deviations(x), _deviations(y)
    norm = math.sqrt(sum([a * a for a in dx])) * math.sqrt(sum([b * b for b in dy]))
    if norm == 0:
        return 0.0
    return max(-1.0, min(1.0, sum([a * b for a, b in zip(dx, dy, strict=True)]) / norm))


def _deviations(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    if low == high:
        return [0.0] * len(values)
    exponent = math.frexp(max(abs(low), abs(high)))[1]
    if abs(exponent) > _SAFE_EXPONENT:
        values = [math.ldexp(value, -exponent) for value in values]
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]


def spearman(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Spearman's rank correlation, ties by mid-ranks; 0 if one series is constant.

    References
    ----------
    C. Spearman, "The proof and measurement of association between two things", American Journal of
    Psychology 15 (1904) 72-101, doi:10.2307/1412159.
    """
    return pearson(mid_ranks(x), mid_ranks(y))
