"""The four threshold rules of the reference, kept for comparison; see `detectors/classic.py`.

They know no chance, no units and no missing run: one number against one threshold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.numeric import pearson
from pytest_crackle.cooling.profiles import CoolingRate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "CLASSIC_PRESETS",
    "EPSILON",
    "ClassicCluster",
    "ClassicLaw",
    "ClassicPreset",
    "ClassicShift",
    "conserved",
    "correlation",
    "greedy_clusters",
    "half_shift",
]

EPSILON: Final = 2.220446049250313e-16
"""Below this a mean or a denominator counts as nothing: the reference's machine epsilon."""


@dataclass(frozen=True, slots=True)
class ClassicPreset:
    """Thresholds of one cooling rate.

    Attributes
    ----------
    distance : float
        Tests nearer than this to the first test of a cluster belong to it.
    correlation : float
        Least absolute correlation.
    sensitivity : float
        A shift is more than this share of the mean.
    tolerance : float
        A conserved metric varies less than this, as a coefficient of variation.
    least_tests : int
        With fewer tests nothing is looked at.
    """

    distance: float
    correlation: float
    sensitivity: float
    tolerance: float
    least_tests: int


CLASSIC_PRESETS: Final[Mapping[CoolingRate, ClassicPreset]] = {
    CoolingRate.FAST: ClassicPreset(1.5, 0.5, 0.3, 0.5, 2),
    CoolingRate.NORMAL: ClassicPreset(2.5, 0.7, 0.5, 0.3, 3),
    CoolingRate.SLOW: ClassicPreset(4.0, 0.9, 0.8, 0.1, 5),
}


@dataclass(frozen=True, slots=True)
class ClassicCluster:
    """Positions of the tests of a cluster, in run order, and their mean pairwise distance."""

    members: tuple[int, ...]
    avg_distance: float


@dataclass(frozen=True, slots=True)
class ClassicShift:
    """Means of the two halves of a metric, and their difference over the mean of all."""

    first: float
    second: float
    magnitude: float


@dataclass(frozen=True, slots=True)
class ClassicLaw:
    """A metric's sum, population standard deviation, and that over the absolute mean."""

    total: float
    std_dev: float
    variation: float


def greedy_clusters(
    points: Sequence[Mapping[str, float]], threshold: float
) -> list[ClassicCluster]:
    """Take, from the first free test on, every later free test that is near to it.

    Parameters
    ----------
    points : sequence of mapping of str to float, shape (n,)
        The metrics that each test has, in run order.
    threshold : float
        Euclidean distance over the metrics that both have; without a common one it is infinite.

    Returns
    -------
    list of ClassicCluster
        Those of two and more. `avg_distance` is over all pairs and may be infinite.

    Notes
    -----
    Compares pairs: O(n x clusters + sum of squared sizes) distances.
    """
    free = list(range(len(points)))
    clusters = []
    while free:
        first, *later = free
        centre = points[first]
        members, free = [first], []
        for place in later:
            near = _distance(centre, points[place]) < threshold
            (members if near else free).append(place)
        if len(members) > 1:
            clusters.append(ClassicCluster(tuple(members), _mean_distance(points, members)))
    return clusters


def _distance(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    if a.keys() == b.keys():
        return math.dist(list(a.values()), [b[name] for name in a]) if a else math.inf
    common = [name for name in a if name in b]
    if not common:
        return math.inf
    return math.dist([a[name] for name in common], [b[name] for name in common])


def _mean_distance(points: Sequence[Mapping[str, float]], members: Sequence[int]) -> float:
    names = list(points[members[0]])
    complete = all(points[place].keys() == points[members[0]].keys() for place in members)
    n_pairs = len(members) * (len(members) - 1) / 2
    total = 0.0
    if complete and len(names) == 1:
        name = names[0]
        centre = points[members[0]][name]  # all are near to it, so differences from it lose nothing
        values = sorted(points[place][name] - centre for place in members)
        last = len(values) - 1
        total = math.fsum((2 * i - last) * value for i, value in enumerate(values))
    elif complete:
        places = [[points[place][name] for name in names] for place in members]
        for i, place in enumerate(places):
            total += sum([math.dist(place, other) for other in places[:i]])
    else:
        for i, member in enumerate(members):
            total += sum([_distance(points[member], points[other]) for other in members[:i]])
    return max(0.0, total / n_pairs)


def half_shift(values: Sequence[float], sensitivity: float) -> ClassicShift | None:
    """Compare the means of the two halves of a metric in run order.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
        Finite; the first half has n // 2.
    sensitivity : float

    Returns
    -------
    ClassicShift or None
        None unless the difference is more than `sensitivity` times the absolute mean.
    """
    half = len(values) // 2
    if not half:
        return None
    mean = _mean(values)
    if not abs(mean) > EPSILON:
        return None
    first, second = _mean(values[:half]), _mean(values[half:])
    magnitude = 2 * (abs(second / 2 - first / 2) / abs(mean))  # second - first may be infinite
    return ClassicShift(first, second, magnitude) if magnitude > sensitivity else None


def conserved(values: Sequence[float], tolerance: float) -> ClassicLaw | None:
    """Return a metric's total and spread if it hardly varies.

    Parameters
    ----------
    values : Sequence[float], shape (n,)
        Finite.
    tolerance : float

    Returns
    -------
    ClassicLaw or None
        None unless the population standard deviation over the absolute mean is less than
        `tolerance`.
    """
    if not values:
        return None
    mean = _mean(values)
    if not abs(mean) > EPSILON:
        return None
    variation = math.hypot(*[value / mean - 1 for value in values]) / math.sqrt(len(values))
    if not variation < tolerance:
        return None
    return ClassicLaw(mean * len(values), variation * abs(mean), variation)


def correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Return Pearson's correlation; 0 with fewer than three tests or next to no variation.

    Parameters
    ----------
    x, y : Sequence[float], shape (n,)
        Finite.
    """
    if len(x) < 3:
        return 0.0
    mean_x, mean_y = _mean(x), _mean(y)
    scale_x = math.hypot(*[value - mean_x for value in x])
    scale_y = math.hypot(*[value - mean_y for value in y])
    return pearson(x, y) if scale_x * scale_y >= EPSILON else 0.0


def _mean(values: Sequence[float]) -> float:
    try:
        mean = math.fsum(values) / len(values)
    except OverflowError:
        mean = math.inf
    if math.isinf(mean):  # 1e308 + 1e308
        mean = math.fsum([value / len(values) for value in values])
    return mean
