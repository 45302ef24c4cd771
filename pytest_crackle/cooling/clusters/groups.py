"""Groups: tests that share an attribute and, in one phase, one cost that others do not have."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.attributes import Attribute
from pytest_crackle.cooling.clusters.contrast import (
    EMPTY,
    SIGMA,
    log_p_above,
    log_scale,
    mean_distance,
)
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.numeric import mad_of, median_of, mid_ranks
from pytest_crackle.cooling.tails import log_rank_sum_p
from pytest_crackle.cooling.waiting import (
    FLOOR,
    on_a_core,
    phase_wait,
    unqueued_seconds,
    waiting_phrase,
)
from pytest_crackle.cooling.wording import files_phrase, having, phase_name
from pytest_crackle.model.pattern import Explanation, PatternKind
from pytest_crackle.model.units import count_of, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_groups"]

# share of the group's values over the floor below which durations are noise
COSTLY: Final = 0.8
# a group with more of its tests than this in a dearer one is the dearer one
OVERLAP: Final = 0.5
FAMILY: Final = 3  # as many classes and functions of one module are how that module works
_PLURALS: Final = {"class": "classes", "function": "functions"}
# a part of a group with this share of its excess cost is the group: the other tests only came along
ALL_OF_IT: Final = 0.98


@dataclass(frozen=True, slots=True)
class _Ranking:
    """One phase of all tests that have it, sorted: what every attribute is compared with."""

    metric: str
    rows: list[int]
    """By increasing value."""
    values: list[float]
    """Sorted."""
    ranks: dict[int, float]
    """Mid-rank of each row."""
    places: dict[int, int]
    """Position of each row in `rows`."""


@dataclass(frozen=True, slots=True)
class _Group:
    """An attribute measured against the rest of the suite in one phase."""

    metric: str
    attribute: Attribute
    rows: tuple[int, ...]
    cost: float
    median: float
    rest: float
    spread: float
    log_p: float
    parts: tuple[_Group, ...] = ()
    """Groups of one module that are told as one."""

    @property
    def excess(self) -> float:
        """Seconds that the group costs more than as many other tests."""
        return self.cost - len(self.rows) * self.rest


def find_groups(suite: Suite, profile: Profile) -> Detection:
    """Find attributes whose tests share one cost in a phase that other tests do not have.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `min_tests`, `spread`, `ratio` and the least cost apply.

    Returns
    -------
    Detection
        Findings of kind clustering, sub-kind group. `evidence`: `cluster_size`, `avg_distance`
        (mean pairwise distance of logarithms over the robust spread of all tests), `cost_seconds`,
        `share` (of the suite), `lift` (median over median of the rest), `median`, `files`,
        `spread`, `wait` (median share). The cost is the median times the number of tests, or their
        sum if that is less.

    Notes
    -----
    Attributes that cost enough are hypotheses. Kept: four in five values over 10 ms, a robust
    spread of the logarithm within the limit, a median that is `ratio` times the rest's, and the
    rank-sum p-value for the session. Without the time in which they were ready but had no core the
    tests must cost enough as well: what a busy machine adds is none of theirs. Of overlapping
    groups of a phase the one with the greatest excess cost stays, or the smallest group within it
    that has 98 % of that: the fixture of 40 tests, not the module that holds 4 more. Three or more
    classes and functions of one module are told as one, with the p-value of the third: it is how
    that module tests. O(n log n + total size of the attributes + groups^2) a phase.
    """
    findings: list[Finding] = []
    hypotheses = 0
    least = profile.least_cost(suite.seconds)
    least_unqueued = profile.least_cost(unqueued_seconds(suite))
    for metric in suite.phases:
        column, present = suite.column(metric), suite.rows_with(metric)
        counted = None if len(present) == len(suite.rows) else frozenset(present)
        ranking: _Ranking | None = None  # many suites have no attribute that needs it
        candidates = []
        for attribute in suite.attributes:
            rows = attribute.rows
            if counted is not None and len(rows) >= profile.min_tests:
                rows = tuple([row for row in rows if row in counted])
            if len(rows) < profile.min_tests:
                continue
            values = list(map(column.__getitem__, rows))
            if math.fsum(values) < least:
                continue
            hypotheses += 1
            cost, spread = _shared_cost(values, median_of(values)), _spread(values)
            if cost < least or spread > profile.spread:
                continue
            ranking = ranking or _rank(suite, metric)
            group = _measure(ranking, attribute, rows, values, spread)
            if group.median < profile.ratio * group.rest:
                continue
            if _unqueued_cost(suite, group) >= least_unqueued:
                candidates.append(group)
        if ranking is not None:
            kept = [g for g in _without_overlap(candidates) if not g.attribute.says_slow]
            told = _families(suite, ranking, kept)
            findings += [_finding(suite, profile, ranking, group) for group in told]
    return Detection(tuple(findings), hypotheses)


def _rank(suite: Suite, metric: str) -> _Ranking:
    column = suite.column(metric)
    rows = sorted(suite.rows_with(metric), key=column.__getitem__)
    values = list(map(column.__getitem__, rows))
    return _Ranking(
        metric=metric,
        rows=rows,
        values=values,
        ranks=dict(zip(rows, mid_ranks(values), strict=True)),
        places=dict(zip(rows, range(len(rows)), strict=True)),
    )


def _measure(
    ranking: _Ranking,
    attribute: Attribute,
    rows: tuple[int, ...],
    values: Sequence[float],
    spread: float,
) -> _Group:
    median = median_of(values)
    rank_sum = math.fsum(map(ranking.ranks.__getitem__, rows))
    return _Group(
        metric=ranking.metric,
        attribute=attribute,
        rows=rows,
        cost=_shared_cost(values, median),
        median=median,
        rest=max(_median_of_rest(ranking, rows), EMPTY),
        spread=spread,
        log_p=log_rank_sum_p(len(rows), rank_sum, len(ranking.rows)),
    )


def _shared_cost(values: Sequence[float], median: float) -> float:
    """Return what tests share: the median for each; one test of many seconds is no shared cost."""
    return min(math.fsum(values), len(values) * median)


def _unqueued_cost(suite: Suite, group: _Group) -> float:
    """Return what the tests share less the time without a core, which is the machine's doing."""
    wall, cpu = suite.column(group.metric), suite.column(group.metric.replace("duration", "cpu"))
    values = [on_a_core(suite, row, wall[row], cpu[row]) for row in group.rows]
    return _shared_cost(values, median_of(values))


