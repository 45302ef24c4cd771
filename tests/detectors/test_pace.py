"""Ground truth for identical work: pace, other threads, run queue, fixtures; null and planted."""

from __future__ import annotations

import math
import random
import re

import pytest

from tests.detectors.shift_tables import detect, findings, records, table_of

US = 1e-6


def paced(rng, n, factor=lambda _: 1.0, *, every=1, worker=None, base=27 * US, rho=0.4):
    """Return n records with a probe after each `every`-th test: AR noise, one outlier in twenty."""
    recs, noise = records(n, worker=worker), 0.0
    for i in range(every - 1, n, every):
        noise = rho * noise + rng.gauss(0, 0.04 * math.sqrt(1 - rho**2))
        outlier = rng.expovariate(2) if rng.random() < 0.05 else 0.0
        recs[i]["metrics"]["pace"] = base * factor(i) * math.exp(noise + outlier)
    return recs


def pace_only(recs):
    return [f for f in findings(table_of(recs)) if f.subkind == "pace"]


# ---------------------------------------------------------------------- pace


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.5])
def test_null_sessions_are_silent(rho):
    told = sum(bool(pace_only(paced(random.Random(seed), 120, rho=rho))) for seed in range(200))
    assert told <= 4


def test_a_slowdown_is_told_at_its_test():
    exact = 0
    for seed in range(20):
        rng = random.Random(seed)
        k = rng.randrange(30, 90)
        (found,) = findings(table_of(paced(rng, 120, lambda i, k=k: 2.4 if i >= k else 1.0)))
        assert found.subkind == "pace"
        assert found.gateable
        exact += abs(found.at - k) <= 1
        assert re.fullmatch(
            r"Identical work takes 2\.[345]x as long from tests/test_\d+\.py::test_\d+ on "
            r"\(2[678][.\d]* -> 6[3456][.\d]* us of CPU\)\.",
            found.summary,
        )
    assert exact >= 18


def test_what_a_neighbour_on_the_core_does_is_a_notice_at_fast():
    recs = paced(random.Random(1), 120, lambda i: 1.5 if i >= 60 else 1.0)
    assert not findings(table_of(recs))
    (found,) = findings(table_of(recs), "fast")
    assert found.notice
    assert not found.gateable


def test_several_tests_between_two_probes_are_all_suspects():
    rng = random.Random(1)
    recs = paced(rng, 400, lambda i: 2.5 if i >= 200 else 1.0, every=8, rho=0.0)
    (found,) = findings(table_of(recs))
    assert found.at == 200
    assert (
        "from a test between tests/test_008.py::test_00200 and tests/test_008.py::test_00207 on "
        "(8 tests)"
    ) in found.summary


@pytest.mark.parametrize(
    "factor",
    [
        lambda i: 2.7 if 50 <= i < 80 else 1.0,  # over before the end: most often the machine
        lambda i: 0.6 if i >= 60 else 1.0,  # asks for nothing
        lambda i: 2.7 if i < 30 else 1.0,  # the same, seen from the other side
        lambda i: 0.6 if 40 <= i < 80 else 1.0,  # back to what it was
    ],
    ids=["passing", "faster", "slow start", "faster for a while"],
)
def test_only_what_lasts_and_costs_is_told_at_normal(factor):
    assert not findings(table_of(paced(random.Random(2), 120, factor)))


def test_a_passing_slowdown_is_told_at_fast():
    recs = paced(random.Random(2), 120, lambda i: 1.7 if 50 <= i < 80 else 1.0)
    (found,) = findings(table_of(recs), "fast")
    assert ", up to tests/test_003.py::test_00079," in found.summary


def test_a_state_at_the_same_place_explains_it_in_one_line():
    recs = paced(random.Random(4), 120, lambda i: 3.7 if i >= 60 else 1.0)
    recs[60]["state"] = [["trace function", "none", "mod.tracer"]]
    (found,) = findings(table_of(recs))
    assert found.subkind == "state"
    assert re.fullmatch(
        r"tests/test_002\.py::test_00060 leaves a trace function set "
        r"\(sys\.settrace: mod\.tracer\); from there on pace is 3\.[678]x\.",
        found.summary,
    )
    assert found.evidence["pace.ratio"] == pytest.approx(3.7, rel=0.05)


