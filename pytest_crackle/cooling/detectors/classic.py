"""The four threshold rules of the reference, for who wants them back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.classic import (
    CLASSIC_PRESETS,
    conserved,
    correlation,
    greedy_clusters,
    half_shift,
)
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of, format_count, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_crackle.cooling.classic import ClassicPreset
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["MOST_TESTS", "SUBKIND", "Classic"]

SUBKIND: Final = "classic"
MOST_TESTS: Final = 5_000
"""Clustering compares all pairs of tests, so beyond this it says so and refuses."""
_ANCHOR: Final = "session"
_Columns = dict[str, dict[int, float]]


@dataclass(frozen=True, slots=True)
class Classic:
    """Clustering by distance, halves, coefficient of variation, and Pearson, each by a threshold.

    Attributes
    ----------
    metrics : tuple of str
        What to look at; empty: duration and what tests recorded themselves.

    Notes
    -----
    Raw values, unscaled, in run order, without skipped and errored tests. The findings have no
    p-value (theirs is 1) and take no part in the multiplicity; `confidence` is the reference's
    number and no chance of anything. Three faults of the reference are not repeated: the tests
    named are those that have the values, evidence holds only what the rule computed, and the order
    is by confidence and name. With several workers the run order is by start time.
    """

    metrics: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name for ``--crackle-detectors``."""
        return "classic"

    def detect(self, suite: Suite, profile: Profile) -> Detection:
        """Apply the four rules with the thresholds of the profile's cooling rate."""
        preset = CLASSIC_PRESETS[profile.rate]
        n_tests = len(suite.rows)
        if n_tests < preset.least_tests:
            return Detection(not_tested=(self._too_few(n_tests, preset),))
        order = _run_order(suite)
        columns = {
            name: {row: values[row] for row in order if math.isfinite(values[row])}
            for name, values in self._columns(suite)
        }
        columns = {name: column for name, column in columns.items() if column}
        findings = [
            *_shifts(suite, columns, preset),
            *_laws(suite, columns, preset),
            *_correlations(columns, preset),
        ]
        not_tested = []
        if n_tests > MOST_TESTS:
            reason = f"{n_tests:,} tests, classic clustering takes at most {MOST_TESTS:,}"
            not_tested.append(NotTested(self.name, "*", reason))
        else:
            findings += _clusters(suite, order, columns, preset)
        findings.sort(key=lambda f: (-(f.confidence or 0.0), f.kind, f.metrics, f.anchor))
        return Detection(tuple(findings), not_tested=tuple(not_tested))

    def _too_few(self, n_tests: int, preset: ClassicPreset) -> NotTested:
        reason = f"{count_of(n_tests, 'test')}, needs {preset.least_tests}"
        return NotTested(self.name, "*", reason)

    def _columns(self, suite: Suite) -> Iterator[tuple[str, Sequence[float]]]:
        table = suite.table
        own = [name for name in suite.metrics if not table.info(name).builtin]
        for name in dict.fromkeys(self.metrics or ("duration", *own)):
            if name in table.columns:
                yield name, table.columns[name]
            elif name == "duration" and any(p.startswith("duration.") for p in table.columns):
                yield name, suite.duration


def _run_order(suite: Suite) -> list[int]:
    """Rows that count, in the order in which they ran; several workers are woven by start time."""
    table = suite.table
    orders = table.run_orders()
    counts = set(suite.rows)
    if len(orders) == 1:
        return [row for rows in orders.values() for row in rows if row in counts]

    def when(row: int) -> tuple[float, int, int]:
        start = table.starts[row]
        return (start if math.isfinite(start) else 0.0, table.seqs[row], row)

    return sorted(counts, key=when)


def _finite(**values: float) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}


def _clusters(
    suite: Suite, order: Sequence[int], columns: _Columns, preset: ClassicPreset
) -> Iterator[Finding]:
    points: list[Mapping[str, float]] = [
        {name: column[row] for name, column in columns.items() if row in column} for row in order
    ]
    for cluster in greedy_clusters(points, preset.distance):
        rows = [order[place] for place in cluster.members]
        names = tuple(name for name, column in columns.items() if any(r in column for r in rows))
        first = suite.table.nodeids[rows[0]]
        distance = cluster.avg_distance
        mean = f" (mean distance {format_count(distance)})" if math.isfinite(distance) else ""
        yield Finding(
            kind=PatternKind.CLUSTERING,
            subkind=SUBKIND,
            summary=(
                f"{count_of(len(rows) - 1, 'test')} less than {format_count(preset.distance)} from"
                f" {first} in {', '.join(names)}{mean}."
            ),
            metrics=names,
            rows=tuple(sorted(rows)),
            anchor=first,
            log_p=0.0,
            exact=True,
            confidence=1.0 - min(1.0, distance / preset.distance),
            evidence=_finite(avg_distance=distance, cluster_size=float(len(rows))),
        )


def _shifts(suite: Suite, columns: _Columns, preset: ClassicPreset) -> Iterator[Finding]:
    for name, column in columns.items():
        shift = half_shift(list(column.values()), preset.sensitivity)
        if shift is None:
            continue
        unit = suite.table.info(name).unit
        before, after = format_value(shift.first, unit), format_value(shift.second, unit)
        yield Finding(
            kind=PatternKind.PHASE_TRANSITION,
            subkind=SUBKIND,
            summary=(
                f"{name} is {before} on average in the first half of"
                f" {count_of(len(column), 'test')} and {after} in the second."
            ),
            metrics=(name,),
            rows=tuple(sorted(column)),
            anchor=_ANCHOR,
            log_p=0.0,
            exact=True,
            confidence=min(1.0, shift.magnitude / preset.sensitivity),
            evidence=_finite(
                shift_magnitude=shift.magnitude,
                first_half_avg=shift.first,
                second_half_avg=shift.second,
            ),
        )


def _laws(suite: Suite, columns: _Columns, preset: ClassicPreset) -> Iterator[Finding]:
    for name, column in columns.items():
        law = conserved(list(column.values()), preset.tolerance)
        if law is None:
            continue
        total = format_value(law.total, suite.table.info(name).unit)
        yield Finding(
            kind=PatternKind.CONSERVATION,
            subkind=SUBKIND,
            summary=(
                f"{name} varies by {format_percent(law.variation)} (standard deviation over mean)"
                f" in {count_of(len(column), 'test')}, {total} in total."
            ),
            metrics=(name,),
            rows=tuple(sorted(column)),
            anchor=_ANCHOR,
            log_p=0.0,
            exact=True,
            confidence=1.0 - min(1.0, law.variation),
            evidence=_finite(
                total=law.total, std_dev=law.std_dev, coefficient_of_variation=law.variation
            ),
        )


def _correlations(columns: _Columns, preset: ClassicPreset) -> Iterator[Finding]:
    for (name_x, x), (name_y, y) in combinations(columns.items(), 2):
        rows = [row for row in x if row in y]
        r = correlation([x[row] for row in rows], [y[row] for row in rows])
        if not abs(r) >= preset.correlation:
            continue
        way = "rise together" if r > 0 else "move in opposite ways"
        where = f"in {count_of(len(rows), 'test')} (Pearson {r:.2f})"
        yield Finding(
            kind=PatternKind.CORRELATION,
            subkind=SUBKIND,
            summary=f"{name_x} and {name_y} {way} {where}.",
            metrics=(name_x, name_y),
            rows=tuple(sorted(rows)),
            anchor=_ANCHOR,
            log_p=0.0,
            exact=True,
            confidence=abs(r),
            evidence={"correlation": r},
        )