def _spread(values: Sequence[float]) -> float:
    """Robust standard deviation of the logarithm; infinite if too many are below the floor."""
    if sum(map(FLOOR.__le__, values)) < COSTLY * len(values):
        return math.inf
    return SIGMA * mad_of([math.log(max(value, FLOOR)) for value in values])


def _median_of_rest(ranking: _Ranking, rows: Sequence[int]) -> float:
    """Lower median of all others, by stepping over the members in the sorted column."""
    others = len(ranking.rows) - len(rows)
    if others <= 0:
        return 0.0
    place = (others - 1) // 2
    for taken in sorted(map(ranking.places.__getitem__, rows)):
        if taken > place:
            break
        place += 1
    return ranking.values[place]


def _without_overlap(groups: list[_Group]) -> list[_Group]:
    groups.sort(key=lambda g: (-g.excess, g.attribute.rank, g.attribute.name))
    taken: set[int] = set()
    kept = []
    for place, group in enumerate(groups):
        if len(taken.intersection(group.rows)) <= OVERLAP * len(group.rows):
            taken.update(group.rows)
            kept.append(_core(group, groups[place:]))
    return kept


def _core(group: _Group, cheaper: Sequence[_Group]) -> _Group:
    """Return the smallest of a group and the cheaper ones within it that have all of its excess."""
    rows = frozenset(group.rows)
    inside = [
        other
        for other in cheaper
        if other.excess >= ALL_OF_IT * group.excess and rows.issuperset(other.rows)
    ]
    return min(inside, key=lambda g: (len(g.rows), g.attribute.rank, g.attribute.name))


def _families(suite: Suite, ranking: _Ranking, groups: Sequence[_Group]) -> list[_Group]:
    """Make one of the classes and functions of a module that are three or more groups."""
    families: dict[str, list[_Group]] = {}
    column = suite.column(ranking.metric)
    for group in groups:
        module = suite.table.modules[group.rows[0]]
        families.setdefault(module if group.attribute.type in _PLURALS else "", []).append(group)
    told = []
    for module, family in families.items():
        if not module or len(family) < FAMILY:
            told += family
            continue
        everyone = tuple(row for row in suite.rows if suite.table.modules[row] == module)
        rows = tuple(sorted(row for group in family for row in group.rows))
        values = [column[row] for row in rows]
        name = Attribute("module", module, everyone)
        whole = _measure(ranking, name, rows, values, _spread(values))
        cost, log_ps = math.fsum(g.cost for g in family), sorted(g.log_p for g in family)
        told.append(replace(whole, cost=cost, log_p=log_ps[FAMILY - 1], parts=tuple(family)))
    return told


