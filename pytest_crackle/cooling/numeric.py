"""Ranks, robust summaries and tail probabilities: the arithmetic that every detector shares."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "block_slope",
    "cliff_delta",
    "log_binomial_tail",
    "log_hypergeometric_tail",
    "log_normal_sf",
    "log_poisson_sf",
    "log_rank_sum_p",
    "mad_of",
    "median_of",
    "mid_ranks",
    "pearson",
    "quantile",
    "spearman",
    "theil_sen",
]

_HALF_LOG_TWO_PI: Final = 0.5 * math.log(2 * math.pi)
_SQRT_HALF: Final = math.sqrt(0.5)
# erfc(z / sqrt 2) underflows near z = 38; the asymptotic series is exact to 1e-9 from here on
_ERFC_LIMIT: Final = 30.0
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


def log_normal_sf(z: float) -> float:
    """Return ln P(Z > z) of a standard normal Z, without underflow.

    Examples
    --------
    >>> round(log_normal_sf(40.0), 3)
    -804.608
    """
    if z < 0:
        return math.log1p(-0.5 * math.erfc(-z * _SQRT_HALF))
    if z < _ERFC_LIMIT:
        return math.log(0.5 * math.erfc(z * _SQRT_HALF))
    if math.isinf(z):
        return -math.inf
    w = 1 / (z * z)
    series = -w * (1 - 3 * w * (1 - 5 * w * (1 - 7 * w)))
    return -z * z / 2 - math.log(z) - _HALF_LOG_TWO_PI + math.log1p(series)


def log_binomial_tail(n: float, k: float, p0: float) -> float:
    """Return Chernoff's upper bound of ln P(Bin(n, p0) >= k); 0 if k/n <= p0.

    Parameters
    ----------
    n, k : float
        Need not be whole: effective numbers are allowed. k > n counts as k = n.
    p0 : float
        Between 0 and 1.

    Notes
    -----
    -n KL(k/n || p0). An upper bound for every n, so a decision on it is safe.

    References
    ----------
    H. Chernoff, "A measure of asymptotic efficiency for tests of a hypothesis based on the sum of
    observations", Annals of Mathematical Statistics 23 (1952) 493-507, doi:10.1214/aoms/1177729330.

    Examples
    --------
    >>> round(log_binomial_tail(10, 10, 0.5) / math.log(2), 9)
    -10.0
    """
    if n <= 0 or k <= 0 or k <= n * p0:
        return 0.0
    if p0 <= 0:
        return -math.inf
    share = min(1.0, k / n)
    divergence = share * math.log(share / p0)
    if share < 1:
        divergence += (1 - share) * (math.log1p(-share) - math.log1p(-p0))
    return -n * max(0.0, divergence)


def log_poisson_sf(lam: float, k: int) -> float:
    """Return ln P(X >= k) of a Poisson variable with mean lam, without underflow.

    Notes
    -----
    The series of the shorter tail, relative to its first term; about 9 sqrt(lam) terms at worst.

    Examples
    --------
    >>> round(log_poisson_sf(2.0, 1), 6) == round(math.log(1 - math.exp(-2.0)), 6)
    True
    """
    if k <= 0 or math.isinf(lam):
        return 0.0
    if lam <= 0:
        return -math.inf
    if k > lam:
        j, term, total = k, 1.0, 1.0
        while term > 1e-17 * total:
            j += 1
            term *= lam / j
            total += term
        return min(0.0, _log_poisson_pmf(lam, k) + math.log(total))
    j, term, total = k - 1, 1.0, 1.0
    while term > 1e-17 * total and j > 0:
        term *= j / lam
        total += term
        j -= 1
    return math.log1p(-math.exp(min(-1e-16, _log_poisson_pmf(lam, k - 1) + math.log(total))))


def _log_poisson_pmf(lam: float, k: int) -> float:
    return k * math.log(lam) - lam - math.lgamma(k + 1)


def log_hypergeometric_tail(n: int, n_marked: int, n_drawn: int, hits: int) -> float:
    """Return ln P(X >= hits) or ln P(X <= hits), whichever side of the mean `hits` lies on.

    X counts the marked ones among `n_drawn` of n without replacement, `n_marked` being marked.

    Notes
    -----
    Exact up to rounding, no underflow. The terms fall from the first one on, so the sum stops after
    some multiple of their standard deviation.

    Examples
    --------
    >>> round(math.exp(log_hypergeometric_tail(10, 5, 5, 5)) * 252, 9)
    1.0
    """
    low, high = max(0, n_marked - (n - n_drawn)), min(n_marked, n_drawn)
    j = min(max(hits, low), high)
    log_first = (
        _log_choose(n_drawn, j) + _log_choose(n - n_drawn, n_marked - j) - _log_choose(n, n_marked)
    )
    upward = j * n >= n_drawn * n_marked
    term = total = 1.0
    while term > 1e-17 * total and (j < high if upward else j > low):
        if upward:
            term *= (n_drawn - j) * (n_marked - j) / ((j + 1) * (n - n_drawn - n_marked + j + 1))
            j += 1
        else:
            term *= j * (n - n_drawn - n_marked + j) / ((n_drawn - j + 1) * (n_marked - j + 1))
            j -= 1
        total += term
    return min(0.0, log_first + math.log(total))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def log_rank_sum_p(n_in: int, rank_sum_in: float, n_total: int) -> float:
    """Return ln of the one-sided p that a set of tests ranks so high by chance.

    Parameters
    ----------
    n_in : int
        Tests in the set.
    rank_sum_in : float
        Sum of their mid-ranks among all.
    n_total : int
        All tests, ranked 1..n_total.

    Returns
    -------
    float
        Natural log; 0 if the set is empty or holds all tests.

    Notes
    -----
    Wilcoxon's rank sum, normal approximation without continuity correction. Ties are ignored, which
    takes the variance too large: conservative.

    References
    ----------
    F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1 (1945) 80-83,
    doi:10.2307/3001968.
    """
    n_out = n_total - n_in
    if n_in <= 0 or n_out <= 0:
        return 0.0
    mean = n_in * (n_total + 1) / 2
    variance = n_in * n_out * (n_total + 1) / 12
    return log_normal_sf((rank_sum_in - mean) / math.sqrt(variance))


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
