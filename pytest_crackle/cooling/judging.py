"""Which findings are worth a line, how loud, and in which order."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.multiplicity import benjamini_hochberg, holm
from pytest_crackle.model.pattern import PatternKind, pattern_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_crackle.cooling.detectors.base import Detection, Finding
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.model.pattern import Level

__all__ = [
    "MOST_OF_A_SUBKIND",
    "UNTESTED",
    "Judged",
    "dearest",
    "hypotheses_of",
    "ids_of",
    "judge",
    "level_of",
    "order_of",
]

MOST_OF_A_SUBKIND: Final = 5
UNTESTED: Final = frozenset({"classic"})
"""Sub-kinds without any test of significance: the reference's rules, told as they are and all."""

_ACTIONABLE: Final = frozenset(
    {"state", "jump", "leak", "pace", "plateau", "broken", "slower", "onward", "count", "flips"}
)
_LEVELS: Final = ("fail", "warn", "note", "notice")


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding with what the session's other hypotheses make of it.

    Attributes
    ----------
    finding : Finding
    log_q : float
        Natural logarithm of its q-value; minus infinity for a fact.
    gate_p : float or None
        Of a shift: Holm's adjusted p-value.
    confidence : float
        0 until the replicas have been asked.
    told : bool
        Whether it is among the dearest of its sub-kind.
    """

    finding: Finding
    log_q: float
    gate_p: float | None = None
    confidence: float = 0.0
    told: bool = True


def hypotheses_of(detection: Detection) -> int:
    """Return how many hypotheses a detector tested, at least one for each inference it found."""
    return max(detection.hypotheses, sum(not finding.exact for finding in detection.findings))


def judge(detections: Iterable[Detection], profile: Profile) -> list[Judged]:
    """Keep the facts and what is significant among all hypotheses of the session.

    Parameters
    ----------
    detections : iterable of Detection
    profile : Profile
        Its q is the false discovery rate over the hypotheses of all detections together.

    Returns
    -------
    list of Judged
        Facts first, then inferences in the order of the detections.
    """
    open_findings: list[Finding] = []
    gate_ps: list[float | None] = []
    facts: list[Judged] = []
    hypotheses = 0
    for detection in detections:
        hypotheses += hypotheses_of(detection)
        inferred = [finding for finding in detection.findings if not finding.exact]
        facts += [Judged(finding, -math.inf) for finding in detection.findings if finding.exact]
        open_findings += inferred
        gate_ps += _gate_ps(inferred, hypotheses_of(detection))
    log_qs = benjamini_hochberg([finding.log_p for finding in open_findings], hypotheses)
    found = [
        Judged(*one)
        for one in zip(open_findings, log_qs, gate_ps, strict=True)
        if one[1] <= math.log(profile.q)
    ]
    return facts + found


def _gate_ps(findings: Sequence[Finding], hypotheses: int) -> list[float | None]:
    """Holm's adjusted p-value of each shift; None for what is no shift."""
    shifts = [f.kind == PatternKind.PHASE_TRANSITION for f in findings]
    adjusted = holm([finding.log_p for finding in findings], hypotheses)
    return [math.exp(p) if shift else None for p, shift in zip(adjusted, shifts, strict=True)]


def dearest(judged: Iterable[Judged]) -> tuple[list[Judged], dict[tuple[str, str], int]]:
    """Mark the dearest few of each sub-kind as those that are told; count the others.

    Parameters
    ----------
    judged : iterable of Judged

    Returns
    -------
    list of Judged
        All; `told` for at most five of a kind and sub-kind, by cost, then score, then q-value.
    dict of (kind, sub-kind) to int
        How many more there were.
    """
    kept: list[Judged] = []
    taken: dict[tuple[str, str], int] = {}
    for one in sorted(judged, key=_worth):
        finding = one.finding
        key = (finding.kind, finding.subkind)
        taken[key] = taken.get(key, 0) + 1
        told = taken[key] <= MOST_OF_A_SUBKIND or finding.subkind in UNTESTED
        kept.append(replace(one, told=told))
    more = {
        key: count - MOST_OF_A_SUBKIND
        for key, count in sorted(taken.items())
        if count > MOST_OF_A_SUBKIND and key[1] not in UNTESTED
    }
    return kept, more


def _worth(one: Judged) -> tuple[float, float, float, tuple[object, ...]]:
    f = one.finding
    return (-(f.cost_seconds or 0.0), -f.score, one.log_q, _identity(f))


def _identity(finding: Finding) -> tuple[object, ...]:
    at = -1 if finding.at is None else finding.at
    names = (finding.kind, finding.subkind, tuple(sorted(finding.metrics)), finding.anchor)
    return (*names, at, finding.rows)


def level_of(finding: Finding) -> Level:
    """Return "warn" for what is to be acted on, "note" or "notice" for the rest."""
    if finding.notice:
        return "notice"
    if not finding.gateable:
        return "note"  # what a gate cannot fail on is nothing to act on for sure
    broken = finding.kind == PatternKind.CONSERVATION and finding.exceptions
    return "warn" if broken or finding.subkind in _ACTIONABLE else "note"


def order_of(one: Judged) -> tuple[object, ...]:
    """Sort by this for the order in which patterns are told: level, cost, q-value, size."""
    f = one.finding
    level = _LEVELS.index(level_of(f))
    return (level, -(f.cost_seconds or 0.0), one.log_q, -one.confidence, -len(f.rows), _identity(f))


def ids_of(findings: Sequence[Finding]) -> list[str]:
    """Make the stable id of each; of those whose digits collide all but the first get a suffix."""
    ids = [""] * len(findings)
    taken: dict[str, int] = {}
    for index in sorted(range(len(findings)), key=lambda i: _identity(findings[i])):
        finding = findings[index]
        metrics = finding.metrics if finding.id_metrics is None else finding.id_metrics
        name = pattern_id(finding.kind, finding.subkind, metrics, finding.anchor)
        taken[name] = taken.get(name, 0) + 1
        ids[index] = name if taken[name] == 1 else f"{name}-{taken[name]}"
    return ids
