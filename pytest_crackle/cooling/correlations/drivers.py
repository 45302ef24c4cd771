"""Drivers: a count or a custom value that the time of the tests follows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.clusters.contrast import SIGMA
from pytest_crackle.cooling.correlations.driver_fit import (
    LEAST_EFFECTIVE,
    NO_FIT,
    NO_SAMPLE,
    Fit,
    Sample,
    fit_of,
    mode_of,
    sample_of,
)
from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.numeric import mad_of, median_of, mid_ranks, pearson, spearman
from pytest_crackle.cooling.within import spread_over
from pytest_crackle.cooling.wording import phase_name
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.report import NotTested
from pytest_crackle.model.units import count_of, format_percent, format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.detectors.base import Column, Recheck
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.cooling.suite import Suite

__all__ = ["find_drivers"]

# what the run itself makes, in proportion to its length: never the reason for it
NEVER: Final = frozenset({"gc.collections", "memory.peak", "memory.rss"})
LEAST_USERS: Final = 20
LEAST_VALUES: Final = 4
# how far the correlation inside the units, and Pearson's, may lie below the limit (detectors.md 6)
SLACK: Final = 0.2
PARTIAL: Final = 0.3
# judged on at most so many tests; the seconds explained are added up over all
MOST_JUDGED: Final = 5000
PILOT: Final = 1000
# four standard errors of a correlation in the pilot
PILOT_SLACK: Final = 4 / math.sqrt(PILOT)
OUTLYING: Final = 8.0
# CPU seconds are steadier; wall time is the target where the tests that truly wait make the steady
# cost so many times the CPU time
WAITING: Final = 2.0
MOST_EXCEPTIONS: Final = 5
# seconds; the step of a metric in bytes is chosen to cost at least this
GRASPED: Final = 1e-4


@dataclass(frozen=True, slots=True)
class _Driver:
    """A metric, its target, and the seconds that it explains."""

    metric: str
    target: str
    rows: Sequence[int]
    """All that use the metric and have the target's time, by node id."""
    sample: Sample
    fit: Fit
    explained: float
    share: float
    offset: float


def find_drivers(suite: Suite, profile: Profile, metrics: Sequence[str]) -> Detection:
    """Find metrics that the set-up, call, teardown or CPU time of the tests follows.

    Parameters
    ----------
    suite : Suite
    profile : Profile
        `rho` and the least cost apply.
    metrics : sequence of str
        The counts and values that may drive; times, levels and allocations are passed over.

    Returns
    -------
    Detection
        Findings of kind correlation, sub-kind driver; `metrics` are the driver and its target.
        `evidence`: `correlation` (Spearman), `ci_low`, `ci_high`, `correlation_within` (ranks
        centred in modules, else classes, else functions), `pearson` (5 % winsorised), `slope`
        (Theil-Sen, seconds a unit), `explained_seconds`, `share` (of the target's seconds in the
        suite), `suite_share` (of the wall seconds of all tests), `tests`.

    Notes
    -----
    Where the commonest value is 0, only tests above it count. Needed: a lower bound of the
    correlation, over all or inside the units, at `rho`, and the other one and winsorised Pearson at
    `rho` - 0.2; n is the number of informative tests, at most 20 a unit. (Modules of unequal cost
    blur the correlation over all: with `rho` asked of it alone 2 of 5 drivers planted in a suite
    recorded on a loaded machine were found, with either 9 of 10, and nothing new was told on seven
    recorded suites.) No test explains more seconds than it took. One line a driver; a second driver
    of one target must still tell something given the first, of seconds not yet explained.

    Above 5,000 tests an even sample by node id is judged, after a pilot of 1,000 that only passes
    over correlations four standard errors under the limit. O(metrics x n log n).

    References
    ----------
    C. Spearman (1904), doi:10.2307/1412159; E. C. Fieller, H. O. Hartley, E. S. Pearson, "Tests for
    rank correlation coefficients. I", Biometrika 44 (1957) 470-481, doi:10.1093/biomet/44.3-4.470;
    P. K. Sen (1968), doi:10.1080/01621459.1968.10480934.
    """
    hypotheses = 0
    found: list[_Driver] = []
    not_tested: list[NotTested] = []
    targets = [name for name in ("cpu", *suite.phases) if name in suite.table.columns]
    for metric in metrics:
        if not _may_drive(suite, metric):
            continue
        users = _users(suite, metric)
        if not users:
            continue
        if len(users) < LEAST_USERS:
            reason = f"{count_of(len(users), 'test')}, needs {LEAST_USERS}"
            not_tested.append(NotTested("correlation", metric, f"driver: {reason}"))
            continue
        tested = [_judge(suite, profile, metric, target, users) for target in targets]
        hypotheses += sum(driver is not None for driver in tested)
        found += [
            driver for driver in tested if driver is not None and _passes(driver.fit, profile)
        ]
    least = profile.least_cost(suite.seconds)
    dear = [driver for driver in found if driver.explained >= least]
    kept = _independent(suite, _best_targets(suite, dear))
    findings = tuple(_finding(suite, profile, driver) for driver in kept)
    return Detection(findings, hypotheses, tuple(not_tested))


