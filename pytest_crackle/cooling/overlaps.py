"""One cause, one line: which findings tell what another one tells already."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_crackle.cooling.detectors.base import Finding
    from pytest_crackle.cooling.suite import Suite

__all__ = ["without_repetitions"]

_HALF: Final = 0.5
_NEAR: Final = 5
"""Tests between two findings at the same place of the run (detectors.md 4, T3)."""

_Tells = dict[tuple[str, str], "Callable[[Suite, Finding, Finding], bool]"]


def without_repetitions(findings: Sequence[Finding], suite: Suite) -> dict[int, Finding]:
    """Drop each finding whose cause another one tells better.

    Parameters
    ----------
    findings : sequence of Finding
        Those that are significant.
    suite : Suite

    Returns
    -------
    dict of int to Finding
        Those that stay by their place in `findings`, in the order given. What was dropped is a
        line in `details` of the one that tells it.

    Notes
    -----
    ========  ==========================  ========================================
    dropped   told by                     if
    ========  ==========================  ========================================
    group     plateau of the same metric  they share half of the smaller one
    hot       plateau                     over half of its cost is that wait
    hot       driver                      over half of its cost is explained
    law       regime of the same metric   half of its tests; not if it is broken
    pair      relation                    both metrics take part in it
    cases     state, pace, background     within five tests of it in one process
    anything  its like of the same name   they share half of the smaller one
    ========  ==========================  ========================================

    Group and hot are told apart where they are found. O(findings^2) set intersections; the findings
    are few by then.
    """
    order = sorted(range(len(findings)), key=lambda i: _strength(findings[i], i))
    kept: list[int] = []
    told: dict[int, list[str]] = {}
    for index in order:
        finding = findings[index]
        teller = next((k for k in kept if _tells(suite, findings[k], finding)), None)
        if teller is None:
            kept.append(index)
        else:
            told.setdefault(teller, []).append(finding.summary)
    return {index: _with_details(findings[index], told.get(index, [])) for index in sorted(kept)}


def _with_details(finding: Finding, told: Sequence[str]) -> Finding:
    if not told:
        return finding
    return replace(finding, details=(*finding.details, *(f"Also: {text}" for text in told)))


# tellers come before what they tell
_RANKS: Final = {
    "state": 0,
    "pace": 1,
    "background": 1,
    "plateau": 2,
    "regime": 2,
    "relation": 2,
    "group": 3,
    "driver": 3,
    "hot": 4,
}


def _strength(finding: Finding, index: int) -> tuple[int, float, float, float, int]:
    rank = _RANKS.get(finding.subkind, 5)
    return (rank, -(finding.cost_seconds or 0.0), -finding.score, finding.log_p, index)


def _tells(suite: Suite, teller: Finding, finding: Finding) -> bool:
    """Whether `teller`, which comes first, leaves nothing for `finding` to tell."""
    if (teller.kind, teller.subkind) == (finding.kind, finding.subkind):
        same = teller.metrics == finding.metrics and teller.anchor == finding.anchor
        return same and _share_half(teller.rows, finding.rows)
    rule = _RULES.get((teller.subkind, finding.subkind))
    return rule is not None and rule(suite, teller, finding)


def _share_half(a: Sequence[int], b: Sequence[int]) -> bool:
    common = len(set(a).intersection(b))
    return common * 2 >= min(len(a), len(b))


def _same_tests(_: Suite, teller: Finding, finding: Finding) -> bool:
    return teller.metrics == finding.metrics and _share_half(teller.rows, finding.rows)


def _covers(suite: Suite, teller: Finding, finding: Finding) -> bool:
    """Whether most of the cost of a hot spot is what its tests spend in the phase of a plateau."""
    column = suite.column(teller.metrics[0])
    common = sorted(set(finding.rows).intersection(teller.rows))
    told = math.fsum(min(column[row], suite.steady[row]) for row in common)
    return told > _HALF * math.fsum(suite.steady[row] for row in finding.rows)


def _drives(suite: Suite, teller: Finding, finding: Finding) -> bool:
    """Whether a driver explains most of the cost of a hot spot, in its tests."""
    explained, cost = teller.cost_seconds or 0.0, finding.cost_seconds or 0.0
    common = sorted(set(finding.rows).intersection(teller.rows))
    within = math.fsum(suite.steady[row] for row in common)
    whole = math.fsum(suite.steady[row] for row in finding.rows)
    return explained > _HALF * cost and within > _HALF * whole


def _is_regime(_: Suite, teller: Finding, finding: Finding) -> bool:
    common = set(finding.rows).intersection(teller.rows)
    mostly = len(common) > _HALF * len(finding.rows)
    return mostly and not finding.exceptions and set(finding.metrics) <= set(teller.metrics)


def _is_within(_: Suite, teller: Finding, finding: Finding) -> bool:
    return set(finding.metrics) <= set(teller.metrics)


def _same_place(suite: Suite, teller: Finding, finding: Finding) -> bool:
    if teller.at is None or finding.at is None:
        return False
    workers, seqs = suite.table.workers, suite.table.seqs
    near = abs(seqs[teller.at] - seqs[finding.at]) <= _NEAR
    return near and workers[teller.at] == workers[finding.at]


_RULES: Final[_Tells] = {
    ("plateau", "group"): _same_tests,
    ("plateau", "hot"): _covers,
    ("driver", "hot"): _drives,
    ("regime", "law"): _is_regime,
    ("relation", "pair"): _is_within,
    ("state", "cases"): _same_place,
    ("pace", "cases"): _same_place,
    ("background", "cases"): _same_place,
}
