"""The gate's verdict in one plain sentence that names the exit status."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_crackle.model.units import count_of
from pytest_crackle.reporting.medium import joined

if TYPE_CHECKING:
    from pytest_crackle.model.report import Report
    from pytest_crackle.reporting.medium import Style

__all__ = ["GateSentence", "exit_status", "gate_fails", "gate_sentence"]

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class GateSentence:
    """The verdict and its exit status apart: whoever lacks room shortens the verdict alone.

    Attributes
    ----------
    verdict : str
        Not escaped.
    ending : str
        The exit status, with what stands before it.
    style : str
    """

    verdict: str
    ending: str
    style: Style

    @property
    def text(self) -> str:
        """The whole sentence."""
        return f"{self.verdict}{self.ending}"


def gate_fails(report: Report) -> bool:
    """Tell whether the gate fails this session (a dry run does not)."""
    gate = report.gate
    return gate.fails_session or (gate.verdict == "fail" and not gate.dry_run)


def exit_status(report: Report) -> int:
    """Return the status that the process ends with; a gate turns 0 into 1 and nothing else."""
    status = report.session.exitstatus
    return 1 if status == 0 and report.gate.fails_session else status


def gate_sentence(report: Report) -> GateSentence | None:
    """Say what the gate says; None where no gate is configured."""
    gate, status = report.gate, exit_status(report)
    if gate.verdict == "none":
        return None
    ends, stays = f": exit status {status}", f": exit status stays {status}"
    reason = (gate.reason or "").strip().rstrip(".")
    beside = f"; note: {joined(gate.notes, _MOST_NAMED, 'notes')}" if gate.notes else ""
    if gate.verdict == "pass":
        because = " (from the tests)" if status else ""
        text = f"PASS crackle gate: {reason or _kept(report)}{beside}"
        return GateSentence(text, f"{ends}{because}", "ok")
    if gate.verdict == "fail":
        reason = f"{reason or _failures(report)}{beside}"
        if gate.dry_run:
            return GateSentence(f"crackle gate, dry run: would fail: {reason}", stays, "warn")
        return GateSentence(f"FAIL crackle gate: {reason}", ends, "fail")
    reason = reason or "it could not be evaluated"
    if gate.fails_session:
        return GateSentence(f"FAIL crackle gate: {reason}", ends, "fail")
    return GateSentence(f"crackle gate: {reason}", stays, "warn")


def _kept(report: Report) -> str:
    gate = report.gate
    parts = []
    if gate.rules:
        known = sum(pattern.accepted for pattern in report.patterns)
        which = f"no pattern beyond the {known:,} accepted" if known else "no pattern"
        parts.append(f"{which} matches {joined(gate.rules, _MOST_NAMED, 'rules')}")
    if gate.budgets:
        parts.append(f"{count_of(len(gate.budgets), 'budget')} kept")
    return ", ".join(parts)


def _failures(report: Report) -> str:
    """Count what fails by kind, named as the rules name it."""
    gate, parts = report.gate, []
    failed = set(gate.failed)
    kinds = Counter(pattern.kind for pattern in report.patterns if pattern.id in failed)
    if kinds:
        counts = ", ".join(f"{count_of(n, 'pattern')} of kind {kind}" for kind, n in kinds.items())
        parts.append(f"{counts} ({joined(gate.failed, _MOST_NAMED, '')})")
    elif failed:
        parts.append(f"{count_of(len(failed), 'pattern')} ({joined(gate.failed, _MOST_NAMED, '')})")
    if gate.breaches:
        parts.append(f"{len(gate.breaches):,} over budget")
    return ", ".join(parts) or "no reason was given"
