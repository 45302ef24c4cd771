"""Which tests leave descriptors or threads behind, by identity: opened and never closed again."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_crackle.model.table import MetricTable

__all__ = ["Leaver", "Life", "has_identities", "leavers_of", "lives_of", "name_kinds"]

TAIL: Final = 3
"""Last tests of a process without a last reading: what they opened may just not be closed yet."""
_ENDS_WHEN_IDLE: Final = ("Trio thread", "AnyIO worker thread")
"""Threads of pools that end by themselves after 10 s without work: alive at the end, not left."""
_NUMBERED_THREAD: Final = re.compile(r"Thread-\d+ \((.+)\)")  # the names that threading gives
_COUNTERS: Final = re.compile(r"([-_ ]?\d+)+$")
_MOST_KINDS: Final = 3


@dataclass(frozen=True, slots=True)
class Leaver:
    """A test, by its row, and the identities it opened that nothing closed."""

    row: int
    identities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """When an identity came and went, as places in the run order of its process.

    Attributes
    ----------
    identity : str
    opened : int
    closed : int or None
        The number of tests if it was gone at the last reading; None if it never went.
    """

    identity: str
    opened: int
    closed: int | None


def has_identities(table: MetricTable, rows: Iterable[int], metric: str) -> bool:
    """Tell whether the tests of a process recorded what came and went, and not its number only."""
    told = {
        row
        for sparse in (table.opened, table.closed)
        for row, identities in sparse.items()
        if metric in identities
    }
    return bool(told) and not told.isdisjoint(rows)


def lives_of(table: MetricTable, worker: str, rows: Sequence[int], metric: str) -> tuple[Life, ...]:
    """Return the life of every identity that the tests of one process opened.

    Parameters
    ----------
    table : MetricTable
    worker : str
        "" without workers.
    rows : Sequence[int]
        Rows of that process in run order.
    metric : {"fds", "threads"}

    Returns
    -------
    tuple of Life
        In no order that matters; what was open before the first test is not among them.

    Notes
    -----
    One number names one thing at a time. Between two readings a thread may end and another take its
    number, which then goes under another name: so what is closed is known by its number alone.
    """
    end = table.ends.get(worker)
    born: dict[str, tuple[str, int]] = {}
    lives: list[Life] = []

    def close(identity: str, place: int) -> None:
        if (known := born.pop(_number_of(identity), None)) is not None:
            lives.append(Life(*known, place))

    for place, row in enumerate(rows):
        for identity in table.closed.get(row, {}).get(metric, ()):
            close(identity, place)
        for identity in table.opened.get(row, {}).get(metric, ()):
            close(identity, place)
            born[_number_of(identity)] = identity, place
    for identity in end.closed.get(metric, ()) if end is not None else ():
        close(identity, len(rows))
    lives += [Life(*known, None) for known in born.values()]
    return tuple(lives)


def _number_of(identity: str) -> str:
    return identity.partition(":")[0]


def _name_of(identity: str) -> str:
    return identity.partition(":")[2]


def leavers_of(
    table: MetricTable, worker: str, rows: Sequence[int], metric: str
) -> tuple[Leaver, ...]:
    """Find the tests of one process that opened what neither a later test nor the end closed.

    Parameters
    ----------
    table : MetricTable
    worker : str
        "" without workers.
    rows : Sequence[int]
        Rows of that process in run order.
    metric : {"fds", "threads"}

    Returns
    -------
    tuple of Leaver
        In run order.

    Notes
    -----
    What a garbage collection closes some tests later is late, not left. So an identity that is
    still open at the end counts only if it is older than the longest time, in tests, that one of
    these took to be closed; times of tests that set up a fixture wider than a function do not count
    there, as that fixture may be the holder. Idle threads of pools that shrink do not count.
    O(rows + identities).
    """
    end = table.ends.get(worker)
    longest = 0 if end is not None else TAIL - 1
    open_at_end: dict[int, list[str]] = {}
    for life in lives_of(table, worker, rows, metric):
        if life.closed is None:
            if metric == "threads" and _name_of(life.identity).startswith(_ENDS_WHEN_IDLE):
                continue
            open_at_end.setdefault(life.opened, []).append(life.identity)
        elif life.closed < len(rows) and not _sets_up_wide(table, rows[life.opened]):
            longest = max(longest, life.closed - life.opened)
    return tuple(
        Leaver(rows[place], tuple(sorted(open_at_end[place])))
        for place in sorted(open_at_end)
        if len(rows) - place > longest
    )


def _sets_up_wide(table: MetricTable, row: int) -> bool:
    return any(setup.scope != "function" for setup in table.setups.get(row, ()))


def name_kinds(identities: Iterable[str], metric: str) -> str:
    """Say what some identities are: ``3 sockets, 1 pipe``; threads by name: ``3 x work``.

    Parameters
    ----------
    identities : iterable of str
        ``<number>:<what>``.
    metric : {"fds", "threads"}

    Returns
    -------
    str
        The three commonest kinds; the rest by their number.

    Examples
    --------
    >>> name_kinds(["7:socket", "8:socket"], "fds"), name_kinds(["140:Thread-1 (work)"], "threads")
    ('2 sockets', '1 x work')
    """
    kinds: Counter[str] = Counter()
    for identity in identities:
        what = _name_of(identity) or identity
        kinds[_thread_kind(what) if metric == "threads" else what] += 1
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    shown = [
        f"{number:,} x {what}" if metric == "threads" else count_of(number, what)
        for what, number in ordered[:_MOST_KINDS]
    ]
    if rest := sum(number for _, number in ordered[_MOST_KINDS:]):
        shown.append(f"{rest:,} more")
    return ", ".join(shown)


def _thread_kind(name: str) -> str:
    """Leave out what only counts: ``Thread-1 (work)`` is work, ``Pool-0_3`` is Pool."""
    if numbered := _NUMBERED_THREAD.fullmatch(name):
        return numbered[1]
    return _COUNTERS.sub("", name) or name
