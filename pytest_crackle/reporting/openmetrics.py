"""OpenMetrics text: a few series about the whole suite, never one for each test."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.gateline import gate_fails

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_crackle.model.report import MetricSummary, Report

__all__ = ["render_openmetrics"]

_UNITS: Final = {"s": "seconds", "B": "bytes"}
_MOST_METRICS: Final = 200

Sample = tuple["Mapping[str, str]", float]


def render_openmetrics(report: Report) -> str:
    """Write OpenMetrics text.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
        Ends with ``# EOF``. Values have two significant digits where they vary from run to run,
        because GitLab compares them as strings.

    Notes
    -----
    Tests are never labels: a series for each would be too many. Metrics are, the first 200.

    References
    ----------
    OpenMetrics 1.0, text format: https://prometheus.io/docs/specs/om/open_metrics_spec/
    """
    kinds = Counter((str(p.kind), "accepted" if p.accepted else p.level) for p in report.patterns)
    lines = _family("crackle_tests", "Tests that were measured.", [({}, report.table.n_tests)])
    lines += _family(
        "crackle_patterns",
        "Patterns across tests by kind and level.",
        [({"kind": kind, "level": level}, n) for (kind, level), n in sorted(kinds.items())],
    )
    lines += _family(
        "crackle_gate_failed",
        "Whether the gate fails the session.",
        [({}, float(gate_fails(report)))],
    )
    lines += _family(
        "crackle_complete",
        "Whether all collected tests finished.",
        [({}, float(report.session.complete))],
    )
    metrics = report.metrics[:_MOST_METRICS]
    for unit in sorted({_UNITS.get(metric.unit, "") for metric in metrics}):
        some = [metric for metric in metrics if _UNITS.get(metric.unit, "") == unit]
        lines += _of_unit(some, unit)
    return "".join(f"{line}\n" for line in [*lines, "# EOF"])


def _of_unit(metrics: Sequence[MetricSummary], unit: str) -> list[str]:
    medians = [({"metric": metric.name}, _rounded(metric.median)) for metric in metrics]
    lines = _family("crackle_metric_median", "Median over the tests.", medians, unit)
    # the sum of a level over tests means nothing
    spent = [metric for metric in metrics if metric.kind != "level"]
    totals = [({"metric": metric.name}, _rounded(metric.total)) for metric in spent]
    return lines + _family("crackle_metric_suite", "Sum over the tests.", totals, unit)


def _family(name: str, text: str, samples: Iterable[Sample], unit: str = "") -> list[str]:
    found = [(labels, value) for labels, value in samples if math.isfinite(value)]
    if not found:
        return []
    name = f"{name}_{unit}" if unit else name
    lines = [f"# TYPE {name} gauge"]
    lines += [f"# UNIT {name} {unit}"] if unit else []
    lines.append(f"# HELP {name} {text}")
    return [*lines, *(f"{name}{_labels(labels)} {_shown(value)}" for labels, value in found)]


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')


def _rounded(value: float) -> float:
    return float(f"{value:.1e}") if math.isfinite(value) else value


def _shown(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
