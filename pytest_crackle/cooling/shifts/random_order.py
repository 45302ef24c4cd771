"""Shifts of tests that ran in random order, and so are a fair sample at every moment."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from operator import le
from typing import TYPE_CHECKING, Final, Literal

from pytest_crackle.cooling.changepoints.rankseg import ChangePoint, rankseg
from pytest_crackle.cooling.numeric import spearman
from pytest_crackle.cooling.shifts.time_shifts import (
    MILLISECOND,
    CostSeries,
    descents_are_random,
    shift_at,
)
from pytest_crackle.cooling.tails import log_normal_sf

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_crackle.cooling.changepoints.rankseg import Segmentation
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.shifts.time_shifts import TimeShift
    from pytest_crackle.cooling.suite import Suite

__all__ = ["LEAST_TESTS", "OrderShift", "order_shifts", "random_units"]

LEAST_TESTS: Final = 40
_SLACK: Final = 4.0


@dataclass(frozen=True, slots=True)
class OrderShift:
    """A shift in a unit: a step, or longer and longer from some test on or all along.

    Attributes
    ----------
    kind : {"step", "slope", "drift"}
    shift : TimeShift
        For a drift the halves of the session are compared.
    """

    kind: Literal["step", "slope", "drift"]
    shift: TimeShift


def random_units(suite: Suite) -> list[CostSeries]:
    """Find the largest groups of tests whose order is random: a process, a module or a class.

    Notes
    -----
    pytest-randomly and pytest-random-order shuffle modules, then tests within them, so tests of a
    module stay together and their costs are no random sample of the session: then only the tests
    of one module, or of one class, can be compared. A group is taken if its collection indexes go
    down as often as those of a random order, and no module, class or function within it keeps
    together. Groups of fewer than 40 tests are left out. O(tests).
    """
    counted, indexes = frozenset(suite.rows), suite.table.indexes
    found: list[CostSeries] = []
    for worker, order in suite.run_orders.items():
        rows = [row for row in order if row in counted]
        collected = list(map(indexes.__getitem__, rows))
        if all(map(le, collected, collected[1:])):
            continue
        found += _units_in(suite, worker, "", rows, depth=0)
    return found


def _units_in(
    suite: Suite, worker: str, name: str, rows: Sequence[int], *, depth: int
) -> Iterator[CostSeries]:
    if len(rows) < LEAST_TESTS:
        return
    if _is_random(suite, rows):
        yield CostSeries(name, worker, tuple(rows), tuple(suite.steady[row] for row in rows))
        return
    if depth == 2:
        return
    names = suite.table.modules if depth == 0 else suite.table.classes
    groups: dict[str, list[int]] = {}
    for row in rows:
        groups.setdefault(names[row] or "", []).append(row)
    for group, members in groups.items():
        if group:
            yield from _units_in(suite, worker, group, members, depth=depth + 1)


def _is_random(suite: Suite, rows: Sequence[int]) -> bool:
    if not descents_are_random([suite.table.indexes[row] for row in rows]):
        return False
    levels = (suite.module_codes, suite.class_codes, suite.function_codes)
    return all(_is_mixed([codes[row] for row in rows]) for codes in levels)


def _is_mixed(codes: Sequence[int]) -> bool:
    """Whether neighbours are alike no more often than in a random order (about Poisson)."""
    counts: dict[int, int] = {}
    for code in codes:
        counts[code] = counts.get(code, 0) + 1
    n = len(codes)
    expected = sum(count * (count - 1) for count in counts.values()) / n
    alike = sum(before == after for before, after in pairwise(codes))
    return alike <= expected + _SLACK * math.sqrt(expected) + 1


def order_shifts(
    suite: Suite, profile: Profile, places: Mapping[int, int]
) -> tuple[list[OrderShift], int]:
    """Find units whose tests take longer from some test on, or longer and longer.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `alpha` is shared by the units; `min_delta`, `min_shift`, `least_segment` and the least cost
        apply.
    places : mapping of int to int
        As `run_places` gives them.

    Returns
    -------
    list of OrderShift
        Upward only.
    int
        Number of units tested.

    Notes
    -----
    ln(steady cost + 1 ms) of the tests in the order in which they ran. O(tests log tests).
    """
    units = random_units(suite)
    found: list[OrderShift] = []
    for unit in units:
        segmentation = rankseg(
            [math.log(value + MILLISECOND) for value in unit.seconds],
            alpha=profile.alpha / len(units),
            least_segment=profile.least_segment,
            min_delta=profile.min_delta,
        )
        found += [
            shift
            for shift in _shifts(unit, segmentation, places)
            if shift.shift.ratio >= profile.min_shift
            and shift.shift.extra >= profile.least_cost(suite.seconds)
        ]
    return found, len(units)


def _shifts(
    unit: CostSeries, segmentation: Segmentation, places: Mapping[int, int]
) -> Iterator[OrderShift]:
    """Yield each change, against the level before and up to the next one, and each long drift."""
    changes = [change for change in segmentation.changes if change.trusted]
    edges = [0, *(change.index for change in changes), len(unit)]
    for i, change in enumerate(changes):
        span = edges[i], edges[i + 2]
        shift = shift_at(unit, change, places, span=span, is_shuffled=True)
        yield OrderShift("slope" if change.kind == "slope" else "step", shift)
    for drift in segmentation.drifts:
        n = drift.stop - drift.start
        if 2 * n < len(unit) or drift.slope <= 0:
            continue
        log_p = _log_p_of_trend(unit.seconds[drift.start : drift.stop])
        middle = ChangePoint(drift.start + n // 2, "unclear", log_p, effect=0.0, trusted=True)
        span = drift.start, drift.stop
        yield OrderShift("drift", shift_at(unit, middle, places, span=span, is_shuffled=True))


def _log_p_of_trend(seconds: Sequence[float]) -> float:
    """Return ln of the two-sided p of Spearman's correlation with the order (normal limit)."""
    n = len(seconds)
    z = abs(spearman(range(n), seconds)) * math.sqrt(n - 1)
    return min(0.0, math.log(2) + log_normal_sf(z))
