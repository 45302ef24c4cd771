"""Ground truth for state: what a test leaves switched is told exactly, what it restores is not."""

from __future__ import annotations

import pytest

from tests.detectors.shift_tables import findings, records, table_of

READINGS = {
    "trace function": (
        "none",
        "mod.Tracer",
        "leaves a trace function set (sys.settrace: mod.Tracer)",
    ),
    "profile function": ("none", "m.f", "leaves a profile function set (sys.setprofile: m.f)"),
    "gc": ("on", "off", "leaves garbage collection off"),
    "gc threshold": ("(700, 10, 10)", "(1, 1, 1)", "leaves the gc threshold at (1, 1, 1)"),
    "log level": ("30", "10", "leaves the root log level at DEBUG (WARNING before)"),
    "log disable": ("0", "50", "leaves log records up to CRITICAL disabled (logging.disable)"),
    "switch interval": ("0.005", "1e-06", "leaves the switch interval at 1e-06 (0.005 before)"),
    "recursion limit": ("1000", "50", "leaves the recursion limit at 50 (1000 before)"),
    "tracemalloc": ("off", "on", "leaves tracemalloc on"),
}
FAST_ONLY = {"log level", "recursion limit"}


def changed(n, changes, worker=None):
    """Return n records; `changes` is {place: (reading, before, after)}."""
    recs = records(n, worker=worker)
    for place, change in changes.items():
        recs[place].setdefault("state", []).append(list(change))
    return recs


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("rate", ["fast", "normal", "slow"])
def test_each_reading_is_an_exact_fact(reading, rate):
    before, after, words = READINGS[reading]
    found = findings(table_of(changed(60, {17: (reading, before, after)})), rate)
    if reading in FAST_ONLY and rate != "fast":
        assert not found
        return
    (finding,) = found
    assert (finding.subkind, finding.at, finding.rows) == ("state", 17, (17,))
    assert finding.exact
    assert finding.confidence == 0.99
    assert finding.summary.startswith(f"tests/test_000.py::test_00017 {words}")


@pytest.mark.parametrize(("gap", "told"), [(1, False), (3, False), (4, True), (30, True)])
def test_it_must_outlive_three_tests(gap, told):
    changes = {10: ("gc", "on", "off"), 10 + gap: ("gc", "off", "on")}
    found = findings(table_of(changed(60, changes)))
    assert bool(found) is told
    if told:
        assert f"for {gap - 1} tests, until tests/test_" in found[0].summary


def test_a_repair_is_no_finding():
    changes = {10: ("gc", "on", "off"), 20: ("gc", "off", "on")}
    (finding,) = findings(table_of(changed(60, changes)))
    assert finding.rows == (10,)


def test_near_the_end_it_must_reach_the_end():
    assert findings(table_of(changed(60, {57: ("gc", "on", "off")})))
    assert not findings(table_of(changed(60, {57: ("gc", "on", "off"), 58: ("gc", "off", "on")})))
    assert not findings(table_of(changed(60, {59: ("gc", "on", "off")})))  # nobody comes after it


def test_the_same_description_is_no_change():
    assert not findings(table_of(changed(60, {10: ("trace function", "cov.T", "cov.T")})))


def test_a_tracer_that_was_taken_away():
    (finding,) = findings(
        table_of(changed(60, {10: ("trace function", "coverage.CTracer", "none")}))
    )
    assert "leaves no trace function set (sys.settrace; coverage.CTracer before)" in finding.summary


def test_one_test_that_leaves_two_readings_is_one_finding():
    recs = changed(60, {10: ("gc", "on", "off")})
    recs[10]["state"].append(["tracemalloc", "off", "on"])
    (finding,) = findings(table_of(recs))
    assert "leaves garbage collection off and tracemalloc on" in finding.summary


def test_several_tests_that_leave_the_same_are_one_finding():
    changes = {
        i: ("gc", *pair)
        for i, pair in zip(range(5, 55, 10), [("on", "off"), ("off", "on")] * 3, strict=False)
    }
    (finding,) = findings(table_of(changed(60, changes)))
    assert finding.rows == (5, 25, 45)
    assert finding.summary.startswith(
        "3 tests leave garbage collection off, first tests/test_000.py"
    )
    assert len(finding.details) == 3


def test_workers_are_followed_apart():
    recs = [*changed(30, {5: ("gc", "on", "off")}, "gw0"), *changed(30, {}, "gw1")]
    for i, record in enumerate(recs):
        record["index"] = i
        record["nodeid"] += f"_{i}"
    (finding,) = findings(table_of(recs))
    assert finding.evidence["tests_after"] == 24


def test_the_id_hangs_on_test_and_reading_and_not_on_values():
    one = findings(table_of(changed(60, {17: ("gc threshold", "(700, 10, 10)", "(1, 1, 1)")})))[0]
    two = findings(table_of(changed(60, {17: ("gc threshold", "(700, 10, 10)", "(2, 1, 1)")})))[0]
    assert one.anchor == two.anchor == "tests/test_000.py::test_00017; gc threshold"
