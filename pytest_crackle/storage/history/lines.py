"""A run as one line of JSON: to carry a history to another machine or another program."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import KINDS, MetricInfo
from pytest_crackle.model.record import OUTCOMES
from pytest_crackle.model.table import MetricTable
from pytest_crackle.storage.history.facts import RunFacts

if TYPE_CHECKING:
    from pytest_crackle.storage.history.reading import History
    from pytest_crackle.storage.history.stored import StoredRun

__all__ = ["SCHEMA", "run_line", "run_of"]

SCHEMA: Final = "pytest-crackle/history/1"


def run_line(history: History, run: StoredRun) -> str:
    """Write a run as one line: tests and values side by side, null where a test has no value."""
    names = history.nodeids([run])
    metrics = {}
    for name, (unit, kind) in run.metrics.items():
        values = [None if math.isnan(value) else value for value in history.column(run, name)]
        metrics[name] = {"unit": unit, "kind": kind, "values": values}
    line = {
        "schema": SCHEMA,
        "run": {"number": run.number, **asdict(run.facts)},
        "tests": [names[test] for test in history.tests(run)],
        "outcomes": [OUTCOMES[code] for code in run.outcomes],
        "attempts": {str(row): list(some) for row, some in run.attempts.items()},
        "workers": list(run.workers),
        "seqs": list(run.seqs),
        "metrics": metrics,
    }
    return json.dumps(line, allow_nan=False, separators=(",", ":"))


def run_of(data: object, where: str) -> tuple[RunFacts, MetricTable]:
    """Reverse `run_line` for parsed JSON, which may come from anybody.

    Raises
    ------
    CrackleError
        ``where: reason``.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise CrackleError(f"{where}: not a run of schema {SCHEMA}")
    try:
        facts = RunFacts.from_object(data.get("run"))
        return facts, _table(data, has_workers=facts.mode != "no")
    except CrackleError as error:
        raise CrackleError(f"{where}: {error}") from None


def _table(data: dict[str, object], *, has_workers: bool) -> MetricTable:
    tests = _list(data, "tests", None)
    if len(set(map(str, tests))) != len(tests):
        raise CrackleError("tests: a node id stands twice")
    sides = [_list(data, key, len(tests)) for key in ("outcomes", "workers", "seqs")]
    columns, infos = _columns(data.get("metrics"), len(tests))
    records = [
        {
            "nodeid": nodeid,
            "outcome": outcome,
            "seq": seq,
            "worker": f"gw{worker}" if has_workers else None,
            "metrics": {
                name: values[row] for name, values in columns.items() if values[row] is not None
            },
        }
        for row, (nodeid, outcome, worker, seq) in enumerate(zip(tests, *sides, strict=True))
    ]
    table = MetricTable.from_records(records)
    table.infos.update(infos)
    table.retried.update(_attempts(data.get("attempts", {}), len(tests)))
    return table


def _list(data: dict[str, object], key: str, size: int | None) -> list[object]:
    values = data.get(key)
    if not isinstance(values, list):
        raise CrackleError(f"{key} must be a list, not {type(values).__name__}")
    if size is not None and len(values) != size:
        raise CrackleError(f"{key} has {len(values)} entries for {size} tests")
    return values


def _columns(
    metrics: object, n_tests: int
) -> tuple[dict[str, list[object]], dict[str, MetricInfo]]:
    if not isinstance(metrics, dict):
        raise CrackleError(f"metrics must be an object, not {type(metrics).__name__}")
    columns, infos = {}, {}
    for name, metric in metrics.items():
        if not isinstance(metric, dict):
            raise CrackleError(f"metrics.{name!a} must be an object")
        unit, kind = metric.get("unit", "1"), metric.get("kind", "value")
        if not isinstance(unit, str) or kind not in KINDS:
            raise CrackleError(f"metrics.{name!a}: unit is text, kind one of {', '.join(KINDS)}")
        columns[name] = _list(metric, "values", n_tests)
        infos[name] = MetricInfo(name, unit, kind)
    return columns, infos


def _attempts(data: object, n_tests: int) -> dict[int, tuple[str, ...]]:
    if not isinstance(data, dict):
        raise CrackleError(f"attempts must be an object, not {type(data).__name__}")
    out = {}
    for row, outcomes in data.items():
        is_row = row.isascii() and row.isdigit() and len(row) < 10 and int(row) < n_tests
        if (
            not is_row
            or not isinstance(outcomes, list)
            or not set(map(str, outcomes)) <= set(OUTCOMES)
        ):
            raise CrackleError(f"attempts.{row!a} must be a row with a list of outcomes")
        out[int(row)] = tuple(outcomes)
    return out
