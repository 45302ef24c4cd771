"""Two reports of one suite side by side: what differs between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report

__all__ = ["Change", "Comparison", "Ended", "Lone", "Total"]


@dataclass(frozen=True, slots=True)
class Lone:
    """A pattern that only one of the reports tells, and why that may say little, if it may."""

    pattern: Pattern
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A pattern that both reports tell.

    Attributes
    ----------
    before, after : Pattern
        Of one id.
    worse, better : float
        How many times as bad as before it is, and how many times less bad; 0 where that cannot be
        said.
    """

    before: Pattern
    after: Pattern
    worse: float
    better: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A test that ended otherwise than before; `worker` tells entries of ``--dist each`` apart."""

    nodeid: str
    before: str
    after: str
    worker: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """A metric over the tests that have it in both reports and ended the same way.

    Attributes
    ----------
    name, unit, kind : str
    tests : int
    before, after : float
        Sums in base units; medians of a level, whose sum means nothing.
    """

    name: str
    unit: str
    kind: str
    tests: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two reports.

    Attributes
    ----------
    before, after : Report
    cautions : tuple of str
        What makes the two hard to compare, a sentence each.
    appeared, vanished : tuple of Lone
        Patterns that only the second, or only the first report tells, in its order.
    worse, better : tuple of Change
        At least twice as bad as before, or half as bad; greatest change first.
    alike : tuple of Change
        The other patterns of both.
    added, removed : tuple of str
        Node ids in only one of the reports, sorted.
    ended : tuple of Ended
    common : int
        Tests in both reports.
    totals : tuple of Total
        Sorted by name.
    left_out : tuple of str
        Metrics of both that are not in `totals`, sorted: levels, where other numbers of processes
        shared the tests.
    why_left_out : str
        Without their names; "" if there are none.
    """

    before: Report
    after: Report
    cautions: tuple[str, ...]
    appeared: tuple[Lone, ...]
    vanished: tuple[Lone, ...]
    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    alike: tuple[Change, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    ended: tuple[Ended, ...]
    common: int
    totals: tuple[Total, ...]
    left_out: tuple[str, ...] = ()
    why_left_out: str = ""
