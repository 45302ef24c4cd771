"""The best split of a stretch of one series into two levels, by ranks, and how surely it is one."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import median_of, mid_ranks
from pytest_crackle.cooling.tails import log_hypergeometric_tail

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LONG", "RankScan", "Split", "best_split", "log_max_p", "partial_z"]

LONG: Final = 4096  # longer stretches use the ranks of the whole series and a grid of splits
_GRID: Final = 2000  # splits looked at first in a long stretch
_SEED_SPLITS: Final = 24  # splits looked at in a seeded interval
_LEAST_Z: Final = 1.5  # below it the tail formula is no probability any more
_NO_SPREAD: Final = 1e-9  # sums of squares of ranks below this are zero but for rounding


@dataclass(frozen=True, slots=True)
class Split:
    """Hold the best split of a stretch.

    Attributes
    ----------
    index : int
        First point of the second level, counted from the start of the series.
    log_p : float
        ln of the p-value, the search over all splits included.
    z : float
        Of the stretch as a whole, not divided by the inflation.
    effect : float
        Absolute Cliff delta between the two levels, 0..1.
    """

    index: int
    log_p: float
    z: float
    effect: float


@dataclass(frozen=True, slots=True)
class _Layer:
    """All seeded intervals of one length, with the largest |z| of each."""

    length: int
    starts: list[int]
    z: list[float]


def log_max_p(z: float, n: int, least_segment: int) -> float:
    """Return ln P(max |z_k| > z) over the splits k = m..n-m of n exchangeable ranks.

    Notes
    -----
    Two thirds of the tail formula for normal values; right within 25 % for ranks at n = 8..400
    (measured), where the normal formula is too large.

    References
    ----------
    R. Miller and D. Siegmund, "Maximally selected chi square statistics", Biometrics 38 (1982)
    1011-1016, doi:10.2307/2529881.
    """
    if z < _LEAST_Z:
        return 0.0
    share = least_segment / n
    log_odds = math.log(max((1 - share) / share, 1 + 1e-9))
    density = -z * z / 2 - 0.5 * math.log(2 * math.pi)
    return min(0.0, math.log(2 / 3) + density + math.log((z - 1 / z) * 2 * log_odds + 4 / z))


def partial_z(explained: float, freedom: int) -> float:
    """Return the z that is as unlikely as a squared partial correlation with `freedom` degrees.

    References
    ----------
    D. L. Wallace, "Bounds on normal approximations to Student's and the chi-square distributions",
    Annals of Mathematical Statistics 30 (1959) 1121-1130, doi:10.1214/aoms/1177706100.
    """
    factor = (8 * freedom + 1) / (8 * freedom + 3)
    return factor * math.sqrt(-freedom * math.log1p(-min(explained, 1 - 1e-12)))


def best_split(scores: Sequence[float], least_segment: int) -> tuple[float, int]:
    """Return (share of the sum of squares explained, k) of the best split before point k."""
    n = len(scores)
    mean = sum(scores) / n
    spread = sum([score * score for score in scores]) - n * mean * mean
    if spread <= _NO_SPREAD or n < 2 * least_segment:
        return 0.0, least_segment
    sums, splits = list(accumulate(scores)), range(least_segment, n - least_segment + 1)
    gains = [
        (total - k * mean) ** 2 / (k * (n - k))
        for k, total in zip(splits, sums[least_segment - 1 :], strict=False)
    ]
    gain = max(gains)
    gains.reverse()  # of equal ones the last
    return gain * n / spread, splits[-1 - gains.index(gain)]


class RankScan:
    """Answer "the best split of this stretch?" for many stretches of one series.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
        Finite numbers.
    least_segment : int
        Fewest points of a level.
    inflation : float
        What autocorrelation multiplies z by; every z is divided by it.
    ranks : Sequence[float], shape (n,), optional
        Their mid-ranks, where they are known.

    Notes
    -----
    Two searches, the smaller p counts. One looks at the stretch as a whole, with its own ranks. The
    other looks at seeded intervals of the length 4m, 8m, ... inside it, with the ranks of the whole
    series, each at 24 splits at most; it finds what lies between two changes that cancel.

    O(n log n) once, then O(length log length) a question, O(1) from `LONG` points on. Answers are
    remembered. The ranks are doubled and centred whole numbers, so that prefix sums are exact for
    any n: with floats the spread of 20 neighbouring ranks drowns in the sums of a million.

    References
    ----------
    A. N. Pettitt, "A non-parametric approach to the change-point problem", Applied Statistics 28
    (1979) 126-135, doi:10.2307/2346729 (ranks). S. Kovacs, P. Buehlmann, H. Li and A. Munk, "Seeded
    binary segmentation", Biometrika 110 (2023) 249-256, doi:10.1093/biomet/asac052 (intervals).
    """

    def __init__(
        self,
        values: Sequence[float],
        least_segment: int,
        inflation: float,
        ranks: Sequence[float] | None = None,
    ) -> None:
        self.values = values
        self.least_segment = least_segment
        self.inflation = inflation
        centre = len(values) + 1
        scores = [int(2 * rank) - centre for rank in ranks or mid_ranks(values)]
        self._sums = list(accumulate(scores, initial=0))
        self._squares = list(accumulate([score * score for score in scores], initial=0))
        self._tied = len(values) > LONG and len(set(values)) < 0.9 * len(values)
        self._layers = self._scan_seeds()
        self._known: dict[tuple[int, int, bool], Split] = {}

    def best(self, start: int, stop: int, *, seeded: bool) -> Split:
        """Return the best split of values[start:stop]; with `seeded` look inside as well."""
        key = (start, stop, seeded)
        if key not in self._known:
            self._known[key] = self._decide(start, stop, seeded=seeded)
        return self._known[key]

    def _decide(self, start: int, stop: int, *, seeded: bool) -> Split:
        n = stop - start
        if n < 2 * self.least_segment:
            return Split(start, 0.0, 0.0, 0.0)
        ranks = None if n > LONG else mid_ranks(self.values[start:stop])
        explained, k = (
            self._best_long_split(start, stop)
            if ranks is None
            else best_split(ranks, self.least_segment)
        )
        z = partial_z(explained, n - 2)
        log_p, index = log_max_p(z / self.inflation, n, self.least_segment), start + k
        if seeded:
            seed_log_p, seed_index = self._best_seed(start, stop, log_p)
            if seed_log_p < log_p:
                log_p, index = seed_log_p, seed_index
        if log_p < 0 and (ranks is not None or self._tied):
            log_p = max(log_p, _tie_floor(self.values[start:stop], index - start))
        return Split(index, log_p, z, self._effect(start, index, stop, ranks))

    def _effect(self, start: int, index: int, stop: int, ranks: list[float] | None) -> float:
        """Return |Cliff delta|: twice the difference of the mean ranks over the number ranked."""
        if ranks is None:
            before = (self._sums[index] - self._sums[start]) / (index - start)
            after = (self._sums[stop] - self._sums[index]) / (stop - index)
            return abs(after - before) / len(self.values)
        k, n = index - start, stop - start
        return 2 * abs(sum(ranks[k:]) / (n - k) - sum(ranks[:k]) / k) / n

    def _best_long_split(self, start: int, stop: int) -> tuple[float, int]:
        """Look at a grid of splits, then at every one around the best of them."""
        n, least, sums = stop - start, self.least_segment, self._sums
        base, total = sums[start], sums[stop] - sums[start]
        spread = self._spread(start, stop)
        if spread <= _NO_SPREAD:
            return 0.0, least

        def best_of(splits: range) -> tuple[float, int]:
            gains = [(sums[start + k] - base - k * total / n) ** 2 / (k * (n - k)) for k in splits]
            gain = max(gains)
            return gain, splits[gains.index(gain)]

        step = max(1, (n - 2 * least) // _GRID)
        _, rough = best_of(range(least, n - least + 1, step))
        gain, k = best_of(range(max(least, rough - step), min(n - least, rough + step) + 1))
        return gain * n / spread, k

    def _spread(self, start: int, stop: int) -> float:
        """Return the sum of squares about the mean, of the scores of a stretch."""
        n, total = stop - start, self._sums[stop] - self._sums[start]
        return ((self._squares[stop] - self._squares[start]) * n - total * total) / n

    def _scan_seeds(self) -> list[_Layer]:
        n, layers, length = len(self.values), [], 4 * self.least_segment
        while length < 0.75 * n:
            starts = list(range(0, n - length + 1, length // 2))
            if starts[-1] != n - length:
                starts.append(n - length)
            layers.append(_Layer(length, starts, self._seed_scores(length, starts)))
            length *= 2
        return layers

    def _seed_scores(self, length: int, starts: Sequence[int]) -> list[float]:
        least, sums = self.least_segment, self._sums
        step = max(1, (length - 2 * least) // _SEED_SPLITS)
        splits = range(least, length - least + 1, step)
        shares = [(k / length, length / (k * (length - k))) for k in splits]
        scores = []
        for start in starts:
            base, total = sums[start], sums[start + length] - sums[start]
            spread = self._spread(start, start + length)
            if spread <= _NO_SPREAD:
                scores.append(0.0)
                continue
            inner = sums[start + least : start + length - least + 1 : step]
            gain = max(
                [
                    (at - base - share * total) ** 2 * weight
                    for at, (share, weight) in zip(inner, shares, strict=True)
                ]
            )
            scores.append(partial_z(gain / spread, length - 2))
        return scores

    def _best_seed(self, start: int, stop: int, log_p_whole: float) -> tuple[float, int]:
        layers = [layer for layer in self._layers if layer.length < stop - start]
        best_log_p, index = log_p_whole, start
        for layer in layers:
            low = bisect_left(layer.starts, start)
            high = bisect_right(layer.starts, stop - layer.length)
            if high <= low:
                continue
            z = max(layer.z[low:high])
            log_trials = math.log(len(layers) * (high - low))
            log_p = log_trials + log_max_p(z / self.inflation, layer.length, self.least_segment)
            if log_p < best_log_p:
                at = layer.starts[layer.z.index(z, low, high)]
                ranks = mid_ranks(self.values[at : at + layer.length])
                best_log_p, index = log_p, at + best_split(ranks, self.least_segment)[1]
        return best_log_p, index


def _tie_floor(values: Sequence[float], k: int) -> float:
    """Return ln of a lower bound of p where one value holds more than half of the points.

    The normal approximation fails there: what counts is on which side of k the few others lie, and
    that has an exact hypergeometric tail, times 2n for both sides and every k.
    """
    n, mode = len(values), median_of(values)
    rare = [value != mode for value in values]
    n_rare = sum(rare)
    if n_rare == 0 or 2 * n_rare >= n:
        return -math.inf
    return min(0.0, math.log(2 * n) + log_hypergeometric_tail(n, n_rare, k, sum(rare[:k])))
