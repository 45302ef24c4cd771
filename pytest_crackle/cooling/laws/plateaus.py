"""Plateaus: one duration in otherwise different tests, which is a fixed sleep, poll or timeout."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.numeric import median_of
from pytest_crackle.cooling.tails import log_poisson_sf
from pytest_crackle.cooling.waiting import least_wait, phase_wait
from pytest_crackle.cooling.wording import files_phrase, having, phase_name
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_count, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite
    from pytest_crackle.model.pattern import Explanation

__all__ = ["find_plateaus"]

# a busy machine pre-empts in slices of 4 ms and makes false plateaus below (detectors.md 1.3)
SHORTEST: Final = 0.050
# half widths of the windows, in ln
HALF_WIDTHS: Final = (0.003, 0.01, 0.03)
# half widths of the background, in ln; the densest counts, so that a smooth hump is no plateau
BACKGROUNDS: Final = (0.7, 0.35, 0.15)
# a window of many more tests than chance before cost and waiting are looked at
LEAST_LOG_P: Final = math.log(1e-3)
TELLING_LIFT: Final = 2.0


@dataclass(frozen=True, slots=True)
class _Window:
    """A run of neighbours among the sorted logarithms."""

    log_p: float
    half_width: float
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Series:
    """Seconds of the tests that wait in one phase: all of it, or what they wait of it."""

    metric: str
    rows: list[int]
    """By seconds."""
    logs: list[float]
    shares: dict[int, float] | None
    """What part of the phase each test waits; None where the whole of it counts."""

    def seconds(self, column: Sequence[float], row: int) -> float:
        return column[row] * (1.0 if self.shares is None else self.shares.get(row, 0.0))


@dataclass(frozen=True, slots=True)
class _Plateau:
    """A window, the rows in it, and how they spend their time."""

    series: _Series
    rows: tuple[int, ...]
    window: _Window
    cost: float
    wait: float


def find_plateaus(suite: Suite, profile: Profile) -> Detection:
    """Find durations that are conserved over tests which otherwise differ.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `min_tests`, `ratio` and the least cost apply.

    Returns
    -------
    Detection
        Findings of kind conservation, sub-kind plateau. `evidence`: `value` (median, seconds),
        `spread` (largest relative distance from it), `wait` (median share), `total` (seconds of
        the tests' phase), `suite_seconds`, `std_dev`, `coefficient_of_variation`, `tests`,
        `files`, and `named`, the number of tests that have the attribute told.

    Notes
    -----
    Scan statistic over the sorted logarithms of at least 50 ms. For each test and half width h the
    window of 2 h to its right holds k tests; against a Poisson law of the density around it (the
    highest of four neighbourhoods, the window left out). All windows count as hypotheses. The
    window must hold `ratio` times what the background has: at normal four in five of its tests
    are there because of the wait. Only tests that wait take part: what is CPU work is no wait and
    is left to the groups, also where it happens to take as long. Of the tests that are left the
    same is asked of the seconds that they wait: a sleep among work of unequal length. O(n log n) in
    the tests of at least 50 ms.

    References
    ----------
    J. Glaz, J. Naus, S. Wallenstein, "Scan Statistics" (2001), doi:10.1007/978-1-4757-3460-7.
    """
    findings: list[Finding] = []
    hypotheses = 0
    least = profile.least_cost(suite.even.seconds)
    limit = least_wait(suite)
    for metric in suite.phases:
        column = suite.column(metric)
        shares = {
            row: share
            for row in suite.rows
            if column[row] >= SHORTEST and (share := phase_wait(suite, metric, row)) >= limit
        }
        told: set[int] = set()
        for parts in (None, shares):
            series = _series(suite, metric, [row for row in shares if row not in told], parts)
            if len(series.rows) < profile.min_tests:
                continue
            hypotheses += len(HALF_WIDTHS) * len(series.rows)
            for window in _best_windows(series.logs, profile):
                members = tuple(sorted(series.rows[window.start : window.stop]))
                cost = math.fsum(series.seconds(column, row) for row in members)
                if cost < least:
                    continue
                told.update(members)
                wait = median_of([shares[row] for row in members])
                plateau = _Plateau(series, members, window, cost, wait)
                findings.append(_finding(suite, profile, plateau))
    return Detection(tuple(findings), hypotheses)


def _series(
    suite: Suite, metric: str, rows: Sequence[int], shares: dict[int, float] | None
) -> _Series:
    series, column = _Series(metric, [], [], shares), suite.column(metric)
    timed = sorted((series.seconds(column, row), row) for row in rows)
    for seconds, row in timed:
        if seconds >= SHORTEST:
            series.rows.append(row)
            series.logs.append(math.log(seconds))
    return series


def _best_windows(logs: Sequence[float], profile: Profile) -> list[_Window]:
    """Windows with more tests than chance, best first, none mostly inside a better one."""
    found = [window for half in HALF_WIDTHS for window in _windows(logs, half, profile)]
    found.sort(key=lambda window: (window.log_p, window.half_width, window.start))
    taken = bytearray(len(logs))
    kept = []
    for window in found:
        size = window.stop - window.start
        if 2 * sum(taken[window.start : window.stop]) > size:
            continue
        taken[window.start : window.stop] = b"\x01" * size
        kept.append(window)
    return kept


def _windows(logs: Sequence[float], half: float, profile: Profile) -> list[_Window]:
    windows = []
    for start, left in enumerate(logs):
        stop = bisect_right(logs, left + 2 * half, lo=start)
        k = stop - start
        if k < profile.min_tests:
            continue
        expected = _background(logs, left + half, half, k)
        if k < profile.ratio * expected:
            continue  # of many tests a slight hump is significant, but it is no fixed wait
        log_p = log_poisson_sf(expected, k - 1)
        if log_p <= LEAST_LOG_P:
            windows.append(_Window(log_p, half, start, stop))
    return windows


def _background(logs: Sequence[float], centre: float, half: float, inside: int) -> float:
    """Return how many tests a window would hold at the density around it, itself left out."""
    expected = 0.0
    for reach in (*BACKGROUNDS, 4 * half):
        if reach <= 2.5 * half:
            continue
        around = bisect_right(logs, centre + reach) - bisect_left(logs, centre - reach)
        density = (around - inside + 1) / (2 * reach - 2 * half)
        expected = max(expected, density * 2 * half)
    return expected


def _finding(suite: Suite, profile: Profile, plateau: _Plateau) -> Finding:
    rows, total, series = plateau.rows, plateau.cost, plateau.series
    column = suite.column(series.metric)
    values = [series.seconds(column, row) for row in rows]
    value = median_of(values)
    mean = total / len(values)
    deviation = math.sqrt(math.fsum((x - mean) ** 2 for x in values) / len(values))
    nearest = suite.explain(rows)
    explained = nearest if nearest is not None and nearest.lift >= TELLING_LIFT else None
    evidence = {
        "tests": float(len(rows)),
        "files": float(len({suite.table.modules[row] for row in rows})),
        "value": value,
        "spread": max(abs(x / value - 1) for x in values),
        "wait": plateau.wait,
        "total": total,
        "suite_seconds": suite.seconds,
        "std_dev": deviation,
        "coefficient_of_variation": deviation / mean,
    }
    if explained is not None:
        evidence["named"] = float(round(explained.recall * len(rows)))
    return Finding(
        kind=PatternKind.CONSERVATION,
        subkind="plateau",
        summary=_sentence(suite, plateau, evidence, explained),
        metrics=(series.metric,),
        rows=rows,
        anchor=_anchor(suite, rows, nearest),
        log_p=plateau.window.log_p,
        explained_by=explained,
        cost_seconds=total,
        evidence=evidence,
        recheck=_recheck(suite, profile, plateau),
        score=total,
    )


def _anchor(suite: Suite, rows: Sequence[int], nearest: Explanation | None) -> str:
    if nearest is not None:
        return f"{nearest.type} {nearest.name}"
    modules = Counter(suite.table.modules[row] for row in rows)
    return f"module {min(modules, key=lambda name: (-modules[name], name))}"


def _sentence(
    suite: Suite, plateau: _Plateau, evidence: Mapping[str, float], explained: Explanation | None
) -> str:
    rows = plateau.rows
    who = count_of(len(rows), "test")
    name = having(explained.type, explained.name) if explained else ""
    if explained is None:
        who += f" {files_phrase(suite, rows)}"
    elif explained.recall < 1:
        who += f" {files_phrase(suite, rows)}, {format_count(evidence['named'])} of them {name},"
    elif explained.type in ("function", "class", "module"):
        who += f" {name}"
    else:
        who += f" {files_phrase(suite, rows)} {name}"
    phase = phase_name(plateau.series.metric)
    in_phase = f" in {phase}" if phase in ("setup", "teardown") else ""
    spread = evidence["spread"]
    about = f" +- {format_percent(spread)}" if spread >= 5e-4 else ""
    value, total = (format_value(evidence[key], "s") for key in ("value", "total"))
    fixed = f"a fixed wait, {total} of {format_value(evidence['suite_seconds'], 's')}."
    if plateau.series.shares is not None:
        walls = [suite.column(plateau.series.metric)[row] for row in rows]
        low, high = (format_value(end, "s") for end in (min(walls), max(walls)))
        return f"{who} take {low} to {high}{in_phase}, of which each waits {value}{about}: {fixed}"
    return (
        f"{who} take {value}{about or ' each'}{in_phase},"
        f" {format_percent(evidence['wait'])} waiting: {fixed}"
    )


def _recheck(suite: Suite, profile: Profile, plateau: _Plateau) -> Recheck:
    wanted, series, logs = frozenset(plateau.rows), plateau.series, plateau.series.logs
    least = profile.least_cost(suite.even.seconds)

    def again(column: Column, rows: Sequence[int]) -> float:
        share = len(rows) / max(1, len(suite.rows))
        walls = column(series.metric)
        values = (series.seconds(walls, row) for row in rows if row in wanted)
        found = sorted(value for value in values if value >= SHORTEST)
        best = 0.0
        own = [math.log(v) for v in found]
        for half in HALF_WIDTHS:
            for start, left in enumerate(own):
                stop = bisect_right(own, left + 2 * half, lo=start)
                k = stop - start
                if k < share * profile.min_tests or sum(found[start:stop]) < share * least:
                    continue
                inside = bisect_right(logs, left + 2 * half) - bisect_left(logs, left)
                expected = share * _background(logs, left + half, half, inside)
                if k < profile.ratio * expected:
                    continue
                best = min(best, log_poisson_sf(expected, k - 1))
        return best

    return again
