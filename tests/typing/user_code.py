"""What a user writes; only mypy reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from pytest_crackle import (
    CoolingRate,
    Detection,
    Detector,
    Finding,
    Meter,
    MetricTable,
    NotTested,
    Pattern,
    PatternKind,
    Profile,
    Record,
    Report,
    Suite,
    cool,
    record_metric,
    report_to_json,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pytest


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


def columns() -> MetricTable:
    MetricTable.from_columns({"x": ["a"]}, nodeids=[7])  # type: ignore[list-item] # a name is text
    return MetricTable.from_columns(
        {"rows": [3, None], "disk": (1.5, 2.5)},
        nodeids=["a", "b"],
        units={"disk": ("B", "level")},
        markers=[["runner-1"], ["runner-2"]],
    )


class Temperature:
    name = "temperature"
    metrics = {"cpu.temperature": ("°C", "level")}  # noqa: RUF012 - as in the example of the hook

    def start(self) -> None: ...

    def stop(self) -> dict[str, float]:
        return {"cpu.temperature": 41.5}


class Hogs:
    name = "hogs"

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        rows = suite.rows_with("db.queries")
        if len(rows) < profile.min_tests:
            return Detection(not_tested=(NotTested(self.name, "db.queries", "too few"),))
        finding = Finding(
            kind=self.name,
            subkind="",
            summary="One.",
            metrics=("db.queries",),
            rows=rows[:1],
            anchor="all",
            log_p=-9.0,
            confidence=0.8,
        )
        return Detection(findings=(finding,), hypotheses=1)


def pytest_crackle_meters(config: pytest.Config) -> list[Meter]:
    return [Temperature()]


def pytest_crackle_detectors(config: pytest.Config | None) -> Iterable[Detector]:
    return [Hogs()]


def pytest_crackle_derive(record: Record) -> Mapping[str, float] | None:
    metrics = record["metrics"]
    assert_type(metrics, dict[str, float])
    return {"twice": 2 * metrics["rows"]} if "rows" in metrics else None


def pytest_crackle_patterns(
    patterns: Sequence[Pattern], table: MetricTable, config: pytest.Config | None
) -> list[Pattern]:
    return [pattern for pattern in patterns if pattern.confidence > 0.5 and table.n_tests]


def pytest_crackle_report(report: Report) -> None:
    assert_type(report_to_json(report), dict[str, object])


def profiles() -> None:
    assert_type(Profile.fast().rate, CoolingRate)
    cool(MetricTable.from_records([]), Profile.slow(), detectors=[Hogs()])
    cool(MetricTable.from_records([]), "normal")  # type: ignore[arg-type] # a profile is no name
