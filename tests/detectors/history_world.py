"""Made-up suites with a past: load, module effects, heavy tails and outliers in every run."""

from __future__ import annotations

import math
import random
from array import array
from dataclasses import dataclass, field
from typing import Any

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import resolve
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.past import Past, PastRun
from pytest_crackle.model.table import TableBuilder

MACHINE = "cpython-3.11 linux ci"


@dataclass
class World:
    """A suite whose runs are drawn one after the other.

    Durations spread from 2 ms to some seconds. Each run multiplies all working tests by a factor
    for its load (lognormal, up to x3), a little apart by decade; modules have a noise of their own
    (every fourth a strong one); tests have Student t noise with 3 degrees of freedom, larger for
    short tests, and outliers of x2 to x8 in 0.5 %.
    """

    seed: object = 0
    modules: int = 16
    tests: int = 20
    load: float = 0.35
    module_noise: float = 0.10
    scale: float = 1.0
    outliers: float = 0.005
    typical: list[float] = field(default_factory=list)

    def __post_init__(self):
        self.rng = random.Random(f"world {self.seed}")
        self.nodeids = [
            f"tests/test_{m:02}.py::test_{t:03}"
            for m in range(self.modules)
            for t in range(self.tests)
        ]
        if not self.typical:
            draw = self.rng.lognormvariate
            self.typical = [min(6.0, 0.03 * draw(0, 1.6)) * self.scale for _ in self.nodeids]
        self.numbers = {nodeid: i for i, nodeid in enumerate(self.nodeids)}

    def module_of(self, unit):
        return unit // self.tests

    def run(self, factor=lambda unit: 1.0):
        """Draw the seconds of one run; `factor` is what the code does to a test."""
        rng = self.rng
        whole = math.exp(max(-1.1, min(1.1, rng.gauss(0, self.load))))
        decades = [math.exp(rng.gauss(0, 0.08)) for _ in range(6)]
        strong = [3 if m % 4 == 0 else 1 for m in range(self.modules)]
        modules = [math.exp(rng.gauss(0, self.module_noise * s / 3)) for s in strong]
        out = []
        for unit, typical in enumerate(self.typical):
            sd = 0.20 if typical < 0.01 else 0.10 if typical < 0.1 else 0.05
            t = rng.gauss(0, 1) / math.sqrt(rng.gammavariate(1.5, 2) / 3)
            value = typical * whole * decades[min(5, int(math.log10(typical / 1e-4)))]
            value *= modules[self.module_of(unit)] * math.exp(max(-2, min(2, sd * t)))
            if rng.random() < self.outliers:
                value *= rng.uniform(2, 8)
            out.append(value * factor(unit))
        return out

    def past(self, columns, **more):
        """Make the past of these columns of seconds; further metrics by keyword."""
        runs = tuple(
            past_run(number, seconds, range(len(self.nodeids)))
            for number, seconds in enumerate(columns, 1)
        )
        return Past(runs, self.numbers, environment=MACHINE, commit=commit(len(runs) + 1), **more)

    def table(self, seconds, metrics=None):
        """Make the table of this run."""
        return table_of(self.nodeids, seconds, metrics)


def commit(number):
    return f"{number:07x}" * 4


def past_run(number, seconds, tests, **more):
    """Make one run of the past from seconds by test."""
    columns = {
        "duration.call": array("d", seconds),
        "cpu.call": array("d", [0.95 * s for s in seconds]),
    }
    columns.update(more.pop("columns", {}))
    tests = list(tests)
    values = {
        "number": number,
        "started": f"2026-{1 + number // 28 % 12:02}-{1 + number % 28:02}T03:00:00Z",
        "mode": "no",
        "environment": MACHINE,
        "tests": tests,
        "outcomes": ["passed"] * len(tests),
        "commit": commit(number),
        "workers": [0] * len(tests),
        "seqs": list(range(len(tests))),
        "metrics": tuple(columns),
        "read": columns.__getitem__,
        **more,
    }
    return PastRun(**values)


def table_of(nodeids, seconds, metrics=None, outcomes=None, **more):
    """Make a table of tests in run order."""
    builder = TableBuilder()
    for row, (nodeid, value) in enumerate(zip(nodeids, seconds, strict=True)):
        mine = {
            "duration.call": value,
            "cpu.call": 0.95 * value,
            "duration": value,
            "cpu": 0.95 * value,
        }
        for name, column in (metrics or {}).items():
            mine[name] = column[row]
        record: Any = {"nodeid": nodeid, "index": row, "seq": row, "metrics": mine, **more}
        if outcomes is not None:
            record["outcome"] = outcomes[row]
        builder.add(record)
    return builder.table()


def told(table, past, rate="normal"):
    """Return what the detector "history" finds by itself."""
    cooling = cool(table, Profile.of(rate), resolve(["history"]), past=past)
    assert cooling.faults == ()
    return cooling
