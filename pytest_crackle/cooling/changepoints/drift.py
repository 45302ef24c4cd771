"""Whether a stretch of a series moves along a line or in steps, and what stands out of a line."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from pytest_crackle.cooling.changepoints.rank_scan import log_max_p, partial_z
from pytest_crackle.cooling.numeric import block_slope, mid_ranks

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "Bend",
    "BendScan",
    "Form",
    "best_bend",
    "form_of",
    "line_slope",
    "scan_bends",
    "stride_of",
]

Form = Literal["step", "drift", "unclear"]

_MOST_POINTS: Final = 4000  # a line is fitted to so many to twice so many evenly spaced points
_STEP_ENERGY: Final = (
    0.75  # share of the spread of ranks that a noise-free step in the middle makes
)


@dataclass(frozen=True, slots=True)
class Bend:
    """Hold the best step or kink on top of a straight line.

    Attributes
    ----------
    index : int
        First point after it, counted from the start of the stretch.
    kind : {"step", "slope"}
    log_p : float
        ln of the p-value, the search over all places and both kinds included.
    effect : float
        On the scale of Cliff's delta.
    """

    index: int
    kind: Literal["step", "slope"]
    log_p: float
    effect: float


@dataclass(frozen=True, slots=True)
class BendScan:
    """Hold the best step or hinge that the scan found.

    Attributes
    ----------
    explained : float
        Share of what the line leaves that it explains, 0..1.
    gain : float
        The same as a sum of squares.
    line_share : float
        Share of the variation that the line alone explains, 0..1.
    index : int
        First point after it.
    kind : {"step", "slope"}
    """

    explained: float
    gain: float
    line_share: float
    index: int
    kind: Literal["step", "slope"]


def stride_of(n: int) -> int:
    """Return the distance of the points that stand for a stretch of n points."""
    return max(1, n // _MOST_POINTS)


def line_slope(values: Sequence[float]) -> float:
    """Return the robust slope per step of a stretch, long ones by evenly spaced points."""
    stride = stride_of(len(values))
    return block_slope(values[::stride]) / stride


def form_of(values: Sequence[float], changes: Sequence[int], *, log_alpha: float) -> Form:
    """Tell whether the ranks of a stretch lie closer to a line or to levels.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
    changes : Sequence[int]
        First points of the later levels, ascending, within 1..n-1.
    log_alpha : float
        ln of the level of the tests.

    Returns
    -------
    {"step", "drift", "unclear"}

    Notes
    -----
    Least squares on mid-ranks: gain = n/2 ln(residual of the line / residual of the levels) is the
    log likelihood ratio. Its price is that of the parameters that levels have more than the line,
    ln n each (a level costs two, its place and its height). Below half the price it is a drift.
    Above the price it is a step, if the gain exceeds ln(3 / alpha) as well: where the line is true
    a likelihood ratio of 3 / alpha is reached with at most alpha / 3 chance for one given place of
    the step; the search for the place makes that .02 at alpha = .01 on the worst ramps (measured,
    n = 20..100). In between it is not known. O(n log n).

    References
    ----------
    G. Schwarz, "Estimating the dimension of a model", Annals of Statistics 6 (1978) 461-464,
    doi:10.1214/aos/1176344136.
    """
    stride = stride_of(len(values))
    ranks = mid_ranks(values[::stride])
    n = len(ranks)
    centre, mean = (n - 1) / 2, (n + 1) / 2
    flat = [rank - mean for rank in ranks]
    total = sum([value * value for value in flat])
    moment = sum([(i - centre) * value for i, value in enumerate(flat)])
    line = total - moment * moment / (n * (n * n - 1) / 12)
    levels = total
    for start, stop in pairwise([0, *(change // stride for change in changes), n]):
        if stop > start:
            levels -= sum(flat[start:stop]) ** 2 / (stop - start)
    if line <= 1e-9 * total:
        return "drift"
    if levels <= 1e-9 * total:
        return "step"
    gain = n / 2 * math.log(line / levels)
    price = (2 * len(changes) - 1) * math.log(n)
    if gain < price / 2:
        return "drift"
    return "step" if gain > max(price, math.log(3) - log_alpha) else "unclear"


def best_bend(values: Sequence[float], least_segment: int, inflation: float) -> Bend:
    """Return the best step or kink on top of the robust line of a stretch.

    Notes
    -----
    The line is taken off the values, the rest is ranked; every step 1(i >= k) and hinge
    max(0, i - k), both made orthogonal to the constant and the line, is compared by the share of
    the spread of the ranks that it explains. Two searches in one, so p is doubled. O(n log n).
    """
    stride = stride_of(len(values))
    thinned = values[::stride]
    slope = block_slope(thinned)
    ranks = mid_ranks([value - slope * i for i, value in enumerate(thinned)])
    best = scan_bends(ranks, least_segment)
    n = len(ranks)
    z = partial_z(best.explained, n - 3) / inflation
    log_p = min(0.0, math.log(2) + log_max_p(z, n, least_segment))
    effect = min(1.0, math.sqrt(best.explained / _STEP_ENERGY))
    return Bend(best.index * stride, best.kind, log_p, effect)


def scan_bends(scores: Sequence[float], least_segment: int) -> BendScan:
    """Return the best step 1(i >= k) or hinge max(0, i - k) on top of the least-squares line.

    Notes
    -----
    One pass from the end: the sums over i >= k of the residuals r_i and of (i - k) r_i are all that
    is needed. O(n).
    """
    n = len(scores)
    nothing = BendScan(0.0, 0.0, 0.0, min(least_segment, n), "step")
    if n < 2 * least_segment:
        return nothing
    centre, line_spread, mean = (n - 1) / 2, n * (n * n - 1) / 12, sum(scores) / n
    slope = sum([(i - centre) * (score - mean) for i, score in enumerate(scores)]) / line_spread
    flat = [score - mean - slope * (i - centre) for i, score in enumerate(scores)]
    spread = sum([value * value for value in flat])
    total = spread + slope * slope * line_spread
    if spread <= 1e-12 * total:
        return replace(nothing, line_share=1.0 if total > 0 else 0.0)
    best, at, is_step = 0.0, least_segment, True
    step_sum = hinge_sum = 0.0
    for k in range(n - 1, least_segment - 1, -1):
        hinge_sum += step_sum
        step_sum += flat[k]
        if k > n - least_segment:
            continue
        after = n - k
        # squared lengths of step and hinge after projection off the constant and the line
        step_norm = k * after / n - (k * after / 2) ** 2 / line_spread
        hinge = after * (after - 1) / 2
        squares = (after - 1) * after * (2 * after - 1) / 6
        hinge_norm = squares - hinge**2 / n - (squares + (k - centre) * hinge) ** 2 / line_spread
        if step_sum**2 > best * step_norm:
            best, at, is_step = step_sum**2 / step_norm, k, True
        if hinge_sum**2 > best * hinge_norm:
            best, at, is_step = hinge_sum**2 / hinge_norm, k, False
    line_share = 1 - spread / total
    return BendScan(best / spread, best, line_share, at, "step" if is_step else "slope")
