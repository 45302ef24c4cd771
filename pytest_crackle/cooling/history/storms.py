"""How fast the machine was at each test of each run, by a fixed piece of work taken between tests.

A neighbour that works for some seconds slows the tests that run meanwhile, in one run these and in
the next one others: the largest part of what differs between runs of the same code.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import median_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.cooling.history.run_level import Levelled
    from pytest_crackle.model.past import PastRun

__all__ = ["storms_of", "strength_of"]

_NEAR: Final = 2
"""Readings on each side that are taken together: one of them lasts 50 us and says little."""
_LEAST_STORM: Final = 0.1
_LEAST_PAIRS: Final = 50
_SAMPLED: Final = 400


def storms_of(against: Comparable) -> list[list[float]] | None:
    """Return how much slower than in the median of its run the machine was at each test.

    Returns
    -------
    list of list of float, shape (n_runs, len(against.rows)), or None
        ln of the ratio, this run last; 0 where nothing is known. None without `pace`.

    Notes
    -----
    Only what differs within a run: that a run as a whole is slow is told as itself. O(n) a run.
    """
    if not against.has("pace"):
        return None
    size = max(against.past.numbers.values(), default=-1) + 1
    out = []
    for run in against.runs:
        by_test = [0.0] * size
        for row, storm in _within(run.column("pace"), _orders(run)).items():
            by_test[run.tests[row]] = storm
        out.append([by_test[number] for number in against.numbers])
    now = _within(against.suite.table.column("pace"), against.suite.run_orders.values())
    out.append([now.get(row, 0.0) for row in against.rows])
    return out


def _orders(run: PastRun) -> Iterable[list[int]]:
    """Return the rows of each process in the order in which it ran them."""
    seqs = run.seqs or range(len(run.tests))
    workers = run.workers or [0] * len(run.tests)
    by_worker: dict[int, list[int]] = {}
    for row in sorted(range(len(run.tests)), key=seqs.__getitem__):
        by_worker.setdefault(workers[row], []).append(row)
    return by_worker.values()


def _within(paces: Sequence[float], orders: Iterable[Sequence[int]]) -> dict[int, float]:
    """Return for each row ln of its pace over the median pace of the run."""
    out: dict[int, float] = {}
    for order in orders:
        places = [place for place, row in enumerate(order) if paces[row] > 0]
        if not places:
            continue
        read = [math.log(paces[order[place]]) for place in places]
        smooth = [median_of(read[max(0, j - _NEAR) : j + _NEAR + 1]) for j in range(len(read))]
        reading = 0
        for place, row in enumerate(order):
            # a reading is taken after its test: the first one from a test on is the nearest
            if place > places[reading] and reading + 1 < len(places):
                reading += 1
            out[row] = smooth[reading]
    middle = median_of(list(out.values())) if out else 0.0
    return {row: value - middle for row, value in out.items()}


def strength_of(
    levelled: Levelled, shares: Sequence[float], storms: Sequence[Sequence[float]]
) -> float:
    """Return how much of a storm is left in the tests: 1 if they slow down as the fixed work does.

    Parameters
    ----------
    levelled : Levelled
        As far as storms are taken off already.
    shares : sequence of float, shape (n_units,)
        How much of each unit follows the machine.
    storms : sequence of sequence of float, shape (n_runs, n_units)

    Returns
    -------
    float
        The median over tests and runs in a storm; 0 if there were next to none. This run has no
        say, so that nothing in it explains itself.
    """
    step = max(1, len(shares) // _SAMPLED)
    units = [unit for unit in range(0, len(shares), step) if shares[unit] > 0.5]
    ratios = [
        (logs[unit] - levelled.typical[unit]) / (shares[unit] * storm[unit])
        for logs, storm in zip(levelled.logs[:-1], storms[:-1], strict=True)
        for unit in units
        if abs(storm[unit]) >= _LEAST_STORM and logs[unit] == logs[unit]
    ]
    if len(ratios) < _LEAST_PAIRS:
        return 0.0
    return median_of(ratios)
