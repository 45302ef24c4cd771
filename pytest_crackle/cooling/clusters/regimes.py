"""Regimes: custom metrics with two levels inside the same modules, and what tells them apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.clusters.contrast import SIGMA
from pytest_crackle.cooling.clusters.side_names import log_p_of_name, name_side
from pytest_crackle.cooling.clusters.two_levels import find_splits, split_at
from pytest_crackle.cooling.clusters.valley import deepest_valley
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.numeric import mad_of, median_of, quantile
from pytest_crackle.cooling.replica import Members
from pytest_crackle.cooling.wording import having
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_count, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.clusters.side_names import NamedSide
    from pytest_crackle.cooling.clusters.two_levels import Split
    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_regimes"]

LOG_VISIBLE: Final = math.log(0.05)
# nobody hears of less, so it keeps no pair from being told
LOG_LEAST: Final = math.log(1e-3)
LEAST_DISTINCT_UNNAMED: Final = 20
MOST_INSIDE: Final = 2 / 3
"""Share of the smaller side in functions that lie on both, up to which levels are no cases."""
SAME_SIDES: Final = 0.8


def find_regimes(suite: Suite, profile: Profile) -> Detection:
    """Find custom metrics whose values form two levels within several modules.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `depth` (largest share of the lower hill that may lie in the valley) and `min_tests` apply.

    Returns
    -------
    Detection
        Findings of kind clustering, sub-kind regime; for the detector `Clustering`, which has
        nothing to resolve: regimes are about custom metrics only, groups and hot spots about time.
        `metrics` are all those with the same two sets of tests; `rows` are the side that an
        attribute names, or else the smaller one. `evidence`: `cluster_size`, `others`, `modules`,
        `median`, `other_median`, `lift` (their ratio), `low_from`, `low_to`, `high_from`,
        `high_to`, `depth`, `avg_distance` (mean distance of two of its tests over the robust spread
        of all), `having` (tests on the side that have the attribute).

    Notes
    -----
    See `two_levels.split_of` for the valley between the levels. Where an attribute tells the sides
    apart, inside modules and by functions, that is evidence too, and the two p-values are joined
    after R. A. Fisher, "Statistical Methods for Research Workers" (1932), section 21.1: 30 tests
    alone make no valley that a session's hypotheses bear. Searched once for each suite and profile,
    as pairs ask for it too.
    """
    return suite.once(("regimes", profile), lambda: _find(suite, profile))


def _find(suite: Suite, profile: Profile) -> Detection:
    splits, n_series = find_splits(suite, profile)
    findings = []
    for split in splits:
        named = name_side(suite, split.smaller, split.larger)
        log_p = _log_p(split.log_p, named.log_p)
        if log_p <= LOG_LEAST and (named.explained or _are_two(suite, profile, split)):
            findings.append(_finding(suite, profile, split, named, log_p))
    return Detection(tuple(findings), n_series)


def _are_two(suite: Suite, profile: Profile, split: Split) -> bool:
    """Whether levels that nothing names are two, and no sizes that the parameters step through.

    Sizes 1, 2, 4, ... make a valley between any two of them; few values, several valleys or
    functions that lie on both sides show it.
    """
    series = split.series
    pool = [*split.low, *split.high]
    for name in series.metrics:
        column = suite.column(name)
        if len({column[row] for row in pool}) < LEAST_DISTINCT_UNNAMED:
            return False
    for side in (split.low, split.high):
        valley = deepest_valley(series.values(suite.column, side, spread=True))
        if valley and valley.depth <= profile.depth and valley.log_p_with(1.0) <= LOG_VISIBLE:
            return False
    codes = suite.function_codes
    others = {codes[row] for row in split.larger}
    n_inside = sum(codes[row] in others for row in split.smaller)
    return n_inside <= MOST_INSIDE * len(split.smaller)


def _log_p(valley: float, name: float) -> float:
    """Two levels, told apart by an attribute: both by chance (Fisher's product of two p-values).

    A valley that hardly shows is no level, however well an attribute goes with high values.
    """
    if name >= 0 or valley > LOG_VISIBLE:
        return valley
    both = valley + name
    return both + math.log1p(-both)


def _finding(
    suite: Suite, profile: Profile, split: Split, named: NamedSide, log_p: float
) -> Finding:
    evidence = _evidence(suite, split, named)
    explained = named.explained
    anchor = f"{explained.type} {explained.name}" if explained else "levels"
    metrics = (*split.series.metrics, *split.also)
    return Finding(
        kind=PatternKind.CLUSTERING,
        subkind="regime",
        summary=_sentence(suite, split, named, evidence),
        metrics=metrics,
        id_metrics=(min(metrics),),  # others have the same two sides, or just not
        rows=named.rows,
        anchor=anchor,
        log_p=log_p,
        explained_by=explained,
        evidence={key: x for key, x in evidence.items() if math.isfinite(x)},
        recheck=_recheck(suite, profile, split, named),
        score=-log_p,
    )


def _evidence(suite: Suite, split: Split, named: NamedSide) -> dict[str, float]:
    column = suite.column(split.series.metrics[0])
    low, high = (sorted([column[row] for row in side]) for side in (split.low, split.high))
    own, others = (low, high) if named.rows == split.low else (high, low)
    median, other = median_of(own), median_of(others)
    modules = {suite.table.modules[row] for row in (*split.low, *split.high)}
    evidence = {
        "cluster_size": float(len(own)),
        "others": float(len(others)),
        "modules": float(len(modules)),
        "median": median,
        "other_median": other,
        "depth": split.depth,
        "avg_distance": _mean_distance(suite, split, named.rows),
        "having": float(named.n_having),
    }
    if other:
        evidence["lift"] = median / other
    if split.series.line is None:
        # ranges as they are where nothing lies between the levels, else without their tails
        tail = 0.0 if split.depth == 0 else 0.05
        evidence["low_from"], evidence["low_to"] = quantile(low, tail), quantile(low, 1 - tail)
        evidence["high_from"], evidence["high_to"] = quantile(high, tail), quantile(high, 1 - tail)
    else:
        sides = (named.rows, named.others)
        values = [split.series.values(suite.column, side, spread=False) for side in sides]
        step = median_of(values[0]) - median_of(values[1])
        if split.series.logs[0]:
            evidence["factor"] = math.exp(min(step, 700.0))
        else:
            evidence["difference"] = step
    return evidence


def _mean_distance(suite: Suite, split: Split, rows: Sequence[int]) -> float:
    everyone = (*split.low, *split.high)
    scale = SIGMA * mad_of(split.series.values(suite.column, everyone, spread=False))
    ordered = sorted(split.series.values(suite.column, rows, spread=False))
    n = len(ordered)
    if n < 2 or not scale:
        return 0.0
    total = sum([(2 * i - n + 1) * x for i, x in enumerate(ordered)])
    return max(0.0, 2 * total / (n * (n - 1)) / scale)


def _sentence(suite: Suite, split: Split, named: NamedSide, evidence: dict[str, float]) -> str:
    if split.series.line is not None:
        return _joint_sentence(suite, split, named, evidence)
    metric = split.series.metrics[0]
    unit = suite.table.info(metric).unit
    parts = []
    for end, side in (("low", split.low), ("high", split.high)):
        low, high = (format_value(evidence[f"{end}_{key}"], unit) for key in ("from", "to"))
        where = low if low == high else f"{low} to {high}"
        tests = count_of(len(side), "test")
        parts.append(f"{where} in {tests}{_who(named, side)}")
    mostly = "" if split.depth == 0 else "mostly "
    also = f" (and with it {' and '.join(split.also)})" if split.also else ""
    modules = count_of(int(evidence["modules"]), "module")
    return f"{metric}{also} has two levels in {modules}: {mostly}{parts[0]}, {mostly}{parts[1]}."


def _who(named: NamedSide, side: Sequence[int]) -> str:
    explained = named.explained
    if explained is None or side != named.rows:
        return ""
    name = having(explained.type, explained.name)
    if named.n_having == len(side):
        return f" {name}"
    return f", {named.n_having:,} of them {name}"


def _joint_sentence(
    suite: Suite, split: Split, named: NamedSide, evidence: dict[str, float]
) -> str:
    y, x = split.series.metrics
    if "factor" in evidence:
        change = f"{format_count(evidence['factor'])} times as high"
    else:
        size = format_value(abs(evidence["difference"]), suite.table.info(y).unit)
        change = f"{size} {'higher' if evidence['difference'] > 0 else 'lower'}"
    n, others = len(named.rows), len(named.others)
    who = _who(named, named.rows)
    comma = "," if who.startswith(",") else ""
    modules = count_of(int(evidence["modules"]), "module")
    return (
        f"For the same {x}, {y} is about {change} in {count_of(n, 'test')}{who}{comma}"
        f" than in the {others:,} other tests of {modules}."
    )


def _recheck(suite: Suite, profile: Profile, split: Split, named: NamedSide) -> Recheck:
    pool = Members((*split.low, *split.high))
    smaller, own_side = frozenset(split.smaller), frozenset(named.rows)

    def again(column: Column, rows: Sequence[int]) -> float:
        some = pool.among(rows)
        found = split_at(suite, split.series, some, column)
        if found is None or found.depth > profile.depth:
            return 0.0
        own = smaller.intersection(some)
        sides = (set(found.low), set(found.high))
        if max(len(own & side) / max(1, len(own | side)) for side in sides) < SAME_SIDES:
            return 0.0
        if named.explained is None:
            return found.log_p
        side = own_side.intersection(some)
        others = [row for row in some if row not in side]
        name = log_p_of_name(suite, sorted(side), others, named.members)
        return _log_p(found.log_p, name)

    return again
