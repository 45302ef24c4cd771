"""From a table to a written report: the same steps for a session and for the command line."""

from __future__ import annotations

import getpass
import math
import os
from dataclasses import dataclass, replace
from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING, Final

import pytest_crackle
from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import DEFAULT, resolve
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.gating import baseline as accepted
from pytest_crackle.gating.baseline_text import dump_baseline, parse_baseline
from pytest_crackle.gating.budgets import parse_budgets
from pytest_crackle.gating.rules import parse_rules
from pytest_crackle.gating.verdict import GatePlan, exit_status, judge, not_evaluated
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.report import CoolingInfo, MetricSummary, Report, SessionInfo
from pytest_crackle.model.units import count_of
from pytest_crackle.storage.atomic import write_atomic
from pytest_crackle.storage.baselinefile import read_baseline_text, write_baseline_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path
    from types import ModuleType

    from pytest_crackle.cooling.detectors.base import Detector
    from pytest_crackle.gating.baseline import Baseline
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.table import MetricTable

__all__ = [
    "FORMS",
    "Acceptance",
    "Plan",
    "accept",
    "load_writer",
    "plan",
    "prune",
    "repository_of",
    "run",
    "selfcheck",
    "summaries",
    "write_outputs",
]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Patterns to accept: ids or "all", why, and the baseline's file."""

    ids: tuple[str, ...]
    reason: str
    path: Path


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


def summaries(table: MetricTable) -> tuple[MetricSummary, ...]:
    """Summarise each metric over the tests that have it, sorted by name."""
    out = []
    for name in sorted(table.columns):
        values = [value for value in table.columns[name] if value == value]  # noqa: PLR0124 - NaN
        if values:
            info = table.info(name)
            # halves first: a sum of finite values may overflow, and half of it may not
            total = 2.0 * sum([value / 2.0 for value in values])
            total = total if math.isfinite(total) else math.copysign(1.7e308, total)
            out.append(
                MetricSummary(name, info.unit, info.kind, len(values), total, median(values))
            )
    return tuple(out)


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
    prefix: str = "--crackle-",
) -> Plan:
    """Parse and check all that was asked for; messages name options with this prefix.

    Raises
    ------
    CrackleError
        In one line: what is wrong, where, and what is allowed.
    """
    profile = Profile.of(cooling)
    gate = GatePlan(
        rules=parse_rules(fail_on, option=f"{prefix}fail-on"),
        budgets=parse_budgets(budgets, option=f"{prefix}budget"),
        baseline=None if baseline is None else _read_baseline(baseline),
        dry_run=dry_run,
        alpha=profile.alpha,
    )
    try:
        chosen = resolve(detectors or DEFAULT, classic_metrics=classic_metrics)
    except CrackleError as error:
        raise CrackleError(f"{prefix}detectors: {error}") from None
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

    Returns
    -------
    Report
        Its session has the exit status from after the gate.
    """
    start = clock()
    cooled = cool(table, plan.profile, plan.detectors)
    cooling = CoolingInfo(
        rate=str(plan.profile.rate),
        detectors=cooled.detectors,
        hypotheses=cooled.hypotheses,
        seconds=max(0.0, clock() - start),
        not_tested=cooled.not_tested,
        notes=(*notes, *cooled.notes),
    )
    found = (*cooled.patterns, *cooled.surplus)
    gate = plan.gate
    if plan.accepting is not None:
        try:
            grown, done = _accept(found, session, plan.accepting, cooling.rate, today)
            gate = replace(gate, baseline=grown)
            cooling = replace(cooling, notes=(done, *cooling.notes))
        except (CrackleError, OSError) as error:
            faults = (
                *faults,
                f"nothing accepted: {error}",
            )  # told with -q as well, as notes are not
    judgement = judge(
        found,
        gate,
        table=table,
        session=session,
        cooling=cooling,
        today=today,
        faults=cooled.faults,
    )
    surplus = {pattern.id for pattern in cooled.surplus}
    session = replace(session, exitstatus=exit_status(judgement.gate, session.exitstatus))
    return Report(
        version=pytest_crackle.__version__,
        session=session,
        cooling=cooling,
        metrics=summaries(table),
        table=table,
        patterns=tuple(p for p in judgement.patterns if p.id not in surplus or p.level == "fail"),
        gate=judgement.gate,
        faults=(*faults, *cooled.faults),
        removable=judgement.removable,
    )


def _read_baseline(path: Path) -> Baseline:
    return parse_baseline(read_baseline_text(path), str(path))


FORMS: Final = ("json", "html", "html-folder", "md", "gitlab", "openmetrics")
"""Forms of the report that are written to files."""


_WRITERS: Final = {
    "json": "jsonreport",
    "html": "page.htmlreport",
    "html-folder": "page.htmlreport",
    "md": "markdown",
    "gitlab": "gitlab",
    "openmetrics": "openmetrics",
    "github": "github",
}


def load_writer(form: str) -> ModuleType:
    """Load the writer of a form; done before the tests run, which may leave imports broken."""
    return import_module(f"pytest_crackle.reporting.{_WRITERS[form]}")


def _render(form: str, report: Report, root: Path) -> tuple[tuple[str, str], ...]:
    """Render one form as files below its path ("" is the path itself)."""
    writer = load_writer(form)
    if form == "html-folder":
        files: tuple[tuple[str, str], ...] = writer.render_html_folder(report)
        return files
    if form == "json":
        text = writer.dumps(report)
    elif form == "gitlab":
        text = writer.render_gitlab(report, repository=repository_of(root), rootdir=str(root))
    else:
        names = {"md": "markdown"}
        text = getattr(writer, f"render_{names.get(form, form)}")(report)
    return (("", str(text)),)


def repository_of(root: Path) -> str:
    """Return the folder that paths in CI outputs are relative to: CI's checkout, else `root`."""
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        if folder := os.environ.get(name):
            return folder
    return str(root)


