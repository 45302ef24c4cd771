"""Groups: tests that share an attribute and one cost."""

from __future__ import annotations

import math

import pytest
import scipy.stats

from pytest_crackle.cooling.clusters.groups import find_groups
from pytest_crackle.cooling.profiles import Profile
from tests.time_tables import background, record, suite_of

NORMAL = Profile.normal()


def users(n, setup=0.06, files=4, **more):
    return [
        record(
            f"tests/test_u{i % files}.py::test_{i}",
            setup=setup * math.exp(0.1 * math.sin(7 * i)),
            fixtures=["warehouse"],
            **more,
        )
        for i in range(n)
    ]


def test_rows_with_no_more_than_a_duration_have_that_for_a_phase():
    """As scripts give them: 120 jobs of a CI server, 21 of them on a slow runner."""
    jobs = [
        {
            "nodeid": f"job-{i}",
            "metrics": {"duration": (540.0 if i < 21 else 60.0) * math.exp(0.1 * math.sin(7 * i))},
            "markers": ["runner-x" if i < 21 else f"runner-{'abcd'[i % 4]}"],
        }
        for i in range(120)
    ]
    (finding,) = find_groups(suite_of(jobs), NORMAL).findings
    assert finding.metrics == ("duration",)
    assert finding.summary.startswith("21 tests with marker runner-x: duration 54")


def test_a_fixture_that_costs_is_found_with_its_tests():
    suite = suite_of(background(200) + users(40))
    (finding,) = find_groups(suite, NORMAL).findings
    assert (finding.kind, finding.subkind) == ("clustering", "group")
    assert finding.metrics == ("duration.setup",)
    assert finding.rows == tuple(range(200, 240))
    assert finding.anchor == "fixture warehouse"
    assert finding.summary == (
        "40 tests in 4 files share fixture warehouse: setup 60.6 ms each, 2.42 s = 72 % of the"
        " suite."
    )
    evidence = finding.evidence
    assert evidence["cluster_size"] == 40
    assert evidence["cost_seconds"] == finding.cost_seconds
    assert evidence["median"] * 40 >= evidence["cost_seconds"]
    assert 0 < evidence["avg_distance"] < 1
    assert all(math.isfinite(value) for value in evidence.values())


def test_the_p_value_is_the_one_sided_rank_sum():
    suite = suite_of(background(60, seed=3) + users(20))
    (finding,) = find_groups(suite, NORMAL).findings
    column = suite.column("duration.setup")
    inside = [column[row] for row in finding.rows]
    outside = [column[row] for row in suite.rows if row not in finding.rows]
    oracle = scipy.stats.mannwhitneyu(
        inside, outside, alternative="greater", method="asymptotic", use_continuity=False
    )
    assert finding.log_p == pytest.approx(math.log(oracle.pvalue), rel=1e-9)


def test_one_expensive_test_is_no_shared_cost():
    """Six tests of 70 ms of which one once took 4.5 s do not share 4.9 s."""
    records = background(200) + users(6)
    records[-1]["metrics"]["duration.setup"] = 4.5
    assert find_groups(suite_of(records), NORMAL).findings == ()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda i, m: m.update({"duration.setup": 0.06 * 3 ** (i % 5)}), id="unequal"),
        pytest.param(lambda _, m: m.update({"duration.setup": 0.008}), id="below the floor"),
    ],
)
def test_silence_on(change):
    records = background(200) + users(200)
    for i, rec in enumerate(records[200:]):
        change(i, rec["metrics"])
    assert find_groups(suite_of(records), NORMAL).findings == ()


def test_silence_where_the_others_cost_as_much():
    records = background(100) + users(40)
    for rec in records[:100]:
        rec["metrics"]["duration.setup"] = 0.02
    assert find_groups(suite_of(records), NORMAL).findings == ()


def test_of_nested_attributes_the_dearest_tells_it():
    """The fixture explains more of the cost than the modules and directories around it."""
    records = background(300) + users(40)
    for rec in records[300:]:
        rec["nodeid"] = rec["nodeid"].replace("tests/", "tests/slow/")
    records += background(40, seed=9)[:4]
    (finding,) = find_groups(suite_of(records), NORMAL).findings
    assert finding.anchor == "fixture warehouse"