def test_a_state_for_a_while_explains_a_slowdown_for_a_while():
    recs = paced(random.Random(3), 120, lambda i: 3.0 if 40 <= i < 80 else 1.0)
    recs[40]["state"] = [["profile function", "none", "m.f"]]
    recs[80]["state"] = [["profile function", "m.f", "none"]]
    (found,) = findings(table_of(recs))
    assert (
        "for 39 tests, until tests/test_003.py::test_00080; until then pace is 3.0x"
        in found.summary
    )


def test_a_state_elsewhere_explains_nothing():
    recs = paced(random.Random(3), 120, lambda i: 2.5 if i >= 80 else 1.0)
    recs[20]["state"] = [["gc", "on", "off"]]
    assert {f.subkind for f in findings(table_of(recs))} == {"state", "pace"}


def test_readings_of_zero_and_too_few_probes():
    recs = paced(random.Random(4), 60, every=4)
    recs[0]["metrics"]["pace"] = 0.0
    detection = detect(table_of(recs))
    assert not detection.findings
    assert [(n.metric, n.reason) for n in detection.not_tested] == [("pace", "15 probes, needs 20")]


def test_the_recheck_finds_it_again_and_not_in_noise():
    recs = paced(random.Random(5), 120, lambda i: 2.5 if i >= 60 else 1.0)
    table = table_of(recs)
    (found,) = findings(table)
    assert found.recheck is not None
    assert found.recheck(table.column, range(0, 120, 2)) < -5
    assert found.recheck(lambda _: [1.0 + i % 7 for i in range(120)], range(120)) == 0.0
    assert found.recheck(table.column, []) == 0.0


# ---------------------------------------------------------------------- the queue


def test_a_busier_machine_is_a_note_and_takes_the_gate():
    rng = random.Random(6)
    recs = paced(rng, 120, lambda i: 2.5 if i >= 60 else 1.0)
    for i, record in enumerate(recs):
        share = rng.uniform(0.6, 0.8) if i >= 60 else rng.uniform(0, 0.1)
        record["metrics"]["delay"] = 0.01 * share
    detection = detect(table_of(recs))
    (found,) = detection.findings
    assert not found.gateable
    (note,) = detection.notes
    assert note.startswith("the machine was busier from tests/test_002.py::test_000")
    assert found.details == (f"At the same place {note}.",)


def test_a_busier_machine_beside_no_finding_of_time_is_not_worth_a_line():
    rng = random.Random(6)
    recs = paced(rng, 120, lambda _: 1.0)
    for i, record in enumerate(recs):
        share = rng.uniform(0.6, 0.8) if i >= 60 else rng.uniform(0, 0.1)
        record["metrics"]["delay"] = 0.01 * share
    detection = detect(table_of(recs))
    assert not detection.findings
    assert not detection.notes


# ---------------------------------------------------------------------- other threads


def with_background(rng, recs, share):
    for i, record in enumerate(recs):
        record["metrics"]["background"] = max(0.0, share(i) + rng.gauss(0, 0.02))
    return recs


def test_a_thread_that_was_left_busy_is_named():
    rng = random.Random(7)
    recs = with_background(rng, records(120), lambda i: 0.4 if i >= 60 else 0.0)
    recs[60]["opened"] = {"threads": ["5:Thread-1 (poll)"]}
    (found,) = findings(table_of(recs, {"": ({}, {})}))
    assert found.summary == (
        "From tests/test_002.py::test_00060 on, other threads of this process use 0.4 of a core "
        "(started there: 1 x poll)."
    )


def test_threads_that_are_told_anyway_carry_it():
    rng = random.Random(7)
    recs = with_background(rng, records(120), lambda i: 1.6 if i >= 60 else 0.0)
    recs[60]["opened"] = {"threads": [f"{k}:Thread-{k} (poll)" for k in range(4)]}
    (found,) = findings(table_of(recs, {"": ({}, {})}))
    assert found.summary == (
        "tests/test_002.py::test_00060 leaves 4 threads running for good (4 x poll); "
        "from there on other threads of this process use 1.6 cores."
    )


