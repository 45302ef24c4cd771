"""From a table to a written report: the same steps for a session and for the command line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pytest_crackle
from pytest_crackle.acceptance import Acceptance, accept_found, read_baseline
from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import DEFAULT, HISTORY, NONE, allowed, resolve
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.extensions import DETECTORS
from pytest_crackle.gating.budgets import parse_budgets
from pytest_crackle.gating.rules import ANY, known_kinds, parse_rules
from pytest_crackle.gating.verdict import GatePlan, exit_status, judge
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.report import CoolingInfo, Report, SessionInfo
from pytest_crackle.model.summaries import MetricSummaries
from pytest_crackle.model.units import count_of, format_percent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from pathlib import Path

    from pytest_crackle.cooling.detectors.base import Detector
    from pytest_crackle.extensions import Extensions
    from pytest_crackle.gating.rules import Rule
    from pytest_crackle.model.past import Past
    from pytest_crackle.model.table import MetricTable

__all__ = ["Plan", "plan", "run", "selfcheck"]

_OF_HISTORY: Final = (PatternKind.FLAKY, PatternKind.PHASE_TRANSITION)
"""Kinds that only runs before this one can show, all or some of them."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to look for and what to fail on, parsed and checked before the first test runs.

    Attributes
    ----------
    profile : Profile
    detectors : tuple of Detector
    gate : GatePlan
    accepting : Acceptance or None
        What this run is to write into the baseline.
    """

    profile: Profile
    detectors: tuple[Detector, ...]
    gate: GatePlan
    accepting: Acceptance | None = None

    @property
    def has_gate(self) -> bool:
        """Whether anything but the marks of tests can fail the session."""
        return bool(self.gate.rules or self.gate.budgets)


def plan(
    *,
    cooling: str = "normal",
    detectors: Sequence[str] = (),
    classic_metrics: Sequence[str] = (),
    fail_on: Sequence[str] = (),
    budgets: Sequence[str] = (),
    baseline: Path | None = None,
    dry_run: bool = False,
    accept: Sequence[str] = (),
    reason: str = "",
    extensions: Extensions | None = None,
    prefix: str = "--crackle-",
) -> Plan:
    """Parse and check all that was asked for; messages name options with this prefix.

    Detectors of third parties run when they are named; with them come their kinds of patterns.

    Raises
    ------
    CrackleError
        In one line: what is wrong, where, and what is allowed.
    """
    profile = Profile.of(cooling)
    offered = extensions.detectors() if extensions is not None else []
    kinds = {detector.name: detector.kinds for detector in offered}
    lost = extensions is not None and extensions.lost(DETECTORS)
    if lost:  # one of those that were switched off may have had the name
        known = allowed(offered)
        detectors = [name for name in detectors if name in known] or ([NONE] if detectors else [])
    try:
        chosen = resolve(detectors or DEFAULT, offered, classic_metrics=classic_metrics)
    except CrackleError as error:
        raise CrackleError(f"{prefix}detectors: {error}") from None
    try:
        rules = parse_rules(fail_on, known_kinds(kinds), option=f"{prefix}fail-on")
    except CrackleError as error:
        why = f"; {'; '.join(extensions.faults)}" if extensions is not None and lost else ""
        raise CrackleError(f"{error}{why}") from None
    gate = GatePlan(
        rules=rules,
        budgets=parse_budgets(budgets, option=f"{prefix}budget"),
        baseline=None if baseline is None else read_baseline(baseline),
        dry_run=dry_run,
        alpha=profile.alpha,
        kinds=kinds,
    )
    accepting = Acceptance(tuple(accept), reason, baseline) if accept and baseline else None
    return Plan(profile, chosen, gate, accepting)


def run(
    table: MetricTable,
    session: SessionInfo,
    plan: Plan,
    *,
    clock: Callable[[], float],
    today: date,
    notes: Sequence[str] = (),
    faults: Sequence[str] = (),
    extensions: Extensions | None = None,
    past: Past | None = None,
    past_problem: str | None = None,
) -> Report:
    """Cool, gate and put together the report.

    Parameters
    ----------
    table : MetricTable
    session : SessionInfo
    plan : Plan
    clock : callable
        Seconds, for the time that the cooling takes.
    today : date
        For baseline entries that expire.
    notes, faults : sequence of str
        To be told with the cooling's own.
    extensions : Extensions, optional
        Who may leave patterns out and annotate them.
    past : Past, optional
        Runs to compare this one with; not where the plan has no detectors ("none").
    past_problem : str, optional
        Why there is none, though one was asked for; a rule that looks to it fails closed.

    Returns
    -------
    Report
        Its session has the exit status from after the gate.
    """
    start = clock()
    table.machines = table.machines or session.machines()
    cooled = cool(table, plan.profile, _detectors(plan, past), past)
    cooling = CoolingInfo(
        rate=str(plan.profile.rate),
        detectors=cooled.detectors,
        hypotheses=cooled.hypotheses,
        seconds=max(0.0, clock() - start),
        not_tested=cooled.not_tested,
        notes=(*notes, *cooled.notes),
    )
    found = (*cooled.patterns, *cooled.surplus)
    if extensions is not None:
        found, left_out = extensions.patterns(found, table)
        cooling = replace(cooling, notes=(*cooling.notes, *left_out))
        faults = tuple(dict.fromkeys((*faults, *extensions.faults)))  # of workers as well
    gate = plan.gate
    if plan.accepting is not None:
        try:
            grown, done = accept_found(found, session, plan.accepting, cooling.rate, today)
            gate = replace(gate, baseline=grown)
            cooling = replace(cooling, notes=(done, *cooling.notes))
        except (CrackleError, OSError) as error:
            faults = (
                *faults,
                f"nothing accepted: {error}",
            )  # told with -q as well, as notes are not
    judged_by, matters = _as_judged(gate, table, cooling, cooled.faults, past_problem)
    judgement = judge(
        found,
        replace(gate, kinds={**gate.kinds, HISTORY: _OF_HISTORY}),
        table=table,
        session=session,
        cooling=judged_by,
        today=today,
        faults=matters,
    )
    surplus = {pattern.id for pattern in cooled.surplus}
    session = replace(session, exitstatus=exit_status(judgement.gate, session.exitstatus))
    return Report(
        version=pytest_crackle.__version__,
        session=session,
        cooling=cooling,
        metrics=MetricSummaries(table),
        table=table,
        patterns=tuple(p for p in judgement.patterns if p.id not in surplus or p.level == "fail"),
        gate=judgement.gate,
        faults=(*faults, *cooled.faults, *([past_problem] if past_problem else ())),
        removable=judgement.removable,
    )


def _detectors(plan: Plan, past: Past | None) -> tuple[Detector, ...]:
    """Return those of the plan, and the history's where there is a past and a plan."""
    names = {detector.name for detector in plan.detectors}
    if past is None or not names or HISTORY in names:
        return plan.detectors
    return (*plan.detectors, *resolve([HISTORY]))


