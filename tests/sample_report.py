"""A realistic report for the writers: 2,000 tests, six patterns, their numbers from one table."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, Any

from pytest_crackle.model.pattern import Explanation, Location, Pattern, pattern_id
from pytest_crackle.model.report import (
    BudgetBreach,
    CoolingInfo,
    Gate,
    NotTested,
    Report,
    SessionInfo,
)
from pytest_crackle.model.summaries import MetricSummaries
from pytest_crackle.model.table import MetricTable
from pytest_crackle.model.units import format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MetricSummaries",
    "breaching",
    "quiet_report",
    "sample_report",
    "sample_table",
    "small_report",
    "table_with",
]

MIB = 1 << 20
MODULES = (
    *(f"tests/api/test_{name}.py" for name in ("accounts", "carts", "list_a", "list_b", "orders")),
    *(f"tests/core/test_{name}.py" for name in ("dates", "money", "names", "rules", "tax")),
    *(f"tests/db/test_{name}.py" for name in ("bulk", "index", "migrate", "query", "stock")),
    *(f"tests/mail/test_{name}.py" for name in ("bounce", "queue", "send", "templates")),
    "tests/web/test_pages.py",
)
PER_MODULE = 100
REFUND = "tests/api/test_orders.py::test_refund"
IMPORT = "tests/db/test_bulk.py::test_import[10k-rows|utf-8]"
BREAKER = "tests/api/test_list_b.py::test_list[case57]"


def _nodeid(module: str, place: int) -> str:
    if module.endswith("orders.py") and place == 40:
        return REFUND
    if module.endswith("bulk.py") and place == 60:
        return IMPORT
    if "/test_list_" in module and place < 62:
        return f"{module}::test_list[case{place}]"
    return (
        f"{module}::TestIt::test_{place // 4}[{place % 4}]"
        if place % 3
        else f"{module}::test_{place}"
    )


@cache
def _records() -> tuple[dict[str, Any], ...]:
    rng = random.Random(20261123)
    out: list[dict[str, Any]] = []
    rss, fds, clock = 117.5 * MIB, 12.0, 1_795_467_900.0
    for module in MODULES:
        for place in range(PER_MODULE):
            nodeid = _nodeid(module, place)
            fixtures, metrics = ["tmp_path"], {}
            call, setup = rng.lognormvariate(-5.5, 0.9), rng.lognormvariate(-7.5, 0.4)
            cpu = 0.9 * (call + setup)
            if "/db/" in module and place % 2:
                fixtures.append("warehouse")
                setup = 0.060 * rng.lognormvariate(0, 0.03)
                cpu += 0.9 * setup
            if "/mail/" in module and place % 12 == 0:
                fixtures.append("smtp_server")
                call, cpu = 2.0 + 0.004 * rng.random(), 0.004
            if "/test_list_" in module and place < 62:
                metrics["db.queries"] = 212.0 if nodeid == BREAKER else 7.0
            if "/db/" in module and not place % 2:
                size = rng.lognormvariate(14, 1.2)
                metrics["payload"] = size
                metrics["db.queries"] = float(rng.randrange(1, 30))
                call += 0.08 * size / MIB
                cpu += 0.08 * size / MIB
            if nodeid == REFUND:
                rss += 312 * MIB
            if "test_bulk" in module and place >= 60:
                fds += 1
            duration = setup + call + 0.0001
            metrics |= {
                "duration": duration,
                "duration.setup": setup,
                "duration.call": call,
                "cpu": min(cpu, duration),
                "memory.rss": math.floor(rss + rng.random() * MIB),
                "fds": fds,
                "gc.collections": float(rng.random() < call * 20),
            }
            out.append(
                {
                    "nodeid": nodeid,
                    "file": module,
                    "line": 10 + 4 * place,
                    "index": len(out),
                    "seq": len(out),
                    "outcome": "skipped" if place == 99 else "passed",
                    "start": clock,
                    "fixtures": fixtures,
                    "markers": ["slow"] if call > 0.5 else [],
                    "metrics": metrics,
                    "units": {"payload": ["B", "value"], "db.queries": ["1", "count"]},
                }
            )
            clock += duration + 0.001
    return tuple(out)


@cache
def sample_table() -> MetricTable:
    """Return the table of the sample: 20 files of 100 tests."""
    return MetricTable.from_records(dict(record) for record in _records())


def _rows(table: MetricTable, fixture: str) -> list[int]:
    return [row for row, names in enumerate(table.fixtures) if fixture in names]


def _place(table: MetricTable, nodeid: str) -> Location:
    row = table.nodeids.index(nodeid)
    return Location(table.files[row], table.lines[row])


def _jump(table: MetricTable) -> Pattern:
    column, at = table.column("memory.rss"), table.nodeids.index(REFUND)
    before, after = median(column[:at]), median(column[at:])
    low, high = format_value(before, "B"), format_value(after, "B")
    return Pattern(
        kind="phase-transition",
        subkind="jump",
        id=pattern_id("phase-transition", "jump", ("memory.rss",), REFUND),
        summary=f"{REFUND} leaves {format_value(after - before, 'B')} for good"
        f" ({low.split()[0]} -> {high}).",
        metrics=("memory.rss",),
        tests=(REFUND,),
        at=REFUND,
        location=_place(table, REFUND),
        confidence=0.78,
        log_p_value=-math.inf,
        level="fail",
        evidence={
            "before_median": before,
            "after_median": after,
            "shift": (after - before) / before,
            "shift_magnitude": after - before,
            "change_index": float(at),
            "kept": 312.0 * MIB,
        },
        details=("modules imported by this test: 12",),
    )


def _leak(table: MetricTable) -> Pattern:
    at = table.nodeids.index(IMPORT)
    tests = tuple(table.nodeids[at : at + 40])
    return Pattern(
        kind="phase-transition",
        subkind="leak",
        id=pattern_id("phase-transition", "leak", ("fds",), IMPORT),
        summary=f"From {IMPORT} on, 40 tests leave 1 descriptor each open for good (40 sockets).",
        metrics=("fds",),
        tests=tests,
        at=IMPORT,
        location=_place(table, IMPORT),
        confidence=0.99,
        log_p_value=-math.inf,
        level="warn",
        explained_by=Explanation("module", "tests/db/test_bulk.py", 0.4, 1.0, 20.0),
        evidence={
            "before_median": 12.0,
            "after_median": 52.0,
            "kept": 40.0,
            "per_test": 1.0,
            "change_index": float(at),
        },
    )


def _plateau(table: MetricTable) -> Pattern:
    rows = _rows(table, "smtp_server")
    values = [table.column("duration.call")[row] for row in rows]
    whole = math.fsum(table.column("duration"))
    value, total = median(values), math.fsum(values)
    spread = max(abs(x / value - 1) for x in values)
    return Pattern(
        kind="conservation",
        subkind="plateau",
        id=pattern_id("conservation", "plateau", ("duration.call",), "fixture smtp_server"),
        summary=f"{len(rows)} tests in 4 files with fixture smtp_server take"
        f" {format_value(value, 's')} +- {format_percent(spread)}, 99 % waiting: a fixed wait,"
        f" {format_value(total, 's')} of {format_value(whole, 's')}.",
        metrics=("duration.call",),
        tests=tuple(table.nodeids[row] for row in rows),
        confidence=0.97,
        p_value=1e-30,
        q_value=1e-28,
        log_p_value=-69.0,
        level="warn",
        cost_seconds=total,
        explained_by=Explanation("fixture", "smtp_server", 1.0, 1.0, 2000 / len(rows)),
        evidence={"value": value, "spread": spread, "total": total, "wait": 0.998},
    )


def _broken(table: MetricTable) -> Pattern:
    rows = [row for row, name in enumerate(table.functions) if name.endswith("::test_list")]
    held = tuple(table.nodeids[row] for row in rows if table.nodeids[row] != BREAKER)
    return Pattern(
        kind="conservation",
        subkind="law",
        id=pattern_id("conservation", "law", ("db.queries",), "function test_list"),
        summary=f"db.queries is exactly 7 in {len(held)} of {len(rows)} tests of"
        f" tests/api/test_list_*.py; {BREAKER} breaks it (212).",
        metrics=("db.queries",),
        tests=held,
        exceptions=(BREAKER,),
        location=_place(table, BREAKER),
        confidence=0.88,
        p_value=2e-7,
        q_value=3e-5,
        log_p_value=-15.4,
        level="warn",
        evidence={"value": 7.0, "spread": 0.0, "breakers": 1.0},
    )


def _group(table: MetricTable) -> Pattern:
    rows = _rows(table, "warehouse")
    values = [table.column("duration.setup")[row] for row in rows]
    whole, cost, each = math.fsum(table.column("duration")), math.fsum(values), median(values)
    return Pattern(
        kind="clustering",
        subkind="group",
        id=pattern_id("clustering", "group", ("duration.setup",), "fixture warehouse"),
        summary=f"{len(rows)} tests in 5 files share fixture warehouse: setup"
        f" {format_value(each, 's')} each, {format_value(cost, 's')} ="
        f" {format_percent(cost / whole)} of the suite; a wider scope would save"
        f" {format_value(cost - each, 's')}.",
        metrics=("duration.setup",),
        tests=tuple(table.nodeids[row] for row in rows),
        confidence=0.96,
        p_value=0.0,
        q_value=0.0,
        log_p_value=-800.0,
        level="note",
        cost_seconds=cost,
        explained_by=Explanation("fixture", "warehouse", 1.0, 1.0, 2000 / len(rows)),
        evidence={
            "cluster_size": float(len(rows)),
            "median": each,
            "cost_seconds": cost,
            "share": cost / whole,
            "lift": 100.0,
        },
    )


def _driver(table: MetricTable) -> Pattern:
    rows = [row for row, value in enumerate(table.column("payload")) if value == value]
    explained = math.fsum(0.08 * table.column("payload")[row] / MIB for row in rows)
    whole = math.fsum(table.column("duration.call"))
    return Pattern(
        kind="correlation",
        subkind="driver",
        id=pattern_id("correlation", "driver", ("payload", "duration.call"), "payload"),
        summary=f"duration.call follows payload in {len(rows)} tests: 80 ms per MiB,"
        f" {format_value(explained, 's')} = {format_percent(explained / whole)}"
        " of call time (rho 0.93).",
        metrics=("payload", "duration.call"),
        tests=tuple(table.nodeids[row] for row in rows),
        confidence=0.62,
        p_value=1e-9,
        q_value=2e-7,
        log_p_value=-20.7,
        level="note",
        cost_seconds=explained,
        evidence={"correlation": 0.93, "ci_low": 0.90, "ci_high": 0.95, "slope": 0.08 / MIB},
    )


def sample_report() -> Report:
    """Return a report of 2,000 tests with six patterns, one of which fails the gate."""
    table = sample_table()
    patterns = tuple(make(table) for make in (_jump, _plateau, _broken, _leak, _group, _driver))
    return Report(
        version="0.1.0",
        session=SessionInfo(
            started="2026-11-23T21:05:00Z",
            duration=158.25,
            exitstatus=1,
            python="3.11.7",
            pytest="9.2.0",
            platform="linux",
            collected=table.n_tests,
        ),
        cooling=CoolingInfo(
            rate="normal",
            detectors=("clustering", "phase-transition", "conservation", "correlation"),
            hypotheses=412,
            seconds=0.31,
            not_tested=(NotTested("phase-transition", "pace", "12 readings, needs 20"),),
            notes=("the machine was busier from 14:02 on: run-queue wait 30 -> 80 %",),
        ),
        metrics=MetricSummaries(table),
        table=table,
        patterns=patterns,
        gate=Gate(
            rules=("phase-transition:memory.*",),
            verdict="fail",
            failed=(patterns[0].id,),
            fails_session=True,
        ),
    )


def quiet_report(n_tests: int = 2000) -> Report:
    """Return a report without any pattern and without a gate."""
    table = table_with([_records()[row] for row in range(n_tests)])
    report = sample_report()
    return replace(
        report,
        session=replace(report.session, exitstatus=0, collected=n_tests),
        cooling=replace(report.cooling, not_tested=(), notes=()),
        metrics=MetricSummaries(table),
        table=table,
        patterns=(),
        gate=Gate(),
    )


def table_with(records: Sequence[dict[str, Any]]) -> MetricTable:
    """Build a table from copies of records."""
    return MetricTable.from_records(
        [dict(record, metrics=dict(record["metrics"])) for record in records]
    )


def small_report(
    nodeids: Sequence[str], patterns: Sequence[Pattern] = (), **changes: Any
) -> Report:
    """Return a report of a few tests with the given names, one metric and the given patterns."""
    table = table_with([{"nodeid": name, "metrics": {"duration": 0.5}} for name in nodeids])
    report = Report(
        version="0.1.0",
        session=SessionInfo(collected=len(nodeids)),
        cooling=CoolingInfo(seconds=0.01),
        metrics=MetricSummaries(table),
        table=table,
        patterns=tuple(patterns),
    )
    return replace(report, **changes)


def breaching(report: Report, count: int) -> Report:
    """Return the report with a failed gate over that many breaches of one budget."""
    names = report.table.nodeids[:count]
    breaches = tuple(
        BudgetBreach("duration.call <= 2s in tests/*", name, "duration.call", "s", 9.0 - i / 9, 2.0)
        for i, name in enumerate(names)
    )
    gate = Gate(
        budgets=("duration.call <= 2s in tests/*",),
        verdict="fail",
        breaches=breaches,
        fails_session=True,
    )
    return replace(report, gate=gate)