def test_tests_that_use_threads_themselves_are_silent():
    for seed in range(10):
        rng = random.Random(seed)
        recs = with_background(
            rng, records(120), lambda i, rng=rng: rng.choice([0.0, 0.9, 1.5]) if i >= 60 else 0.0
        )
        assert not findings(table_of(recs))


def test_one_module_of_busy_tests_is_silent():
    recs = with_background(random.Random(8), records(120), lambda i: 0.9 if 50 <= i < 75 else 0.0)
    assert not findings(table_of(recs))


def test_native_threads_show_over_several_modules():
    recs = with_background(random.Random(8), records(150), lambda i: 0.9 if i >= 60 else 0.0)
    (found,) = findings(table_of(recs))
    assert found.summary.endswith("other threads of this process use 0.9 of a core.")


def test_background_null_sessions_are_silent():
    told = 0
    for seed in range(200):
        rng = random.Random(seed)
        told += bool(findings(table_of(with_background(rng, records(120), lambda _: 0.05))))
    assert told <= 2


# ---------------------------------------------------------------------- workers


def two_workers(seed, slow, *, n=150, both=False):
    """Two workers, a probe every 50 ms; gw1, or both, take `slow` times as long from half on."""
    recs = []
    for number, worker in enumerate(("gw0", "gw1")):
        is_slow = both or number
        some = paced(
            random.Random(seed * 2 + number),
            n,
            lambda i, s=is_slow: slow if s and i >= n // 2 else 1.0,
            worker=worker,
        )
        for i, record in enumerate(some):
            record["start"] = 1e9 + i * 0.05
            record["nodeid"] += f"_{worker}"
        recs += some
    for index, record in enumerate(recs):
        record["index"] = index
    return recs


def test_one_slow_worker_is_told_with_its_test():
    exact = 0
    for seed in range(10):
        (found,) = findings(table_of(two_workers(seed, 2.4)))
        assert found.summary.startswith("gw1 takes 2.")
        exact += found.at == 225
    assert exact >= 9


def test_a_slow_machine_is_a_note():
    for seed in range(10):
        detection = detect(table_of(two_workers(seed, 2.4, both=True)))
        assert not detection.findings
        (note,) = detection.notes
        assert note.startswith("the machine took 2.")


def test_null_workers_are_silent():
    told = sum(bool(findings(table_of(two_workers(seed, 1.0)))) for seed in range(100))
    assert told <= 1


def test_the_names_of_the_workers_change_nothing_else():
    recs = two_workers(1, 2.4)
    (one,) = findings(table_of(recs))
    swap = {"gw0": "gw1", "gw1": "gw0"}
    for record in recs:
        record["worker"] = swap[record["worker"]]
    (two,) = findings(table_of(recs))
    assert two.summary == one.summary.replace("gw1 takes", "gw0 takes")
    assert (two.at, two.rows, two.log_p) == (one.at, one.rows, one.log_p)


# ---------------------------------------------------------------------- fixtures


def with_fixture(recs, seconds, name="client"):
    for i, record in enumerate(recs):
        value = seconds(i)
        record["setups"] = [[name, "function", value, value]]
        record["metrics"]["duration.setup"] = value
        record["metrics"]["duration"] += value
    return recs


def costs(seed, factor):
    rng = random.Random(seed)
    return lambda i: 0.012 * factor(i) * rng.lognormvariate(0, 0.15)


def test_a_fixture_that_gets_dearer_is_told():
    exact = 0
    for seed in range(10):
        seconds = costs(seed, lambda i: 2.4 if i >= 110 else 1.0)
        (found,) = findings(table_of(with_fixture(records(250), seconds)))
        assert found.subkind == "fixture"
        assert re.match(r"Fixture client takes 2\.[345]x as long to set up from", found.summary)
        exact += abs(found.at - 110) <= 1
    assert exact >= 9


def test_another_fixture_of_the_same_name_is_none():
    # from the fifth file on the name means another fixture
    seconds = costs(1, lambda i: 2.4 if i >= 125 else 1.0)
    assert not findings(table_of(with_fixture(records(250), seconds)))


def test_fixture_nulls_are_silent():
    told = sum(
        bool(findings(table_of(with_fixture(records(120), costs(seed, lambda _: 10.0)))))
        for seed in range(100)
    )
    assert told <= 2
