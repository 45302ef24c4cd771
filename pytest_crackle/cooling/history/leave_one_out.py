"""How often a user's own history would have raised an alarm: his rate, not ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pytest_crackle.cooling.history.axis import CONFIRMED
from pytest_crackle.cooling.history.comparable import LEAST_RUNS, Comparable
from pytest_crackle.cooling.history.search import find_changes
from pytest_crackle.cooling.judging import judge
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.table import TableBuilder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_crackle.cooling.detectors.base import Finding
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.model.past import Past, PastRun
    from pytest_crackle.model.record import Record
    from pytest_crackle.model.table import MetricTable

__all__ = ["Alarm", "HistoryCheck", "leave_one_out"]


@dataclass(frozen=True, slots=True)
class Alarm:
    """What would have been told in one run."""

    run: int
    summary: str


@dataclass(frozen=True, slots=True)
class HistoryCheck:
    """Alarms over a history.

    Attributes
    ----------
    runs : int
        Runs that had three others to be compared with.
    suspected : tuple of Alarm
        With each run in turn put last, behind all others: what is told of this run alone. If
        nothing changed for one run only, all of them are false.
    replayed : int
        Runs that had three runs before them.
    confirmed : tuple of Alarm
        With the runs as they came: what was confirmed in its third run. Real changes are among
        them.
    """

    runs: int
    suspected: tuple[Alarm, ...]
    replayed: int
    confirmed: tuple[Alarm, ...]

    @property
    def suspected_per_hundred(self) -> float:
        """Runs with an alarm at first sight, of 100."""
        return _per_hundred(self.suspected, self.runs)

    @property
    def confirmed_per_hundred(self) -> float:
        """Runs that confirmed something, of 100."""
        return _per_hundred(self.confirmed, self.replayed)


def _per_hundred(alarms: tuple[Alarm, ...], runs: int) -> float:
    return 100 * len({alarm.run for alarm in alarms}) / runs if runs else 0.0


def leave_one_out(past: Past, profile: Profile) -> HistoryCheck:
    """Compare each run of a history with the others, and with those before it.

    Parameters
    ----------
    past : Past
        Its own mode, environment and commit do not matter: each run is compared with runs of its
        own mode and environment.
    profile : Profile

    Returns
    -------
    HistoryCheck

    Notes
    -----
    Flaky tests are no alarms: an outcome that flips on the same commit is a fact. Two cool-downs a
    run: O(runs^2 x tests).
    """
    names = {number: nodeid for nodeid, number in past.numbers.items()}
    suspected: list[Alarm] = []
    confirmed: list[Alarm] = []
    runs = replayed = 0
    for place, run in enumerate(past.runs):
        table = _table_of(run, names)
        others = (*past.runs[:place], *past.runs[place + 1 :])
        found = _found(table, run, replace(past, runs=others), profile)
        if found is not None:
            runs += 1
            suspected += [Alarm(run.number, f.summary) for f in found if _held(f) == 1]
        found = _found(table, run, replace(past, runs=past.runs[:place]), profile)
        if found is not None:
            replayed += 1
            confirmed += [Alarm(run.number, f.summary) for f in found if _held(f) == CONFIRMED]
    return HistoryCheck(runs, tuple(suspected), replayed, tuple(confirmed))


def _found(table: MetricTable, run: PastRun, past: Past, profile: Profile) -> list[Finding] | None:
    """Return what would have been told, None with too few runs to compare with."""
    own = replace(
        past,
        mode=run.mode,
        environment=run.environment,
        commit=run.commit,
        branch=run.branch,
        dirty=run.dirty,
        labels=run.labels,
    )
    against = Comparable(Suite(table, own), own)
    if len(against.runs) < LEAST_RUNS:
        return None
    return [one.finding for one in judge([find_changes(against, profile)], profile)]


def _held(finding: Finding) -> int:
    return int(finding.evidence["runs_held"])


def _table_of(run: PastRun, names: dict[int, str]) -> MetricTable:
    builder = TableBuilder()
    for record in _records(run, names):
        builder.add(record)
    return builder.table()


def _records(run: PastRun, names: dict[int, str]) -> Iterator[Record]:
    columns = [(metric, run.column(metric)) for metric in run.metrics]
    for row, test in enumerate(run.tests):
        metrics = {name: column[row] for name, column in columns}
        record: Record = {
            "nodeid": names[test],
            "index": row,
            "seq": run.seqs[row] if run.seqs else row,
            "outcome": run.outcomes[row],
            "metrics": {name: value for name, value in metrics.items() if value == value},  # noqa: PLR0124 - NaN
        }
        if run.mode != "no":
            record["worker"] = f"gw{run.workers[row]}" if run.workers else "gw0"
        yield record
