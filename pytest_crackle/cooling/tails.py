"""Logarithms of tail probabilities, without underflow: p-values are compared by them."""

from __future__ import annotations

import math
from typing import Final

__all__ = [
    "log_binomial_tail",
    "log_hypergeometric_tail",
    "log_normal_sf",
    "log_poisson_sf",
    "log_rank_sum_p",
]

_HALF_LOG_TWO_PI: Final = 0.5 * math.log(2 * math.pi)
_SQRT_HALF: Final = math.sqrt(0.5)
# erfc(z / sqrt 2) underflows near z = 38; the asymptotic series is exact to 1e-9 from here on
_ERFC_LIMIT: Final = 30.0


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
