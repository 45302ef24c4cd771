"""A pattern's figures in words: kind, effect, q-value, confidence, what its tests share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import format_percent, format_value

if TYPE_CHECKING:
    from pytest_crackle.model.pattern import Explanation, Pattern
    from pytest_crackle.model.report import Report

__all__ = [
    "LABELS",
    "confidence_text",
    "effect_text",
    "explanation_text",
    "kind_name",
    "metric_value",
    "q_text",
]

LABELS: Final = {"fail": "FAIL", "warn": "WARN", "note": "note", "notice": "hint"}
"""What stands before a headline, by level; four characters each."""

_KINDS: Final[dict[str, str]] = {
    PatternKind.PHASE_TRANSITION: "phase transition",
    PatternKind.CONSERVATION: "conservation law",
}
_SMALLEST_Q: Final = 1e-9
_TIMES: Final = frozenset({"s"})


def kind_name(kind: str) -> str:
    """Return the name of a kind as people know it; a third party's kind is its own name."""
    return _KINDS.get(kind, str(kind))


def metric_value(report: Report, metric: str, value: float) -> str:
    """Write a value in the unit of its metric."""
    return format_value(value, report.table.info(metric).unit)


def effect_text(report: Report, pattern: Pattern) -> str:
    """Return the one figure that says how large a pattern is; empty if it has none.

    Kept bytes or units of a leak, the factor or difference of a shift, the value of a law, the rank
    correlation, else the seconds that it concerns.
    """
    metric = pattern.metrics[0] if pattern.metrics else ""
    facts = pattern.evidence
    if "kept" in facts:
        return _signed(metric_value(report, metric, facts["kept"]))
    if pattern.kind == PatternKind.PHASE_TRANSITION and "before_median" in facts:
        return _shift(report, metric, facts["before_median"], facts.get("after_median", math.nan))
    if pattern.kind == PatternKind.CONSERVATION and "value" in facts:
        return metric_value(report, metric, facts["value"])
    if pattern.kind == PatternKind.CORRELATION and "correlation" in facts:
        return f"rho {facts['correlation']:.2f}"
    if pattern.cost_seconds is not None:
        return format_value(pattern.cost_seconds, "s")
    return ""


def _shift(report: Report, metric: str, before: float, after: float) -> str:
    if report.table.info(metric).unit in _TIMES and before > 0 and after > 0:
        ratio = after / before
        return f"{ratio:.0f}x" if ratio >= 9.95 else f"{ratio:.2g}x"
    if math.isfinite(after - before):
        return _signed(metric_value(report, metric, after - before))
    return ""


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def q_text(pattern: Pattern) -> str:
    """Return the q-value: "fact" for what needs none, "-" where nothing was tested."""
    if pattern.log_p_value == -math.inf:
        return "fact"
    if pattern.log_p_value == 0:
        return "-"
    if pattern.q_value < _SMALLEST_Q:
        return "<1e-9"
    if pattern.q_value < 0.01:
        return f"{pattern.q_value:.0e}".replace("e-0", "e-")
    return f"{pattern.q_value:.2f}"


def confidence_text(confidence: float) -> str:
    """Return a confidence rounded down to 5 %, at most 95 %, and not below half.

    Notes
    -----
    On simulated tables claims of .85 and more came back in .99 of reruns, low claims were too low
    (detectors.md 2): hence the floor in words, and no more digits than that supports.
    """
    if confidence < 0.5:
        return "under 50 %"
    return f"{min(95, 5 * math.floor(20 * confidence + 1e-9))} %"


def explanation_text(explanation: Explanation) -> str:
    """Say what the tests of a pattern share."""
    recall, precision = explanation.recall, explanation.precision
    whose = "all of these tests" if recall >= 1 else f"{format_percent(recall)} of these tests"
    rest = ", and no others" if precision >= 1 else f" ({format_percent(precision)} of its tests)"
    return f"{explanation.type} {explanation.name}: {whose}{rest}"
