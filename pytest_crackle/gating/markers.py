"""``@pytest.mark.crackle(ignore=[...])``: tests whose patterns in some metrics do not count."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_crackle.gating.globs import Glob
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.table import MetricTable

__all__ = ["Ignores"]

MARK: Final = "@pytest.mark.crackle ignore"


class Ignores:
    """Which tests ask not to be judged in which metrics.

    Parameters
    ----------
    table : MetricTable

    Attributes
    ----------
    problems : tuple of str
        A clause for each glob that cannot be used, with a test that has it.
    """

    def __init__(self, table: MetricTable) -> None:
        globs: dict[str, Glob | None] = {}
        problems: list[str] = []
        self._globs: dict[str, tuple[Glob, ...]] = {}
        for row, texts in sorted(table.ignores.items()):
            nodeid = table.nodeids[row]
            for text in texts:
                if text not in globs:
                    globs[text] = _glob(text, nodeid, problems)
            usable = tuple(glob for text in texts if (glob := globs[text]) is not None)
            self._globs[nodeid] = usable
        self.problems = tuple(problems)

    def apply(self, pattern: Pattern) -> tuple[Pattern, bool]:
        """Take the marks into account.

        Parameters
        ----------
        pattern : Pattern

        Returns
        -------
        Pattern
            With a line in `details` if tests ignore it, and as a notice if all of them do.
        bool
            Whether it is ignored.

        Notes
        -----
        A pattern hangs on the tests that break it, if there are any, else on those that carry it.
        One of several metrics of the pattern is enough. It is ignored only if all the tests that
        it hangs on say so: a mark on one of twelve leaking tests does not excuse the other eleven.
        O(tests of the pattern).
        """
        if not self._globs:
            return pattern, False
        hangs_on = _hangs_on(pattern)
        excused = sum(self._excuses(nodeid, pattern.metrics) for nodeid in hangs_on)
        if not excused:
            return pattern, False
        who = f"{excused} of {count_of(len(hangs_on), 'test')}"
        verb = "has" if excused == 1 else "have"
        detail = f"{who} {verb} a crackle mark that ignores {' or '.join(pattern.metrics)}"
        if excused < len(hangs_on):
            return replace(pattern, details=(*pattern.details, detail)), False
        return replace(pattern, level="notice", details=(*pattern.details, detail)), True

    def _excuses(self, nodeid: str, metrics: Iterable[str]) -> bool:
        globs = self._globs.get(nodeid, ())
        return any(glob.matches(name) for name in metrics for glob in globs)


def _glob(text: str, nodeid: str, problems: list[str]) -> Glob | None:
    try:
        return Glob(text)
    except CrackleError as error:
        problems.append(f"{nodeid}: {MARK} {text[:80]!a}: {error}")
        return None


def _hangs_on(pattern: Pattern) -> tuple[str, ...]:
    return pattern.exceptions or pattern.tests
