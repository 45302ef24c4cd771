"""Patterns of a run go into the baseline, and out of it when a whole run no longer has them."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_crackle.gating import baseline as accepted
from pytest_crackle.gating.baseline_text import dump_baseline, parse_baseline
from pytest_crackle.gating.verdict import not_evaluated
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.units import count_of
from pytest_crackle.storage.baselinefile import read_baseline_text, write_baseline_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from pytest_crackle.gating.baseline import Baseline
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report, SessionInfo

__all__ = ["Acceptance", "accept", "accept_found", "prune", "read_baseline"]


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Patterns to accept: ids or "all", why, and the baseline's file."""

    ids: tuple[str, ...]
    reason: str
    path: Path


def read_baseline(path: Path) -> Baseline:
    """Read a baseline; one that is not there is empty."""
    return parse_baseline(read_baseline_text(path), str(path))


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"


def accept_found(
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
    before = read_baseline(path)
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
    return accept_found(report.patterns, report.session, acceptance, rate, today)[1]


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
    before = read_baseline(path)
    table = report.table
    gone = accepted.removable(before, report.patterns, report.cooling, table.columns, table.nodeids)
    write_baseline_text(path, dump_baseline(accepted.prune(before, gone)))
    return tuple(f"{name} removed" for name in gone) or ("nothing to remove",)
