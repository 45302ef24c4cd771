"""Recorded suites as several machines of different speed would have run them."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

from pytest_crackle.model.table import MetricTable

if TYPE_CHECKING:
    from collections.abc import Sequence

Records = list[dict[str, Any]]

PACE = 27e-6
SCATTER = 0.08
"""Of ln(pace), upwards only: a reading is the better of two, and what disturbs it adds time."""
EVERY = 0.05
"""Seconds between two readings."""


def with_pace(records: Records, seed: int = 0, every: float = EVERY) -> Records:
    """Add readings of pace as the meter takes them; the recordings have none."""
    rng, due, out = random.Random(seed), 0.0, []
    for record in records:
        metrics = dict(record["metrics"])
        due += _wall(metrics)
        if due >= every:
            due = 0.0
            metrics["pace"] = PACE * math.exp(abs(rng.gauss(0, SCATTER)))
        out.append({**record, "metrics": metrics})
    return out


def _wall(metrics: dict[str, float]) -> float:
    phases = [value for name, value in metrics.items() if name.startswith("duration.")]
    return sum(phases) if phases else metrics.get("duration", 0.0)


def at_speed(metrics: dict[str, float], times: float) -> dict[str, float]:
    """Let the CPU part of a test take so many times as long; a wait takes as long anywhere."""
    out = dict(metrics)
    wall = _wall(metrics)
    share = min(1.0, metrics.get("cpu", wall) / wall) if wall > 0 else 0.0
    for name in metrics:
        if name.split(".")[0] == "duration":
            out[name] *= 1 + share * (times - 1)
        elif name.split(".")[0] == "cpu" or name == "pace":
            out[name] *= times
    return out


def dealt(
    records: Records, times: Sequence[float], *, workers: int = 1, noise: float = 0.0, seed: int = 0
) -> MetricTable:
    """Deal the modules out in turn to machines that take so many times as long as recorded.

    Parameters
    ----------
    records : list of dict
    times : sequence of float, shape (n_machines,)
    workers : int
        Processes of each machine; modules are dealt out to them as well.
    noise : float
        Standard deviation of ln(times) from test to test: not all code gains alike.
    seed : int
    """
    rng = random.Random(seed)
    modules = list(dict.fromkeys(record["nodeid"].partition("::")[0] for record in records))
    n_processes = len(times) * workers
    process_of = {module: place % n_processes for place, module in enumerate(modules)}
    seqs = [0] * n_processes
    out = []
    for record in records:
        process = process_of[record["nodeid"].partition("::")[0]]
        factor = times[process % len(times)] * math.exp(rng.gauss(0, noise))
        metrics = at_speed(record["metrics"], factor)
        out.append({**record, "metrics": metrics, "worker": f"gw{process}", "seq": seqs[process]})
        seqs[process] += 1
    table = MetricTable.from_records(out)
    if len(times) > 1:
        table.machines = {f"gw{p}": f"host {p % len(times)}" for p in range(n_processes)}
    return table
