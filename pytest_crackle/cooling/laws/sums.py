"""Sums: metrics of which one is, in nearly every test, two others together."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.laws.equation import (
    EXACT,
    HOLD,
    LEAST_TESTS,
    MOST_TUPLES,
    TUPLES_HOLD,
    Equation,
    chance_of,
    off_sum,
)
from pytest_crackle.cooling.tails import log_binomial_tail
from pytest_crackle.cooling.within import spread_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.suite import Suite

__all__ = ["proposed_sums", "sum_of"]

LEAST_TRIPLES: Final = 12
PILOTS: Final = 32
"""Tests that propose, for each metric."""
LEAST_VOTES: Final = 4


def _sum_holds(values: Sequence[float]) -> bool:
    return off_sum(values) <= 0


def proposed_sums(suite: Suite, measures: Sequence[str]) -> list[tuple[str, str, str]]:
    """Triples that hold in at least half of the pilots that have all three, best first."""
    columns = {name: suite.column(name) for name in measures}
    votes: Counter[tuple[str, str, str]] = Counter()
    presence: list[frozenset[str]] = []
    for row in _pilots(suite, measures):
        pairs = [(name, columns[name][row]) for name in measures]
        here = [(name, value) for name, value in pairs if _is_there(value)]
        presence.append(frozenset(name for name, _ in here))
        known: dict[float, list[str]] = {}
        for name, value in here:
            known.setdefault(_rounded(value), []).append(name)
        for (b, x), (c, y) in combinations(here, 2):
            for a in known.get(_rounded(x + y), ()):
                if a not in (b, c):
                    votes[a, b, c] += 1
    proposed = []
    for triple, count in votes.items():
        n_with = sum(names.issuperset(triple) for names in presence)
        if count >= LEAST_VOTES and 2 * count >= n_with:
            proposed.append((-count, triple))
    return [triple for _, triple in sorted(proposed)]


def _is_there(value: float) -> bool:
    """Whether a test has a value that is not 0: a zero would make every sum hold."""
    return value != 0 and not math.isnan(value)


def _rounded(value: float) -> float:
    return float(f"{value:.9g}")


def _pilots(suite: Suite, measures: Sequence[str]) -> list[int]:
    """Tests spread over the functions, with many metrics at once; about 32 of each metric."""
    columns = [suite.column(name) for name in measures]
    tests = list(zip(*columns, strict=True))
    sums, has_zeros = list(map(sum, tests)), any(0.0 in column for column in columns)
    codes = suite.function_codes
    seen = [0] * suite.n_tests  # by function
    # the first test of each function before the second, then the most metrics, then the node id
    merits: dict[int, int] = {}
    present: dict[int, list[int]] = {}
    everything = list(range(len(measures)))
    n, n_tests = len(measures) + 1, suite.n_tests
    for row in suite.by_nodeid(suite.rows):
        values, total, here = tests[row], sums[row], everything
        if total != total or (has_zeros and 0.0 in values):  # noqa: PLR0124 - NaN
            here = [i for i, x in enumerate(values) if x and x == x]  # noqa: PLR0124 - NaN
        if len(here) >= 3:
            code = codes[row]
            merits[row] = (n * seen[code] - len(here)) * n_tests + len(merits)
            present[row] = here
            seen[code] += 1
    by_merit = sorted(merits, key=merits.__getitem__)
    chosen: set[int] = set()
    covered: Counter[int] = Counter()
    for i in range(len(measures)):
        some = [row for row in by_merit if i in present[row]] if covered[i] < PILOTS else []
        for row in spread_over(some[: max(2 * PILOTS, len(some) // 2)], PILOTS):
            if row not in chosen:
                chosen.add(row)
                covered.update(present[row])
    return sorted(chosen)


def sum_of(suite: Suite, triple: tuple[str, str, str]) -> Equation | None:
    """Try a = b + c on all tests that have the three; None unless it holds in nearly all of them.

    Only different tuples without a zero are evidence. O(tests).
    """
    columns = [suite.column(name) for name in triple]
    rows = [
        row for row in suite.rows_with(triple[0]) if not any(math.isnan(c[row]) for c in columns)
    ]
    values = {row: (columns[0][row], columns[1][row], columns[2][row]) for row in rows}
    breakers = tuple(row for row in rows if not _sum_holds(values[row]))
    if len(rows) < LEAST_TESTS or len(breakers) > (1 - HOLD) * len(rows):
        return None
    full = (values[row] for row in suite.by_nodeid(rows) if all(values[row]))
    tuples = spread_over(list(dict.fromkeys(full)), MOST_TUPLES)
    n_holding = sum(map(_sum_holds, tuples))
    if len(tuples) < LEAST_TRIPLES or n_holding < TUPLES_HOLD * len(tuples):
        return None
    chance = chance_of(tuples, (1, 2), _sum_holds)
    log_p = log_binomial_tail(len(tuples), n_holding, chance)
    return Equation("sum", triple, tuple(rows), breakers, 1.0, 0.0, EXACT, EXACT, chance, log_p)
