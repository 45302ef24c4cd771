"""Whether everything from some test of this run on takes longer than it did in the past."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.changepoints.rankseg import rankseg
from pytest_crackle.cooling.numeric import median_of, mid_ranks
from pytest_crackle.cooling.tails import log_rank_sum_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.profiles import Profile

__all__ = ["Stretch", "session_wide"]

_LEAST_TESTS: Final = 20
_LEAST_MODULES: Final = 3
_LEAST_OF_A_MODULE: Final = 3
_LEAST_ARRANGEMENTS: Final = 20
_MOST_MOVED_BEFORE: Final = 0.1
_LOG_P_WITHIN: Final = math.log(1e-4)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The end of one process's run, in which every test takes longer.

    Attributes
    ----------
    start : int
        Place of its first test in the series.
    shift : float
        ln of the ratio.
    log_p : float
    held : int
        Runs in a row, this one included, that have it.
    """

    start: int
    shift: float
    log_p: float
    held: int


def session_wide(
    runs: Sequence[Sequence[float]], modules: Sequence[int], profile: Profile
) -> Stretch | None:
    """Find a stretch in which all tests are slower, to the end of the run, whatever their module.

    Parameters
    ----------
    runs : sequence of sequence of float, shape (n_runs, n)
        By run, this one last: ln of the cost over what it was in the past, of the tests of one
        process in the order of this run. NaN where missing, but not in this run.
    modules : sequence of int, shape (n,)
    profile : Profile

    Returns
    -------
    Stretch or None

    Notes
    -----
    What a test leaves behind slows whatever comes after it; slow code slows the modules that use
    it. The two are told apart by what slow modules cannot do:

    - it lasts to the end of the run, and every later module of three or more tests moved by half
      the shift or more, without exception, while at most a tenth of those before did;
    - at least one module was running when it began: its three or more tests before are as ever, its
      three or more tests after are not, in every run that has the stretch (rank sums, p <= 1e-4
      over these runs). Modules that became slow begin at their first test;
    - three modules or more are in it, and as many modules of this suite, picked anyhow, would lie
      together at the end of the run in one of twenty arrangements or fewer.

    O(n log n).
    """
    residuals = runs[-1]
    if len(residuals) < _LEAST_TESTS:
        return None
    found = rankseg(
        residuals,
        alpha=profile.alpha,
        least_segment=profile.least_segment,
        min_delta=profile.min_delta,
    )
    changes = [change for change in found.changes if change.gateable]
    if not changes or changes[-1] is not found.changes[-1]:
        return None
    last = changes[-1]
    low, high = median_of(residuals[: last.index]), median_of(residuals[last.index :])
    if high - low < math.log(profile.min_shift):
        return None
    spans, before, after = _sides(residuals, modules, last.index)
    half = (low + high) / 2
    moved_before = sum(median_of(side) > half for side in before)
    if (
        not spans
        or len(spans) + len(after) < _LEAST_MODULES
        or any(median_of(side) < half for side in after)
        or moved_before > _MOST_MOVED_BEFORE * len(before)
        or math.comb(len(before) + len(after), len(after)) < _LEAST_ARRANGEMENTS
    ):
        return None
    stretch = Stretch(last.index, high - low, last.log_p, _held(runs, last.index, high - low))
    return stretch if _log_p_within(runs, modules, stretch) <= _LOG_P_WITHIN else None


def _held(runs: Sequence[Sequence[float]], start: int, shift: float) -> int:
    """Count the runs, this one included, in which the same stretch was slower by half."""
    held = 0
    for values in reversed(runs):
        before = [value for value in values[:start] if math.isfinite(value)]
        after = [value for value in values[start:] if math.isfinite(value)]
        if not before or not after or median_of(after) - median_of(before) < shift / 2:
            break
        held += 1
    return held


def _log_p_within(
    runs: Sequence[Sequence[float]], modules: Sequence[int], stretch: Stretch
) -> float:
    """Return ln p that the modules it began in look so by chance; 0 if one run says otherwise."""
    total = 0.0
    for values in runs[-stretch.held :]:
        spans, _, _ = _sides(values, modules, stretch.start)
        for first, second in spans:
            if median_of(second) - median_of(first) < stretch.shift / 2:
                return 0.0
            ranks = mid_ranks([*second, *first])
            total += log_rank_sum_p(len(second), sum(ranks[: len(second)]), len(ranks))
    return total


_Values = list[float]


def _sides(
    residuals: Sequence[float], modules: Sequence[int], start: int
) -> tuple[list[tuple[_Values, _Values]], list[_Values], list[_Values]]:
    """Return modules on both sides of a place, those before it and those after it."""
    sides: dict[int, tuple[_Values, _Values]] = {}
    for place, (value, module) in enumerate(zip(residuals, modules, strict=True)):
        if math.isfinite(value):
            sides.setdefault(module, ([], []))[place >= start].append(value)
    spans, before, after = [], [], []
    for first, second in sides.values():
        if len(first) >= _LEAST_OF_A_MODULE and len(second) >= _LEAST_OF_A_MODULE:
            spans.append((first, second))
        elif len(first) >= _LEAST_OF_A_MODULE:
            before.append(first)
        elif len(second) >= _LEAST_OF_A_MODULE:
            after.append(second)
    return spans, before, after
