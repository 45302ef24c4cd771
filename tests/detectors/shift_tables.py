"""Tables with known shifts: sessions of plain tests to which single things are added."""

from __future__ import annotations

from pytest_crackle.cooling.detectors.phase_transition import PhaseTransition
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.table import EndReading, MetricTable, TableBuilder

MIB = 2**20


def records(n, *, per_module=25, worker=None):
    """Return n plain records, 25 tests a module, each of 10 ms."""
    return [
        {
            "nodeid": f"tests/test_{i // per_module:03}.py::test_{i:05}",
            "index": i,
            "seq": i,
            "worker": worker,
            "start": 1e9 + i / 100,
            "outcome": "passed",
            "fixtures": [],
            "metrics": {"duration": 0.01, "duration.call": 0.01, "cpu": 0.009},
        }
        for i in range(n)
    ]


def with_level(recs, name, values, unit=None):
    """Give each record its reading of a level; NaN: none."""
    for record, value in zip(recs, values, strict=True):
        if value == value:
            record["metrics"][name] = float(value)
            if unit is not None:
                record["units"] = {name: [unit, "level"]}
    return recs


def memory(rng, n, start=120 * MIB):
    """Return resident memory as real suites show it: pages that last, peaks that do not."""
    values, level = [], start
    for i in range(n):
        if rng.random() < 0.15:
            level += 4096 * int(1 + rng.expovariate(1 / 8))
        if i < n // 100 + 5:
            level += 300_000
        peak = rng.paretovariate(1.2) * 100_000 if rng.random() < 0.1 else 0.0
        values.append(level + min(peak, 60 * MIB))
    return values


def table_of(recs, ends=None):
    """Build the table, with last readings by worker."""
    builder = TableBuilder()
    for record in recs:
        builder.add(record)
    for worker, (metrics, closed) in (ends or {}).items():
        builder.end(worker, EndReading(metrics, closed))
    return builder.table()


def detect(table, rate="normal"):
    """Return the detection of the phase-transition detector."""
    assert isinstance(table, MetricTable)
    return PhaseTransition().detect(Suite(table), Profile.of(rate))


def findings(table, rate="normal"):
    """Return its findings."""
    return detect(table, rate).findings
