"""Levels: what tests leave for good in a gauge that should come back, such as memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from pytest_crackle.cooling.numeric import median_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.profiles import LevelLimits
    from pytest_crackle.cooling.shifts.level_series import Path

__all__ = [
    "LEAST_TESTS",
    "LevelChange",
    "LevelSubkind",
    "amount_changes",
    "breadth_of",
    "busiest_stretch",
    "from_its_first",
    "unit_changes",
]

LevelSubkind = Literal["jump", "leak", "growth"]

LEAST_TESTS: Final = 20
_MOST_LEAKS: Final = 5
_MOST_JUMPS: Final = 3
_MOST_ROUNDS: Final = 8
_FEWEST_LEAKERS: Final = 5
_LARGEST: Final = 5
_RECENT: Final = 20


@dataclass(frozen=True, slots=True)
class LevelChange:
    """Hold one rise of a level that lasts to the end.

    Attributes
    ----------
    subkind : {"jump", "leak", "growth"}
        One test; a stretch of many tests; the session as a whole.
    start, stop : int
        Readings start..stop-1.
    size : float
        By how much, in the unit of the level.
    before, after : float
        The floor before and after.
    members : tuple of int
        The readings with a rise of their own; for growth the five largest.
    is_scattered : bool
        The members lie far apart.
    """

    subkind: LevelSubkind
    start: int
    stop: int
    size: float
    before: float
    after: float
    members: tuple[int, ...]
    is_scattered: bool = False


def breadth_of(values: Sequence[float]) -> float:
    """Return the effective number of values that share their sum: (sum v)^2 / sum v^2.

    Examples
    --------
    >>> breadth_of([2.0, 2.0, 0.0]), breadth_of([])
    (2.0, 0.0)
    """
    largest = max(values, default=0.0)
    if largest <= 0:
        return 0.0
    shares = [value / largest for value in values]
    return sum(shares) ** 2 / sum([share * share for share in shares])


def busiest_stretch(kept: Sequence[float], least_rate: float, cap: float) -> tuple[int, int] | None:
    """Find the stretch in which most is left, test after test.

    Parameters
    ----------
    kept : Sequence[float], shape (n,)
        What each test leaves, none negative.
    least_rate : float
        What a test must leave on average to belong to it.
    cap : float
        What one test counts at most.

    Returns
    -------
    tuple[int, int] or None
        Start and stop; None if no test leaves more than `least_rate`.

    Notes
    -----
    The run of largest sum of min(kept, cap) - rate (Kadane's scan, first maximum). Then rate and
    cap are set to half and twice the mean of the run, and the search is repeated until nothing
    moves, at most 8 times: so a fast leak does not swallow a slow one beside it. O(n) each.

    References
    ----------
    J. Bentley, "Programming pearls: algorithm design techniques", Communications of the ACM 27
    (1984) 865-873, doi:10.1145/358234.381162.
    """
    risen = [i for i, value in enumerate(kept) if value > 0]
    found = _best_run(kept, risen, least_rate, cap)
    for _ in range(_MOST_ROUNDS):
        if found is None:
            return None
        start, stop = found
        mean = math.fsum([min(value, cap) for value in kept[start:stop]]) / (stop - start)
        cap = 2 * mean
        better = _best_run(kept, risen, max(least_rate, mean / 2), cap)
        if better is None or better == found:
            break
        found = better
    return found


def _best_run(
    kept: Sequence[float], risen: Sequence[int], rate: float, cap: float
) -> tuple[int, int] | None:
    """Return the run of largest sum; one can only begin where more than the rate is left."""
    best, found, stop = 0.0, None, 0
    for start in risen:
        if start < stop or kept[start] <= rate:
            continue
        total = 0.0
        for i in range(start, len(kept)):
            value, stop = kept[i], i + 1
            total += (value if value < cap else cap) - rate
            if total > best:
                best, found = total, (start, stop)
            if total <= 0:
                break
    return found


def from_its_first(kept: Sequence[float], stretch: tuple[int, int]) -> tuple[int, int]:
    """Take in tests before a stretch that leave as much, no farther off than those in it are apart.

    A leak that pauses after its first test would otherwise seem to begin after the pause.

    Parameters
    ----------
    kept : Sequence[float], shape (n,)
    stretch : tuple of int
        Start and stop.

    Returns
    -------
    tuple of int
        Start and stop. O(n).
    """
    start, stop = stretch
    least = math.fsum(kept[start:stop]) / (stop - start) / 4
    inside = [i for i in range(start, stop) if kept[i] > least]
    if len(inside) < _FEWEST_LEAKERS:
        return stretch
    reach = max(b - a for a, b in pairwise(inside)) + 1
    last = start
    for i in range(start - 1, 0, -1):
        if last - i > reach:
            break
        if kept[i] > least:
            last = i
    return last, stop


def amount_changes(path: Path, limits: LevelLimits, *, divisor: int = 1) -> tuple[LevelChange, ...]:
    """Find jumps, leaks or growth in an amount such as resident memory.

    Parameters
    ----------
    path : Path
    limits : LevelLimits
    divisor : int
        Number of processes that share the limits of leak and growth. A jump is one test in one
        process, so its limit is never shared.

    Returns
    -------
    tuple of LevelChange
        Jumps and leaks by start; growth only where there is neither.

    Notes
    -----
    A leak needs breadth: one test that leaves much and ninety that leave nothing are no leak.
    O(n) for each of at most 5 leaks.
    """
    if len(path) < LEAST_TESTS:
        return ()
    jumps, kept = _jumps(path, limits), list(path.kept)
    for i in jumps:
        kept[i] = 0.0
    leaks = []
    for _ in range(_MOST_LEAKS):
        stretch = busiest_stretch(kept, limits.leak_rate, limits.jump)
        if stretch is None:
            break
        start, stop = from_its_first(kept, stretch)
        leak = _leak(path, kept, (start, stop), limits, divisor)
        if leak is not None:
            leaks.append(leak)
            jumps = [i for i in jumps if i not in leak.members]
        kept[start:stop] = [0.0] * (stop - start)
    floor = path.floor
    found = leaks + [
        LevelChange("jump", i, i + 1, path.kept[i], floor[i - 1], floor[i], (i,)) for i in jumps
    ]
    return tuple(sorted(found, key=lambda change: change.start)) or _growth(path, limits, divisor)


def _jumps(path: Path, limits: LevelLimits) -> list[int]:
    return [
        i
        for i, size in enumerate(path.kept)
        if size >= limits.jump
        and size >= limits.jump_share * path.floor[i - 1]
        and _is_new(path, i)
    ]


def _leak(
    path: Path, kept: Sequence[float], stretch: tuple[int, int], limits: LevelLimits, divisor: int
) -> LevelChange | None:
    """Return a stretch as a leak if it is one, with the jumps in it that it is broad enough for."""
    start, stop = stretch
    before, least = path.floor[start - 1], max(limits.breadth, (stop - start) / 10)
    values = kept[start:stop]
    size = math.fsum(values)
    if size < limits.leak / divisor or size < limits.jump_share * before:
        return None
    if breadth_of(values) < least:
        return None
    everything = path.kept[start:stop]
    if breadth_of(everything) >= least:
        values, size = everything, math.fsum(everything)
    members = tuple(start + i for i, value in enumerate(values) if value > 0)
    return LevelChange("leak", start, stop, size, before, path.floor[stop - 1], members)


def _is_new(path: Path, i: int) -> bool:
    """Whether the level had not been there just before: a short dip is no jump when it ends."""
    recent = path.values[max(0, i - _RECENT) : i]
    return median_of(recent) < (path.floor[i - 1] + path.floor[i]) / 2


def _growth(path: Path, limits: LevelLimits, divisor: int) -> tuple[LevelChange, ...]:
    first, size = path.floor[path.warm_up - 1], math.fsum(path.kept)
    if (
        limits.growth is None
        or size < limits.growth / divisor
        or size < limits.growth_share * first
    ):
        return ()
    largest = sorted(range(len(path)), key=lambda i: (-path.kept[i], i))[:_LARGEST]
    members = tuple(sorted(i for i in largest if path.kept[i] > 0))
    return (LevelChange("growth", path.warm_up, len(path), size, first, first + size, members),)


def unit_changes(path: Path, unit: float) -> tuple[LevelChange, ...]:
    """Find leaks and jumps in a level that counts units, such as open descriptors.

    Parameters
    ----------
    path : Path
    unit : float
        The least rise that means something; 1 for counts.

    Returns
    -------
    tuple of LevelChange
        By start. More than three jumps are told as one scattered leak.

    Notes
    -----
    O(n) for each of at most 9 stretches. No limit on the total: that is shared by the processes.
    """
    kept = list(path.kept)
    leaks: list[LevelChange] = []
    jumps: list[LevelChange] = []
    while len(leaks) < _MOST_LEAKS and len(jumps) <= _MOST_JUMPS:
        stretch = busiest_stretch(kept, unit / 4, 8 * unit)
        if stretch is None:
            break
        start, stop = from_its_first(kept, stretch)
        values = kept[start:stop]
        members = [i for i in range(start, stop) if kept[i] > 0]
        is_leak = len(members) >= _FEWEST_LEAKERS and breadth_of(values) >= _FEWEST_LEAKERS
        (leaks if is_leak else jumps).append(
            _stretch_change(path, kept, members, "leak" if is_leak else "jump")
        )
        kept[start:stop] = [0.0] * (stop - start)
    if len(jumps) > _MOST_JUMPS:
        taken = {i for leak in leaks for i in leak.members}
        members = [i for i, value in enumerate(path.kept) if value > 0 and i not in taken]
        scattered = _stretch_change(path, path.kept, members, "leak", is_scattered=True)
        return tuple(sorted([*leaks, scattered], key=lambda change: change.start))
    return tuple(sorted([*leaks, *jumps], key=lambda change: change.start))


def _stretch_change(
    path: Path,
    kept: Sequence[float],
    members: Sequence[int],
    subkind: LevelSubkind,
    *,
    is_scattered: bool = False,
) -> LevelChange:
    first, last = members[0], members[-1]
    size = math.fsum([kept[i] for i in members])
    before, after = path.floor[first - 1], path.floor[last]
    return LevelChange(
        subkind, first, last + 1, size, before, after, tuple(members), is_scattered=is_scattered
    )
