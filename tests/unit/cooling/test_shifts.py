"""Words and numbers that all shifts share, and the parts of pace that no session shows easily."""

from __future__ import annotations

import math
import random

import pytest

from pytest_crackle.cooling.changepoints.rankseg import ChangePoint
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.shifts.pace import Probes, machine_ratio, probes_of, stretches_of
from pytest_crackle.cooling.shifts.pace_findings import _cores, background_shifts
from pytest_crackle.cooling.shifts.telling import (
    onset_phrase,
    range_phrase,
    shift_evidence,
    times_phrase,
    wide_phrase,
)
from pytest_crackle.cooling.suite import Suite
from tests.detectors.shift_tables import detect, findings, records, table_of, with_level

MIB = 2**20


@pytest.mark.parametrize(
    ("before", "after", "unit", "text"),
    [
        (118 * MIB, 198 * MIB, "B", "118 -> 198 MiB"),
        (900 * 1024, 1.2 * MIB, "B", "900 KiB -> 1.20 MiB"),
        (27e-6, 46e-6, "s", "27 -> 46 us"),
        (10, 15, "1", "10 -> 15"),
        (100, 107, "rows", "100 -> 107 rows"),
        (1000, 1001, "", "1,000 -> 1,001"),
    ],
)
def test_ranges(before, after, unit, text):
    assert range_phrase(before, after, unit) == text


@pytest.mark.parametrize(
    ("ratio", "text"),
    [(3.7, "3.7x"), (12.4, "12x"), (9.96, "10x"), (0.412, "0.41x"), (1.0, "1.0x")],
)
def test_times(ratio, text):
    assert times_phrase(ratio) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.42, "0.4 of a core"),
        (0.93, "0.9 of a core"),
        (0.97, "0.97 of a core"),
        (1.0, "a whole core"),
        (1.62, "1.6 cores"),
        (3.0, "3 cores"),
    ],
)
def test_cores(share, text):
    assert _cores(share) == text


def test_evidence_leaves_out_what_is_no_number():
    evidence = shift_evidence([1.0, 1.0, 3.0, 3.0], 2, kept=math.inf, per_test=2.0)
    assert dict(evidence) == {
        "after_median": 3.0,
        "before_median": 1.0,
        "change_index": 2.0,
        "cliff_delta": 1.0,
        "first_half_avg": 1.0,
        "per_test": 2.0,
        "second_half_avg": 3.0,
        "shift": 2.0,
        "shift_magnitude": 2.0,
    }
    assert "shift" not in shift_evidence([0.0, 1.0], 1)
    assert dict(shift_evidence([1.0], 0)) == {"change_index": 0.0}


def test_onsets():
    table = table_of(records(4))
    rows = [0, 1, 2, 3]
    assert onset_phrase(table, rows, 1, 1) == "from tests/test_000.py::test_00001 on"
    assert onset_phrase(table, rows, 1, 3).endswith("on (3 tests)")


def test_wide_fixtures_are_named_up_to_three():
    recs = records(1)
    recs[0]["setups"] = [[f"f{k}", "session", 0.0, 0.0] for k in range(5)]
    recs[0]["setups"].append(["own", "function", 0.0, 0.0])
    phrase = wide_phrase(table_of(recs), 0)
    assert phrase is not None
    assert phrase.endswith(
        "sets up session fixture f0, session fixture f1, session fixture f2, 2 more"
    )


def test_a_stretch_ends_where_it_has_gone_half_of_the_way_back():
    values = [1.0] * 5 + [4.0] * 5 + [3.0] * 5 + [2.0] * 5
    changes = [ChangePoint(k, "step", -9.0, 1.0, True) for k in (5, 10, 15)]
    first, second, third = stretches_of(values, changes)
    assert (first.start, first.stop, first.end, first.before, first.after) == (5, 10, 15, 1.0, 4.0)
    assert second.end is None
    assert third.end is None


