"""Machines of different speed: how fast each was, and times as one of them would take."""

from __future__ import annotations

import copy
import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import quantile
from pytest_crackle.model.metrics import PHASES
from pytest_crackle.model.table import FixtureSetup, MetricTable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LEAST_READINGS", "Machine", "evened", "is_time", "machines_of", "part_of"]

LEAST_READINGS: Final = 5
"""Of `pace`, for the speed of a machine to be known; single readings scatter by some 10 %."""
_ALIKE: Final = 1.1
"""Machines within this ratio count as equally fast: their times are left as they were measured."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of a session.

    Attributes
    ----------
    name : str
    rows : tuple of int
        All rows that it ran, increasing.
    readings : int
        Of `pace`.
    ratio : float
        How many times as long as the first machine with enough readings it takes for the same
        work; 1 if that is within 10 %, NaN if it is not known.
    """

    name: str
    rows: tuple[int, ...]
    readings: int
    ratio: float


def machines_of(table: MetricTable) -> tuple[Machine, ...]:
    """Find the machines of a session and how fast they were.

    Parameters
    ----------
    table : MetricTable

    Returns
    -------
    tuple of Machine
        In the order in which the table names them; () if all tests ran on one.

    Notes
    -----
    A machine's speed is the lower quartile of its `pace` readings: CPU time of one fixed piece of
    work. What disturbs a reading adds to it, and a trace function that a test leaves set does so to
    the end: the median of such a machine would be that of the tracer. Tests are never compared, as
    each machine runs others. O(n log n).
    """
    if not table.machines:
        return ()
    rows: dict[str, list[int]] = {name: [] for name in table.machines.values()}
    for row, worker in enumerate(table.workers):
        rows[_machine(table, worker)].append(row)
    rows = {name: some for name, some in rows.items() if some}
    if len(rows) < 2:
        return ()
    pace = table.column("pace")
    readings = {
        name: [pace[row] for row in some if 0 < pace[row] < math.inf] for name, some in rows.items()
    }
    known = [_typical(some) for some in readings.values() if len(some) >= LEAST_READINGS]
    return tuple(
        Machine(name, tuple(some), len(readings[name]), _ratio(readings[name], known))
        for name, some in rows.items()
    )


def _machine(table: MetricTable, worker: str | None) -> str:
    """Return where a worker ran; one that nobody named ran where the first did."""
    return table.machines.get(worker or "") or next(iter(table.machines.values()))


def _typical(readings: Sequence[float]) -> float:
    return quantile(sorted(readings), 0.25)


def _ratio(readings: Sequence[float], known: Sequence[float]) -> float:
    if len(readings) < LEAST_READINGS:
        return math.nan
    ratio = _typical(readings) / known[0]
    return 1.0 if 1 / _ALIKE <= ratio <= _ALIKE else ratio


def is_time(table: MetricTable, name: str) -> bool:
    """Whether a metric is seconds that a machine of another speed may take more or less of."""
    info = table.info(name)
    return info.unit == "s" and info.kind != "level" and name != "delay"


def evened(table: MetricTable, machines: Sequence[Machine]) -> MetricTable:
    """Return the table with the CPU part of all times as on the first machine of known speed.

    Parameters
    ----------
    table : MetricTable
    machines : sequence of Machine
        As `machines_of` returns them.

    Returns
    -------
    MetricTable
        Shares all columns that it does not change.

    Notes
    -----
    Waiting takes as long on any machine, so only CPU time is divided by the ratio: that of the
    phase where it is known, else the test's, and all of a time whose CPU part nobody measured.
    Processes that a test waits for are CPU time of the phases in which it idles. Times that tests
    recorded themselves change as their test does.
    """
    out = copy.copy(table)
    times = _Times(table)
    setups = dict(table.setups)
    for machine in machines:
        if not machine.ratio > 0 or machine.ratio == 1:
            continue
        gain = 1 - 1 / machine.ratio
        for row in machine.rows:
            times.even(row, gain)
            if row in setups:
                setups[row] = tuple(_even_setup(setup, gain) for setup in setups[row])
    out.columns = {**table.columns, **times.columns}
    out.setups = setups
    return out


def _even_setup(setup: FixtureSetup, gain: float) -> FixtureSetup:
    wall = setup.wall - gain * min(setup.cpu, setup.wall)
    return FixtureSetup(setup.name, setup.scope, wall, setup.cpu * (1 - gain))


class _Times:
    """The columns of seconds of a table, row by row made those of another machine."""

    def __init__(self, table: MetricTable) -> None:
        names = [name for name in table.columns if is_time(table, name)]
        self.columns = {name: table.columns[name][:] for name in names}
        self._phases = [f"duration.{phase}" for phase in PHASES]
        self._phases = [name for name in self._phases if name in self.columns]
        self._cpu = [name for name in names if name.split(".")[0] == "cpu"]
        fixed = {*self._phases, *self._cpu, "duration"}
        self._own = [name for name in names if name not in fixed]

    def even(self, row: int, gain: float) -> None:
        """Take `gain` of the CPU part out of each time of a test."""
        phases = [max(0.0, self._value(name, row, 0.0)) for name in self._phases]
        wall = self._value("duration", row, math.fsum(phases))
        before = math.fsum(phases) if self._phases else wall
        saved = [gain * busy for busy in self._busy(row, phases, wall)]
        for name, seconds in zip(self._phases, saved, strict=False):
            self.columns[name][row] -= seconds
        after = before - math.fsum(saved)
        rest = after / before if before > 0 else 1.0
        for name in ("duration", *self._own):
            if name in self.columns:
                self.columns[name][row] *= rest
        for name in self._cpu:
            self.columns[name][row] *= 1 - gain

    def _value(self, name: str, row: int, default: float) -> float:
        value = self.columns[name][row] if name in self.columns else math.nan
        return default if math.isnan(value) else value

    def _busy(self, row: int, phases: list[float], wall: float) -> list[float]:
        """Return the CPU seconds in each phase; in the whole where there are no phases."""
        walls = phases or [max(0.0, wall)]
        cpu, total = self._value("cpu", row, math.inf), math.fsum(walls)
        children = max(0.0, self._value("cpu.children", row, 0.0))
        own = [self._value(name.replace("duration", "cpu"), row, math.nan) for name in self._phases]
        if not own or any(map(math.isnan, own)):
            share = min(1.0, (cpu + children) / total) if total > 0 else 0.0
            return [share * seconds for seconds in walls]
        busy = [min(max(0.0, a), b) for a, b in zip(own, walls, strict=True)]
        idle = total - math.fsum(busy)
        more = min(1.0, children / idle) if idle > 0 else 0.0
        return [a + more * (b - a) for a, b in zip(busy, walls, strict=True)]


def part_of(table: MetricTable, rows: Sequence[int]) -> MetricTable:
    """Return some tests of a table as a table of their own, all on one machine.

    Parameters
    ----------
    table : MetricTable
    rows : sequence of int
        Increasing.
    """
    out = copy.copy(table)
    places = {row: place for place, row in enumerate(rows)}
    for name, value in vars(table).items():
        if isinstance(value, list):
            setattr(out, name, [value[row] for row in rows])
        elif isinstance(value, dict) and value and isinstance(next(iter(value)), int):
            setattr(out, name, {places[row]: value[row] for row in value if row in places})
    out.columns = {
        name: array("d", map(column.__getitem__, rows)) for name, column in table.columns.items()
    }
    workers = {worker or "" for worker in out.workers}
    out.ends = {worker: end for worker, end in table.ends.items() if worker in workers}
    out.machines = {}
    return out
