"""A session and its history: the past is read before the cooling, the run is added after it."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

import pytest_crackle
from pytest_crackle.gating.verdict import not_evaluated
from pytest_crackle.model.units import count_of
from pytest_crackle.storage.history.facts import RunFacts, mode_of
from pytest_crackle.storage.history.opening import exists, explain, open_to_read
from pytest_crackle.storage.history.reading import History, no_past
from pytest_crackle.storage.history.writing import MOST_BYTES, add_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_crackle.model.past import Past
    from pytest_crackle.model.report import SessionInfo
    from pytest_crackle.model.table import MetricTable

__all__ = ["Memory", "why_not_kept"]


def why_not_kept(session: SessionInfo, table: MetricTable) -> str | None:
    """Say why a run does not enter a history, or None."""
    partial = not_evaluated(session)
    if partial is not None:
        return partial.removeprefix("not evaluated: ")
    if session.dist == "each":
        return "with --dist each every worker runs every test"
    if not table.n_tests:
        return "no test was recorded"
    return None


class Memory:
    """The history of one session. A fault of the file or of ours is a line and nothing more.

    Parameters
    ----------
    path : Path
        Absolute.
    root : Path
        Of the tests; paths in messages are relative to it.

    Attributes
    ----------
    problem : str or None
        Why the past could not be read, in one sentence; then the run is not added either.
    notes : tuple of str
        What belongs into the report.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.path, self._root = path, root
        self.problem: str | None = None
        self.notes: tuple[str, ...] = ()
        self._facts: RunFacts | None = None

    @contextmanager
    def recalling(self, session: SessionInfo, table: MetricTable) -> Iterator[Past | None]:
        """Give the past that a run is compared with, readable within the block.

        None if the run is no whole one, or if the past cannot be read.
        """
        why = why_not_kept(session, table)
        if why is not None:
            self.notes = (f"neither compared with past runs nor added to them: {why}",)
            yield None
            return
        facts = self._facts = self._facts_of(session, table)
        if not exists(self.path):
            yield no_past(facts)
            return
        with ExitStack() as stack:
            past = None
            try:
                connection = stack.enter_context(closing(open_to_read(self.path)))
                past = History(self.path, connection).past(facts)
            except Exception as error:  # noqa: BLE001 - a history never fails a run
                why = self._told(error)
                hint = "; move it away to begin a new one" if ": damaged: " in why else ""
                self.problem = f"history: {why}; this run was neither compared nor added{hint}"
            yield past

    def _told(self, error: Exception) -> str:
        """Say what went wrong, with the file as people know it: a line has not much room."""
        text = str(explain(self.path, error))
        if self.path.is_relative_to(self._root):
            text = text.replace(str(self.path), str(self.path.relative_to(self._root)), 1)
        return text

    def _facts_of(self, session: SessionInfo, table: MetricTable) -> RunFacts:
        return RunFacts(
            started=session.started or "",
            mode=mode_of(session.dist, table),
            environment=session.environment or "",
            commit=session.commit,
            branch=session.branch,
            dirty=session.dirty,
            duration=session.duration,
            version=pytest_crackle.__version__,
        )

    def remember(self, table: MetricTable) -> str | None:
        """Add the run, if it is one for the history; return what is worth a line, or None."""
        if self._facts is None or self.problem is not None:
            return None
        try:
            added = add_run(self.path, self._facts, table)
        except Exception as error:  # noqa: BLE001 - as above
            return f"history: {self._told(error)}; this run was not added"
        if added.removed:
            size = f"{MOST_BYTES >> 20} MiB"
            return f"history: {count_of(added.removed, 'oldest run')} removed to stay under {size}"
        return None
