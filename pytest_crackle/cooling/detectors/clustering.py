"""Clustering: tests that share one cost, and what they have in common."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.by_machine import at_one_speed
from pytest_crackle.cooling.clusters.groups import find_groups
from pytest_crackle.cooling.clusters.hotspots import find_hot
from pytest_crackle.cooling.clusters.regimes import find_regimes
from pytest_crackle.cooling.clusters.setups import find_setups
from pytest_crackle.cooling.detectors.base import Detection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Finding
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["Clustering"]

# share of one finding's tests or cost in another, from which on both tell one cause
TOLD: Final = 0.5
INSIDE: Final = 0.8


class Clustering:
    """Group, hot and regime: sets of tests that cost alike or much, named by an attribute."""

    name = "clustering"

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        """Look for shared costs and hot spots; what is one cause is told once.

        Parameters
        ----------
        suite : Suite
        profile : Profile

        Returns
        -------
        Detection
            Findings of sub-kinds group, hot and regime. A fixture's own set-ups, measured one by
            one, tell a cost better than a group by attribute; a hot spot whose cost is mostly told
            by groups is left out, and a group that is a part of a hot spot becomes a line of its
            details. Regimes are about custom metrics, the others about time.
        """
        setups, groups, hot = (
            at_one_speed(self.name, suite, partial(find, profile=profile))
            for find in (find_setups, find_groups, find_hot)
        )
        kept = _beside_setups(setups.findings, groups.findings)
        spots = _untold(suite.even, [*setups.findings, *kept], hot.findings)
        regimes = find_regimes(suite, profile)
        return _together(
            [*setups.findings, *_one_cause(kept, spots), *regimes.findings],
            [setups, groups, hot, regimes],
        )


def _together(findings: Sequence[Finding], parts: Sequence[Detection]) -> Detection:
    """Put these findings in place of those of the parts, and add up what else the parts say."""
    return Detection(
        tuple(findings),
        sum(part.hypotheses for part in parts),
        tuple(missing for part in parts for missing in part.not_tested),
        tuple(note for part in parts for note in part.notes),
    )


def _beside_setups(setups: Sequence[Finding], groups: Sequence[Finding]) -> list[Finding]:
    """Leave out groups of one phase whose tests mostly share a fixture that tells the cost."""
    kept = []
    for group in groups:
        rows = set(group.rows)
        told = math.fsum(
            (finding.cost_seconds or 0.0) * len(rows.intersection(finding.rows)) / len(finding.rows)
            for finding in setups
            if finding.metrics == group.metrics
        )
        if told < TOLD * (group.cost_seconds or 0.0):
            kept.append(group)
    return kept


def _untold(suite: Suite, groups: Sequence[Finding], spots: Sequence[Finding]) -> list[Finding]:
    """Leave out hot spots of which groups tell more than half of the cost."""
    told: dict[int, float] = {}
    for group in groups:
        column = suite.column(group.metrics[0])
        for row in group.rows:
            told[row] = told.get(row, 0.0) + column[row]
    kept = []
    for spot in spots:
        shared = math.fsum(min(told.get(row, 0.0), suite.steady[row]) for row in spot.rows)
        if shared <= TOLD * (spot.cost_seconds or 0.0):
            kept.append(spot)
    return kept


def _one_cause(groups: Sequence[Finding], spots: Sequence[Finding]) -> list[Finding]:
    """Make groups that are a smaller part of a hot spot a line of its details."""
    parts: dict[str, list[str]] = {}
    kept = []
    for group in groups:
        rows = set(group.rows)
        for spot in spots:
            if len(rows.intersection(spot.rows)) >= INSIDE * len(rows):
                parts.setdefault(spot.anchor, []).append(group.summary)
                break
        else:
            kept.append(group)
    return [*kept, *(replace(s, details=(*s.details, *parts.get(s.anchor, ()))) for s in spots)]