def _finding(suite: Suite, profile: Profile, ranking: _Ranking, group: _Group) -> Finding:
    n, attribute = len(group.rows), group.attribute
    evidence = _evidence(suite, ranking, group)
    return Finding(
        kind=PatternKind.CLUSTERING,
        subkind="group",
        summary=_sentence(suite, group, evidence),
        metrics=(group.metric,),
        rows=group.rows,
        anchor=attribute.label,
        log_p=group.log_p,
        explained_by=Explanation(
            attribute.type, attribute.name, n / len(attribute.rows), 1.0, len(suite.rows) / n
        ),
        cost_seconds=group.cost,
        evidence=evidence,
        recheck=_recheck(suite, profile, ranking, group),
        score=group.excess,
        details=tuple(
            _sentence(suite, part, _evidence(suite, ranking, part)) for part in group.parts
        ),
    )


def _evidence(suite: Suite, ranking: _Ranking, group: _Group) -> dict[str, float]:
    n, table = len(group.rows), suite.table
    column = suite.column(group.metric)
    return {
        "cluster_size": float(n),
        "files": float(len({table.modules[row] for row in group.rows})),
        "median": group.median,
        "cost_seconds": group.cost,
        "share": group.cost / suite.seconds,
        "lift": group.median / group.rest,
        "spread": group.spread,
        "wait": median_of([phase_wait(suite, group.metric, row) for row in group.rows]),
        "avg_distance": mean_distance(
            [column[row] for row in group.rows], log_scale(ranking.values)
        ),
    }


def _sentence(suite: Suite, group: _Group, evidence: dict[str, float]) -> str:
    attribute = group.attribute
    who = count_of(len(group.rows), "test")
    if group.parts:
        who += f" in {_kinds(group.parts)} of {attribute.name}:"
    elif attribute.type == "fixture":
        who += f" {files_phrase(suite, group.rows)} share fixture {attribute.name}:"
    else:
        who += f" {having(attribute.type, attribute.name)}:"
    each = format_value(group.cost / len(group.rows), "s")  # the median, or less if their sum is
    if medians := sorted(part.median for part in group.parts):
        each = f"{format_value(medians[0], 's')} to {format_value(medians[-1], 's')}"
    waiting = waiting_phrase(suite, evidence["wait"])
    return (
        f"{who} {phase_name(group.metric)} {each} each{waiting},"
        f" {format_value(group.cost, 's')} = {format_percent(evidence['share'])} of the suite."
    )


def _kinds(parts: Sequence[_Group]) -> str:
    types = sorted({part.attribute.type for part in parts})
    return f"{len(parts):,} {' and '.join(map(_PLURALS.__getitem__, types))}"


def _recheck(suite: Suite, profile: Profile, ranking: _Ranking, group: _Group) -> Recheck:
    if group.parts:
        every = [_recheck(suite, profile, ranking, part) for part in group.parts]
        return lambda column, rows: sorted(one(column, rows) for one in every)[FAMILY - 1]
    wanted = frozenset(group.rows)
    # noise hardly moves the many others: they stay as they were, so that only members are read
    pairs = zip(ranking.rows, ranking.values, strict=True)
    others = [value for row, value in pairs if row not in wanted]
    least = profile.least_cost(suite.seconds)

    def again(column: Column, rows: Sequence[int]) -> float:
        share = len(rows) / max(1, len(suite.rows))
        source = column(group.metric)
        values = [value for row in rows if row in wanted and (value := source[row]) >= 0]
        if len(values) < max(1.0, share * profile.min_tests):
            return 0.0
        median = median_of(values)
        if _shared_cost(values, median) < share * least or median < profile.ratio * group.rest:
            return 0.0
        if _spread(values) > profile.spread:
            return 0.0
        return log_p_above(values, others, round(share * len(others)))

    return again