def test_the_recheck_wants_the_same_limits():
    suite = suite_of(background(200) + users(40))
    (finding,) = find_groups(suite, NORMAL).findings
    recheck = finding.recheck
    assert recheck is not None
    assert recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)
    assert recheck(suite.column, suite.rows[1::2]) < -20
    assert recheck(suite.column, suite.rows[:205]) == 0
    slow = [value / 10 for value in suite.column("duration.setup")]
    assert recheck(lambda _: slow, suite.rows) == 0


def crowded(n, wall, cpu, delay):
    """Users of a fixture whose set-up takes `cpu` seconds of `wall`, queued for `delay`."""
    metrics = {"cpu.setup": cpu, "cpu": cpu + 0.002, "delay": delay}
    return users(n, setup=wall, metrics=metrics)


@pytest.mark.parametrize(
    ("wall", "cpu", "delay", "found"),
    [
        pytest.param(0.06, 0.06, 0.0, 1, id="work"),
        pytest.param(0.06, 0.012, 0.046, 0, id="work on a machine that has five others to do"),
        pytest.param(0.3, 0.06, 0.24, 1, id="work that is enough there too"),
        pytest.param(0.06, 0.0005, 0.001, 1, id="waiting"),
    ],
)
def test_what_a_busy_machine_adds_is_no_cost(wall, cpu, delay, found):
    suite = suite_of(background(200, metrics={"delay": 0.0}) + crowded(40, wall, cpu, delay))
    assert len(find_groups(suite, NORMAL).findings) == found


def test_tests_that_wait_are_said_to():
    (finding,) = find_groups(
        suite_of(background(200, metrics={"delay": 0.0}) + crowded(40, 0.06, 5e-4, 1e-3)), NORMAL
    ).findings
    assert ": setup 60.6 ms each, 98 % waiting, 2.42 s = " in finding.summary
    assert finding.evidence["wait"] == pytest.approx(0.975, abs=0.01)


def test_one_cheap_test_among_few_lowers_what_is_said_of_each():
    records = background(200) + users(7, setup=0.3)
    records[-1]["metrics"]["duration.setup"] = 0.02
    (finding,) = find_groups(suite_of(records), NORMAL).findings
    cost = finding.evidence["cost_seconds"]
    assert cost < 7 * finding.evidence["median"]
    assert f": setup {1000 * cost / 7:.0f} ms each, {cost:.2f} s = " in finding.summary


def of_classes(costs, module="tests/test_functional.py", n=10):
    return [
        record(f"{module}::Test{c}::test_{i}", call=cost * math.exp(0.1 * math.sin(7 * i)))
        | {"class": f"{module}::Test{c}"}
        for c, cost in enumerate(costs)
        for i in range(n)
    ]


def test_three_classes_of_one_module_are_told_as_one():
    records = background(400) + of_classes([0.2, 0.4, 0.9])
    (finding,) = find_groups(suite_of(records), NORMAL).findings
    assert finding.summary == (
        "30 tests in 3 classes of tests/test_functional.py: call 202 ms to 908 ms each, 15 s = 90 %"
        " of the suite."
    )
    assert finding.rows == tuple(range(400, 430))
    assert finding.anchor == "module tests/test_functional.py"
    assert len(finding.details) == 3
    assert finding.details[0].startswith("10 tests in tests/test_functional.py::Test2: call 90")
    assert finding.recheck is not None


def test_two_classes_of_one_module_keep_their_names():
    records = background(400) + of_classes([0.2, 0.9])
    findings = find_groups(suite_of(records), NORMAL).findings
    assert [finding.anchor for finding in findings] == [
        "class tests/test_functional.py::Test1",
        "class tests/test_functional.py::Test0",
    ]


def test_classes_of_three_modules_keep_their_names():
    records = background(400)
    for module, cost in zip("abc", (0.2, 0.4, 0.9), strict=True):
        records += of_classes([cost, 0.002], f"tests/test_{module}.py")
    assert len(find_groups(suite_of(records), NORMAL).findings) == 3
