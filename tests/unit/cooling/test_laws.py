"""Laws of places, and who breaks them."""

from __future__ import annotations

import math
import random

import pytest

from pytest_crackle.cooling.laws.laws import find_laws
from pytest_crackle.cooling.profiles import Profile
from tests.custom_tables import custom_suite

NORMAL = Profile.normal()
N = 120
MEMBERS = range(0, N, 3)


def law_suite(value=7.0, *, breakers=(), spread=0.0, seed=1, **more):
    """Of 120 tests each a function of its own, 40 use fixture api and keep the value."""
    rng = random.Random(seed)
    values = [float(rng.randrange(100, 400)) for _ in range(N)]
    for i in MEMBERS:
        values[i] = value * (1 + rng.uniform(-spread, spread))
    for i, instead in breakers:
        values[i] = instead
    return custom_suite({"rows": values}, fixture=MEMBERS, **more)


def function_suite(load, others=None, seed=1):
    """One function with these values, and six with ten cases each."""
    rng = random.Random(seed)
    others = others or [rng.lognormvariate(5, 1) for _ in range(60)]
    names = [f"t.py::test_load[{i}]" for i in range(len(load))]
    names += [f"t.py::test_{i % 6}[{i}]" for i in range(60)]
    return custom_suite({"rows": [*load, *others]}, nodeid=names)


def only(suite, profile=NORMAL):
    (finding,) = find_laws(suite, profile).findings
    return finding


def test_law():
    finding = only(law_suite())
    low, high = finding.evidence["elsewhere_low"], finding.evidence["elsewhere_high"]
    assert finding.summary == (
        f"rows is exactly 7 in all 40 tests with fixture api (elsewhere {low:.0f} to {high:.0f})."
    )
    assert (finding.kind, finding.subkind) == ("conservation", "law")
    assert finding.rows == tuple(MEMBERS)
    assert finding.exceptions == ()
    assert finding.anchor == "fixture api"
    assert finding.explained_by is not None
    assert finding.explained_by.lift == 3
    assert finding.log_p == pytest.approx(40 * math.log(0.5 / 81))
    assert finding.evidence["value"] == 7
    assert finding.evidence["std_dev"] == finding.evidence["spread"] == 0
    assert finding.evidence["total"] == 280


def test_broken_law_names_the_breaker():
    finding = only(law_suite(breakers=[(6, 70.0)]))
    assert finding.summary == (
        "rows is 7 in 39 of 40 tests with fixture api; t0.py::test_0006 breaks it (70)."
    )
    assert finding.subkind == "broken"
    assert finding.exceptions == (6,)
    assert 6 not in finding.rows
    assert finding.evidence["breakers"] == 1


def test_two_breakers_break_it():
    finding = only(law_suite(breakers=[(6, 70.0), (9, 0.0)]))
    assert finding.summary.endswith("; t0.py::test_0006 (70) and t0.py::test_0009 (0) break it.")


def test_unit_is_told():
    finding = only(law_suite(2048.0, units={"rows": ["B", "value"]}))
    assert finding.summary.startswith("rows is exactly 2 KiB in all 40 tests") or (
        finding.summary.startswith("rows is exactly 2.00 KiB in all 40 tests")
    )


def test_values_within_one_per_cent_are_one():
    finding = only(law_suite(5000.0, spread=0.001, breakers=[(6, 700.0)]))
    spread = finding.evidence["spread"]
    assert 0.0005 < spread <= 0.0025
    assert "+- 0." in finding.summary
    assert finding.exceptions == (6,)


def test_large_integers_are_measured_like_other_values():
    finding = only(function_suite([5000.0 + i % 7 - 3 for i in range(79)] + [700.0]))
    assert finding.summary == (
        "rows is 5,000 +- 0.06 % in 79 of 80 tests of t.py::test_load;"
        " t.py::test_load[79] breaks it (700)."
    )


@pytest.mark.parametrize(
    "breakers",
    [
        [(6, 8.0)],  # a little off is no breaker
        [(6, 9.0)],
        [(6, 70.0), (9, 71.0), (12, 72.0)],  # more than two of 40
        [(6, 150.0), (9, 150.0), (12, 150.0)],
    ],
)
def test_no_breakers_no_broken_law(breakers):
    assert find_laws(law_suite(breakers=breakers), NORMAL).findings == ()


def test_a_breaker_with_a_usual_value_is_none():
    rng = random.Random(1)
    values = [float(rng.choice([150, 250, 350])) for _ in range(N)]
    for i in MEMBERS:
        values[i] = 7.0
    values[6] = 250.0
    assert find_laws(custom_suite({"rows": values}, fixture=MEMBERS), NORMAL).findings == ()


