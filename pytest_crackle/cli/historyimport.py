"""Add runs from files to a history."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.strictjson import parse_json
from pytest_crackle.model.units import count_of
from pytest_crackle.remembering import why_not_kept
from pytest_crackle.storage.history.facts import RunFacts, mode_of
from pytest_crackle.storage.history.lines import SCHEMA, run_of
from pytest_crackle.storage.history.writing import add_run
from pytest_crackle.storage.recordsfile import read_lines
from pytest_crackle.storage.shards import read_run

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["import_file"]


def import_file(
    name: str,
    path: Path,
    *,
    said: RunFacts,
    max_size: int,
) -> list[str]:
    """Add what a file holds: the runs of an exported history, or the one of records or a report.

    Parameters
    ----------
    name : str
        The file; "-" is standard input.
    path : Path
        The history.
    said : RunFacts
        Commit, branch and labels of records and reports, over what they say themselves.
    max_size : int
        Most bytes read.

    Returns
    -------
    list of str
        What was done, a line each.

    Raises
    ------
    CrackleError
        ``FILE:LINE: reason``. The runs before the line were added.
    """
    if name == "-" or _is_exported(name, max_size):
        return _import_lines(name, path, max_size)
    return _import_run(name, path, said, max_size)


def _is_exported(name: str, max_size: int) -> bool:
    return any(SCHEMA in line[:100] for _, line in _first(name, max_size))


def _first(name: str, max_size: int) -> list[tuple[str, str]]:
    lines = read_lines(name, max_size=max_size)
    try:
        return [line for line, _ in zip(lines, range(1), strict=False)]
    finally:
        lines.close()


def _import_lines(name: str, path: Path, max_size: int) -> list[str]:
    added = known = 0
    for where, line in read_lines(name, max_size=max_size):
        if not line.strip():
            continue
        facts, table = run_of(parse_json(line, where), where)
        if add_run(path, facts, table).number is None:
            known += 1
        else:
            added += 1
    there = f", {known:,} were there already" if known else ""
    return [f"{name}: {count_of(added, 'run')} added{there}"]


def _import_run(
    name: str,
    path: Path,
    said: RunFacts,
    max_size: int,
) -> list[str]:
    run = read_run([name], max_size=max_size)
    session, table = run.session, run.table
    why = why_not_kept(session, table)
    if why is not None:
        raise CrackleError(f"{name}: not added: {why}")
    if not session.started:
        raise CrackleError(f"{name}: not added: it does not say when the run was")
    facts = replace(
        said,
        commit=said.commit or session.commit,
        branch=said.branch or session.branch,
        dirty=session.dirty and said.commit in (None, session.commit),
        started=session.started,
        mode=mode_of(session.dist, table),
        environment=session.environment or _environment(session.python, session.platform),
        duration=session.duration,
    )
    number = add_run(path, facts, table).number
    done = "was there already" if number is None else f"added as run {number}"
    return [*run.messages, f"{name}: {done}"]


def _environment(python: str | None, platform: str | None) -> str:
    """Name where a run was as far as its file says."""
    return f"Python {python or 'unknown'}, {platform or 'unknown system'}, unknown machine"