def _may_drive(suite: Suite, metric: str) -> bool:
    info = suite.table.info(metric)
    return info.kind in ("count", "value") and info.unit not in ("s", "ms") and metric not in NEVER


def _users(suite: Suite, metric: str) -> list[int]:
    """Rows that recorded the metric; above 0 where 0, as in most tests, means not to use it."""
    column = suite.column(metric)
    rows = suite.ordered_with(metric)
    values = list(map(column.__getitem__, rows))
    if 0 in values and mode_of(values) == 0:
        rows = [row for row, value in zip(rows, values, strict=True) if value > 0]
    return rows


def _judge(
    suite: Suite, profile: Profile, metric: str, target: str, users: Sequence[int]
) -> _Driver | None:
    """Measure one metric against one target; None where there is too little to be a hypothesis."""
    column, time = suite.column(metric), suite.column(target)
    rows = users
    if len(suite.rows_with(target)) < len(suite.rows):
        rows = [row for row in users if not math.isnan(time[row])]
    if len(rows) < LEAST_USERS or not _has_values(column, rows):
        return None
    sample, fit = NO_SAMPLE, NO_FIT
    if _pilot(column, time, rows) >= profile.rho - SLACK - PILOT_SLACK:
        sample = sample_of(column, time, spread_over(rows, MOST_JUDGED))
        fit = fit_of(suite, sample, LEAST_EFFECTIVE, _least_lows(profile)) or NO_FIT
    explained = offset = share = 0.0
    if _passes(fit, profile):
        offset = min(sample.x)
        explained = _explained(fit.slope, offset, column, time, rows)
        total = math.fsum(value for row in suite.rows if (value := time[row]) > 0)
        share = explained / total if total > 0 else 0.0
    return _Driver(metric, target, rows, sample, fit, explained, share, offset)


def _has_values(column: Sequence[float], rows: Sequence[int]) -> bool:
    seen: set[float] = set()
    for row in rows:
        seen.add(column[row])
        if len(seen) == LEAST_VALUES:
            return True
    return False


def _pilot(column: Sequence[float], time: Sequence[float], rows: Sequence[int]) -> float:
    if len(rows) <= PILOT:
        return 1.0
    some = spread_over(rows, PILOT)
    return spearman([column[row] for row in some], [time[row] for row in some])


def _explained(
    slope: float,
    offset: float,
    column: Sequence[float],
    time: Sequence[float],
    rows: Sequence[int],
) -> float:
    """Seconds that the metric accounts for; in no test more than it took."""
    return math.fsum(min(slope * (column[row] - offset), max(0.0, time[row])) for row in rows)


def _least_lows(profile: Profile) -> tuple[float, float]:
    return profile.rho, profile.rho - SLACK


def _passes(fit: Fit, profile: Profile) -> bool:
    least_high, least_low = _least_lows(profile)
    lows = (fit.low, fit.low_within)
    return max(lows) >= least_high and min(lows) >= least_low and fit.pearson >= least_low


def _best_targets(suite: Suite, drivers: Sequence[_Driver]) -> list[_Driver]:
    """One target a metric: wall time of tests that wait, else CPU time, then the closest."""
    best: dict[str, tuple[tuple[bool, float], _Driver]] = {}
    for driver in drivers:
        cpu = math.fsum(suite.cpu[row] for row in driver.rows)
        waits = math.fsum(suite.steady[row] for row in driver.rows) > WAITING * cpu
        merit = ((driver.target == "cpu") != waits, driver.fit.rho_within)
        if driver.metric not in best or merit > best[driver.metric][0]:
            best[driver.metric] = (merit, driver)
    return [driver for _, driver in best.values()]


def _independent(suite: Suite, drivers: list[_Driver]) -> list[_Driver]:
    """Strongest first; another one stays if it tells something beside each of those kept.

    No second is explained twice: together they may not explain more than the target took.
    """
    drivers.sort(key=lambda d: (-round(d.fit.rho_within, 2), -d.explained, d.metric))
    kept: list[_Driver] = []
    shares: dict[str, float] = {}
    for driver in drivers:
        share = shares.get(driver.target, 0.0) + driver.share
        if share > 1 and driver.target in shares:
            continue
        if all(_partial(suite, driver, other) >= PARTIAL for other in kept):
            kept.append(driver)
            shares[driver.target] = share
    return kept


