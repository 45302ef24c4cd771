"""Which of many series have been higher since one of the newest runs, and since which."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.history.comparable import LEAST_RUNS
from pytest_crackle.cooling.history.tails import Tail
from pytest_crackle.cooling.numeric import median_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_HELD", "WINDOW", "Newest", "NewestShifts"]

MOST_HELD: Final = 12
"""Runs that a shift is told from the newest runs; change points over all runs see older ones."""
WINDOW: Final = 20
"""Most runs that say what was usual (detectors.md 4, T1)."""
_FORGIVEN: Final = 5
"""One in so many runs since the shift may have been as before: a lucky run ends nothing."""
_CHOICES: Final = 3
"""What the choice among 12 numbers of runs is worth: they overlap."""
_POOLED_WEIGHT: Final = 5
"""Runs that the scale of all series counts for beside the scale of a series itself."""
_LEAST_SCALE: Final = 0.02
_LEAST_BEFORE: Final = 5
_SAMPLED: Final = 3000
_SAMPLED_RUNS: Final = 8
"""Series, and newest past runs of each, that say how rare a deviation is; of few series more."""
_HIGHEST: Final = 5
"""One in so many past deviations counts as high where two in a row are looked for."""
_MAD_TO_SD: Final = 1.4826


@dataclass(frozen=True, slots=True)
class Newest:
    """A series that has been higher for some runs, this one included.

    Attributes
    ----------
    unit : int
        Place of the series.
    held : int
        Runs since it is higher, those that have a value of it.
    run : int
        Place of the first of them on the axis of runs.
    last_good : int
        Place of the last run before that has a value of it.
    log_p : float
        ln of the p-value, the choice of `held` included.
    before, after : float
        Medians of the levelled logarithms.
    back : int
        Newest runs that are as before again; `held` counts those until then.
    """

    unit: int
    held: int
    run: int
    last_good: int
    log_p: float
    before: float
    after: float
    back: int = 0

    @property
    def shift(self) -> float:
        """The difference of the medians, ln of a ratio."""
        return self.after - self.before


class NewestShifts:
    """Judge the newest runs of many series by what these series do when nothing happens.

    Parameters
    ----------
    series : sequence of sequence of float, shape (n_units, n_runs)
        Levelled logarithms, this run last; NaN where missing.
    kinds : sequence of int, shape (n_units,)
        Series of one kind (a decade of duration) have noise of about the same scale.
    least : float
        Least shift.
    most_held : int
        Runs that a shift is told.

    Notes
    -----
    The deviation of a run from the median of up to 20 runs before it is divided by the scale of
    these runs (MAD, as if five more runs had the scale that is usual for its kind). Deviations of
    past runs, taken in the same way, say how rare one is (`Tail`); runs that are as high as this
    one and come right before it are left out of that. For a shift that has held for h runs the
    smallest of the h deviations counts, one in five forgiven: p to the power of the number of runs
    that are worth something. What a further run is worth is read from the past as well: 1 / eta - 1
    with Ledford and Tawn's coefficient eta of tail dependence, from how often two runs in a row are
    both among the highest fifth (`Tail` knows how rare one is, this how rare several are); less for
    the median that they share; times the 12 choices of h. An autocorrelation of ranks will not do:
    it is that of the quiet runs, and what matters is whether a storm lasts. The run before the
    first of them must be as before.

    References
    ----------
    A. W. Ledford, J. A. Tawn, "Statistics for near independence in multivariate extreme values",
    Biometrika 83 (1996) 169-187, doi:10.1093/biomet/83.1.169.
    """

    def __init__(
        self,
        series: Sequence[Sequence[float]],
        kinds: Sequence[int],
        *,
        least: float,
        most_held: int = MOST_HELD,
    ) -> None:
        self._series = series
        self._kinds = kinds
        self._least = least
        self._most_held = most_held
        step = max(1, len(series) // _SAMPLED)
        sample = range(0, len(series), step)
        pasts = {unit: _before_streak(_finite(series[unit]), least, most_held) for unit in sample}
        self._sampled_runs = max(_SAMPLED_RUNS, min(WINDOW, _SAMPLED // max(1, len(series))))
        self._usual = self._usual_scales(pasts)
        deviations = [self._past_deviations(unit, past) for unit, past in pasts.items()]
        self._tail = Tail(z for some in deviations for z in some)
        self._further = _worth_of_a_run(deviations)

    def _usual_scales(self, pasts: dict[int, list[float]]) -> dict[int, float]:
        """The median scale of each kind; of all under the key -1."""
        scales: dict[int, list[float]] = {-1: []}
        for unit, past in pasts.items():
            if len(past) >= LEAST_RUNS:
                scale = _own_scale(past[-WINDOW:])[1]
                scales.setdefault(self._kinds[unit], []).append(scale)
                scales[-1].append(scale)
        return {kind: median_of(some) for kind, some in scales.items() if some}

    def _scale(self, unit: int, own: float, n_before: int) -> float:
        usual = self._usual.get(self._kinds[unit], self._usual.get(-1, _LEAST_SCALE))
        pooled = n_before * own * own + _POOLED_WEIGHT * usual * usual
        return max(_LEAST_SCALE, math.sqrt(pooled / (n_before + _POOLED_WEIGHT)))

    def _past_deviations(self, unit: int, past: list[float]) -> list[float]:
        """Deviations of the newest past runs from the runs before; of few runs, from the others."""
        out = []
        n = len(past)
        for place in range(max(0, n - self._sampled_runs), n):
            others = past[max(0, place - WINDOW) : place]
            if len(others) < _LEAST_BEFORE:
                others = past[:place] + past[place + 1 :]
            if len(others) >= LEAST_RUNS - 1:
                middle, own = _own_scale(others)
                out.append((past[place] - middle) / self._scale(unit, own, len(others)))
        return out

    def find(self, unit: int, stop: int | None = None) -> Newest | None:
        """Return the newest shift of a series as of the run before `stop` (all runs: None).

        Returns
        -------
        Newest or None
            None where there is nothing to compare, or no shift of the least size. `log_p` may be
            anything: the caller knows how many series there are.
        """
        values = self._series[unit][:stop]
        if not values or values[-1] != values[-1]:
            return None
        places = [place for place, value in enumerate(values) if value == value]  # noqa: PLR0124
        finite = [values[place] for place in places]
        recent = sorted(finite[-self._most_held - WINDOW :])
        if len(finite) <= LEAST_RUNS or finite[-1] - recent[1] < self._least:
            return None
        best: Newest | None = None
        for held in range(1, min(self._most_held, len(finite) - LEAST_RUNS) + 1):
            found = self._held(unit, finite, held, places)
            if found is not None and (best is None or found.log_p < best.log_p):
                best = found
        return best

    def _held(self, unit: int, finite: list[float], held: int, places: list[int]) -> Newest | None:
        before, since = finite[-held - WINDOW : -held], sorted(finite[-held:])
        middle, own = _own_scale(before)
        after = median_of(since)
        shift = after - middle
        if len(before) < min(held, MOST_HELD):
            return None  # fewer runs do not say what was usual
        last = max(before[-1], median_of(before[-LEAST_RUNS:]))
        # the first and the last run since then are shifted: no lucky run may move the place
        ends = min(finite[-held], finite[-1])
        if shift < self._least or ends - middle < shift / 2 or last - middle > shift / 2:
            return None
        forgiven = held // _FORGIVEN
        deviation = (since[forgiven] - middle) / self._scale(unit, own, len(before))
        count = held - forgiven
        alike = 1 / (1 + len(before))
        worth = 1 + (count - 1) * self._further / (1 + (count - 1) * alike)
        choices = math.log(_CHOICES) + math.log(math.comb(held, forgiven))
        log_p = min(0.0, worth * self._tail.log_p(deviation) + choices)
        return Newest(unit, held, places[-held], places[-held - 1], log_p, middle, after)


def _worth_of_a_run(deviations: Sequence[Sequence[float]]) -> float:
    """Return what one more high run is worth as proof: 1 if runs are independent, 0 if alike."""
    ordered = sorted([value for some in deviations for value in some])
    pairs = [min(pair) for some in deviations for pair in pairwise(some)]
    if not pairs:
        return 0.0
    edge = ordered[-1 - len(ordered) // _HIGHEST]
    single = sum(value >= edge for value in ordered) / len(ordered)
    both = (sum(value >= edge for value in pairs) + 1) / (len(pairs) + 1)
    if single >= 1 or both >= 1:
        return 0.0
    return min(1.0, max(0.0, math.log(both) / math.log(single) - 1))


def _finite(values: Sequence[float]) -> list[float]:
    return [value for value in values if value == value]  # noqa: PLR0124 - NaN


def _before_streak(values: list[float], least: float, most_held: int) -> list[float]:
    """Return the past of a series without the newest runs if they are higher, like this one.

    What is to be judged must not be its own measure: three modules that became slow three runs ago
    would make large deviations look common.
    """
    past = values[:-1]
    if len(past) < LEAST_RUNS:
        return past
    usual = median_of(past[: max(LEAST_RUNS, len(past) // 2)]) + least
    if values[-1] >= usual:
        for _ in range(most_held):
            if len(past) <= LEAST_RUNS or past[-1] < usual:
                break
            past.pop()
    return past


def _own_scale(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the scale of some values, as a standard deviation."""
    ordered = sorted(values)
    n = len(ordered)
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    away = sorted([abs(value - middle) for value in ordered])
    return middle, _MAD_TO_SD * (away[(n - 1) // 2] + away[n // 2]) / 2
