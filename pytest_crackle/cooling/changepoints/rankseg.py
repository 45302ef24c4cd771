"""Change points of one series: where its level, slope or spread changes, by ranks alone."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.autocorrelation import Noise, lag_rho, noise_of
from pytest_crackle.cooling.changepoints.broken_line import broken_line
from pytest_crackle.cooling.changepoints.explain import Explainer, Limits
from pytest_crackle.cooling.changepoints.segmentation import (
    ChangeKind,
    ChangePoint,
    Drift,
    Segmentation,
)
from pytest_crackle.cooling.numeric import median_of, mid_ranks
from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "ChangeKind",
    "ChangePoint",
    "Drift",
    "Segmentation",
    "default_least_segment",
    "pooled_rho",
    "rankseg",
    "spread_changes",
]

_WALK: Final = 15.0  # z of levels in a random walk is divided by sqrt(n / 15): description only
_SAFE_EXPONENT: Final = 900  # |x| below 2**900: differences and lines do not overflow


def default_least_segment(n: int) -> int:
    """Return the fewest points of a level that a series of n points is searched for."""
    return max(3, min(5, n // 10))


def rankseg(
    values: Sequence[float],
    *,
    alpha: float = 0.01,
    least_segment: int | None = None,
    min_delta: float = 0.5,
    rho: float | None = None,
    ramps: bool = True,
) -> Segmentation:
    """Find the change points of one series.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
        In order; NaN and infinities count as missing and are left out.
    alpha : float
        Chance to find a change that is trusted in a series without one, above 0 and below 1.
    least_segment : int, optional
        Fewest points of a level; by default 3 to 5, n // 10. Raised to the default if smaller.
    min_delta : float
        Least absolute Cliff delta between neighbouring levels.
    rho : float, optional
        Known autocorrelation, used as it is: pool it over series of one kind (`pooled_rho`) when
        they are short. By default estimated from this series and raised by its uncertainty.
    ramps : bool
        False: every level change is a step, lines are not considered.

    Returns
    -------
    Segmentation

    Raises
    ------
    CrackleError
        If alpha is not between 0 and 1.

    Notes
    -----
    Splits of mid-ranks, found by halving and seeded intervals, then pruned; stretches whose ranks
    lie closer to a line than to levels are drifts, and are searched for a step or kink on top of
    the line. Only the order of the values counts for steps, so no unit, no logarithm and no outlier
    matters. O(n log n) for a bounded number of changes.

    A series like a random walk (rho from .75 on) is another matter: its increments are tested for a
    change of slope, and if there is none, its shape is described, untrusted.

    Measured at alpha = .01, chance of a gateable change (tests/detectors): i.i.d. and AR(1) up to
    .9 and random walks below .01, ramps of 2 to 3 sd .02 at worst.

    Examples
    --------
    >>> found = rankseg([1.0, 1.2, 0.9, 1.1, 1.3] * 6 + [2.0, 2.2, 1.9, 2.1, 2.3] * 6)
    >>> [(change.index, change.kind) for change in found.changes]
    [(30, 'step')]
    """
    if not 0 < alpha < 1:
        raise CrackleError(f"alpha = {alpha} of change points: allowed is anything between 0 and 1")
    keep: Sequence[int] = range(len(values))
    if not all(map(math.isfinite, values)):
        keep = [i for i in keep if math.isfinite(values[i])]
    series = [float(values[i]) for i in keep]
    least = max(default_least_segment(len(series)), least_segment or 0)
    if len(series) < 2 * least or min(series) == max(series):
        return Segmentation(rho=0.0 if rho is None else rho)
    limits = Limits(math.log(alpha), least, min_delta, ramps)
    series, scale = _scaled(series)
    found = _segment(series, limits, rho)
    return replace(
        found,
        changes=tuple(replace(change, index=keep[change.index]) for change in found.changes),
        drifts=tuple(
            Drift(keep[drift.start], keep[drift.stop - 1] + 1, drift.slope * scale)
            for drift in found.drifts
        ),
    )


def _scaled(series: list[float]) -> tuple[list[float], float]:
    """Divide huge values by a power of two, so that sums and slopes of them are finite."""
    exponent = math.frexp(max(map(abs, series)))[1]
    if exponent <= _SAFE_EXPONENT:
        return series, 1.0
    scale = math.ldexp(1.0, exponent - _SAFE_EXPONENT)
    return [value / scale for value in series], scale


def _segment(series: list[float], limits: Limits, rho: float | None) -> Segmentation:
    ranks = mid_ranks(series)
    noise = noise_of(ranks, rho)
    if not noise.is_walk:
        changes, drifts = Explainer(series, ranks, limits, noise).explain()
        return Segmentation(changes, drifts, noise.rho)
    increments = [after - before for before, after in pairwise(series)]
    if min(increments) < max(increments):
        step_ranks = mid_ranks(increments)
        step_noise = noise_of(step_ranks, None)
        changes, drifts = Explainer(increments, step_ranks, limits, step_noise).explain()
        if changes:
            slopes = tuple(replace(change, kind="slope") for change in changes)
            return Segmentation(slopes, (), noise.rho, differenced=True)
    return _describe(series, ranks, limits, noise.rho)


def _describe(series: list[float], ranks: list[float], limits: Limits, rho: float) -> Segmentation:
    """Describe a series like a random walk: by levels if they beat a line, else by lines."""
    n = len(series)
    noise = Noise(rho, max(2.0, math.sqrt(n / _WALK)), math.inf, is_walk=True)
    explainer = Explainer(series, ranks, limits, noise)
    changes = explainer.clear_levels()
    if changes:
        return Segmentation(changes, (), rho, differenced=True)
    described = broken_line(
        series,
        limits.least_segment,
        least_share=limits.min_delta,
        log_alpha=limits.log_alpha,
    )
    return Segmentation(
        tuple(
            ChangePoint(found.index, found.kind, found.log_p, found.explained, trusted=False)
            for found in described.breaks
        ),
        described.lines,
        rho,
        differenced=True,
    )


def pooled_rho(series: Iterable[Sequence[float]]) -> float | None:
    """Return the median autocorrelation over series of one kind; None if all are too short.

    Notes
    -----
    A series of 20 points says next to nothing about its own autocorrelation, so alone it must be
    tested as if it were large; a hundred such series say it well. Give the result to
    `rankseg(rho=...)`.
    """
    estimates = []
    for values in series:
        finite = [value for value in values if math.isfinite(value)]
        if len(finite) >= 8:
            estimates.append(lag_rho(mid_ranks(finite)))
    return max(0.0, median_of(estimates)) if estimates else None


def spread_changes(
    values: Sequence[float],
    *,
    alpha: float = 0.01,
    least_segment: int | None = None,
    min_delta: float = 0.5,
) -> tuple[ChangePoint, ...]:
    """Find where the scatter of a series changes.

    Notes
    -----
    `rankseg` of the distances from the median of the level, with alpha / 2 for either pass. Nothing
    is told of a series that drifts or looks like a random walk. Only gateable changes are returned.
    """
    keep = [i for i, value in enumerate(values) if math.isfinite(value)]
    series, _ = _scaled([float(values[i]) for i in keep] or [0.0])
    levels = rankseg(series, alpha=alpha / 2, least_segment=least_segment, min_delta=min_delta)
    if levels.differenced or levels.drifts:
        return ()
    distances: list[float] = []
    for start, stop in pairwise([0, *(change.index for change in levels.changes), len(series)]):
        middle = median_of(series[start:stop])
        distances += [abs(value - middle) for value in series[start:stop]]
    found = rankseg(distances, alpha=alpha / 2, least_segment=least_segment, min_delta=min_delta)
    return tuple(
        replace(change, index=keep[change.index]) for change in found.changes if change.gateable
    )
