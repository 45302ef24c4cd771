"""Plateaus: what counts as a fixed wait, how it is said, and what is not told."""

from __future__ import annotations

import math

import pytest

from pytest_crackle.cooling.laws.plateaus import find_plateaus
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.units import format_count, format_percent, format_value
from tests.time_tables import background, record, suite_of

NORMAL = Profile.normal()


def waits(n, seconds=2.0, files=3, *, share=1.0, **more):
    """Tests that wait for one time, with a spread of 0.2 %."""
    return [
        record(
            f"tests/test_w{i % files}.py::test_{i}",
            call=(call := seconds * (1 + 0.002 * math.sin(i))),
            wait=share * call,
            **more,
        )
        for i in range(n)
    ]


def test_a_fixed_wait_is_found_with_all_its_tests_and_only_those():
    suite = suite_of(background(200) + waits(30))
    (finding,) = find_plateaus(suite, NORMAL).findings
    assert (finding.kind, finding.subkind) == ("conservation", "plateau")
    assert finding.metrics == ("duration.call",)
    assert finding.rows == tuple(range(200, 230))
    assert finding.cost_seconds == pytest.approx(60, rel=0.01)
    assert finding.log_p < -50


def test_the_sentence_says_what_the_evidence_says():
    suite = suite_of(background(200) + waits(30, fixtures=["smtp"]))
    (finding,) = find_plateaus(suite, NORMAL).findings
    evidence = finding.evidence
    assert finding.summary == (
        f"{format_count(evidence['tests'])} tests in {format_count(evidence['files'])} files"
        f" with fixture smtp take {format_value(evidence['value'], 's')}"
        f" +- {format_percent(evidence['spread'])}, {format_percent(evidence['wait'])} waiting:"
        f" a fixed wait, {format_value(evidence['total'], 's')}"
        f" of {format_value(evidence['suite_seconds'], 's')}."
    )
    assert finding.explained_by is not None
    assert finding.explained_by.name == "smtp"
    assert finding.anchor == "fixture smtp"
    assert all(math.isfinite(value) for value in evidence.values())


def test_a_name_for_most_of_the_tests_is_told_with_their_number():
    records = background(200) + waits(24, fixtures=["smtp"]) + waits(6)
    for i, rec in enumerate(records):
        rec["nodeid"] = f"tests/test_{i % 40}.py::test_{i}"
    (finding,) = find_plateaus(suite_of(records), NORMAL).findings
    assert ", 24 of them with fixture smtp, take" in finding.summary
    assert finding.evidence["named"] == 24


def test_one_function_is_named_by_itself():
    cases = waits(12)
    for i, rec in enumerate(cases):
        rec["nodeid"] = f"tests/test_w.py::test_poll[{i}]"
    (finding,) = find_plateaus(suite_of(background(100) + cases), NORMAL).findings
    assert finding.summary.startswith("12 tests of tests/test_w.py::test_poll take 2.00 s")


def test_equal_values_have_no_spread_to_tell():
    records = background(100) + [
        record(f"tests/test_w.py::test_{i}", call=0.5, wait=0.499) for i in range(10)
    ]
    (finding,) = find_plateaus(suite_of(records), NORMAL).findings
    assert "take 500 ms each, " in finding.summary


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(waits(30, share=0.0), id="work of equal length is no wait"),
        pytest.param(waits(30, share=0.7), id="without the delay a load looks like .7"),
        pytest.param(waits(30, seconds=0.02), id="shorter than the scheduler's slices"),
        pytest.param(waits(5), id="too few tests"),
        pytest.param(waits(30, metrics={"subprocesses": 1.0}), id="children that nobody measured"),
        pytest.param(waits(10, seconds=0.06), id="too cheap"),
        pytest.param([], id="nothing"),
    ],
)
def test_silence(records):
    assert find_plateaus(suite_of(background(200) + records), NORMAL).findings == ()


