"""Fixtures' own set-ups: what one instead of many would save."""

from __future__ import annotations

import math

import pytest

from pytest_crackle.cooling.clusters.setups import find_setups
from pytest_crackle.cooling.profiles import Profile
from tests.time_tables import background, record, suite_of

NORMAL = Profile.normal()


def with_setups(n, scope="function", seconds=0.06, name="warehouse", files=4, cpu=None, **more):
    return [
        record(
            f"tests/test_u{i % files}.py::test_{i}",
            setup=seconds + 0.001,
            fixtures=[name],
            setups=[[name, scope, seconds, seconds if cpu is None else cpu]],
            **more,
        )
        for i in range(n)
    ]


def test_a_function_fixture_says_what_a_wider_scope_would_save():
    suite = suite_of(background(200) + with_setups(40))
    (finding,) = find_setups(suite, NORMAL).findings
    assert (finding.kind, finding.subkind, finding.exact) == ("clustering", "group", True)
    assert finding.rows == tuple(range(200, 240))
    assert finding.anchor == "fixture warehouse"
    assert finding.evidence["saving"] == pytest.approx(39 * 0.06)
    assert finding.summary == (
        "40 tests in 4 files share fixture warehouse: setup 60 ms each, 2.40 s = 71 % of the"
        " suite; a wider scope would save 2.34 s."
    )


def test_a_module_fixture_set_up_again_and_again():
    suite = suite_of(background(200) + with_setups(5, scope="module", seconds=1.0, files=5))
    (finding,) = find_setups(suite, NORMAL).findings
    assert finding.summary == (
        "Module fixture warehouse is set up 5 times, 1.00 s each, 5.00 s = 85 % of the suite;"
        " one for the session would save 4.00 s."
    )


def test_unequal_set_ups_are_said_to_be_so():
    records = background(200) + with_setups(40)
    for i, rec in enumerate(records[200:]):
        rec["setups"][0][2] = 0.02 * 1.5 ** (i % 6)
    (finding,) = find_setups(suite_of(records), NORMAL).findings
    assert ": setup 20 ms to 152 ms, " in finding.summary


def test_a_session_fixture_is_a_note():
    records = background(200)
    for i, rec in enumerate(records):
        rec["worker"] = f"gw{i % 4}"
    for rec in records[:4]:
        rec["setups"] = [["database", "session", 0.5, 0.5]]
    detection = find_setups(suite_of(records), NORMAL)
    assert detection.findings == ()
    assert detection.notes == ("session fixture database: 2.00 s in 4 workers, once each",)
    for rec in records:
        rec["worker"] = None
    assert find_setups(suite_of(records), NORMAL).notes == (
        "session fixture database: 2.00 s, 4 times",
    )


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(with_setups(400, seconds=0.005), id="each below the floor"),
        pytest.param(with_setups(5, seconds=1.0), id="function scope, five tests"),
        pytest.param(with_setups(2, scope="module", seconds=3.0), id="twice"),
        pytest.param(with_setups(10), id="cheap"),
        pytest.param(with_setups(40, seconds=-3e5), id="a patched clock"),
        pytest.param(with_setups(40, cpu=-9e307), id="a patched CPU clock"),
        pytest.param(with_setups(40, outcome="skipped"), id="skipped"),
    ],
)
def test_silence(records):
    assert find_setups(suite_of(background(200) + records), NORMAL).findings == ()


def test_a_table_without_durations_does_not_divide_by_zero():
    records = with_setups(40)
    for rec in records:
        rec["metrics"] = {}
    (finding,) = find_setups(suite_of(records), NORMAL).findings
    assert finding.evidence["share"] == 1


def test_the_recheck_follows_the_set_up_times():
    suite = suite_of(background(200) + with_setups(40))
    (finding,) = find_setups(suite, NORMAL).findings
    recheck = finding.recheck
    assert recheck is not None
    assert recheck(suite.column, suite.rows) == -math.inf
    assert recheck(suite.column, suite.rows[::2]) == -math.inf
    assert recheck(suite.column, suite.rows[:210]) == 0
    faster = [value / 5 for value in suite.column("duration.setup")]
    assert recheck(lambda _: faster, suite.rows) == 0


@pytest.mark.parametrize(
    ("wall", "cpu", "delay", "found"),
    [
        pytest.param(0.06, 0.012, 0.047, 0, id="work on a machine that has five others to do"),
        pytest.param(0.06, 0.0005, 0.001, 1, id="waiting"),
        pytest.param(0.3, 0.06, 0.239, 1, id="work that is enough there too"),
    ],
)
def test_what_a_busy_machine_adds_to_a_set_up_is_no_saving(wall, cpu, delay, found):
    records = background(200, metrics={"delay": 0.0}) + with_setups(
        40, seconds=wall, metrics={"cpu.setup": cpu, "cpu": cpu + 0.002, "delay": delay}
    )
    for rec in records[200:]:
        rec["setups"][0][3] = cpu
    findings = find_setups(suite_of(records), NORMAL).findings
    assert len(findings) == found
    assert [" % waiting, " in finding.summary for finding in findings] == [cpu < 0.01] * found


def test_a_set_up_that_waits_for_what_others_work_is_not_said_to_wait():
    records = background(200) + with_setups(40, metrics={"cpu.children": 0.06})
    for rec in records[200:]:
        rec["setups"][0][3] = 0.0005
    (finding,) = find_setups(suite_of(records), NORMAL).findings
    assert "waiting" not in finding.summary


def test_a_method_that_pytest_makes_a_fixture_of_has_its_own_name_and_is_one_in_each_module():
    def methods(scope, name, module, n, seconds):
        return [
            record(
                f"tests/{module}.py::TestTree::test_{i}",
                setup=seconds,
                setups=[[name, scope, seconds, seconds]],
            )
            for i in range(n)
        ]

    made_up = "_xunit_setup_method_fixture_TestTree"
    dear = methods("function", made_up, "test_a", 40, 0.06)
    cheap = methods("function", made_up, "test_b", 40, 0.0002)
    (finding,) = find_setups(suite_of(background(200) + dear + cheap), NORMAL).findings
    assert finding.rows == tuple(range(200, 240))
    assert finding.summary == (
        "40 tests run tests/test_a.py::TestTree.setup_method: setup 60 ms each, 2.40 s = 70 % of"
        " the suite; a wider scope would save 2.34 s."
    )
    made_up = "_unittest_setUpClass_fixture_TestTree"
    often = methods("class", made_up, "test_a", 4, 1.0)
    (finding,) = find_setups(suite_of(background(200) + often), NORMAL).findings
    assert finding.summary.startswith("tests/test_a.py::TestTree.setUpClass is run 4 times, 1.00 s")