def test_places_of_probes():
    probes = Probes("", tuple(range(10)), (2, 5, 8), (1.0, 1.0, 1.0))
    assert [probes.first_test(k) for k in range(3)] == [0, 3, 6]
    assert probes.tests(1, 2) == (3, 4, 5)
    assert probes.tests(2, 3) == (6, 7, 8, 9)


def test_the_ratio_of_the_machine_needs_probes_on_both_sides():
    recs = with_level(records(60), "pace", [1e-5 * (2 if i >= 30 else 1) for i in range(60)])
    probes = probes_of(Suite(table_of(recs)), "pace")
    assert machine_ratio(probes, "", 30) == 2.0
    assert machine_ratio(probes, "", 2) is None
    assert machine_ratio(probes, "gw0", 30) is None
    assert machine_ratio(probes_of(Suite(table_of(recs[:10])), "pace"), "", 5) is None


def test_the_recheck_of_background_wants_its_difference():
    rng = random.Random(1)
    recs = records(120)
    for i, record in enumerate(recs):
        record["metrics"]["background"] = 0.5 * (i >= 60) + rng.uniform(0, 0.05)
    table = table_of(recs)
    (shift,), tested = background_shifts(Suite(table), Profile.normal())
    recheck = shift.finding.recheck
    assert tested == 1
    assert recheck is not None
    assert recheck(table.column, range(120)) < -10
    assert recheck(lambda _: [0.05 * (i >= 60) for i in range(120)], range(120)) == 0.0
    # the medians differ by 1, but most pairs of values do not
    mixed = [float(i % 60 >= 35) if i < 60 else float(i % 60 >= 25) for i in range(120)]
    assert recheck(lambda _: mixed, range(120)) == 0.0


def test_cases_of_two_functions_that_shift_together_are_one_finding():
    rng = random.Random(3)
    recs = records(240)
    for i, record in enumerate(recs):
        name = "test_x" if i % 2 else "test_y"
        record["nodeid"] = f"tests/test_a.py::{name}[{i}]"
        seconds = 0.012 * (4.6 if i >= 130 else 1.0) * rng.lognormvariate(0, 0.2)
        record["metrics"] = {"duration": seconds, "duration.call": seconds, "cpu": seconds}
    (found,) = findings(table_of(recs))
    assert found.subkind == "cases"
    assert not found.notice
    assert found.gateable
    assert found.summary.endswith("; others at the same place do so too.")
    assert len(found.details) == 1


def test_two_leaks_by_number_are_one_finding():
    values = [9 + max(0, min(10, i - 40)) + max(0, min(10, i - 140)) for i in range(220)]
    (found,) = findings(table_of(with_level(records(220), "fds", values)))
    assert found.rows == (*range(41, 51), *range(141, 151))
    assert found.summary.startswith("20 tests leave 1 descriptor each open for good, the most from")


def test_readings_that_are_too_large_are_missing():
    recs = with_level(records(40), "memory.rss", [1e6] * 30 + [1e307] * 10)
    assert not detect(table_of(recs, {"": ({"memory.rss": 1e305}, {})})).findings


def test_a_log_level_and_a_log_disable_that_are_taken_back():
    recs = records(40)
    recs[5]["state"] = [["log disable", "50", "0"], ["log level", "7", "0"]]
    (found,) = findings(table_of(recs), "fast")
    assert "no log records disabled (logging.disable; up to CRITICAL before)" in found.summary
    assert "the root log level at NOTSET (7 before)" in found.summary


def test_many_tests_that_leave_a_state_are_counted():
    recs = records(100)
    for i in range(0, 80, 5):
        recs[i]["state"] = [["gc", "on", "off"] if i % 10 == 0 else ["gc", "off", "on"]]
    (found,) = findings(table_of(recs))
    assert len(found.rows) == 8
    assert found.details[-1] == "and by 3 more tests"
