"""The JSON report read back, from anybody: every key checked, unknown ones ignored."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, get_args

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import BUILTIN, KINDS, MetricInfo
from pytest_crackle.model.pattern import Explanation, Level, Location, Pattern, RunValue
from pytest_crackle.model.record import check_record
from pytest_crackle.model.report import (
    BudgetBreach,
    CoolingInfo,
    Gate,
    MetricSummary,
    NotTested,
    Report,
    SessionInfo,
    Verdict,
    WorkerInfo,
)
from pytest_crackle.model.table import MetricTable, TableBuilder
from pytest_crackle.reporting.jsonobject import JsonObject, name_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["SCHEMA", "from_json"]

FAMILY: Final = "pytest-crackle/report/"
MAJOR: Final = "1"
SCHEMA: Final = FAMILY + MAJOR
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
VERDICTS: Final[tuple[Verdict, ...]] = get_args(Verdict)


def from_json(data: object) -> Report:
    """Read a JSON report.

    Parameters
    ----------
    data : object
        As a JSON parser gives it.

    Returns
    -------
    Report
        What is missing has its default; of the tests only what the report holds of them.

    Raises
    ------
    CrackleError
        In one line, naming the key, for anything that is no such report.

    Notes
    -----
    O(tests x metrics).
    """
    if not isinstance(data, dict):
        raise CrackleError(f"a report must be an object, not {name_of(data)}")
    whole = JsonObject(data, "")
    _check_schema(whole)
    session = _session(whole.object("session"))
    metrics = tuple(_metrics(whole))
    return Report(
        version=whole.object("tool").text_or("version", ""),
        session=session,
        cooling=_cooling(whole.object("cooling")),
        metrics=metrics,
        table=_table(whole, metrics, per_worker=session.dist == "each"),
        patterns=tuple(_pattern(entry) for entry in whole.objects("patterns")),
        gate=_gate(whole.object("gate")),
        faults=whole.texts("faults"),
        removable=whole.texts("removable"),
    )


def _check_schema(whole: JsonObject) -> None:
    schema = whole.text("schema")
    if schema is None or not schema.startswith(FAMILY):
        raise CrackleError(f"schema: {shown(schema)} is not {SCHEMA}")
    if schema.removeprefix(FAMILY).split(".")[0] != MAJOR:
        raise CrackleError(
            f"schema: {shown(schema)} was written by another version; this one reads {MAJOR}"
        )


def _session(entry: JsonObject) -> SessionInfo:
    return SessionInfo(
        started=entry.text("started"),
        duration=entry.number_or("duration", 0.0),
        exitstatus=entry.integer("exitstatus") or 0,
        complete=entry.flag("complete", default=True),
        incomplete_because=entry.text("incomplete_because"),
        partial_because=entry.text("partial_because"),
        python=entry.text("python"),
        pytest=entry.text("pytest"),
        platform=entry.text("platform"),
        dist=entry.text_or("dist", "no"),
        collected=entry.integer("collected"),
        environment=entry.text("environment"),
        commit=entry.text("commit"),
        branch=entry.text("branch"),
        dirty=entry.flag("dirty", default=False),
        workers=tuple(
            WorkerInfo(
                id=worker.required("id"),
                pid=worker.integer("pid"),
                host=worker.text("host"),
                python=worker.text("python"),
                tests=worker.integer("tests") or 0,
                crashed=worker.flag("crashed", default=False),
                machine=worker.text("machine"),
            )
            for worker in entry.objects("workers")
        ),
    )


def _cooling(entry: JsonObject) -> CoolingInfo:
    return CoolingInfo(
        rate=entry.text_or("rate", "normal"),
        detectors=entry.texts("detectors"),
        hypotheses=entry.integer("hypotheses") or 0,
        seconds=entry.number_or("seconds", 0.0),
        not_tested=tuple(
            NotTested(
                detector=one.required("detector"),
                metric=one.text_or("metric", "*"),
                reason=one.required("reason"),
            )
            for one in entry.objects("not_tested")
        ),
        notes=entry.texts("notes"),
    )


def _metrics(whole: JsonObject) -> Iterator[MetricSummary]:
    entries = whole.object("metrics")
    for name in sorted(entries.data):
        entry = entries.object(name)
        yield MetricSummary(
            name=name,
            unit=entry.text_or("unit", "1"),
            kind=entry.one_of("kind", KINDS, "value"),
            tests=entry.integer("tests") or 0,
            total=entry.number_or("total", 0.0),
            median=entry.number_or("median", 0.0),
        )


def _table(whole: JsonObject, metrics: Sequence[MetricSummary], *, per_worker: bool) -> MetricTable:
    builder = TableBuilder(per_worker=per_worker)
    for place, test in enumerate(whole.list("tests")):
        try:
            builder.add(check_record(test))
        except CrackleError as error:
            raise CrackleError(f"tests[{place}]: {error}") from None
    table = builder.table()
    for metric in metrics:
        kind = next(kind for kind in KINDS if kind == metric.kind)
        builtin = metric.name in BUILTIN
        table.infos[metric.name] = MetricInfo(metric.name, metric.unit, kind, builtin=builtin)
    return table


def _pattern(entry: JsonObject) -> Pattern:
    location, explained = entry.maybe("location"), entry.maybe("explained_by")
    log_p = entry.number("log_p_value")
    return Pattern(
        kind=entry.required("kind"),
        subkind=entry.text_or("subkind", ""),
        id=entry.required("id"),
        summary=entry.required("summary"),
        metrics=entry.texts("metrics"),
        tests=entry.texts("tests"),
        confidence=entry.number_or("confidence", 0.0),
        p_value=entry.number_or("p_value", 0.0),
        q_value=entry.number_or("q_value", 0.0),
        # null is minus infinity; where the key is missing, p is all that is known
        log_p_value=_log_p(entry) if log_p is None else log_p,
        gate_p=entry.number("gate_p"),
        evidence=entry.numbers("evidence"),
        at=entry.text("at"),
        location=None
        if location is None
        else Location(location.required("file"), location.integer("line")),
        exceptions=entry.texts("exceptions"),
        explained_by=None if explained is None else _explanation(explained),
        cost_seconds=entry.number("cost_seconds"),
        level=entry.one_of("level", LEVELS, "note"),
        gateable=entry.flag("gateable", default=True),
        accepted=entry.flag("accepted", default=False),
        details=entry.texts("details"),
        over_runs=tuple(
            RunValue(
                one.integer("run"), one.number_or("value", 0.0), one.flag("after", default=False)
            )
            for one in entry.objects("over_runs")
        ),
    )


def _log_p(entry: JsonObject) -> float:
    p = entry.number("p_value")
    if "log_p_value" in entry.data or p == 0:
        return -math.inf
    return math.log(p) if p is not None and 0 < p <= 1 else 0.0


def _explanation(entry: JsonObject) -> Explanation:
    numbers = {name: entry.number(name) for name in ("precision", "recall", "lift")}
    return Explanation(
        type=entry.required("type"),
        name=entry.required("name"),
        **{name: value for name, value in numbers.items() if value is not None},
    )


def _gate(entry: JsonObject) -> Gate:
    return Gate(
        rules=entry.texts("rules"),
        budgets=entry.texts("budgets"),
        verdict=entry.one_of("verdict", VERDICTS, "none"),
        failed=entry.texts("failed"),
        breaches=tuple(
            BudgetBreach(
                budget=breach.required("budget"),
                subject=breach.required("subject"),
                metric=breach.required("metric"),
                unit=breach.text_or("unit", "1"),
                value=breach.number_or("value", 0.0),
                limit=breach.number_or("limit", 0.0),
            )
            for breach in entry.objects("breaches")
        ),
        reason=entry.text("reason"),
        dry_run=entry.flag("dry_run", default=False),
        fails_session=entry.flag("fails_session", default=False),
        worse=entry.texts("worse"),
        expired=entry.texts("expired"),
        notes=entry.texts("notes"),
    )
