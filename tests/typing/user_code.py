"""What a user writes; only mypy reads it."""

from __future__ import annotations

from typing import assert_type

from pytest_crackle import MetricTable, Pattern, PatternKind, Profile, cool, record_metric


def test_import() -> None:
    record_metric("rows", 10_000)
    record_metric("payload", 3.2e6, unit="B", kind="level")
    record_metric.add("db.queries")
    with record_metric.timer("parse"):
        pass
    record_metric("x", "12")  # type: ignore[arg-type] # a string is no measurement
    record_metric("x", 12, kind="gauge")  # type: ignore[arg-type] # no such kind


def patterns() -> tuple[Pattern, ...]:
    table = MetricTable.from_records([{"nodeid": "a", "metrics": {"x": 1.0}}])
    found = cool(table, Profile.normal())
    assert_type(found.patterns, tuple[Pattern, ...])
    return tuple(p for p in found.patterns if p.kind == PatternKind.CONSERVATION)
