"""The JSON report: fields chosen one by one, base units, strict JSON in ASCII."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.reporting.jsonread import SCHEMA, from_json

if TYPE_CHECKING:
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import CoolingInfo, Gate, MetricSummary, Report, SessionInfo
    from pytest_crackle.model.table import MetricTable

__all__ = ["SCHEMA", "dumps", "from_json", "to_json"]

_ONE_A_LINE: Final = frozenset({"tests", "patterns"})

# bound at import: a test may leave json.dumps patched
_encode = json.JSONEncoder(allow_nan=False, check_circular=False).encode


def to_json(report: Report) -> dict[str, object]:
    """Choose what goes into the JSON report.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict
        Of built-in types; never NaN or infinity: null, or left out of mappings of numbers.

    Notes
    -----
    O(tests x metrics).
    """
    return {
        "schema": SCHEMA,
        "tool": {"name": "pytest-crackle", "version": report.version},
        "session": _session(report.session),
        "cooling": _cooling(report.cooling),
        "metrics": {metric.name: _metric(metric) for metric in report.metrics},
        "tests": _tests(report.table),
        "patterns": [_pattern(pattern) for pattern in report.patterns],
        "gate": _gate(report.gate),
        "removable": list(report.removable),
        "faults": list(report.faults),
    }


def dumps(report: Report) -> str:
    """Write the JSON report, one line for each test and pattern, so that it can be compared.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        ASCII, with a newline at the end.
    """
    entries = []
    for key, value in to_json(report).items():
        if key in _ONE_A_LINE and isinstance(value, list) and value:
            text = "[\n  " + ",\n  ".join(map(_encode, value)) + "\n ]"
        else:
            text = _encode(value)
        entries.append(f' "{key}": {text}')
    return "{\n" + ",\n".join(entries) + "\n}\n"


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _session(session: SessionInfo) -> dict[str, object]:
    return {
        "started": session.started,
        "duration": _number(session.duration),
        "exitstatus": session.exitstatus,
        "complete": session.complete,
        "incomplete_because": session.incomplete_because,
        "partial_because": session.partial_because,
        "python": session.python,
        "pytest": session.pytest,
        "platform": session.platform,
        "dist": session.dist,
        "environment": session.environment,
        "commit": session.commit,
        "branch": session.branch,
        "dirty": session.dirty,
        "collected": session.collected,
        "workers": [
            {
                "id": worker.id,
                "pid": worker.pid,
                "host": worker.host,
                "python": worker.python,
                "tests": worker.tests,
                "crashed": worker.crashed,
                **({"machine": worker.machine} if worker.machine else {}),
            }
            for worker in session.workers
        ],
    }


def _cooling(cooling: CoolingInfo) -> dict[str, object]:
    return {
        "rate": cooling.rate,
        "detectors": list(cooling.detectors),
        "hypotheses": cooling.hypotheses,
        "seconds": _number(cooling.seconds),
        "not_tested": [
            {"detector": entry.detector, "metric": entry.metric, "reason": entry.reason}
            for entry in cooling.not_tested
        ],
        "notes": list(cooling.notes),
    }


def _metric(metric: MetricSummary) -> dict[str, object]:
    return {
        "unit": metric.unit,
        "kind": metric.kind,
        "tests": metric.tests,
        "total": _number(metric.total),
        "median": _number(metric.median),
    }


def _tests(table: MetricTable) -> list[dict[str, object]]:
    return [
        {
            "nodeid": table.nodeids[row],
            "index": table.indexes[row],
            "seq": table.seqs[row],
            "outcome": table.outcomes[row],
            "attempt": table.attempts[row],
            "worker": table.workers[row],
            "file": table.files[row],
            "line": table.lines[row],
            "metrics": {
                name: value for name, value in table.metrics_of(row).items() if math.isfinite(value)
            },
        }
        for row in range(table.n_tests)
    ]


def _pattern(pattern: Pattern) -> dict[str, object]:
    location, explained = pattern.location, pattern.explained_by
    return {
        "id": pattern.id,
        "kind": str(pattern.kind),
        "subkind": pattern.subkind,
        "summary": pattern.summary,
        "level": pattern.level,
        "accepted": pattern.accepted,
        "gateable": pattern.gateable,
        "confidence": _number(pattern.confidence),
        "p_value": _number(pattern.p_value),
        "q_value": _number(pattern.q_value),
        "log_p_value": _number(pattern.log_p_value),
        "gate_p": _number(pattern.gate_p),
        "metrics": list(pattern.metrics),
        "tests": list(pattern.tests),
        "test_count": len(pattern.tests),
        "at": pattern.at,
        "location": location and {"file": location.file, "line": location.line},
        "exceptions": list(pattern.exceptions),
        "explained_by": explained
        and {
            "type": explained.type,
            "name": explained.name,
            "precision": _number(explained.precision),
            "recall": _number(explained.recall),
            "lift": _number(explained.lift),
        },
        "cost_seconds": _number(pattern.cost_seconds),
        "evidence": {
            name: value for name, value in pattern.evidence.items() if math.isfinite(value)
        },
        "details": list(pattern.details),
        **_over_runs(pattern),
    }


def _over_runs(pattern: Pattern) -> dict[str, object]:
    if not pattern.over_runs:
        return {}
    values = [
        {"run": one.run, "value": _number(one.value), "after": one.is_after}
        for one in pattern.over_runs
    ]
    return {"over_runs": values}


def _gate(gate: Gate) -> dict[str, object]:
    return {
        "rules": list(gate.rules),
        "budgets": list(gate.budgets),
        "verdict": gate.verdict,
        "failed": list(gate.failed),
        "breaches": [
            {
                "budget": breach.budget,
                "subject": breach.subject,
                "metric": breach.metric,
                "unit": breach.unit,
                "value": _number(breach.value),
                "limit": _number(breach.limit),
            }
            for breach in gate.breaches
        ],
        "reason": gate.reason,
        "dry_run": gate.dry_run,
        "fails_session": gate.fails_session,
        "worse": list(gate.worse),
        "expired": list(gate.expired),
        "notes": list(gate.notes),
    }