def _as_judged(
    gate: GatePlan,
    table: MetricTable,
    cooling: CoolingInfo,
    faults: Sequence[str],
    past_problem: str | None,
) -> tuple[CoolingInfo, tuple[str, ...]]:
    """Return the cooling and its faults as they matter to the gate.

    A history that was asked for and cannot be read fails the rules that look to it, as a detector
    does that failed: a gate that nobody evaluates must not look like one that passed. All other
    rules judge this run as they would without a history.
    """
    failed = f"detector {HISTORY} failed: "
    unread = [fault for fault in faults if fault.startswith(failed + CrackleError.__name__)]
    if past_problem is not None:
        unread.append(failed + past_problem)
    if not unread:
        return cooling, tuple(faults)
    others = tuple(fault for fault in faults if fault not in unread)
    names = tuple(name for name in cooling.detectors if name != HISTORY)
    if any(_looks_to_history(rule, table) for rule in gate.rules):
        return replace(cooling, detectors=(*names, HISTORY)), (*others, *unread)
    return replace(cooling, detectors=names), others


def _looks_to_history(rule: Rule, table: MetricTable) -> bool:
    """Whether a history may give what a rule fails on; levels are not compared over runs."""
    if rule.kind not in (ANY, *_OF_HISTORY):
        return False
    compared = [name for name in table.columns if table.info(name).kind != "level"]
    return rule.metric is None or any(map(rule.metric.matches, compared))


def selfcheck(table: MetricTable, plan: Plan, shuffles: int, seed: int) -> tuple[str, ...]:
    """Cool shuffles of a table and say how many patterns they show.

    Returns
    -------
    tuple of str
        Lines.
    """
    from pytest_crackle.cooling.selfcheck import selfcheck as check  # noqa: PLC0415 - on demand

    result = check(table, plan.profile, plan.detectors, shuffles=shuffles, seed=seed)
    total = sum(result.counts)
    lines = [
        f"{count_of(total, 'false pattern')} in {count_of(shuffles, 'shuffle')} of "
        f"{count_of(table.n_tests, 'test')} within their modules, cooling {plan.profile.rate}: "
        f"{result.rate:.2g} a shuffle",
        f"{format_percent(result.share)} of the shuffles had any (95 % interval "
        f"{format_percent(result.low)} to {format_percent(result.high)})",
    ]
    lines += [f"false: {pattern.summary}" for pattern in result.examples]
    lines += [
        f"not counted, for a shuffle leaves it as it is (told in {survivor.shuffles} of "
        f"{result.shuffles}): {survivor.pattern.summary}"
        for survivor in result.survivors
    ]
    return (*lines, *(f"fault: {fault}" for fault in result.faults))
