"""Pairs: custom metrics that rise together, or of which one falls as the other rises."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.clusters.regimes import find_regimes
from pytest_crackle.cooling.correlations.rank_pair import PairAgain, rank_pair
from pytest_crackle.cooling.correlations.rank_pilot import rank_pilot_of
from pytest_crackle.cooling.correlations.shapes import find_shapes
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.laws.equations import find_equations
from pytest_crackle.cooling.numeric import pearson, spearman
from pytest_crackle.cooling.profiles import CoolingRate
from pytest_crackle.cooling.within import centred, cosine, spread_over
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.cooling.correlations.rank_pair import RankPair, Strength
    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_pairs"]

MOST_TESTS: Final = 5000
# the pilot passes over what lies this far under the limit (detectors.md 6)
PILOT_SLACK: Final = 0.1
SLACK: Final = 0.2
PARTIAL: Final = 0.3
# a difference of the two correlations that is worth a word
DIFFERENT: Final = 0.1

_Pairs = dict[tuple[str, str], "RankPair"]


def find_pairs(suite: Suite, profile: Profile) -> Detection:
    """Find pairs of custom metrics that go together within modules.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `rho` applies to the correlation within modules; shapes are looked for at fast only.

    Returns
    -------
    Detection
        Findings of kind correlation, sub-kinds pair and, at fast, shape. `evidence` of a pair:
        `correlation` (Spearman over all tests), `correlation_within` (ranks centred in modules:
        it decides), `ci_low`, `ci_high` (95 %, of its size), `pearson`, `tests`.

    Notes
    -----
    Left out: pairs of an equation that is told, pairs that only show a regime, the weakest edge of
    a triangle that the other two explain, and two times, which both follow how much a test does.
    Up to 5,000 tests a pair; O(metrics^2) pilots of 600 tests.

    References
    ----------
    C. Spearman (1904), doi:10.2307/1412159; see `rank_pair` for the interval.
    """
    found: _Pairs = {}
    pilot, related = rank_pilot_of(suite), find_equations(suite).related
    for x, y in pilot.pairs(profile.rho - PILOT_SLACK):
        if frozenset((x, y)) in related or _are_times(suite, x, y):
            continue
        pair = rank_pair(suite, (x, y), _shared(suite, x, y), suite.column)
        if pair is not None and _passes(pair.strength, profile):
            found[x, y] = pair
    dropped = {*_indirect(found), *_of_regimes(suite, profile, found)}
    findings = tuple(
        _finding(suite, profile, names, pair)
        for names, pair in found.items()
        if names not in dropped
    )
    hypotheses = pilot.n_pairs
    if profile.rate is CoolingRate.FAST:
        shapes, more = find_shapes(suite, _told(suite, profile, found))
        findings, hypotheses = (*findings, *shapes), hypotheses + more
    return Detection(findings, hypotheses)


def _are_times(suite: Suite, x: str, y: str) -> bool:
    return all(suite.table.info(name).unit == "s" for name in (x, y))


def _shared(suite: Suite, x: str, y: str) -> Sequence[int]:
    column = suite.column(y)
    both = [row for row in suite.rows_with(x) if not math.isnan(column[row])]
    return both if len(both) <= MOST_TESTS else spread_over(suite.by_nodeid(both), MOST_TESTS)


def _passes(strength: Strength, profile: Profile) -> bool:
    return abs(strength.rho_within) >= profile.rho and strength.low >= profile.rho - SLACK


def _indirect(found: _Pairs) -> set[tuple[str, str]]:
    """Pairs that are the weakest edge of a triangle and go together only by the third metric."""
    names = sorted({name for pair in found for name in pair})
    dropped = set()
    for (a, b), pair in found.items():
        for c in names:
            one, other = found.get(_ordered(a, c)), found.get(_ordered(b, c))
            if one is None or other is None:
                continue
            r, r1, r2 = (each.strength.rho_within for each in (pair, one, other))
            if min(abs(r1), abs(r2)) <= abs(r):
                continue
            rest = math.sqrt(max((1 - r1 * r1) * (1 - r2 * r2), 1e-9))
            if abs(r - r1 * r2) / rest < PARTIAL:
                dropped.add((a, b))
    return dropped


def _ordered(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a <= b else (b, a)


def _of_regimes(suite: Suite, profile: Profile, found: _Pairs) -> set[tuple[str, str]]:
    """Pairs whose metrics only change levels together, and do not go together on either level."""
    dropped = set()
    for regime in find_regimes(suite, profile).findings:
        side = set(regime.rows)
        for names, pair in found.items():
            if not set(names) <= set(regime.metrics):
                continue
            groups = [(suite.module_codes[row], row in side) for row in pair.rows]
            if abs(cosine(centred(pair.x, groups), centred(pair.y, groups))) < profile.rho - SLACK:
                dropped.add(names)
    return dropped


def _told(suite: Suite, profile: Profile, found: _Pairs) -> frozenset[frozenset[str]]:
    regimes = find_regimes(suite, profile).findings
    together = [frozenset(pair) for r in regimes for pair in combinations(r.metrics, 2)]
    metrics = rank_pilot_of(suite).metrics
    times = [pair for pair in combinations(metrics, 2) if _are_times(suite, *pair)]
    pairs = (*found, *times)
    return frozenset([*find_equations(suite).related, *map(frozenset, pairs), *together])


def _finding(suite: Suite, profile: Profile, names: tuple[str, str], pair: RankPair) -> Finding:
    x, y = ([suite.column(name)[row] for row in pair.rows] for name in names)
    strength = pair.strength
    evidence = {
        "correlation": spearman(x, y),
        "correlation_within": strength.rho_within,
        "ci_low": strength.low,
        "ci_high": strength.high,
        "pearson": pearson(x, y),
        "tests": float(len(pair.rows)),
    }
    return Finding(
        kind=PatternKind.CORRELATION,
        subkind="pair",
        summary=_sentence(names, evidence),
        metrics=names,
        rows=tuple(sorted(pair.rows)),
        anchor="rises" if strength.rho_within > 0 else "falls",
        log_p=strength.log_p,
        evidence=evidence,
        recheck=_recheck(suite, profile, names, pair),
        score=abs(strength.rho_within),
    )


def _sentence(names: tuple[str, str], evidence: Mapping[str, float]) -> str:
    x, y = names
    rho, within = evidence["correlation"], evidence["correlation_within"]
    together = f"{x} and {y} rise together" if within > 0 else f"{y} falls as {x} rises"
    tests = count_of(int(evidence["tests"]), "test")
    if rho * within < 0 or abs(rho - within) > DIFFERENT:
        between = ", but not between them" if rho * within < 0 else ""
        return (
            f"{together} within modules over {tests} (rho {within:.2f}){between}"
            f" (all tests: rho {rho:.2f})."
        )
    return f"{together} over {tests} (rho {rho:.2f})."


def _recheck(suite: Suite, profile: Profile, names: tuple[str, str], pair: RankPair) -> Recheck:
    test, rho = PairAgain(suite, names, pair.rows), pair.strength.rho_within

    def again(column: Column, rows: Sequence[int]) -> float:
        found = test.strength(column, rows, lambda strength: _passes(strength, profile))
        if found is None or not _passes(found, profile):
            return 0.0
        return found.log_p if found.rho_within * rho > 0 else 0.0

    return again
