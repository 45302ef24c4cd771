"""Custom metrics with two levels inside the same modules: the search, without its wording."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from itertools import repeat
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.clusters.valley import deepest_valley, is_log_scaled, without_lattice
from pytest_crackle.cooling.correlations.rank_pilot import rank_pilot_of
from pytest_crackle.cooling.laws.equations import find_equations
from pytest_crackle.cooling.laws.laws import find_laws
from pytest_crackle.cooling.laws.lines import resistant_line
from pytest_crackle.cooling.numeric import mid_ranks
from pytest_crackle.cooling.roles import roles_of
from pytest_crackle.cooling.within import centred, design_effect, intraclass, spread_over

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_crackle.cooling.clusters.valley import Valley
    from pytest_crackle.cooling.detectors.base import Column
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["Series", "Split", "all_series", "find_splits", "split_at", "split_of"]

# all constants as in detectors.md 3, measured there on 14 suites
LEAST_TESTS: Final = 40
LEAST_DISTINCT: Final = 12
MOST_AT_MODE: Final = 0.3
LEAST_RHO: Final = 0.3
MOST_TESTS: Final = 4000
MOST_FITTED: Final = 2000
LEAST_STRADDLING: Final = 2
STRADDLING_SHARE: Final = 0.03
LEAST_POOL: Final = 30
LEAST_FUNCTIONS: Final = 3
LEAST_SIDE: Final = 0.05
SHALLOW: Final = 0.5
"""Depth up to which a first valley shows where to look again."""
SAME: Final = 0.6


@dataclass(frozen=True, slots=True)
class Series:
    """One metric, or one metric less what it owes to another, over the tests that have a value.

    Attributes
    ----------
    metrics : tuple of str
        The metric whose levels are looked for, and what it is compared with, if anything.
    rows : tuple of int
        By node id.
    logs : tuple of bool
        Whether each metric is compared by ratio.
    line : (slope, intercept) or None
    """

    metrics: tuple[str, ...]
    rows: tuple[int, ...]
    logs: tuple[bool, ...]
    line: tuple[float, float] | None = None

    def values(self, column: Column, rows: Sequence[int], *, spread: bool) -> list[float]:
        """Return the values of some rows; with `spread`, ties of integers are spread out."""
        scaled = []
        for name, log in zip(self.metrics, self.logs, strict=True):
            source = column(name)
            values = list(map(source.__getitem__, rows))
            if spread:
                values = without_lattice(values)
            scaled.append(list(map(math.log, map(max, values, repeat(1e-300)))) if log else values)
        if self.line is None:
            return scaled[0]
        slope, intercept = self.line
        return [y - slope * x - intercept for y, x in zip(*scaled, strict=True)]


@dataclass(frozen=True, slots=True)
class Split:
    """Two levels of a series in the modules that have both.

    Attributes
    ----------
    series : Series
    low, high : tuple of int
        Rows on either side, in the straddling modules, increasing.
    depth : float
        Tests in the valley for each on the lower hill.
    cut : float
        In the scale of the series.
    log_p : float
    also : tuple of str
        Other metrics that fall into the same two sets of tests.
    """

    series: Series
    low: tuple[int, ...]
    high: tuple[int, ...]
    depth: float
    cut: float
    log_p: float
    also: tuple[str, ...] = ()

    @property
    def smaller(self) -> tuple[int, ...]:
        """The rows of the side that holds fewer tests."""
        return self.low if len(self.low) < len(self.high) else self.high

    @property
    def larger(self) -> tuple[int, ...]:
        """The rows of the other side."""
        return self.high if len(self.low) < len(self.high) else self.low


def all_series(suite: Suite, profile: Profile) -> Iterator[Series]:
    """Give each value metric without the tests of its laws, and each pair that may go together."""
    told: dict[str, set[int]] = {}
    for finding in find_laws(suite, profile).findings:
        told.setdefault(finding.metrics[0], set()).update(finding.rows, finding.exceptions)
    single: dict[str, Series] = {}
    pilot = rank_pilot_of(suite)
    for name in pilot.metrics:
        series = _single(suite, name, told.get(name, set()))
        if series is not None:
            single[name] = series
            yield series
    related = find_equations(suite).related
    for x, y in pilot.pairs(LEAST_RHO):
        if x in single and y in single and frozenset((x, y)) not in related:
            joint = _joint(suite, single[y], single[x])
            if joint is not None:
                yield joint


def _single(suite: Suite, name: str, told: set[int]) -> Series | None:
    if roles_of(suite)[name] != "value":
        return None
    rows = tuple([row for row in suite.ordered_with(name) if row not in told])
    if len(rows) < LEAST_TESTS:
        return None
    values = list(map(suite.column(name).__getitem__, rows))
    n_distinct = len(set(values))
    if n_distinct < LEAST_DISTINCT:
        return None
    most = MOST_AT_MODE * len(values)
    # so many different values leave room for none that is too common
    is_common = len(values) - n_distinct + 1 > most and max(Counter(values).values()) > most
    if is_common:
        return None
    return Series((name,), rows, (is_log_scaled(without_lattice(values)),))


def _joint(suite: Suite, y: Series, x: Series) -> Series | None:
    has_x = set(x.rows)
    rows = tuple(row for row in y.rows if row in has_x)
    if len(rows) < LEAST_TESTS:
        return None
    some = spread_over(rows, MOST_FITTED)
    line = resistant_line(
        x.values(suite.column, some, spread=True), y.values(suite.column, some, spread=True)
    )
    if line is None:
        return None
    return Series((*y.metrics, *x.metrics), rows, (*y.logs, *x.logs), line)


def split_of(suite: Suite, profile: Profile, series: Series) -> Split | None:
    """Find two levels that several modules have both of.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `depth` and `min_tests` apply.
    series : Series

    Returns
    -------
    Split or None

    Notes
    -----
    The first look shows which modules straddle the deepest valley; the second, on their tests only,
    decides, so that modules with levels of their own make no regime. At most 4,000 tests.
    """
    rows = spread_over(series.rows, MOST_TESTS)
    values = series.values(suite.column, rows, spread=True)
    first = deepest_valley(values)
    if first is None or first.depth > max(SHALLOW, profile.depth):
        return None
    straddling = _straddling(suite, rows, values, first.cut)
    if len(straddling) < LEAST_STRADDLING:
        return None
    modules = suite.module_codes
    pool = [row for row in rows if modules[row] in straddling]
    decided = split_at(suite, series, pool, suite.column)
    if decided is None or decided.depth > profile.depth:
        return None
    above = sum(value > decided.cut for value in values)
    least = max(profile.min_tests, LEAST_SIDE * len(values))
    if min(above, len(values) - above) < least:
        return None
    if len(rows) == len(series.rows):
        return decided
    everyone = [row for row in series.rows if modules[row] in straddling]
    low, high = _sides(series, everyone, suite.column, decided.cut)
    return replace(decided, low=low, high=high)


def _straddling(
    suite: Suite, rows: Sequence[int], values: Sequence[float], cut: float
) -> frozenset[int]:
    modules = suite.module_codes
    total, above = Counter[int](), Counter[int]()
    for row, value in zip(rows, values, strict=True):
        total[modules[row]] += 1
        above[modules[row]] += value > cut
    return frozenset(
        module
        for module, n in total.items()
        if min(above[module], n - above[module]) >= max(2, STRADDLING_SHARE * n)
    )


def _sides(
    series: Series, rows: Sequence[int], column: Column, cut: float
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    values = series.values(column, rows, spread=False)
    pairs = list(zip(rows, values, strict=True))
    low = tuple(sorted(row for row, value in pairs if value <= cut))
    return low, tuple(sorted(row for row, value in pairs if value > cut))


def split_at(suite: Suite, series: Series, pool: Sequence[int], column: Column) -> Split | None:
    """Split some tests at the deepest valley of a series, as far as functions support it.

    The p-value counts as many tests as there would be if those of one function on one side were
    not alike; three functions must lie on the smaller side, and two modules on both.
    """
    if len(pool) < LEAST_POOL:
        return None
    values = series.values(column, pool, spread=True)
    valley = deepest_valley(values)
    if valley is None:
        return None
    low, high = _sides(series, pool, column, valley.cut)
    split = Split(series, low, high, valley.depth, valley.cut, 0.0)
    functions = suite.function_codes
    if len({functions[row] for row in split.smaller}) < LEAST_FUNCTIONS:
        return None
    log_p = valley.log_p_with(_alike(suite, pool, values, valley))
    return replace(split, log_p=log_p)


def _alike(suite: Suite, pool: Sequence[int], values: Sequence[float], valley: Valley) -> float:
    """Design effect of functions on ranks that are centred in module and side."""
    sides = [value > valley.cut for value in values]
    modules = [(suite.module_codes[row], side) for row, side in zip(pool, sides, strict=True)]
    functions = [suite.function_codes[row] for row in pool]
    inside = list(zip(functions, sides, strict=True))
    ranks = centred(mid_ranks(values), modules)
    return design_effect(functions, intraclass(ranks, inside, len(set(modules))))


def find_splits(suite: Suite, profile: Profile) -> tuple[list[Split], int]:
    """Find all splits, those of the same tests once, and the number of series looked at.

    Single metrics come first, then the least p-value. A joint one that shares a metric with a kept
    one tells nothing new.
    """
    n_series = 0
    found: list[Split] = []
    for series in all_series(suite, profile):
        n_series += 1
        split = split_of(suite, profile, series)
        if split is not None:
            found.append(split)
    found.sort(key=lambda s: (len(s.series.metrics), s.log_p, s.series.metrics))
    kept: list[Split] = []
    for split in found:
        joint = len(split.series.metrics) > 1
        told = next((i for i, other in enumerate(kept) if _is_told(split, other)), None)
        if told is None:
            kept.append(split)
        elif not joint:
            kept[told] = replace(kept[told], also=(*kept[told].also, *split.series.metrics))
    return kept, n_series


def _is_told(split: Split, other: Split) -> bool:
    names = {*other.series.metrics, *other.also}
    if len(split.series.metrics) > 1 and not names.isdisjoint(split.series.metrics):
        return True
    own, its = set(split.smaller), set(other.smaller)
    return len(own & its) >= SAME * len(own | its)