def test_with_the_delay_known_less_waiting_is_enough():
    records = background(200) + waits(30, share=0.7, metrics={"delay": 0.0})
    assert len(find_plateaus(suite_of(records), NORMAL).findings) == 1


def test_the_cpu_time_of_the_phase_decides_where_it_is_known():
    """A fixture that waits 0.3 s in front of a second of work is still a fixed wait."""
    records = background(200) + [
        record(
            f"tests/test_w.py::test_{i}",
            setup=0.3 + 1e-4 * (i % 7),
            call=1.0 + 0.1 * i,
            metrics={"cpu": 1.0 + 0.1 * i, "cpu.setup": 0.001},
        )
        for i in range(20)
    ]
    (finding,) = find_plateaus(suite_of(records), NORMAL).findings
    assert finding.metrics == ("duration.setup",)
    assert " in setup, 99.7 % waiting" in finding.summary


def test_a_broad_hump_of_waits_is_no_plateau():
    """Lognormal waits: at 4,000 tests a slight bump is significant, but no wait is fixed."""
    records = background(4000)
    for rec in records:
        rec["metrics"]["duration.call"] *= 300
        rec["metrics"]["cpu"] = 0.001
    detection = find_plateaus(suite_of(records), NORMAL)
    assert detection.hypotheses > 10_000
    assert detection.findings == ()


def test_the_recheck_finds_it_again_and_not_where_it_is_gone():
    suite = suite_of(background(200) + waits(30))
    (finding,) = find_plateaus(suite, NORMAL).findings
    recheck = finding.recheck
    assert recheck is not None
    assert recheck(suite.column, suite.rows) == pytest.approx(finding.log_p)
    assert finding.log_p < recheck(suite.column, suite.rows[::2]) < -20
    assert recheck(suite.column, suite.rows[:200]) == 0
    spread_out = [value * 1.2 ** (row % 15) for row, value in enumerate(suite.duration)]
    assert recheck(lambda _: spread_out, suite.rows) == 0


def test_a_table_without_phases_has_a_duration():
    records = background(100) + waits(30)
    for rec in records:
        metrics = rec["metrics"]
        total = sum(metrics.pop(f"duration.{phase}") for phase in ("setup", "call", "teardown"))
        metrics["duration"] = total
    (finding,) = find_plateaus(suite_of(records), NORMAL).findings
    assert finding.metrics == ("duration",)


def working_too(n, least=0.0, most=0.3, seconds=0.5):
    """Tests that sleep as long as others and work for as long as they like."""
    works = [least + (most - least) * (i * 0.618 % 1) for i in range(n)]
    return [
        record(f"tests/test_w{i % 3}.py::test_{i}", call=work + seconds, wait=seconds)
        | {"fixtures": ["mail"]}
        for i, work in enumerate(works)
    ]


def delayed(records):
    for rec in records:
        rec["metrics"].setdefault("delay", 0.0)
    return records


def test_a_sleep_among_work_of_unequal_length_is_found_by_what_the_tests_wait():
    records = delayed(background(200) + working_too(30))
    (finding,) = find_plateaus(suite_of(records), NORMAL).findings
    assert finding.rows == tuple(range(200, 230))
    assert finding.summary == (
        "30 tests in 3 files with fixture mail take 500 ms to 793 ms, of which each waits 500"
        " ms: a fixed wait, 15 s of 20.3 s."
    )
    assert finding.cost_seconds == pytest.approx(15.0, rel=0.001)
    assert finding.recheck is not None
    again = finding.recheck(suite_of(records).column, range(230))
    assert again == pytest.approx(finding.log_p, rel=0.2)


@pytest.mark.parametrize(
    "records",
    [
        pytest.param(working_too(30, 0.5, 1.0), id="tests that rather work than wait"),
        pytest.param(
            [rec for n in range(30) for rec in working_too(1, 0.02, seconds=0.3 * 1.1**n)],
            id="no two wait as long",
        ),
    ],
)
def test_unequal_waits_are_no_plateau(records):
    assert find_plateaus(suite_of(delayed(background(200) + records)), NORMAL).findings == ()
