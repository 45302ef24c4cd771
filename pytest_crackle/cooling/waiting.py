"""How much of its time a test waited, and what it costs on a machine that does other work too."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import format_percent

if TYPE_CHECKING:
    from pytest_crackle.cooling.suite import Suite

__all__ = [
    "FLOOR",
    "children_busy",
    "least_wait",
    "on_a_core",
    "phase_wait",
    "queued",
    "steady_of",
    "unqueued_seconds",
    "waiting_phrase",
    "waits_of",
]

FLOOR: Final = 0.010
"""Seconds; below this a duration is cheap, and CPU over wall time is noise (detectors.md 1)."""
# least share of waiting of a test that is said to wait; without the run-queue delay a loaded
# machine looks like waiting up to .65 (84 tests of 55 ms in a recorded suite): then TRUE_WAIT
WAITING: Final = 0.6
TRUE_WAIT: Final = 0.8
TRUE_WAIT_SECONDS: Final = 0.050
KAPPA_TESTS: Final = 10


def waits_of(suite: Suite) -> list[float]:
    """Return the share of each test's time that it truly waited, 0..1; 0 below 10 ms.

    Notes
    -----
    ``1 - min(1, (cpu + delay) / wall)`` where the run-queue delay is known, with what children and
    threads queued, which is not, as `queued` and `children_busy` have it; else
    ``1 - min(1, cpu / wall / kappa)`` with the worker's own kappa, the 75 % quantile of
    ``cpu / wall`` over its tests with at least 10 ms of CPU (1 if fewer than 10 such).
    """
    delay, cpu, wall = suite.column("delay"), suite.cpu, suite.duration
    measured, children = suite.column("cpu"), suite.column("cpu.children")
    long = [row for row in suite.rows if wall[row] >= FLOOR and not math.isnan(measured[row])]
    kappas = _kappas(suite) if any(math.isnan(delay[row]) for row in long) else {}
    out = [0.0] * suite.n_tests
    for row in long:
        if not math.isnan(delay[row]):
            own = queued(suite, row, measured[row])
            if children[row] > 0:
                own += children_busy(suite, row) - children[row]
            busy = (cpu[row] + own) / wall[row]
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


def least_wait(suite: Suite) -> float:
    """Return the share of waiting from which on a test is said to wait."""
    return WAITING if "delay" in suite.table.columns else TRUE_WAIT


def phase_wait(suite: Suite, metric: str, row: int) -> float:
    """Share of a phase that the test waited, by the CPU time of the phase or else of the test."""
    children = suite.column("cpu.children")[row]
    if math.isnan(children) and suite.column("subprocesses")[row] > 0:
        return 0.0  # other processes may do the work, and nobody measured them
    cpu_name = metric.replace("duration", "cpu")
    cpu = suite.column(cpu_name)[row] if cpu_name in suite.table.columns else math.nan
    wall = suite.column(metric)[row]
    if math.isnan(cpu) or metric == "duration":
        return suite.wait[row]
    # delay and children are known for the whole test only: all of them is the careful choice
    busy = cpu + children_busy(suite, row) + queued(suite, row, cpu)
    return 1.0 - min(1.0, busy / wall)


def queued(suite: Suite, row: int, cpu: float) -> float:
    """Return the seconds in which a test was ready for `cpu` seconds of work; 0 if not known.

    Notes
    -----
    The run-queue delay is the main thread's. If that waits for other threads of the process, they
    are taken to have queued as the tests of the session did for the same work.
    """
    delay = suite.column("delay")[row]
    return max(delay, cpu * (_slowdown(suite) - 1.0)) if delay >= 0 else 0.0


def children_busy(suite: Suite, row: int) -> float:
    """Return the seconds in which children of a test worked or were ready to; 0 if not known.

    Notes
    -----
    Their run-queue delay is not measured. They are taken to have queued as the tests of the session
    did for the same work: on a machine with 60 times the work that it can do a child of 50 ms takes
    3 s, and the test that waits for it has no wait to be mended.
    """
    children = suite.column("cpu.children")[row]
    if not children > 0:
        return 0.0
    return children * _slowdown(suite)


def _slowdown(suite: Suite) -> float:
    """Seconds that a second of CPU takes here on the average; 1 where the delay is not known."""
    return suite.once("slowdown by the queue", lambda: _queue_factor(suite))


def _queue_factor(suite: Suite) -> float:
    delay, cpu, wall = suite.column("delay"), suite.column("cpu"), suite.duration
    rows = [row for row in suite.rows if delay[row] >= 0 and cpu[row] > 0]
    lost = math.fsum(min(delay[row], max(0.0, wall[row] - cpu[row])) for row in rows)
    worked = math.fsum(cpu[row] for row in rows)
    return 1.0 + lost / worked if worked > 0 else 1.0


def waiting_phrase(suite: Suite, share: float) -> str:
    """Say how much of their time tests wait, after a comma; nothing where they rather work."""
    return f", {format_percent(share)} waiting" if share >= least_wait(suite) else ""


def on_a_core(suite: Suite, row: int, wall: float, cpu: float) -> float:
    """Return the seconds of a part of a test less those in which it was ready but had no core.

    Parameters
    ----------
    suite : Suite
    row : int
    wall, cpu : float
        Of the part, seconds.

    Returns
    -------
    float
        `wall` where the run-queue delay is not known.

    Notes
    -----
    The delay is known for the whole test. A test queues where it works, so a part has of it the
    share that it has of the CPU time, and no more than it was off the core.
    """
    delay, whole = suite.column("delay")[row], suite.column("cpu")[row]
    if not (delay > 0 and whole > 0 and 0 <= cpu < wall):
        return wall
    return wall - min(wall - cpu, delay * min(1.0, cpu / whole))


def unqueued_seconds(suite: Suite) -> float:
    """Return the seconds of all tests less those in which they were ready but had no core."""
    cpu, delay, wall = suite.column("cpu"), suite.column("delay"), suite.duration
    waited = [row for row in suite.rows if delay[row] > 0]  # the others lost nothing
    lost = [wall[row] - on_a_core(suite, row, wall[row], cpu[row]) for row in waited]
    return suite.seconds - math.fsum(lost)


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