def _partial(suite: Suite, driver: _Driver, other: _Driver) -> float:
    """Rank correlation of a driver and its target, given another driver; 1 if few have both."""
    known = suite.column(other.metric)
    places = [i for i, row in enumerate(driver.sample.rows) if not math.isnan(known[row])]
    if len(places) < LEAST_USERS:
        return 1.0
    x = mid_ranks([driver.sample.x[i] for i in places])
    y = mid_ranks([driver.sample.y[i] for i in places])
    z = mid_ranks([known[driver.sample.rows[i]] for i in places])
    xy, xz, yz = pearson(x, y), pearson(x, z), pearson(y, z)
    return (xy - xz * yz) / math.sqrt(max((1 - xz * xz) * (1 - yz * yz), 1e-9))


def _outliers(suite: Suite, driver: _Driver) -> tuple[int, ...]:
    """Rows that the line is far from, by their own scatter and in seconds; farthest first."""
    column, time = suite.column(driver.metric), suite.column(driver.target)
    slope = driver.fit.slope
    residuals = [time[row] - slope * (column[row] - driver.offset) for row in driver.rows]
    middle = median_of(residuals)
    least = max(OUTLYING * SIGMA * mad_of(residuals), 1.0, 0.005 * suite.seconds)
    far = [(abs(r - middle), row) for r, row in zip(residuals, driver.rows, strict=True)]
    far = sorted(((d, row) for d, row in far if d > least), key=lambda pair: (-pair[0], pair[1]))
    return tuple(row for _, row in far[:MOST_EXCEPTIONS])


def _finding(suite: Suite, profile: Profile, driver: _Driver) -> Finding:
    fit = driver.fit
    evidence = {
        "tests": float(len(driver.rows)),
        "correlation": fit.rho,
        "ci_low": fit.low,
        "ci_high": fit.high,
        "correlation_within": fit.rho_within,
        "pearson": fit.pearson,
        "slope": fit.slope,
        "explained_seconds": driver.explained,
        "share": driver.share,
    }
    if suite.seconds > 0:
        evidence["suite_share"] = driver.explained / suite.seconds
    factor, unit = _step(suite, driver)
    if factor != 1:
        evidence[f"slope_per_{unit}"] = factor * fit.slope
    whose = "CPU" if driver.target == "cpu" else phase_name(driver.target)
    whole = "test time" if driver.target == "duration" else f"{whose} time"
    each = "each" if not unit else f"per {unit}"
    return Finding(
        kind=PatternKind.CORRELATION,
        subkind="driver",
        summary=(
            f"{driver.target} follows {driver.metric} in {count_of(len(driver.rows), 'test')}:"
            f" {format_value(factor * fit.slope, 's')} {each},"
            f" {format_value(driver.explained, 's')} = {format_percent(driver.share)}"
            f" of {whole} (rho {fit.rho:.2f})."
        ),
        metrics=(driver.metric, driver.target),
        id_metrics=(driver.metric,),  # which time fits best may change from run to run
        rows=tuple(sorted(driver.rows)),
        anchor=driver.metric,
        log_p=fit.log_p,
        exceptions=_outliers(suite, driver),
        cost_seconds=driver.explained,
        evidence=evidence,
        recheck=_recheck(suite, profile, driver),
        score=driver.explained,
    )


def _step(suite: Suite, driver: _Driver) -> tuple[float, str]:
    """Return a step of the metric that costs a time people can grasp, and its name ("" for one)."""
    unit = suite.table.info(driver.metric).unit
    if unit == "B":
        steps = [(1.0, "B"), (2.0**10, "KiB"), (2.0**20, "MiB"), (2.0**30, "GiB")]
        return next((s for s in steps if s[0] * driver.fit.slope >= GRASPED), steps[-1])
    if unit in ("", "1"):
        whole = all(value == int(value) for value in driver.sample.x)
        return 1.0, "" if whole else "unit"
    return 1.0, unit.removesuffix("s") if len(unit) > 2 else unit


def _recheck(suite: Suite, profile: Profile, driver: _Driver) -> Recheck:
    judged = frozenset(driver.sample.rows)
    users = frozenset(driver.rows)
    least = profile.least_cost(suite.seconds)

    def again(column: Column, rows: Sequence[int]) -> float:
        share = len(rows) / max(1, len(suite.rows))
        x, time = column(driver.metric), column(driver.target)
        some = [row for row in rows if row in judged]
        if len(some) < 3 or len({x[row] for row in some}) < LEAST_VALUES:
            return 0.0
        sample = sample_of(x, time, some)
        fit = fit_of(suite, sample, share * LEAST_EFFECTIVE, _least_lows(profile))
        if fit is None or not _passes(fit, profile):
            return 0.0
        left = [row for row in rows if row in users]
        explained = _explained(fit.slope, driver.offset, x, time, left)
        return fit.log_p if explained >= share * least else 0.0

    return again
