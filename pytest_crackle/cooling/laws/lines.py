"""Ratios and lines: metrics of which one is, in nearly every test, a multiple of the other."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import compress
from operator import eq
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.laws.equation import (
    EXACT,
    HOLD,
    LEAST_TESTS,
    MOST_TUPLES,
    TUPLES_HOLD,
    Equation,
    chance_of,
)
from pytest_crackle.cooling.numeric import median_of, quantile
from pytest_crackle.cooling.tails import log_binomial_tail
from pytest_crackle.cooling.within import spread_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.laws.equation import Form
    from pytest_crackle.cooling.suite import Suite

__all__ = ["CLOSE", "middle_range", "pair_of", "resistant_line"]

CLOSE: Final = 0.01
LEAST_PAIRS: Final = 8
LEAST_NONZERO: Final = 0.7
PILOT: Final = 64
PILOT_HOLD: Final = 0.75
MOST_FITTED: Final = 2000


def middle_range(values: Sequence[float]) -> float:
    """Return the distance from the 10 % to the 90 % quantile."""
    ordered = sorted(values)
    return quantile(ordered, 0.9) - quantile(ordered, 0.1)


def resistant_line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float] | None:
    """Return slope and intercept by the median slope of points half the order of x apart.

    Returns
    -------
    (slope, intercept) or None
        None if most of these points have the same x, or the slope is 0. Within 1 % of 1 or -1 the
        slope is taken as that.

    Notes
    -----
    O(n log n); bears up to a quarter of the points being off.
    """
    n = len(x)
    order = sorted(range(n), key=x.__getitem__)
    pairs = zip(order, order[n // 2 :], strict=False)
    slopes = [(y[j] - y[i]) / (x[j] - x[i]) for i, j in pairs if x[j] != x[i]]
    if not slopes or len(slopes) < n // 4:
        return None
    slope = median_of(slopes)
    if abs(abs(slope) - 1) < CLOSE:
        slope = math.copysign(1.0, slope)
    if not slope or not math.isfinite(slope):
        return None
    intercept = median_of([b - slope * a for a, b in zip(x, y, strict=True)])
    return (slope, intercept) if math.isfinite(intercept) else None


def pair_of(suite: Suite, x_name: str, y_name: str, *, both_wide: bool) -> Equation | None:
    """Find the ratio or line that ties two metrics together, if one holds in nearly every test.

    Parameters
    ----------
    suite : Suite
    x_name, y_name : str
    both_wide : bool
        False if one of them hardly varies, so that any ratio of the two would do.

    Returns
    -------
    Equation or None

    Notes
    -----
    64 tests propose, all decide; O(tests) only for what is proposed.
    """
    x_column, y_column = suite.column(x_name), suite.column(y_name)
    both = suite.ordered_with(x_name)
    if len(suite.rows_with(y_name)) < len(suite.rows):
        values = list(map(y_column.__getitem__, both))
        both = list(compress(both, map(eq, values, values)))  # NaN is not equal
    if len(both) < LEAST_TESTS:
        return None
    pilot = spread_over(both, PILOT)
    x, y = [x_column[row] for row in pilot], [y_column[row] for row in pilot]
    forms: tuple[Form, ...] = ("ratio", "line") if both_wide else ("line",)
    for form in forms:
        proposal = _fit(form, (y_name, x_name), x, y, CLOSE)
        if proposal is None or _share_holding(proposal, x, y) < PILOT_HOLD:
            continue
        equation = _verified(suite, form, (y_name, x_name), both)
        if equation is not None:
            return equation
    return None


def _fit(
    form: Form, metrics: tuple[str, str], x: Sequence[float], y: Sequence[float], reach: float
) -> Equation | None:
    """Fit the form to points; `reach` as a share (of the range of y for a line)."""
    if form == "line":
        line = resistant_line(x, y)
        if line is None:
            return None
        return Equation("line", metrics, (), (), *line, reach, reach * middle_range(y), 1.0, 0.0)
    ratios = [b / a for a, b in zip(x, y, strict=True) if a]
    if len(ratios) < LEAST_NONZERO * len(x):
        return None
    ratio = median_of(ratios)
    if not ratio or not math.isfinite(ratio):
        return None
    return Equation("ratio", metrics, (), (), ratio, 0.0, reach, reach, 1.0, 0.0)


def _share_holding(equation: Equation, x: Sequence[float], y: Sequence[float]) -> float:
    return sum(map(equation.holds, zip(y, x, strict=True))) / len(x)


def _verified(
    suite: Suite, form: Form, metrics: tuple[str, str], rows: Sequence[int]
) -> Equation | None:
    """Fit to up to 2,000 tests, exactly or within 1 %, and try it on all tests that have both."""
    y_column, x_column = (suite.column(name) for name in metrics)
    values = {row: (y_column[row], x_column[row]) for row in rows}
    some = spread_over(rows, MOST_FITTED)
    x, y = [x_column[row] for row in some], [y_column[row] for row in some]
    for reach in (EXACT, CLOSE):
        equation = _fit(form, metrics, x, y, reach)
        if equation is None:
            return None
        breakers = tuple(sorted(row for row in rows if not equation.holds(values[row])))
        if len(breakers) <= (1 - HOLD) * len(rows):
            break
    else:
        return None
    tuples = spread_over(list(dict.fromkeys(values.values())), MOST_TUPLES)
    n, n_holding = len(tuples), sum(map(equation.holds, tuples))
    n_functions = len({suite.function_codes[row] for row in rows})
    if n_holding < max(LEAST_PAIRS, TUPLES_HOLD * n) or (n_functions < 3 and n < LEAST_TESTS):
        return None
    chance = chance_of(tuples, (1,), equation.holds)
    log_p = log_binomial_tail(n, n_holding, chance)
    return replace(
        equation, rows=tuple(sorted(rows)), breakers=breakers, chance=chance, log_p=log_p
    )
