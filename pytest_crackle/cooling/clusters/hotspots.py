"""Hot spots: an attribute whose few tests take a large share of the suite's time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.clusters.contrast import log_p_above, log_scale, mean_distance
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.numeric import median_of, mid_ranks
from pytest_crackle.cooling.tails import log_rank_sum_p
from pytest_crackle.cooling.waiting import waiting_phrase
from pytest_crackle.cooling.wording import having
from pytest_crackle.model.pattern import Explanation, PatternKind
from pytest_crackle.model.units import count_of, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_crackle.cooling.attributes import Attribute
    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_hot"]

LEAST_TESTS: Final = 3
LEAST_LIFT: Final = 5.0
# one test that is half of the cost is a slow test, not what tests have in common
DEAREST: Final = 0.5
# least share of CPU in the steady cost for it to be called so
ALL_CPU: Final = 0.95
# share of a hot spot's cost in tests of a better one, from which on it tells nothing new
OVERLAP: Final = 0.3


@dataclass(frozen=True, slots=True)
class _Spot:
    """An attribute and its share of the steady cost."""

    attribute: Attribute
    cost: float
    share: float
    lift: float
    log_p: float

    @property
    def score(self) -> float:
        """Much of the cost in few of the tests."""
        return self.share * math.log(self.lift)


def find_hot(suite: Suite, profile: Profile) -> Detection:
    """Find attributes of few tests that take a large share of the suite's steady cost.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `hot_share` and the least cost apply.

    Returns
    -------
    Detection
        Findings of kind clustering, sub-kind hot. `evidence`: `cluster_size`, `cost_seconds`
        (steady: CPU, or wall time of tests that truly wait), `share` (of the suite's steady cost),
        `tests_share`, `lift` (the one over the other), `median`, `wait` (share of the cost),
        `avg_distance`.

    Notes
    -----
    The tests need no equal cost. Attributes with enough cost are hypotheses; kept with a lift of 5
    or more, no single test over half of the cost, as many tests that carry it as a hot spot needs
    (48 tests of which two sleep for 2 s are no hot spot), and the rank-sum p-value for the session.
    Greedy by share x ln(lift), so of nested attributes the one wins that names the cost with the
    fewest tests. O(n log n + total size of the attributes).
    """
    steady, rows = suite.steady, suite.rows
    total = math.fsum(map(steady.__getitem__, rows))
    if total <= 0:
        return Detection()
    least = max(profile.least_cost(total), profile.hot_share * total)
    ranks: dict[int, float] = {}  # many suites have no attribute that needs them
    hypotheses = 0
    spots = []
    for attribute in suite.attributes:
        members = attribute.rows
        if len(members) < _least_tests(profile):
            continue
        cost = math.fsum(map(steady.__getitem__, members))
        if cost < least:
            continue
        hypotheses += 1
        share = cost / total
        lift = share * len(rows) / len(members)
        costs = [steady[row] for row in members]
        if lift < LEAST_LIFT or not _is_shared(costs, _least_tests(profile)):
            continue
        ranks = ranks or dict(zip(rows, mid_ranks([steady[row] for row in rows]), strict=True))
        log_p = log_rank_sum_p(len(members), math.fsum(ranks[row] for row in members), len(rows))
        spots.append(_Spot(attribute, cost, share, lift, log_p))
    # a marker that says slow takes its tests with it: what else they share is not the reason
    kept = [s for s in _without_overlap(spots, steady) if not s.attribute.says_slow]
    return Detection(tuple(_finding(suite, profile, spot) for spot in kept), hypotheses)


def _least_tests(profile: Profile) -> int:
    # few dear tests are the point here, so half of what a group needs
    return max(LEAST_TESTS, profile.min_tests // 2)


def _is_shared(costs: Sequence[float], least: float) -> bool:
    """Whether as many tests as any group needs carry the cost: two slow tests are two slow tests.

    How many they are in effect: (sum c)^2 / sum c^2.
    """
    cost = math.fsum(costs)
    return max(costs) <= DEAREST * cost and cost * cost >= least * sum(c * c for c in costs)


def _without_overlap(spots: list[_Spot], steady: Sequence[float]) -> list[_Spot]:
    spots.sort(key=lambda spot: (-spot.score, spot.attribute.rank, spot.attribute.name))
    kept: list[_Spot] = []
    taken: set[int] = set()
    for spot in spots:
        told = taken.intersection(spot.attribute.rows)
        shared = math.fsum(steady[row] for row in told)
        if shared > OVERLAP * spot.cost or any(
            math.fsum(steady[row] for row in told.intersection(other.attribute.rows))
            > OVERLAP * other.cost
            for other in kept
        ):
            continue
        taken.update(spot.attribute.rows)
        kept.append(spot)
    return kept


def _finding(suite: Suite, profile: Profile, spot: _Spot) -> Finding:
    attribute, n_tests = spot.attribute, len(suite.rows)
    rows = attribute.rows
    values = [suite.steady[row] for row in rows]
    evidence = {
        "cluster_size": float(len(rows)),
        "tests_share": len(rows) / n_tests,
        "cost_seconds": spot.cost,
        "share": spot.share,
        "lift": spot.lift,
        "median": median_of(values),
        "wait": _wait(suite, spot),
        "avg_distance": mean_distance(values, log_scale([suite.steady[row] for row in suite.rows])),
    }
    waiting = waiting_phrase(suite, evidence["wait"])
    return Finding(
        kind=PatternKind.CLUSTERING,
        subkind="hot",
        summary=(
            f"{count_of(len(rows), 'test')} ({format_percent(evidence['tests_share'])})"
            f" {having(attribute.type, attribute.name)} take {format_percent(spot.share)}"
            f" of the {_time_of(suite)} ({format_value(spot.cost, 's')}{waiting})."
        ),
        metrics=("duration",),
        rows=rows,
        anchor=attribute.label,
        log_p=spot.log_p,
        explained_by=Explanation(attribute.type, attribute.name, 1.0, 1.0, n_tests / len(rows)),
        cost_seconds=spot.cost,
        evidence=evidence,
        recheck=_recheck(suite, profile, spot),
        score=spot.score,
        details=("cost: CPU seconds, or wall seconds of a test that waits",),
    )


def _wait(suite: Suite, spot: _Spot) -> float:
    """Share of the cost in which its tests truly wait."""
    steady, cpu = suite.steady, suite.cpu
    waiting = (row for row in spot.attribute.rows if steady[row] > cpu[row])
    return math.fsum(suite.wait[row] * steady[row] for row in waiting) / spot.cost


def _time_of(suite: Suite) -> str:
    """Name what the steady cost adds up: CPU time, or time where tests wait as well."""
    if "cpu" not in suite.table.columns:
        return "time"
    total = math.fsum(suite.steady[row] for row in suite.rows)
    busy = math.fsum(min(suite.cpu[row], suite.steady[row]) for row in suite.rows)
    return "CPU time" if busy >= ALL_CPU * total else "time"


def _recheck(suite: Suite, profile: Profile, spot: _Spot) -> Recheck:
    wanted = frozenset(spot.attribute.rows)
    # noise hardly moves the sum of the many others: only the members are read again
    others = sorted(suite.steady[row] for row in suite.rows if row not in wanted)
    others_cost = math.fsum(others)

    def again(column: Column, rows: Sequence[int]) -> float:
        share = len(rows) / max(1, len(suite.rows))
        read = _steady_reader(suite, column)
        values = [read(row) for row in rows if row in wanted]
        n_others = len(rows) - len(values)
        cost = math.fsum(values)
        total = cost + others_cost * n_others / max(1, len(others))
        least = max(share * profile.least_cost(total / share), profile.hot_share * total)
        if len(values) < share * _least_tests(profile) or cost < least or total <= 0:
            return 0.0
        if cost / total * len(rows) / len(values) < LEAST_LIFT:
            return 0.0
        if not _is_shared(values, share * _least_tests(profile)):
            return 0.0
        return log_p_above(values, others, n_others)

    return again


def _steady_reader(suite: Suite, column: Column) -> Callable[[int], float]:
    """Read the steady cost from other columns; which tests wait stays as it was."""
    phases = [column(name) for name in suite.phases]
    cpu, children = column("cpu"), column("cpu.children")

    def read(row: int) -> float:
        wall = math.fsum(value for phase in phases if (value := phase[row]) > 0)
        if suite.steady[row] > suite.cpu[row] or not cpu[row] >= 0:
            return wall
        return min(wall, cpu[row] + (children[row] if children[row] > 0 else 0.0))

    return read
