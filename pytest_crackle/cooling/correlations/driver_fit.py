"""How closely the time of tests follows a metric: rank correlation, also within modules; slope."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.clusters.contrast import SIGMA
from pytest_crackle.cooling.numeric import (
    mad_of,
    median_of,
    mid_ranks,
    pearson,
    quantile,
    theil_sen,
)
from pytest_crackle.cooling.tails import log_normal_sf
from pytest_crackle.cooling.within import centred

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.suite import Suite

__all__ = [
    "LEAST_EFFECTIVE",
    "NO_FIT",
    "NO_SAMPLE",
    "Fit",
    "Sample",
    "fit_of",
    "mode_of",
    "sample_of",
]

# a unit counts with at most this many tests, so that no large module decides alone
MOST_PER_UNIT: Final = 20
LEAST_EFFECTIVE: Final = 15
"""Least effective number of tests, each unit counted with at most 20."""
# variance of Fisher's z of a rank correlation times (n - 3) (Fieller, Hartley & Pearson 1957)
FIELLER: Final = 1.06
WINSOR: Final = 0.05
# a test this many robust standard deviations off the line pays for something else
OUTLYING: Final = 8.0
MOST_OUTLYING: Final = 0.2
# all pairs up to this many tests, 16 pairs a test above
ALL_PAIRS: Final = 150
LAGS: Final = 16
# Fisher's z of a perfect correlation is infinite
CLOSEST: Final = 0.9999


@dataclass(frozen=True, slots=True)
class Sample:
    """The tests that use a metric and have the target's time: rows, metric x, seconds y."""

    rows: list[int]
    x: list[float]
    y: list[float]
    informative: list[bool]
    """Off the commonest value."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How far a target follows a metric.

    Attributes
    ----------
    rho, low, high : float
        Spearman's correlation over all tests and its 95 % interval.
    rho_within, low_within : float
        The same with ranks centred in units, and its lower bound; `rho` without units.
    pearson : float
        Winsorised by 5 % at both ends.
    slope : float
        Theil-Sen, seconds a unit of the metric.
    log_p : float
        Natural logarithm of the two-sided p-value of `rho_within`.
    """

    rho: float
    low: float
    high: float
    rho_within: float
    low_within: float
    pearson: float
    slope: float
    log_p: float


NO_SAMPLE: Final = Sample([], [], [], [])
NO_FIT: Final = Fit(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def mode_of(values: Sequence[float]) -> float:
    """Return the commonest value, the least of several."""
    counts = Counter(values)
    most = max(counts.values())
    return min(value for value, count in counts.items() if count == most)


def sample_of(column: Sequence[float], time: Sequence[float], rows: Sequence[int]) -> Sample:
    """Read some rows of a metric and of a time."""
    x = [column[row] for row in rows]
    mode = mode_of(x)
    return Sample(list(rows), x, [time[row] for row in rows], [value != mode for value in x])


def fit_of(
    suite: Suite,
    sample: Sample,
    least_effective: float,
    least_lows: tuple[float, float] = (-1.0, -1.0),
) -> Fit | None:
    """Measure how far the times of a sample follow its metric.

    Parameters
    ----------
    suite : Suite
        For the units: the coarsest of module, class, function with three of three tests.
    sample : Sample
    least_effective : float
        Least number of informative tests (off the commonest value), at most 20 a unit.
    least_lows : (float, float)
        What the higher and the lower of the two lower bounds must reach.

    Returns
    -------
    Fit or None
        None with fewer informative tests, lower bounds, or where the time does not rise with the
        metric.

    Notes
    -----
    O(n log n). The interval is Fisher's z with the variance of a rank correlation and the number of
    informative tests; without units every function is one, and `rho` alone decides.

    References
    ----------
    E. C. Fieller, H. O. Hartley, E. S. Pearson, "Tests for rank correlation coefficients. I",
    Biometrika 44 (1957) 470-481, doi:10.1093/biomet/44.3-4.470; P. K. Sen, "Estimates of the
    regression coefficient based on Kendall's tau", JASA 63 (1968) 1379-1389,
    doi:10.1080/01621459.1968.10480934.
    """
    rows = sample.rows
    informative = [row for row, told in zip(rows, sample.informative, strict=True) if told]
    units = suite.unit_codes(rows, informative)
    codes = units if units is not None else [suite.function_codes[row] for row in rows]
    per_unit = Counter(code for code, told in zip(codes, sample.informative, strict=True) if told)
    effective = sum(min(count, MOST_PER_UNIT) for count in per_unit.values())
    if effective < least_effective or effective <= 3:
        return None
    ranks_x, ranks_y = mid_ranks(sample.x), mid_ranks(sample.y)
    rho = within = pearson(ranks_x, ranks_y)
    if units is not None:
        within = pearson(centred(ranks_x, units), centred(ranks_y, units))
    error = math.sqrt(FIELLER / (effective - 3))
    low, low_within = _shifted(rho, -1.96 * error), _shifted(within, -1.96 * error)
    if max(low, low_within) < least_lows[0] or min(low, low_within) < least_lows[1]:
        return None
    if rho <= 0 or within <= 0 or not 0 < (slope := _slope(sample)) < math.inf:
        return None
    return Fit(
        rho=rho,
        low=low,
        high=_shifted(rho, 1.96 * error),
        rho_within=within,
        low_within=low_within,
        pearson=_robust_pearson(sample, slope),
        slope=slope,
        log_p=min(0.0, math.log(2) + log_normal_sf(_atanh(within) / error)),
    )


def _atanh(rho: float) -> float:
    return math.atanh(min(rho, CLOSEST))


def _shifted(rho: float, amount: float) -> float:
    return math.tanh(_atanh(rho) + amount)


def _winsorised(values: Sequence[float]) -> list[float]:
    """Pull both ends in, so that no single test can make or break a correlation."""
    ordered = sorted(values)
    low, high = quantile(ordered, WINSOR), quantile(ordered, 1 - WINSOR)
    return [min(max(value, low), high) for value in values]


def _robust_pearson(sample: Sample, slope: float) -> float:
    """Pearson's correlation with both ends of both sides pulled in by 5 %.

    Tests that pay for something else as well (a fixture, a wait) may be more than 5 %: up to one in
    five of those far off the line are pulled to it as far as their scatter would take them.
    """
    x = _winsorised(sample.x)
    residuals = [b - slope * a for a, b in zip(sample.x, sample.y, strict=True)]
    middle = median_of(residuals)
    reach = OUTLYING * SIGMA * mad_of(residuals)
    far = sum(abs(r - middle) > reach for r in residuals)
    best = pearson(x, _winsorised(sample.y))
    if 0 < far <= MOST_OUTLYING * len(residuals):
        pairs = zip(sample.y, residuals, strict=True)
        pulled = [y - (r - max(min(r, middle + reach), middle - reach)) for y, r in pairs]
        best = max(best, pearson(x, _winsorised(pulled)))
    return best


def _slope(sample: Sample) -> float:
    """Theil-Sen slope; of many tests from pairs that lie 16 different distances apart in order."""
    n = len(sample.x)
    if n <= ALL_PAIRS:
        return theil_sen(sample.x, sample.y)
    points = sorted(zip(sample.x, sample.y, strict=True))
    slopes = []
    for k in range(1, LAGS + 1):
        lag = k * n // (LAGS + 1)
        slopes += [
            (right[1] - left[1]) / (right[0] - left[0])
            for left, right in zip(points, points[lag:], strict=False)
            if right[0] != left[0]
        ]
    return median_of(slopes) if slopes else 0.0
