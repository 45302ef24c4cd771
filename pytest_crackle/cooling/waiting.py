"""How much of its time a test waited, and what it costs on a machine that does other work too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pytest_crackle.cooling.suite import Suite

__all__ = ["FLOOR", "steady_of", "waits_of"]

FLOOR: Final = 0.010
"""Seconds; below this a duration is cheap, and CPU over wall time is noise (detectors.md 1)."""
TRUE_WAIT: Final = 0.8
TRUE_WAIT_SECONDS: Final = 0.050
KAPPA_TESTS: Final = 10


def waits_of(suite: Suite) -> list[float]:
    """Return the share of each test's time that it truly waited, 0..1; 0 below 10 ms.

    Notes
    -----
    ``1 - min(1, (cpu + delay) / wall)`` where the run-queue delay is known, else
    ``1 - min(1, cpu / wall / kappa)`` with the worker's own kappa, the 75 % quantile of
    ``cpu / wall`` over its tests with at least 10 ms of CPU (1 if fewer than 10 such).
    """
    delay, cpu, wall = suite.column("delay"), suite.cpu, suite.duration
    measured = suite.column("cpu")
    long = [row for row in suite.rows if wall[row] >= FLOOR and not math.isnan(measured[row])]
    kappas = _kappas(suite) if any(math.isnan(delay[row]) for row in long) else {}
    out = [0.0] * suite.n_tests
    for row in long:
        if not math.isnan(delay[row]):
            busy = (cpu[row] + delay[row]) / wall[row]
        else:
            busy = cpu[row] / wall[row] / kappas.get(suite.table.workers[row], 1.0)
        out[row] = 1.0 - min(1.0, busy)
    return out


def steady_of(suite: Suite) -> list[float]:
    """Return steady costs in seconds: wall time of a test that truly waits, else CPU time, if less.

    It hardly moves with what else the machine does.
    """
    walls, cpus, waits = suite.duration, suite.cpu, suite.wait
    pairs = zip(walls, cpus, strict=True)
    out = [wall if wall < cpu else cpu for wall, cpu in pairs]
    for row, wait in enumerate(waits):
        if wait >= TRUE_WAIT and walls[row] - cpus[row] >= TRUE_WAIT_SECONDS:
            out[row] = walls[row]
    return out


def _kappas(suite: Suite) -> dict[str | None, float]:
    ratios: dict[str | None, list[float]] = {}
    cpu, wall, workers = suite.cpu, suite.duration, suite.table.workers
    for row in suite.rows:
        if cpu[row] >= FLOOR:
            ratios.setdefault(workers[row], []).append(cpu[row] / max(wall[row], 1e-9))
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
