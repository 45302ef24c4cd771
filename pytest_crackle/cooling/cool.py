"""The cooling: run the detectors over the finished session and say what is worth a line."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_crackle.cooling.by_machine import apart, speed_note
from pytest_crackle.cooling.confidence import replicate
from pytest_crackle.cooling.detectors import registry
from pytest_crackle.cooling.judging import (
    UNTESTED,
    Judged,
    dearest,
    hypotheses_of,
    ids_of,
    judge,
    level_of,
    order_of,
)
from pytest_crackle.cooling.overlaps import without_repetitions
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.pattern import Location, Pattern
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pytest_crackle.cooling.detectors.base import Detection, Detector, Finding
    from pytest_crackle.model.past import Past
    from pytest_crackle.model.table import MetricTable

__all__ = ["Cooling", "cool"]


@dataclass(frozen=True, slots=True)
class Cooling:
    """What a session shows when it has cooled.

    Attributes
    ----------
    patterns : tuple of Pattern
        In the order in which they are told: at most five of a sub-kind.
    surplus : tuple of Pattern
        Those beyond the five, which only a gate looks at: accepted ones must not hide them.
    hypotheses : int
        All that were tested, found or not.
    detectors : tuple of str
        Names of those that ran, in their order.
    not_tested : tuple of NotTested
    notes : tuple of str
        Facts worth a line that are no patterns.
    faults : tuple of str
        Our own faults and those of third parties' detectors, a sentence each.
    errors : tuple of Exception
        The exceptions behind the faults, for the traceback in the most verbose report.
    """

    patterns: tuple[Pattern, ...] = ()
    surplus: tuple[Pattern, ...] = ()
    hypotheses: int = 0
    detectors: tuple[str, ...] = ()
    not_tested: tuple[NotTested, ...] = ()
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    errors: tuple[Exception, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return "\n".join([*map(str, self.patterns), *self.faults]) or "no patterns"


class _Faults:
    """Faults so far, with their exceptions."""

    def __init__(self) -> None:
        self.sentences: list[str] = []
        self.errors: list[Exception] = []

    def add(self, what: str, error: Exception) -> None:
        """Note that something failed."""
        text = " ".join(str(error).split())[:200]
        self.sentences.append(f"{what} failed: {type(error).__name__}{': ' if text else ''}{text}")
        self.errors.append(error)


def cool(
    table: MetricTable,
    profile: Profile | None = None,
    detectors: Sequence[Detector] | None = None,
    past: Past | None = None,
) -> Cooling:
    """Look across all tests of a finished session for patterns that no single test shows.

    Parameters
    ----------
    table : MetricTable
        Any table, also an empty one.
    profile : Profile, optional
        The normal one if not given.
    detectors : sequence of Detector, optional
        Of your own, or of others; the four default ones if not given.
    past : Past, optional
        Past runs of the same suite, which the detector "history" compares with.

    Returns
    -------
    Cooling

    Raises
    ------
    TypeError
        If what is given is no table or no profile.

    Notes
    -----
    Raises nothing else: a detector that does becomes a sentence in `faults`, the others go on.
    Findings compete under one false discovery rate over all hypotheses of the session, facts
    excepted; then one cause is told once, at most five of a sub-kind are kept, dearest first, and
    each gets its confidence. Shifts carry Holm's adjusted p-value, over the hypotheses of their
    detector, for the gate (`gate_p`); one above the profile's alpha is told but cannot fail a gate.
    Beyond the detectors' own cost: O(findings^2 + replicas).

    Examples
    --------
    >>> from pytest_crackle import MetricTable
    >>> cool(MetricTable.from_records([])).patterns
    ()
    """
    profile = Profile.normal() if profile is None else profile
    _check_types(table, profile)
    faults = _Faults()
    try:
        chosen = registry.resolve() if detectors is None else tuple(detectors)
        suite = Suite(table, past)
        detections = _detect(suite, profile, chosen, faults)
        return _told(suite, profile, chosen, detections, faults)
    except Exception as error:  # noqa: BLE001 - a fault of ours must not cost the session its report
        faults.add("the cooling", error)
        return Cooling(faults=tuple(faults.sentences), errors=tuple(faults.errors))


def _check_types(table: object, profile: object) -> None:
    """Refuse what a script might give by mistake, before it becomes a fault of every detector."""
    # by what they can do: a test that runs pytest within pytest may have loaded the classes anew
    if not hasattr(table, "run_orders"):
        raise TypeError(
            f"table must be a MetricTable (MetricTable.from_records), not {table!a:.50}"
        )
    if not hasattr(profile, "least_cost"):
        raise TypeError(f"profile must be a Profile (Profile.of), not {profile!a:.50}")


def _detect(
    suite: Suite, profile: Profile, detectors: Sequence[Detector], faults: _Faults
) -> dict[str, Detection]:
    detections: dict[str, Detection] = {}
    for detector in detectors:
        try:
            if getattr(detector, "in_run_order", False):
                detection = apart(detector, suite, profile)
            else:
                detection = detector.detect(suite, profile)
            sound = tuple(f for f in detection.findings if _is_sound(f, suite, faults))
            detections[_name(detector)] = replace(detection, findings=sound)
        except Exception as error:  # noqa: BLE001 - the other detectors go on
            faults.add(f"detector {_name(detector)}", error)
    return detections


def _is_sound(finding: Finding, suite: Suite, faults: _Faults) -> bool:
    """Whether a finding can be told; if not, that is a fault of its detector."""
    try:
        _check(finding, suite.n_tests)
    except (TypeError, ValueError) as error:
        faults.add(f"a finding of sub-kind {finding.subkind}", error)
        return False
    return True


def _check(finding: Finding, n_tests: int) -> None:
    """Refuse what would make an untrue line.

    Raises
    ------
    ValueError
        Naming what is wrong.
    """
    rows = [*finding.rows, *finding.exceptions, *([] if finding.at is None else [finding.at])]
    if any(not 0 <= row < n_tests for row in rows):
        raise ValueError("a row outside the table")
    if not finding.log_p <= 0:
        raise ValueError(f"ln p = {finding.log_p}")
    numbers = [*finding.evidence.values(), finding.cost_seconds or 0.0, finding.confidence or 0.0]
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("a number that is not finite")


def _told(
    suite: Suite,
    profile: Profile,
    detectors: Sequence[Detector],
    detections: Mapping[str, Detection],
    faults: _Faults,
) -> Cooling:
    judged = judge(detections.values(), profile)
    # what a rerun must reach: the threshold of the false discovery rate in this session
    hypotheses = sum(hypotheses_of(detection) for detection in detections.values())
    n_found = sum(not one.finding.exact for one in judged)
    log_limit = math.log(profile.q * max(1, n_found) / max(1, hypotheses))
    single = without_repetitions([one.finding for one in judged], suite.even)
    judged = [replace(judged[index], finding=finding) for index, finding in single.items()]
    judged, more = dearest(judged)
    judged = _with_confidence(judged, suite, log_limit, faults)
    judged.sort(key=order_of)
    ids = ids_of([one.finding for one in judged])
    pairs = list(zip(judged, ids, strict=True))
    return Cooling(
        patterns=tuple(_pattern(one, name, suite, profile) for one, name in pairs if one.told),
        surplus=tuple(_pattern(one, name, suite, profile) for one, name in pairs if not one.told),
        hypotheses=hypotheses,
        detectors=tuple(_name(detector) for detector in detectors),
        not_tested=_not_tested(suite, profile, detections),
        notes=_notes(suite, detections.values(), more),
        faults=tuple(faults.sentences),
        errors=tuple(faults.errors),
    )


def _with_confidence(
    judged: Sequence[Judged], suite: Suite, log_limit: float, faults: _Faults
) -> list[Judged]:
    findings = [one.finding for one in judged]
    replications = replicate(findings, [one.log_q for one in judged], suite, log_limit)
    out = []
    for one, replication in zip(judged, replications, strict=True):
        if replication.error is not None:
            faults.add(f"the recheck of a {one.finding.subkind}", replication.error)
        out.append(replace(one, confidence=replication.confidence))
    return out


def _pattern(one: Judged, name: str, suite: Suite, profile: Profile) -> Pattern:
    finding, nodeids = one.finding, suite.table.nodeids
    log_p, log_q = finding.log_p, one.log_q
    if finding.exact:
        # a fact has no p-value to speak of; neither have the reference's rules, for other reasons
        log_p = log_q = 0.0 if finding.subkind in UNTESTED else -math.inf
    return Pattern(
        kind=str(finding.kind),
        subkind=finding.subkind,
        summary=finding.summary,
        metrics=finding.metrics,
        tests=tuple(dict.fromkeys(nodeids[row] for row in finding.rows)),
        confidence=one.confidence,
        id=name,
        p_value=math.exp(log_p),
        q_value=math.exp(log_q),
        log_p_value=log_p,
        gate_p=one.gate_p,
        evidence=dict(finding.evidence),
        at=None if finding.at is None else nodeids[finding.at],
        location=_location(finding, suite.table),
        exceptions=tuple(dict.fromkeys(nodeids[row] for row in finding.exceptions)),
        explained_by=finding.explained_by,
        cost_seconds=finding.cost_seconds,
        level=level_of(finding),
        gateable=finding.gateable and (one.gate_p is None or one.gate_p <= profile.alpha),
        details=finding.details,
        over_runs=finding.over_runs,
    )


def _location(finding: Finding, table: MetricTable) -> Location | None:
    """Where to look first: where it begins, what breaks it, or the one file it is in."""
    row = finding.at
    if row is None and finding.exceptions:
        row = finding.exceptions[0]
    if row is None and len({table.files[row] for row in finding.rows}) == 1:
        row = finding.rows[0]
    return None if row is None else Location(table.files[row], table.lines[row])


def _not_tested(
    suite: Suite, profile: Profile, detections: Mapping[str, Detection]
) -> tuple[NotTested, ...]:
    n_tests = len(suite.rows)
    out: list[NotTested] = []
    for name, detection in detections.items():
        out += detection.not_tested
        if n_tests < profile.min_tests and name in registry.DEFAULT and not detection.not_tested:
            out.append(NotTested(name, "*", _too_few(suite, profile.min_tests)))
    return tuple(dict.fromkeys(out))


def _too_few(suite: Suite, least: int) -> str:
    n_tests = len(suite.rows)
    if suite.n_tests and not n_tests:
        return "every test was skipped or had an error"
    left = " without skips and errors" if n_tests < suite.n_tests else ""
    return f"{count_of(n_tests, 'test')}{left}, needs {least}"


def _notes(
    suite: Suite, detections: Iterable[Detection], more: Mapping[tuple[str, str], int]
) -> tuple[str, ...]:
    notes = [note for detection in detections for note in detection.notes]
    notes += [*suite.table.conflicts, *speed_note(suite)]
    for (kind, subkind), count in more.items():
        notes.append(f"{kind}: {count} more of sub-kind {subkind}, less dear than those told")
    return tuple(dict.fromkeys(notes))


def _name(detector: Detector) -> str:
    return str(getattr(detector, "name", type(detector).__name__))
