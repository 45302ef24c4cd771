"""Which rules a session could not judge, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.gating.rules import ANY, KINDS
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.gating.rules import Rule
    from pytest_crackle.gating.verdict import GatePlan
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import CoolingInfo
    from pytest_crackle.model.table import MetricTable

__all__ = ["stopped", "unjudged"]

LEAST_TESTS: Final = 20
"""With fewer tests no level is looked at (detectors.md 4, T5), so no hypothesis means no look."""
_LEFT_OUT: Final = frozenset({"skipped", "error"})
_STATE: Final = "state"
"""The metric of patterns about interpreter state, which have no column."""


def _producers(
    rule: Rule, detectors: Sequence[str], kinds: Mapping[str, tuple[str, ...]]
) -> list[str]:
    """Those detectors that may give patterns of the rule's kind.

    Ours are named like their kinds, third parties' say which are theirs; classic may give any.
    """
    if rule.kind == ANY:
        return list(detectors)
    return [
        name
        for name in detectors
        if (rule.kind in kinds[name] if name in kinds else name == rule.kind or name not in KINDS)
    ]


def stopped(plan: GatePlan, cooling: CoolingInfo, faults: Sequence[str]) -> list[str]:
    """Return the faults of the cooling that kept a rule from being judged.

    Parameters
    ----------
    plan : GatePlan
    cooling : CoolingInfo
    faults : sequence of str
        Those of a detector, ``"detector NAME failed: ..."``, concern the rules that look to it;
        any other concerns all.

    Returns
    -------
    list of str
    """
    out = []
    for fault in faults:
        ours = [name for name in cooling.detectors if fault.startswith(f"detector {name} failed")]
        if any(
            not ours or ours[0] in _producers(rule, cooling.detectors, plan.kinds)
            for rule in plan.rules
        ):
            out.append(fault)
    return out


def unjudged(
    plan: GatePlan, table: MetricTable, cooling: CoolingInfo, patterns: Sequence[Pattern]
) -> tuple[str | None, ...]:
    """Return for each rule why it could not be judged, or None.

    Parameters
    ----------
    plan : GatePlan
    table : MetricTable
    cooling : CoolingInfo
    patterns : sequence of Pattern

    Returns
    -------
    tuple of str or None
        A clause each; None for a rule that could be judged.
    """
    nothing = _no_data(table)
    return tuple(
        nothing
        or _gap(rule, _producers(rule, cooling.detectors, plan.kinds), table, cooling, patterns)
        for rule in plan.rules
    )


def _no_data(table: MetricTable) -> str | None:
    if not table.n_tests:
        return "no test was recorded"
    if not table.columns:
        return "no metric was recorded"
    if all(outcome in _LEFT_OUT for outcome in table.outcomes):
        return f"{count_of(table.n_tests, 'test')}, all of them skipped or in error"
    return None


def _gap(
    rule: Rule,
    producers: Sequence[str],
    table: MetricTable,
    cooling: CoolingInfo,
    patterns: Sequence[Pattern],
) -> str | None:
    if not producers:
        return f"no detector that looks for {rule.kind} was chosen"
    if rule.metric and not any(map(rule.metric.matches, (*table.columns, _STATE))):
        return f"no metric that fits {rule.metric.text} was recorded"
    if patterns or cooling.hypotheses or table.n_tests >= LEAST_TESTS:
        return None
    untested = {one.detector: one.reason for one in reversed(cooling.not_tested)}
    if all(name in untested for name in producers):
        return f"too few tests ({untested[producers[0]]})"
    return None
