"""A first look at all pairs of custom metrics: ranks within modules of a few hundred tests."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import mid_ranks
from pytest_crackle.cooling.roles import custom_measures
from pytest_crackle.cooling.within import centred, cosine, spread_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.suite import Suite

__all__ = ["LEAST_TESTS", "MOST_TESTS", "RankPilot", "rank_pilot_of", "whole_modules"]

LEAST_TESTS: Final = 30
MOST_TESTS: Final = 600
LEAST_SHARED: Final = 20
LEAST_DISTINCT: Final = 5
LEAST_PER_MODULE: Final = 3
USUAL_PER_MODULE: Final = 6


class RankPilot:
    """Rank correlations within modules of all pairs of custom metrics, on at most 600 tests.

    Parameters
    ----------
    suite : Suite

    Attributes
    ----------
    metrics : tuple of str
        Those with enough tests and values to correlate, sorted.

    Notes
    -----
    It only passes over pairs; what is told is tested on all tests. O(metrics^2 x 600).
    """

    def __init__(self, suite: Suite) -> None:
        measures = custom_measures(suite)
        some: Sequence[int] = ()
        if measures:
            some = whole_modules(suite, suite.by_nodeid(suite.rows), MOST_TESTS)
        self._ranks: dict[str, dict[int, float]] = {}
        for name in measures:
            ranks = _ranks(suite, name, some)
            if ranks is not None:
                self._ranks[name] = ranks
        self.metrics = tuple(self._ranks)
        self._scan = {
            (a, b): found
            for a, b in combinations(self.metrics, 2)
            if (found := self._correlation(a, b)) is not None
        }

    @property
    def n_pairs(self) -> int:
        """Pairs with enough tests in common."""
        return len(self._scan)

    def pairs(self, least: float) -> list[tuple[str, str]]:
        """Return the pairs whose correlation may be `least` or more, either sign, sorted."""
        return [
            pair
            for pair, (rho, n) in self._scan.items()
            if abs(rho) >= least - min(0.15, 1.5 / math.sqrt(n))
        ]

    def _correlation(self, a: str, b: str) -> tuple[float, int] | None:
        one, other = self._ranks[a], self._ranks[b]
        shared = [row for row in one if row in other]
        if len(shared) < LEAST_SHARED:
            return None
        rho = cosine([one[row] for row in shared], [other[row] for row in shared])
        return rho, len(shared)


def rank_pilot_of(suite: Suite) -> RankPilot:
    """Return the first look at a suite; it is taken once."""
    return suite.once("rank pilot", lambda: RankPilot(suite))


def _ranks(suite: Suite, name: str, some: Sequence[int]) -> dict[int, float] | None:
    column, recorded = suite.column(name), suite.rows_with(name)
    if len(recorded) < LEAST_TESTS:
        return None
    rows = [row for row in some if not math.isnan(column[row])]
    if len(rows) < LEAST_TESTS:
        rows = list(whole_modules(suite, suite.by_nodeid(recorded), MOST_TESTS))
    if len(rows) < LEAST_TESTS:
        rows = list(spread_over(suite.by_nodeid(recorded), MOST_TESTS))
    values = [column[row] for row in rows]
    if len(set(values)) < LEAST_DISTINCT:
        return None
    ranks = centred(mid_ranks(values), [suite.module_codes[row] for row in rows])
    return dict(zip(rows, ranks, strict=True))


def whole_modules(suite: Suite, rows: Sequence[int], most: int) -> Sequence[int]:
    """Return about `most` of the rows: some of each module, of modules with three or more.

    Ranks within modules need several tests of one module; an even sample of a large suite with
    small modules would hold one of each.
    """
    if len(rows) <= most:
        return rows
    modules: dict[int, list[int]] = {}
    for row in rows:
        modules.setdefault(suite.module_codes[row], []).append(row)
    per_module = max(USUAL_PER_MODULE, most // len(modules))
    large = [some for some in modules.values() if len(some) >= LEAST_PER_MODULE]
    chosen = spread_over(large, max(1, most // per_module))
    return [row for some in chosen for row in spread_over(some, per_module)]
