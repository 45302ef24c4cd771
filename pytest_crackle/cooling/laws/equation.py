"""One equation between two or three metrics, and how likely it is by chance."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final, Literal

from pytest_crackle.cooling.tails import log_binomial_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = [
    "EXACT",
    "HOLD",
    "LEAST_TESTS",
    "MOST_TUPLES",
    "TUPLES_HOLD",
    "Equation",
    "Form",
    "chance_of",
    "off_sum",
]

Form = Literal["sum", "ratio", "line"]

# all constants as in detectors.md 5, measured there on 14 suites
LEAST_TESTS: Final = 20
HOLD: Final = 0.9
"""Least share of the tests in which an equation holds."""
TUPLES_HOLD: Final = 0.8
"""Least share of the different tuples in which it holds."""
MOST_TUPLES: Final = 400
EXACT: Final = 1e-6
"""Equal up to the digits in which people record numbers."""
SHUFFLES: Final = 5
_SEED: Final = 20261123


@dataclass(frozen=True, slots=True)
class Equation:
    """An equation between two or three metrics.

    Attributes
    ----------
    form : {"sum", "ratio", "line"}
    metrics : tuple of str
        (a, b, c) of a = b + c; (y, x) of y = `slope` x + `intercept`.
    rows, breakers : tuple of int
        The tests that have all its metrics, and those of them in which it does not hold.
    slope, intercept : float
        1 and 0 of a sum.
    tolerance : float
        How far off a test may be, as a share: of the largest number, of y, or for a line of the
        range of y.
    reach : float
        The same in the unit of y, for a line; else the share again.
    chance : float
        Share of shuffled tests in which it holds.
    log_p : float
    """

    form: Form
    metrics: tuple[str, ...]
    rows: tuple[int, ...]
    breakers: tuple[int, ...]
    slope: float
    intercept: float
    tolerance: float
    reach: float
    chance: float
    log_p: float

    @property
    def pairs(self) -> Iterator[frozenset[str]]:
        """The pairs of metrics that it ties together."""
        return map(frozenset, combinations(self.metrics, 2))

    @property
    def is_exact(self) -> bool:
        """Whether it holds to the last digit, and not only within 1 %."""
        return self.tolerance <= EXACT

    def holds(self, values: Sequence[float]) -> bool:
        """Whether it holds between values in the order of `metrics`."""
        return self.off(values) <= 0

    def off(self, values: Sequence[float]) -> float:
        """Return by how much values miss it beyond `reach`; at most 0 where it holds."""
        if self.form == "sum":
            return off_sum(values)
        y, x = values
        if self.form == "ratio":
            expected = self.slope * x
            return abs(y - expected) - self.reach * abs(expected)
        return abs(y - self.intercept - self.slope * x) - self.reach

    def inverted(self) -> Equation:
        """Return the same equation of two metrics, solved for the other one."""
        y, x = self.metrics
        slope = 1 / self.slope
        intercept = -self.intercept * slope
        reach = self.reach if self.form == "ratio" else self.reach * abs(slope)
        return replace(self, metrics=(x, y), slope=slope, intercept=intercept, reach=reach)

    def log_p_of(self, n_tuples: int, n_holding: int) -> float:
        """Return ln p of holding in so many of the different tuples."""
        return log_binomial_tail(n_tuples, n_holding, self.chance)


def off_sum(values: Sequence[float]) -> float:
    """Return by how much a = b + c is missed beyond rounding; at most 0 where it holds."""
    a, b, c = values
    return abs(a - b - c) - EXACT * max(abs(a), abs(b), abs(c))


def chance_of(
    tuples: Sequence[tuple[float, ...]],
    shuffled: Sequence[int],
    holds: Callable[[tuple[float, ...]], bool],
) -> float:
    """Share of tuples in which an equation holds after shuffling one metric.

    Parameters
    ----------
    tuples : sequence of tuple of float
        All different.
    shuffled : sequence of int
        Places of the metrics to shuffle, one after the other; the largest share counts.
    holds : callable
    """
    worst = 0.0
    for place in shuffled:
        rng = random.Random(_SEED)
        column = [values[place] for values in tuples]
        n_holding = 0
        for _ in range(SHUFFLES):
            rng.shuffle(column)
            n_holding += sum(
                holds((*values[:place], other, *values[place + 1 :]))
                for values, other in zip(tuples, column, strict=True)
            )
        worst = max(worst, (n_holding + 1) / (SHUFFLES * len(tuples) + 1))
    return worst
