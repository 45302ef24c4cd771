"""How much of its time a test waited, and what it costs on a machine that does other work too."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_crackle.cooling.suite import Suite

__all__ = ["FLOOR", "steady_of", "waits_of"]

FLOOR: Final = 0.010
"""Seconds; below this a duration is cheap, and CPU over wall time is noise (detectors.md 1)."""
TRUE_WAIT: Final = 0.8
TRUE_WAIT_SECONDS: Final = 0.050
KAPPA_TESTS: Final = 10


def waits_of(suite: Suite) -> array[float]:
    """Return the share of each test's time that it truly waited, 0..1; 0 below 10 ms.

    Notes
    -----
    ``1 - min(1, (cpu + delay) / wall)`` where the run-queue delay is known, else
    ``1 - min(1, cpu / wall / kappa)`` with the worker's own kappa, the 75 % quantile of
    ``cpu / wall`` over its tests with at least 10 ms of CPU (1 if fewer than 10 such).
    """
    delay, cpu, wall = suite.column("delay"), suite.cpu, suite.duration
    measured = suite.column("cpu")
    kappas = _kappas(suite) if any(math.isnan(delay[row]) for row in suite.rows) else {}
    out = array("d", bytes(8 * suite.n_tests))
    for row in suite.rows:
        if wall[row] < FLOOR or math.isnan(measured[row]):
            continue
        if not math.isnan(delay[row]):
            busy = (cpu[row] + delay[row]) / wall[row]
        else:
            busy = cpu[row] / wall[row] / kappas.get(suite.table.workers[row], 1.0)
        out[row] = 1.0 - min(1.0, busy)
    return out


def steady_of(suite: Suite) -> array[float]:
    """Return steady costs in seconds: wall time of a test that truly waits, else CPU time, if less.

    It hardly moves with what else the machine does.
    """
    walls, cpus, waits = suite.duration, suite.cpu, suite.wait
    out = array("d", bytes(8 * suite.n_tests))
    for row in suite.rows:
        wall, cpu = walls[row], cpus[row]
        truly = wall - cpu >= TRUE_WAIT_SECONDS and waits[row] >= TRUE_WAIT
        out[row] = wall if truly or wall < cpu else cpu
    return out


def _kappas(suite: Suite) -> dict[str | None, float]:
    ratios: dict[str | None, list[float]] = {}
    for row in suite.rows:
        if suite.cpu[row] >= FLOOR:
            ratio = suite.cpu[row] / max(suite.duration[row], 1e-9)
            ratios.setdefault(suite.table.workers[row], []).append(ratio)
    everything = [ratio for some in ratios.values() for ratio in some]
    whole = _kappa(everything)
    return {
        worker: _kappa(some) if len(some) >= KAPPA_TESTS else whole
        for worker, some in ratios.items()
    }


def _kappa(ratios: list[float]) -> float:
    if len(ratios) < KAPPA_TESTS:
        return 1.0
    ratios = sorted(ratios)
    return min(1.0, max(0.2, ratios[int(0.75 * (len(ratios) - 1))]))
