"""Small tables of durations with known shape for the tests of the time patterns."""

from __future__ import annotations

import math
import random
from typing import Any

from pytest_crackle.cooling.multiplicity import benjamini_hochberg
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.table import MetricTable

PHASES = ("setup", "call", "teardown")


def record(nodeid: str, *, call: float = 0.002, setup: float = 2e-4, **more: Any) -> dict[str, Any]:
    """Return a record whose CPU time is all of its wall time, but for `wait` seconds."""
    wait = more.pop("wait", 0.0)
    metrics = {"duration.setup": setup, "duration.call": call, "duration.teardown": 1e-4}
    metrics["cpu"] = max(0.0, math.fsum(metrics.values()) - wait)
    metrics |= more.pop("metrics", {})
    return {"nodeid": nodeid, "outcome": "passed", "metrics": metrics, **more}


def background(n: int, seed: int = 0, per_module: int = 20, **more: Any) -> list[dict[str, Any]]:
    """Return tests of some milliseconds, lognormal, in modules of `per_module`."""
    rng = random.Random(seed)
    return [
        record(
            f"tests/test_{i // per_module}.py::test_{i % per_module}",
            call=rng.lognormvariate(-6, 1),
            setup=rng.lognormvariate(-8.5, 0.5),
            **more,
        )
        for i in range(n)
    ]


def suite_of(records: list[dict[str, Any]]) -> Suite:
    """Return the suite of some records."""
    return Suite(MetricTable.from_records(records))


def significant(detections, q):
    """Return the findings of detections that the false discovery rate q keeps."""
    findings = [f for detection in detections for f in detection.findings]
    open_ones = [f for f in findings if not f.exact]
    hypotheses = max(len(open_ones), sum(detection.hypotheses for detection in detections))
    log_qs = benjamini_hochberg([f.log_p for f in open_ones], hypotheses)
    kept = {id(f) for f, log_q in zip(open_ones, log_qs, strict=True) if log_q <= math.log(q)}
    return [f for f in findings if f.exact or id(f) in kept]
