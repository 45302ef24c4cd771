"""Fixtures whose own set-ups cost much, read from the set-ups that each test reports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.clusters.contrast import SIGMA, log_scale, mean_distance
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.numeric import mad_of, median_of, quantile
from pytest_crackle.cooling.suite import is_timed
from pytest_crackle.cooling.waiting import (
    FLOOR,
    children_busy,
    on_a_core,
    queued,
    unqueued_seconds,
    waiting_phrase,
)
from pytest_crackle.cooling.wording import files_phrase
from pytest_crackle.model.pattern import Explanation, PatternKind
from pytest_crackle.model.units import count_of, format_count, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_setups"]

METRIC: Final = "duration.setup"
# a class or module fixture that is set up twice may well have to be
LEAST_WIDE: Final = 3


@dataclass(frozen=True, slots=True)
class _Fixture:
    """All set-ups of one fixture at one scope, in the order of the rows."""

    name: str
    scope: str
    rows: list[int]
    seconds: list[float]
    """Wall time of each set-up without those of other fixtures."""
    on_core: list[float]
    """The same less the time without a core, which is the machine's doing."""
    waits: list[float]
    """Share of each that was spent waiting."""

    @property
    def cost(self) -> float:
        return math.fsum(self.seconds)

    @property
    def saving(self) -> float:
        """Seconds that remain if one of the set-ups, of median length, is enough."""
        return _saving(self.seconds)


def _saving(seconds: Sequence[float]) -> float:
    return max(0.0, math.fsum(seconds) - median_of(seconds))


def find_setups(suite: Suite, profile: Profile) -> Detection:
    """Find fixtures that are set up again and again at a cost that one set-up would save.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `min_tests` and `spread` apply, and the least cost to what would be saved.

    Returns
    -------
    Detection
        Findings of kind clustering, sub-kind group, exact: the set-ups were measured one by one.
        `evidence`: as for groups, with `setups`, `saving`, `low` and `high` (10 and 90 %
        quantile), `wait` (median share).
        `notes`: what fixtures of the session cost, which is no pattern.

    Notes
    -----
    The median set-up must take 10 ms. As with groups, enough must be left to save without the time
    in which the machine gave no core. A fixture wider than a function needs three set-ups. Linear
    in the set-ups.
    """
    findings = []
    notes = []
    least = profile.least_cost(suite.seconds)
    least_on_core = profile.least_cost(unqueued_seconds(suite))
    for fixture in _fixtures(suite):
        if fixture.scope == "session":
            if fixture.cost >= least:
                notes.append(_note(suite, fixture))
            continue
        fewest = profile.min_tests if fixture.scope == "function" else LEAST_WIDE
        if len(fixture.rows) < fewest or median_of(fixture.seconds) < FLOOR:
            continue
        if fixture.saving >= least and _saving(fixture.on_core) >= least_on_core:
            findings.append(_finding(suite, profile, fixture))
    findings.sort(key=lambda finding: (-finding.score, finding.anchor))
    return Detection(tuple(findings), 0, (), tuple(notes))


def _fixtures(suite: Suite) -> list[_Fixture]:
    found: dict[tuple[str, str], _Fixture] = {}
    counted = set(suite.rows)
    for row, setups in sorted(suite.table.setups.items()):
        if row not in counted:
            continue
        for setup in setups:
            if not is_timed(setup):
                continue
            key = (setup.name, setup.scope)
            fixture = found.setdefault(key, _Fixture(setup.name, setup.scope, [], [], [], []))
            fixture.rows.append(row)
            fixture.seconds.append(setup.wall)
            fixture.on_core.append(on_a_core(suite, row, setup.wall, setup.cpu))
            fixture.waits.append(_wait(suite, row, setup.wall, setup.cpu))
    return [found[key] for key in sorted(found)]


def _wait(suite: Suite, row: int, wall: float, cpu: float) -> float:
    """Share of a set-up that was waiting; what children work may be all for it."""
    children = suite.column("cpu.children")[row]
    if math.isnan(children) and suite.column("subprocesses")[row] > 0:
        return 0.0
    busy = cpu + children_busy(suite, row) + queued(suite, row, cpu)
    return 1.0 - min(1.0, busy / wall) if wall > 0 else 0.0