def test_one_for_three_is_no_broken_law():
    assert find_laws(law_suite(1.0, breakers=[(6, 3.0)]), NORMAL).findings == ()
    assert only(law_suite(1.0, breakers=[(6, 4.0)])).exceptions == (6,)


def test_zero_is_no_law():
    assert find_laws(law_suite(0.0), NORMAL).findings == ()


def test_what_is_usual_elsewhere_is_no_law():
    rng = random.Random(1)
    values = [7.0 if rng.random() < 0.4 else float(rng.randrange(100, 400)) for _ in range(N)]
    for i in MEMBERS:
        values[i] = 7.0
    assert find_laws(custom_suite({"rows": values}, fixture=MEMBERS), NORMAL).findings == ()


def test_a_narrow_law_is_told_at_fast_only():
    rng = random.Random(1)
    values = [float(rng.randrange(100, 4000)) for _ in range(400)]
    members = range(0, 90, 10)
    for i in members:
        values[i] = 7.0
    suite = custom_suite({"rows": values}, fixture=members)
    assert find_laws(suite, NORMAL).findings == ()
    assert only(suite, Profile.fast()).rows == tuple(members)


def test_tests_without_the_metric_are_said():
    rng = random.Random(1)
    values = [float(rng.randrange(100, 400)) for _ in range(N)]
    for i in MEMBERS:
        values[i] = 7.0
    finding = only(custom_suite({"rows": [None, *values[1:]]}, fixture=MEMBERS))
    assert "in all 39 tests with fixture api that record it (elsewhere" in finding.summary


def test_broken_law_inside_a_function():
    finding = only(function_suite([300.0] * 29 + [7.0]))
    assert finding.summary == (
        "rows is 300 in 29 of 30 tests of t.py::test_load; t.py::test_load[29] breaks it (7)."
    )
    assert finding.anchor == "function t.py::test_load"


def test_a_function_is_news_where_no_case_of_others_ever_leaves():
    others = [float(100 + i % 6) for i in range(60)]
    load = [300.0] * 29 + [7.0]
    assert find_laws(function_suite(load, others), NORMAL).findings == ()  # under 100 cases
    names = [f"t.py::test_load[{i}]" for i in range(30)]
    names += [f"t.py::test_{i % 12}[{i}]" for i in range(240)]
    values = [*load, *(float(100 + i % 12) for i in range(240))]
    finding = only(custom_suite({"rows": values}, nodeid=names))
    assert finding.exceptions == (29,)
    assert finding.log_p < math.log(1e-4)


def test_few_functions_say_nothing():
    names = [f"t.py::test_{i % 3}[{i}]" for i in range(90)]
    values = [300.0 if i % 3 else float(i) for i in range(90)]
    values[1] = 7.0
    assert find_laws(custom_suite({"rows": values}, nodeid=names), NORMAL).findings == ()


def test_searched_once_a_profile():
    suite = law_suite()
    assert find_laws(suite, NORMAL) is find_laws(suite, NORMAL)
    assert find_laws(suite, NORMAL) is not find_laws(suite, Profile.fast())


@pytest.mark.parametrize("suite", [law_suite(), law_suite(breakers=[(6, 70.0)])])
def test_recheck_of_a_law(suite):
    finding = only(suite)
    assert finding.recheck is not None
    assert finding.recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)
    most = [row for row in suite.rows if row % 5 or row in finding.exceptions]
    assert finding.log_p < finding.recheck(suite.column, most) < math.log(1e-6)
    assert finding.recheck(suite.column, [row for row in suite.rows if row % 3]) == 0
    assert finding.recheck(suite.column, ()) == 0

    def moved(name):
        return [x + (row == 30) * 40 for row, x in enumerate(suite.column(name))]

    assert finding.recheck(moved, suite.rows) == 0


def test_recheck_of_a_function():
    suite = function_suite([300.0] * 29 + [7.0])
    finding = only(suite)
    assert finding.recheck is not None
    assert finding.recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)


def test_the_widest_place_tells_a_law():
    rng = random.Random(1)
    values = [float(rng.randrange(100, 400)) for _ in range(N)]
    for i in MEMBERS:
        values[i] = 7.0
    markers = [["nightly"] if i in MEMBERS[:30] else [] for i in range(N)]
    finding = only(custom_suite({"rows": values}, fixture=MEMBERS, markers=markers))
    assert finding.anchor == "fixture api"


def test_places_need_tests_that_recorded_it():
    values = [float(i * 37 % 101) if i not in MEMBERS else None for i in range(N)]
    assert find_laws(custom_suite({"rows": values}, fixture=MEMBERS), NORMAL).findings == ()
