"""Which charts show which pattern; a pattern without a fitting chart has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.reporting.page.htmlbars import cost_bars, strip_chart
from pytest_crackle.reporting.page.htmlcourse import course_chart
from pytest_crackle.reporting.page.htmlruns import run_chart
from pytest_crackle.reporting.page.htmlscatter import fit_chart

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.reporting.page.chartdata import ChartData

__all__ = ["charts_of"]


def charts_of(data: ChartData, pattern: Pattern) -> list[str]:
    """Draw a pattern.

    Parameters
    ----------
    data : ChartData
    pattern : Pattern
        Of any kind and sub-kind.

    Returns
    -------
    list of str
        SVG elements; empty for a third party's kind, and where the metric was not recorded.
    """
    draw = _BY_KIND.get(pattern.kind)
    charts = draw(data, pattern) if draw is not None and pattern.metrics else []
    return [chart for chart in charts if chart]


def _transition(data: ChartData, pattern: Pattern) -> list[str]:
    if pattern.over_runs:
        return [course_chart(data, pattern)]
    if pattern.subkind != "state":
        return [run_chart(data, pattern, pattern.metrics[0], "")]
    # a state is no number: what it did to pace or to other threads is in the evidence, if it did
    causes = [
        name for name in ("pace", "background") if f"{name}.before_median" in pattern.evidence
    ]
    return [run_chart(data, pattern, name, f"{name}.") for name in causes]


def _clustering(data: ChartData, pattern: Pattern) -> list[str]:
    if pattern.subkind == "regime" and len(pattern.metrics) > 1:
        return [fit_chart(data, pattern)]
    return [cost_bars(data, pattern), strip_chart(data, pattern)]


def _conservation(data: ChartData, pattern: Pattern) -> list[str]:
    if pattern.subkind == "relation":
        return [fit_chart(data, pattern)]
    return [strip_chart(data, pattern)]


def _correlation(data: ChartData, pattern: Pattern) -> list[str]:
    return [fit_chart(data, pattern)] if len(pattern.metrics) > 1 else []


_BY_KIND: Final[dict[str, Callable[[ChartData, Pattern], list[str]]]] = {
    PatternKind.PHASE_TRANSITION: _transition,
    PatternKind.CLUSTERING: _clustering,
    PatternKind.CONSERVATION: _conservation,
    PatternKind.CORRELATION: _correlation,
}
