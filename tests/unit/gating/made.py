"""Patterns, tables and sessions for the tests of the gate."""

from __future__ import annotations

from datetime import date

from pytest_crackle.model.pattern import Pattern
from pytest_crackle.model.report import CoolingInfo, SessionInfo
from pytest_crackle.model.table import MetricTable

TODAY = date(2026, 11, 23)
OURS = ("clustering", "phase-transition", "conservation", "correlation")


def pattern(**given):
    facts = {
        "kind": "phase-transition",
        "subkind": "jump",
        "summary": "a.py::test_b leaves 80 MiB for good (118 -> 198 MiB).",
        "metrics": ("memory.rss",),
        "tests": ("a.py::test_b",),
        "confidence": 0.8,
        "id": "CR-7f3a91",
        "level": "warn",
    }
    return Pattern(**{**facts, **given})


def record(nodeid, metrics=None, **more):
    return {"nodeid": nodeid, "metrics": {"duration": 1.0} if metrics is None else metrics, **more}


def table(*records):
    return MetricTable.from_records(records)


def suite(n=30):
    return table(
        *(record(f"a.py::test_{i}", {"duration": 0.1, "memory.rss": 1e8}) for i in range(n))
    )


def session(**given):
    return SessionInfo(**given)


def cooling(**given):
    return CoolingInfo(**{"detectors": OURS, "hypotheses": 12, **given})