def write_outputs(report: Report, outputs: Mapping[str, Path], root: Path) -> list[str]:
    """Write the report in each form that was asked for.

    Parameters
    ----------
    report : Report
    outputs : mapping of str to Path
        Form (see `FORMS`) to absolute path; others are passed over.
    root : Path
        The folder that the files in node ids are relative to.

    Returns
    -------
    list of str
        A line for each file that could not be written.
    """
    problems = []
    for form in FORMS:
        path = outputs.get(form)
        if path is None:
            continue
        try:
            for name, text in _render(form, report, root):
                write_atomic(path / name if name else path, text)
        except OSError as error:
            reason = error.strerror or error
            problems.append(f"{form} report not written: {path}: {reason}")
    return problems


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def _accept(
    patterns: Sequence[Pattern],
    session: SessionInfo,
    acceptance: Acceptance,
    rate: str,
    today: date,
) -> tuple[Baseline, str]:
    """Write patterns into the baseline; return it, and what was done in one line."""
    partial = not_evaluated(session)
    if partial is not None:
        raise CrackleError(f"the run is not the whole suite: {partial}")
    path = acceptance.path
    before = _read_baseline(path)
    after = accepted.accept(
        before,
        patterns,
        acceptance.ids,
        reason=acceptance.reason,
        who=_who(),
        today=today,
        cooling=rate,
    )
    write_baseline_text(path, dump_baseline(after))
    changed = len([entry for entry in after.entries if entry not in before.entries])
    return after, f"{count_of(changed, 'pattern')} accepted into {path}"


def accept(report: Report, acceptance: Acceptance, today: date) -> str:
    """Write patterns of a report into a baseline.

    Returns
    -------
    str
        What was done, in one line.

    Raises
    ------
    CrackleError
        If the run is not whole, a pattern is unknown, or the baseline cannot be read.
    OSError
        If it cannot be written.
    """
    rate = report.cooling.rate
    return _accept(report.patterns, report.session, acceptance, rate, today)[1]


def prune(report: Report, path: Path) -> tuple[str, ...]:
    """Remove the entries of a baseline whose patterns a whole run no longer has.

    Returns
    -------
    tuple of str
        What was done, a line each.

    Raises
    ------
    CrackleError
        If the run is not whole or had faults, or the baseline cannot be read.
    OSError
        If it cannot be written.
    """
    partial = not_evaluated(report.session)
    if partial is not None or report.faults:
        why = partial or f"it had faults: {report.faults[0]}"
        raise CrackleError(f"nothing removed: the run cannot tell what is gone ({why})")
    before = _read_baseline(path)
    table = report.table
    gone = accepted.removable(before, report.patterns, report.cooling, table.columns, table.nodeids)
    write_baseline_text(path, dump_baseline(accepted.prune(before, gone)))
    return tuple(f"{name} removed" for name in gone) or ("nothing to remove",)


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
        f"{total} false patterns in {result.shuffles} shuffles of {table.n_tests} tests within "
        f"their modules, cooling {plan.profile.rate}: {result.rate:.2g} a shuffle",
        f"{result.share:.0%} of the shuffles had any (95 % interval {result.low:.1%} to "
        f"{result.high:.1%})",
    ]
    lines += [f"false: {pattern.summary}" for pattern in result.examples]
    lines += [
        f"in {survivor.shuffles} of {result.shuffles} shuffles as well, for it does not need what "
        f"a shuffle destroys: {survivor.pattern.summary}"
        for survivor in result.survivors
    ]
    return (*lines, *(f"fault: {fault}" for fault in result.faults))
