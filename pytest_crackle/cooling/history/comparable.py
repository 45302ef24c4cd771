"""The past runs that this one compares with, and its tests by their number in the past."""

from __future__ import annotations

import math
from array import array
from functools import cached_property
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.roles import is_name, roles_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.model.past import Past, PastRun

__all__ = ["LEAST_RUNS", "MOST_RUNS", "Comparable"]

LEAST_RUNS: Final = 3
"""Fewer past runs say nothing about noise (detectors.md 4, T1)."""
MOST_RUNS: Final = 99
"""With this one the axis has 100 runs."""
_PASSED: Final = "passed"


class Comparable:
    """One run and the newest past runs of the same mode and environment, oldest first.

    Parameters
    ----------
    suite : Suite
    past : Past

    Attributes
    ----------
    suite : Suite
    past : Past
    runs : tuple of PastRun
        At most 99; this run is not among them.
    rows : tuple of int
        Rows of this run that passed and whose test is known from the past: a failing test was
        neither slow nor fast, a new one has nothing to compare with.
    numbers : tuple of int, shape (len(rows),)
        Their numbers in the past.
    """

    def __init__(self, suite: Suite, past: Past) -> None:
        self.suite = suite
        self.past = past
        same = [
            run
            for run in past.runs
            if run.mode == past.mode and run.environment == past.environment
        ]
        self.runs: tuple[PastRun, ...] = tuple(same[-MOST_RUNS:])
        table = suite.table
        known = [
            (row, past.numbers[table.nodeids[row]])
            for row in suite.rows
            if table.outcomes[row] == _PASSED and table.nodeids[row] in past.numbers
        ]
        self.rows = tuple(row for row, _ in known)
        self.numbers = tuple(number for _, number in known)

    def columns(self, metric: str) -> list[array[float]]:
        """Return the values of a metric in `rows`, one column a run, this run's last.

        Returns
        -------
        list of array of float, each of shape (len(rows),)
            NaN where a run has no value of a test that passed. As measured: of this run, too,
            nothing is taken off for wide fixtures.
        """
        out = [
            array("d", map(column.__getitem__, self.numbers))
            for column in self.past.aligned(metric, self.runs, outcome=_PASSED)
        ]
        now = self.suite.table.column(metric)
        out.append(array("d", map(now.__getitem__, self.rows)))
        return out

    @cached_property
    def measures(self) -> tuple[str, ...]:
        """Metrics that tests recorded, as measures and not as names, ids or times of day.

        What this run alone says is not asked: a count that is the same in all tests but one is a
        switch there, and the very thing to compare over runs.
        """
        suite = self.suite
        roles = roles_of(suite)
        return tuple(
            name
            for name in suite.custom
            if suite.table.info(name).kind == "count"
            or (roles.get(name) != "order" and not is_name(name))
        )

    def has(self, metric: str) -> bool:
        """Whether this run and enough of the past runs measured it."""
        runs = sum(metric in run.metrics for run in self.runs)
        return metric in self.suite.table.columns and runs >= LEAST_RUNS

    @cached_property
    def same_order(self) -> tuple[bool, ...]:
        """Whether each past run was one process that ran the common tests in this run's order."""
        if self.past.mode != "no":
            return (False,) * len(self.runs)
        table = self.suite.table
        places = {
            self.past.numbers[nodeid]: table.seqs[row]
            for row, nodeid in enumerate(table.nodeids)
            if nodeid in self.past.numbers
        }
        return tuple(_ascends(run, places) for run in self.runs)

    def company(self, index: int) -> frozenset[int]:
        """Return the tests that a past run ran, by number; of this run for the index after all."""
        if index < len(self.runs):
            run = self.runs[index]
            ran = zip(run.tests, run.outcomes, strict=True)
            return frozenset(test for test, outcome in ran if outcome != "skipped")
        table, numbers = self.suite.table, self.past.numbers
        return frozenset(
            numbers.get(table.nodeids[row], -1 - row)
            for row in range(table.n_tests)
            if table.outcomes[row] != "skipped"
        )


def _ascends(run: PastRun, places: dict[int, int]) -> bool:
    seqs: Sequence[int] = run.seqs or range(len(run.tests))
    before = -math.inf
    for _, test in sorted(zip(seqs, run.tests, strict=True)):
        place = places.get(test)
        if place is not None:
            if place < before:
                return False
            before = place
    return True
