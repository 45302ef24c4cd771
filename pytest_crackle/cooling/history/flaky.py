"""Flaky tests: the same code, another outcome; how often, since when, and what goes with it."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.cooling.history.company import Context, companions
from pytest_crackle.cooling.history.flips import Flips, Seen, flips_of, wilson
from pytest_crackle.cooling.wording import having
from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import count_of, format_percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.history.company import Companion
    from pytest_crackle.cooling.history.comparable import Comparable
    from pytest_crackle.cooling.profiles import Profile
    from pytest_crackle.model.past import PastRun
    from pytest_crackle.model.pattern import Explanation

__all__ = ["find_flaky"]

_FAILED: Final = frozenset({"failed", "error"})
_ENDED: Final = frozenset({"passed", *_FAILED})
_OUTAGE_SHARE: Final = 0.1
_OUTAGE_TESTS: Final = 10
"""A run in which so many tests failed says something about the run, not about each of them."""
_SURE_FAILURES: Final = 2
_TOGETHER: Final = 4
_SHARED: Final = 0.8
_CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class _Flaky:
    row: int
    flips: Flips
    companion: str | None


@dataclass(frozen=True, slots=True)
class _Run:
    """One run as the flips need it; this run has no `of`."""

    commit: str | None
    outcomes: dict[int, str]
    rerun: frozenset[int]
    of: PastRun | None


def find_flaky(against: Comparable, profile: Profile) -> Detection:
    """Find tests that fail and pass on the same commit.

    Parameters
    ----------
    against : Comparable
    profile : Profile
        Its q is the family-wise error of all statements about what goes with the failures.

    Returns
    -------
    Detection
        Facts of kind `flaky`, sub-kind `flips`; one for four or more that share an attribute.

    Notes
    -----
    Only runs with the labels of this one; runs in which a tenth of the tests failed are left out.
    O(runs x tests), and O(runs log runs) for each test that ever failed.
    """
    runs = _runs(against)
    rows = {
        against.past.numbers[nodeid]: row
        for row, nodeid in enumerate(against.suite.table.nodeids)
        if nodeid in against.past.numbers
    }
    suspects = {
        test
        for run in runs
        for test, outcome in run.outcomes.items()
        if (outcome in _FAILED or test in run.rerun) and test in rows
    }
    found: dict[int, Flips] = {}
    for test in sorted(suspects, key=rows.__getitem__):
        flips = flips_of(_seen(runs, test))
        if flips is not None:
            found[test] = flips
    named = _companions(against, runs, found, profile)
    flaky = [_Flaky(rows[test], flips, named.get(test)) for test, flips in found.items()]
    return Detection(tuple(_findings(against, runs, flaky)))


def _runs(against: Comparable) -> list[_Run]:
    past, table = against.past, against.suite.table
    runs = []
    for run in against.runs:
        if run.labels == past.labels:
            outcomes = {
                test: outcome
                for test, outcome in zip(run.tests, run.outcomes, strict=True)
                if outcome in _ENDED
            }
            rerun = {
                run.tests[row]
                for row, earlier in run.attempts.items()
                if run.outcomes[row] == "passed" and not _FAILED.isdisjoint(earlier)
            }
            commit = None if run.dirty else run.commit
            runs.append(_Run(commit, outcomes, frozenset(rerun), run))
    numbers = [past.numbers.get(nodeid, -1) for nodeid in table.nodeids]
    now = {
        number: outcome
        for number, outcome in zip(numbers, table.outcomes, strict=True)
        if outcome in _ENDED and number >= 0
    }
    again = {
        numbers[row]
        for row, earlier in table.retried.items()
        if table.outcomes[row] == "passed" and not _FAILED.isdisjoint(earlier)
    }
    runs.append(_Run(None if past.dirty else past.commit, now, frozenset(again), None))
    return [run for run in runs if not _is_outage(run)]


def _is_outage(run: _Run) -> bool:
    failed = sum(outcome in _FAILED for outcome in run.outcomes.values())
    return failed >= _OUTAGE_TESTS and failed > _OUTAGE_SHARE * len(run.outcomes)


def _seen(runs: Sequence[_Run], test: int) -> list[Seen]:
    return [
        Seen(place, run.commit, run.outcomes[test] in _FAILED, test in run.rerun)
        for place, run in enumerate(runs)
        if test in run.outcomes
    ]


def _companions(
    against: Comparable, runs: Sequence[_Run], found: dict[int, Flips], profile: Profile
) -> dict[int, str]:
    """Name for each flaky test what surely goes with its failures, if anything does."""
    nodeids = {number: nodeid for nodeid, number in against.past.numbers.items()}
    contexts: dict[int, list[Context]] = defaultdict(list)
    for place, run in enumerate(runs):
        failing = {
            test: one
            for test, flips in found.items()
            for one in flips.counted
            if one.place == place
        }
        if failing and run.of is not None:
            before = _tests_before(run.of)
            metric = "duration" if "duration" in run.of.metrics else "duration.call"
            seconds = run.of.column(metric)
            for row, test in enumerate(run.of.tests):
                if test in failing:
                    contexts[test].append(
                        Context(
                            failing[test].is_failure,
                            nodeids.get(before[row], "") if row in before else "",
                            f"{run.of.workers[row]}" if run.of.mode != "no" else "",
                            float(run.of.seqs[row] if run.of.seqs else row),
                            seconds[row],
                        )
                    )
    best: dict[int, Companion] = {}
    tested = 0
    for test, some in contexts.items():
        ranked, count = companions(some)
        tested += count
        if ranked:
            best[test] = ranked[0]
    limit = math.log(profile.q) - math.log(max(1, tested))
    return {test: one.text for test, one in best.items() if one.log_p <= limit}


def _tests_before(run: PastRun) -> dict[int, int]:
    """Return for each row of a run the test that ran before it in the same worker."""
    n = len(run.tests)
    workers, seqs = run.workers or [0] * n, run.seqs or range(n)
    order = sorted(range(n), key=lambda row: (workers[row], seqs[row]))
    return {
        row: run.tests[previous]
        for previous, row in pairwise(order)
        if workers[previous] == workers[row]
    }


def _findings(against: Comparable, runs: Sequence[_Run], flaky: Sequence[_Flaky]) -> list[Finding]:
    suite = against.suite
    shared = suite.explain(one.row for one in flaky) if len(flaky) >= _TOGETHER else None
    alike: set[int] = set()
    out = []
    if shared and shared.precision >= _SHARED and shared.recall >= _SHARED and shared.lift >= 2:
        rows = next(
            attribute.rows
            for attribute in suite.attributes
            if (attribute.type, attribute.name) == (shared.type, shared.name)
        )
        together = [one for one in flaky if one.row in set(rows)]
        alike = {one.row for one in together}
        out.append(_together(against, together, shared, len(rows)))
    return out + [_single(against, runs, one) for one in flaky if one.row not in alike]


def _single(against: Comparable, runs: Sequence[_Run], one: _Flaky) -> Finding:
    nodeid = against.suite.table.nodeids[one.row]
    flips = one.flips
    low, high = wilson(flips.failures, flips.runs)
    how = "and passed when run again" if flips.reruns else "on commits where it passes, too"
    first = runs[flips.first].of
    since = f"; first in run {first.number} ({first.started[:10]})" if first else ""
    goes = f"; it fails {one.companion}" if one.companion else ""
    summary = (
        f"{nodeid} is flaky: it failed in {flips.failures} of {count_of(flips.runs, 'run')} {how} "
        f"({format_percent(flips.failures / flips.runs)}, 95 % interval {format_percent(low)} to "
        f"{format_percent(high)}){since}{goes}."
    )
    sure = flips.failures >= _SURE_FAILURES
    return Finding(
        PatternKind.FLAKY,
        "flips",
        summary,
        (),
        (one.row,),
        nodeid,
        0.0,
        exact=True,
        at=one.row,
        evidence=MappingProxyType(
            {
                "ci_high": high,
                "ci_low": low,
                "failures": float(flips.failures),
                "rate": flips.failures / flips.runs,
                "reruns": float(flips.reruns),
                "runs": float(flips.runs),
            }
        ),
        confidence=_CONFIDENCE,
        score=flips.failures / flips.runs,
        gateable=sure,
        notice=not sure,
    )


def _together(
    against: Comparable, some: Sequence[_Flaky], shared: Explanation, size: int
) -> Finding:
    table = against.suite.table
    rates = sorted(one.flips.failures / one.flips.runs for one in some)
    rows = tuple(one.row for one in some)
    low, high = format_percent(rates[0]), format_percent(rates[-1])
    each = f"each failed in {low} to {high}" if low != high else f"each failed in {low}"
    sure = any(one.flips.failures >= _SURE_FAILURES for one in some)
    return Finding(
        PatternKind.FLAKY,
        "flips",
        f"{len(some):,} of {count_of(size, 'test')} {having(shared.type, shared.name)} are flaky: "
        f"{each} of the runs on commits where it passes, too.",
        (),
        rows,
        f"{shared.type} {shared.name}",
        0.0,
        exact=True,
        explained_by=shared,
        evidence=MappingProxyType(
            {
                "failures": float(sum(one.flips.failures for one in some)),
                "rate": rates[len(rates) // 2],
                "runs": float(max(one.flips.runs for one in some)),
            }
        ),
        confidence=_CONFIDENCE,
        score=rates[-1],
        gateable=sure,
        notice=not sure,
        details=tuple(
            f"{table.nodeids[one.row]}: {one.flips.failures} of {count_of(one.flips.runs, 'run')}"
            for one in some
        ),
    )