def _note(suite: Suite, fixture: _Fixture) -> str:
    workers = len({suite.table.workers[row] for row in fixture.rows})
    where = f" in {workers} workers" if workers > 1 else ""
    times = len(fixture.rows) / workers
    often = "once" if times == 1 else f"{format_count(times)} times"
    return (
        f"session fixture {fixture.name}: {format_value(fixture.cost, 's')}{where},"
        f" {often}{' each' if workers > 1 else ''}"
    )


def _finding(suite: Suite, profile: Profile, fixture: _Fixture) -> Finding:
    seconds, rows = fixture.seconds, tuple(sorted(set(fixture.rows)))
    ordered = sorted(seconds)
    column = suite.column(METRIC)
    scale = log_scale([column[row] for row in suite.rows if column[row] >= 0])
    evidence = {
        "cluster_size": float(len(rows)),
        "files": float(len({suite.table.modules[row] for row in rows})),
        "setups": float(len(seconds)),
        "median": median_of(seconds),
        "low": quantile(ordered, 0.1),
        "high": quantile(ordered, 0.9),
        "cost_seconds": fixture.cost,
        "share": fixture.cost / max(suite.seconds, fixture.cost),
        "saving": fixture.saving,
        "wait": median_of(fixture.waits),
        "avg_distance": mean_distance(seconds, scale),
    }
    return Finding(
        kind=PatternKind.CLUSTERING,
        subkind="group",
        summary=_sentence(suite, profile, fixture, evidence),
        metrics=(METRIC,),
        rows=rows,
        anchor=f"fixture {fixture.name}",
        log_p=-math.inf,
        exact=True,
        explained_by=Explanation("fixture", fixture.name, 1.0, 1.0, len(suite.rows) / len(rows)),
        cost_seconds=fixture.cost,
        evidence=evidence,
        recheck=_recheck(suite, profile, fixture),
        score=fixture.saving,
    )


def _sentence(suite: Suite, profile: Profile, fixture: _Fixture, evidence: dict[str, float]) -> str:
    alike = SIGMA * mad_of([math.log(max(s, FLOOR)) for s in fixture.seconds]) <= profile.spread
    if alike:
        each = f"{format_value(evidence['median'], 's')} each"
    else:
        each = f"{format_value(evidence['low'], 's')} to {format_value(evidence['high'], 's')}"
    each += waiting_phrase(suite, evidence["wait"])
    cost = f"{format_value(fixture.cost, 's')} = {format_percent(evidence['share'])} of the suite"
    saving = format_value(fixture.saving, "s")
    own = "::" in fixture.name  # a method or function that is run as a fixture
    if fixture.scope == "function":
        who = count_of(len(set(fixture.rows)), "test")
        who += " run" if own else f" {files_phrase(suite, fixture.rows)} share fixture"
        return f"{who} {fixture.name}: setup {each}, {cost}; a wider scope would save {saving}."
    times = count_of(len(fixture.rows), "time")
    what = "" if own else f"{fixture.scope.capitalize()} fixture "
    return (
        f"{what}{fixture.name} is {'run' if own else 'set up'} {times},"
        f" {each}, {cost}; one for the session would save {saving}."
    )


def _recheck(suite: Suite, profile: Profile, fixture: _Fixture) -> Recheck:
    before = suite.column(METRIC)
    least = profile.least_cost(suite.seconds)
    fewest = profile.min_tests if fixture.scope == "function" else LEAST_WIDE

    def again(column: Column, rows: Sequence[int]) -> float:
        share = len(rows) / max(1, len(suite.rows))
        left, now = set(rows), column(METRIC)
        seconds = [
            own * (now[row] / before[row] if before[row] > 0 else 1.0)
            for row, own in zip(fixture.rows, fixture.seconds, strict=True)
            if row in left
        ]
        if len(seconds) < share * fewest or not seconds or median_of(seconds) < FLOOR:
            return 0.0
        saving = math.fsum(seconds) - median_of(seconds)
        return -math.inf if saving >= share * least else 0.0

    return again
