"""Past runs of the same suite, as the cooling needs them: one column a run and metric."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Past", "PastRun"]


@dataclass(frozen=True, slots=True)
class PastRun:
    """One complete run of the past.

    Attributes
    ----------
    number : int
        Its number in the history, growing with time.
    started : str
        UTC, ISO 8601 with a trailing Z.
    mode : str
        "no" (one process) or the mode of pytest-xdist with its number of workers: "load 4".
    environment : str
        Python, platform and machine in one key: times of different keys do not compare.
    commit, branch : str or None
    dirty : bool
        Whether the checkout had changes that are not in `commit`.
    labels : tuple of str
    tests : sequence of int, shape (n_tests,)
        Numbers of the tests (see `Past.numbers`), in collection order.
    outcomes : sequence of str, shape (n_tests,)
    attempts : mapping of int to tuple of str
        Row to the outcomes of earlier attempts, for the tests that were run again.
    workers : sequence of int, shape (n_tests,); seqs : sequence of int, shape (n_tests,)
        Number of the worker (0 without workers), and position in its run order.
    metrics : tuple of str
        Names that `column` knows.
    """

    number: int
    started: str
    mode: str
    environment: str
    tests: Sequence[int]
    outcomes: Sequence[str]
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    labels: tuple[str, ...] = ()
    attempts: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    workers: Sequence[int] = ()
    seqs: Sequence[int] = ()
    metrics: tuple[str, ...] = ()
    read: Callable[[str], Sequence[float]] | None = None

    def column(self, metric: str) -> Sequence[float]:
        """Return the values of a metric, shape (n_tests,), NaN where a test had none."""
        if self.read is None or metric not in self.metrics:
            return array("d", [math.nan]) * len(self.tests)
        return self.read(metric)


@dataclass(frozen=True, slots=True)
class Past:
    """The runs that this one is compared with.

    Attributes
    ----------
    runs : tuple of PastRun
        Oldest first; this run is not among them.
    numbers : mapping of str to int
        Node id to the number under which runs list a test, from 0 on.
    mode, environment : str
        Those of this run.
    commit, branch : str or None
    dirty : bool
    labels : tuple of str
        Of this run as well.
    """

    runs: tuple[PastRun, ...]
    numbers: Mapping[str, int]
    mode: str = "no"
    environment: str = ""
    commit: str | None = None
    branch: str | None = None
    dirty: bool = False
    labels: tuple[str, ...] = ()

    def aligned(
        self,
        metric: str,
        runs: Sequence[PastRun] | None = None,
        *,
        outcome: str | None = None,
    ) -> list[array[float]]:
        """Return one column a run, each indexed by test number, NaN where the run has no value.

        Parameters
        ----------
        metric : str
        runs : sequence of PastRun, optional
            All runs if not given.
        outcome : str, optional
            Only the values of tests that ended so: a test that fails early was not slow or fast.

        Returns
        -------
        list of array of float, each of shape (number of tests ever seen,)
        """
        size = max(self.numbers.values(), default=-1) + 1
        empty = array("d", [math.nan]) * size
        out = []
        for run in self.runs if runs is None else runs:
            column = empty[:]
            values = run.column(metric)
            for test, value, ended in zip(run.tests, values, run.outcomes, strict=True):
                if outcome is None or ended == outcome:
                    column[test] = value
            out.append(column)
        return out
