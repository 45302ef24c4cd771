"""All equations between the custom metrics of a suite: a = b + c, y = r x, y = r x + s."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.laws.equation import LEAST_TESTS
from pytest_crackle.cooling.laws.lines import middle_range, pair_of
from pytest_crackle.cooling.laws.sums import proposed_sums, sum_of
from pytest_crackle.cooling.numeric import median_of
from pytest_crackle.cooling.roles import custom_measures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.laws.equation import Equation
    from pytest_crackle.cooling.suite import Suite

__all__ = ["Equations", "find_equations"]

LEAST_DISTINCT: Final = 8
MOST_AT_MODE: Final = 0.7
WIDE: Final = 0.3
# what so many shuffles could do as well ties nothing together
LOG_LEAST: Final = math.log(1e-4)
# sums of all pairs are looked up in each pilot
MOST_METRICS: Final = 200


@dataclass(frozen=True, slots=True)
class Equations:
    """All equations of a suite, and how many were thought of."""

    found: tuple[Equation, ...] = ()
    hypotheses: int = 0
    related: frozenset[frozenset[str]] = frozenset()
    """Pairs of metrics that an equation ties together."""


def find_equations(suite: Suite) -> Equations:
    """Find equations of two or three custom metrics.

    Parameters
    ----------
    suite : Suite

    Returns
    -------
    Equations
        Sums first. Two metrics of a sum, or a pair that is told, take part in no other equation.

    Notes
    -----
    The p-value counts different tuples, not tests: the chance of an equation is the share of
    tuples in which it holds after shuffling one metric, for a sum the less favourable of its two
    terms. A few tests spread over the functions propose, all tests decide: O(metrics^2) a pilot
    test, O(tests) an equation that is proposed; once for each suite.
    """
    return suite.once("equations", lambda: _find(suite))


def _find(suite: Suite) -> Equations:
    measures = custom_measures(suite)
    measures = tuple(name for name in measures if len(suite.rows_with(name)) >= LEAST_TESTS)
    measures = measures[:MOST_METRICS]
    n = len(measures)
    hypotheses = n * (n - 1) // 2 + n * (n - 1) * (n - 2) // 2
    found: list[Equation] = []
    related: set[frozenset[str]] = set()
    for triple in proposed_sums(suite, measures) if n >= 3 else ():
        if related.isdisjoint(map(frozenset, combinations(triple, 2))):
            _keep(sum_of(suite, triple), found, related)
    varied = []
    wide = set()
    for name in measures:
        values = suite.sorted_with(name)
        if _varies(values):
            varied.append(name)
            wide.update([name] if _is_wide(values) else [])
    for x, y in combinations(varied, 2):
        if frozenset((x, y)) not in related:
            _keep(pair_of(suite, x, y, both_wide={x, y} <= wide), found, related)
    return Equations(tuple(found), hypotheses, frozenset(related))


def _keep(equation: Equation | None, found: list[Equation], related: set[frozenset[str]]) -> None:
    if equation is not None and equation.log_p <= LOG_LEAST:
        found.append(equation)
        related.update(equation.pairs)


def _varies(ordered: Sequence[float]) -> bool:
    middle = ordered[len(ordered) // 2]  # the commonest value, if it is that common
    n_middle = bisect_right(ordered, middle) - bisect_left(ordered, middle)
    if n_middle > MOST_AT_MODE * len(ordered) or middle_range(ordered) <= 0:
        return False
    return len(set(ordered)) >= LEAST_DISTINCT


def _is_wide(values: Sequence[float]) -> bool:
    return middle_range(values) >= WIDE * abs(median_of(values))
