"""What a phase of each test costs in this run and in past ones, little moved by load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.history.comparable import Comparable

__all__ = ["Costs", "costs_of", "phases_of"]

_WAIT_SHARE: Final = 0.2
_WAIT_SECONDS: Final = 0.050
"""A test waits if its CPU time is so little of its wall time, and so much less (see `Suite`)."""
_LOOK_BACK: Final = 5
_WALL_TO_CPU: Final = {
    "duration": "cpu",
    "duration.setup": "cpu.setup",
    "duration.call": "cpu.call",
}


@dataclass(frozen=True, slots=True)
class Costs:
    """One phase of the tests that this run shares with the past.

    Attributes
    ----------
    metric : str
        The wall time of the phase.
    units : tuple of int, shape (n_units,)
        Places in `Comparable.rows`.
    columns : list of list of float, shape (n_runs, n_units)
        Seconds, this run last; NaN where missing.
    waits : list of bool, shape (n_units,)
        Tests that wait: of them the wall time counts, of the others the smaller of CPU and wall
        time.
    """

    metric: str
    units: tuple[int, ...]
    columns: list[list[float]]
    waits: list[bool]


def phases_of(against: Comparable) -> tuple[str, ...]:
    """Return the metrics that hold the costs: set-up and call apart where both are known.

    A change of tear-down is rare and small; the whole test tells it where no phases are known.
    """
    if against.has("duration.call"):
        phases = ("duration.call", "duration.setup")
        return tuple(name for name in phases if against.has(name))
    return tuple(name for name in ("duration",) if against.has(name))


def costs_of(against: Comparable, metric: str) -> Costs:
    """Return what one phase costs.

    Parameters
    ----------
    against : Comparable
    metric : str
        One of `phases_of`.

    Returns
    -------
    Costs
        Of a set-up only the tests that set up no fixture wider than a function in this run:
        otherwise whoever comes first would have become slower.

    Notes
    -----
    O(runs x tests).
    """
    wide = against.suite.wide_setups if metric != "duration.call" else {}
    units = tuple(unit for unit, row in enumerate(against.rows) if row not in wide)
    walls = _of(units, against.columns(metric))
    if not against.has(_WALL_TO_CPU[metric]):
        return Costs(metric, units, walls, [False] * len(units))
    cpus = _of(units, against.columns(_WALL_TO_CPU[metric]))
    delay = against.suite.table.column("delay")
    delays = [delay[against.rows[unit]] for unit in units]
    waits = [
        _waits(wall, cpu, wait)
        for wall, cpu, wait in zip(
            zip(*walls[-1 - _LOOK_BACK :], strict=True),
            zip(*cpus[-1 - _LOOK_BACK :], strict=True),
            delays,
            strict=True,
        )
    ]
    # a comparison with NaN is false: where one of the two is missing the other one counts
    columns = [
        [
            w if waiting or w <= c or c != c else c  # noqa: PLR0124 - NaN
            for w, c, waiting in zip(wall, cpu, waits, strict=True)
        ]
        for wall, cpu in zip(walls, cpus, strict=True)
    ]
    return Costs(metric, units, columns, waits)


def _of(units: Sequence[int], columns: Sequence[Sequence[float]]) -> list[list[float]]:
    return [list(map(column.__getitem__, units)) for column in columns]


def _waits(walls: Sequence[float], cpus: Sequence[float], delay: float) -> bool:
    """Whether a test truly waits in this run; without the run-queue wait, as it did before."""
    wall, cpu = walls[-1], cpus[-1]
    if delay == delay:  # noqa: PLR0124 - NaN
        return _idles(wall, cpu + delay)
    before = sum(_idles(w, c) for w, c in zip(walls[:-1], cpus[:-1], strict=True))
    return _idles(wall, cpu) and 2 * before > len(walls) - 1


def _idles(wall: float, busy: float) -> bool:
    return busy <= _WAIT_SHARE * wall and wall - busy >= _WAIT_SECONDS
