"""Ground truth for levels: planted jumps and leaks are found at the test, all else is silent."""

from __future__ import annotations

import random

import pytest

from tests.detectors.shift_tables import MIB, findings, memory, records, table_of, with_level
from tests.recorded import path_of
from tests.recorded import table_of as recorded

SIZES = (200, 5000)
SEEDS = 20  # found in 20 of 20: the rate is >= .86 at 95 %; the calibration below says more


def rss_table(values):
    return table_of(with_level(records(len(values)), "memory.rss", values), {"": ({}, {})})


def counted(values, name="fds", unit=None):
    return table_of(with_level(records(len(values)), name, values, unit))


def only(found):
    assert len(found) == 1, [f.summary for f in found]
    return found[0]


# ---------------------------------------------------------------------- memory


@pytest.mark.parametrize("n", SIZES)
def test_a_step_of_80_mib_is_told_at_its_test(n):
    for seed in range(SEEDS if n < 1000 else 5):
        rng = random.Random(seed)
        values, k = memory(rng, n), rng.randrange(n // 10, n - 10)
        found = only(findings(rss_table([v + 80 * MIB * (i >= k) for i, v in enumerate(values)])))
        assert (found.subkind, found.at, found.rows) == ("jump", k, (k,))
        assert 79 * MIB < found.evidence["kept"] < 82 * MIB


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("is_even", [True, False])
def test_a_leak_from_half_way_on_is_told_with_its_beginning(n, is_even):
    trials = SEEDS if n < 1000 else 4
    exact = 0
    for seed in range(trials):
        rng = random.Random(seed)
        values, left, first = memory(rng, n), 0.0, None
        for i in range(n // 2, n):
            left += MIB if is_even else MIB * rng.choice([0, 0, 1, 1, 2, 2])
            first = i if first is None and left else first
            values[i] += left
        found = only(findings(rss_table(values)))
        assert found.subkind == "leak"
        assert found.evidence["kept"] == pytest.approx(left, rel=0.1)
        exact += abs(found.at - first) <= (0 if is_even else 2)
    assert exact >= 0.95 * trials


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(
    "added",
    [
        lambda i, n: 400 * MIB if i % 37 == 0 else 0,  # peaks
        lambda i, n: 200 * MIB if n // 2 <= i < n // 2 + 20 else 0,  # a fixture of one module
        lambda i, n: 30 * MIB if i >= n // 2 else 0,  # a cache
        lambda i, n: 0,
    ],
    ids=["peaks", "plateau", "cache", "nothing"],
)
def test_what_comes_back_or_is_small_is_silent(n, added):
    for seed in range(10 if n < 1000 else 3):
        values = memory(random.Random(seed), n)
        assert not findings(rss_table([v + added(i, n) for i, v in enumerate(values)]))


def test_a_cache_is_told_at_fast_as_what_it_may_be():
    values = [v + 30 * MIB * (i >= 100) for i, v in enumerate(memory(random.Random(1), 200))]
    found = only(findings(rss_table(values), "fast"))
    assert found.subkind == "jump"
    assert "rather a cache" in found.summary


def test_a_dip_that_ends_is_no_jump():
    values = [300.0 * MIB] * 200
    values[99] = 120.0 * MIB
    assert not findings(rss_table(values))


def test_a_first_import_is_told_at_fast_only():
    recs = with_level(
        records(200), "memory.rss", [100 * MIB + 80 * MIB * (i >= 90) for i in range(200)]
    )
    recs[90]["modules"] = 614
    table = table_of(recs)
    assert not findings(table, "normal")
    assert not findings(table, "slow")
    found = only(findings(table, "fast"))
    assert "first import of 614 modules" in found.summary
    assert not found.gateable


def test_freed_objects_are_a_peak_and_no_leak():
    recs = with_level(
        records(200), "memory.rss", [100 * MIB + 80 * MIB * (i >= 90) for i in range(200)]
    )
    for i, record in enumerate(recs):
        record["blocks"] = 1_000_000 + (300_000 if i in (90, 91) else 0)
    assert not findings(table_of(recs))
    for i, record in enumerate(recs):
        record["blocks"] = 1_000_000 + (300_000 if i >= 90 else 0)
    assert only(findings(table_of(recs))).at == 90


def test_growth_is_told_without_a_place_and_never_fails_a_gate():
    rng = random.Random(3)
    values, level = [], 100.0 * MIB
    for _ in range(4000):
        level += rng.choice([0.0] * 9 + [1.2 * MIB])  # 0.12 MiB a test: below every leak's rate
        values.append(level)
    found = only(findings(rss_table(values)))
    assert (found.subkind, found.at, found.gateable, found.confidence) == (
        "growth",
        None,
        False,
        0.5,
    )
    assert not findings(rss_table(values), "slow")


def test_what_pytest_keeps_of_every_test_is_no_growth():
    values = [250.0 * MIB + 4096 * (i + i % 2) for i in range(60_000)]  # 234 MiB in all
    assert not findings(rss_table(values))


def test_fewer_than_twenty_tests_are_not_tested():
    from tests.detectors.shift_tables import detect

    detection = detect(counted([10.0] * 12, "memory.rss"))
    assert not detection.findings
    assert detection.not_tested[0].reason == "12 tests in a process, needs 20"


# ---------------------------------------------------------------------- by number


@pytest.mark.parametrize("n", SIZES)
def test_one_descriptor_a_test_from_half_way_on(n):
    values = [12 + max(0, i - n // 2 + 1) for i in range(n)]
    found = only(findings(counted(values)))
    assert (found.subkind, found.at) == ("leak", n // 2)
    assert found.rows == tuple(range(n // 2, n - 3))  # the last three may just not be closed yet
    assert "1 descriptor each" in found.summary


@pytest.mark.parametrize("n", SIZES)
def test_four_threads_of_two_tests(n):
    a, b = n // 3, n // 3 + 40
    values = [1 + 2 * (i >= a) + 2 * (i >= b) for i in range(n)]
    found = only(findings(counted(values, "threads")))
    assert found.rows == (a, b)
    assert "2 tests leave 2 threads each running for good" in found.summary


@pytest.mark.parametrize("n", SIZES)
def test_twelve_scattered_tests_are_one_finding(n):
    for seed in range(SEEDS if n < 1000 else 5):
        rng = random.Random(seed)
        leakers = sorted(rng.sample(range(n // 10, n - 10), 12))
        recs = with_level(records(n), "fds", [9 + sum(k <= i for k in leakers) for i in range(n)])
        for k in leakers:
            recs[k]["fixtures"] = ["client"]
        found = only(findings(table_of(recs)))
        assert found.rows == tuple(leakers)
        assert "all with fixture client" in found.summary
        assert found.confidence == 0.95


def test_descriptors_that_go_up_and_down_all_the_time_are_silent():
    for seed in range(20):
        rng, values, level = random.Random(seed), [], 15
        for _ in range(1000):
            level = min(20, max(15, level + rng.choice([-1, 0, 0, 0, 1])))
            values.append(level)
        assert not findings(counted(values)), seed


def test_fewer_units_than_the_profile_asks_for_are_silent():
    values = [9 + (i >= 50) for i in range(200)]
    assert not findings(counted(values))
    assert only(findings(counted(values), "fast")).at == 50


# ---------------------------------------------------------------------- custom levels


def test_a_custom_level_has_its_own_words_and_unit():
    values = [100 + 7 * (i >= 60) for i in range(200)]
    found = only(findings(counted(values, "cache.rows", "rows")))
    assert found.summary == (
        "From tests/test_002.py::test_00060 on, cache.rows stays 7 rows higher (100 -> 107 rows)."
    )


def test_custom_gauges_that_wander_are_silent():
    told = 0
    for seed in range(200):
        rng, values, level = random.Random(seed), [], 0.0
        for _ in range(300):
            level = level + rng.gauss(0, 1) if seed % 2 else rng.gauss(0, 1)
            values.append(level)
        told += bool(findings(counted(values, "load", "1")))
    assert told <= 6


# ---------------------------------------------------------------------- several processes


def two_workers(values_of):
    recs = []
    for worker in ("gw0", "gw1"):
        values = values_of(worker)
        some = records(len(values), worker=worker)
        for record in some:
            record["nodeid"] += f"_{worker}"
        recs += with_level(some, "memory.rss", values)
    for index, record in enumerate(recs):
        record["index"] = index
    return recs


def test_leaks_of_two_processes_are_one_finding():
    recs = two_workers(lambda _: [120 * MIB + 0.5 * MIB * max(0, i - 99) for i in range(200)])
    found = only(findings(table_of(recs)))
    assert found.subkind == "leak"
    assert "In 2 processes, 19" in found.summary
    assert found.evidence["kept"] == pytest.approx(98 * MIB, rel=0.02)
    assert len(found.details) == 2


def test_half_a_leak_in_one_of_two_processes_is_too_little():
    recs = two_workers(
        lambda w: [120 * MIB + 0.5 * MIB * max(0, i - 99) * (w == "gw0") for i in range(200)]
    )
    assert not findings(table_of(recs))


# ---------------------------------------------------------------------- recorded suites


@pytest.mark.parametrize("name", ["attrs", "flask", "more_itertools", "real30"])
@pytest.mark.parametrize("run", [1, 2])
def test_recorded_suites_are_silent(name, run):
    assert not findings(recorded(f"{name}.{run}"))


@pytest.mark.parametrize("name", ["networkx.1", "networkx.2"])
def test_networkx_shows_one_test_and_nothing_else(name):
    if path_of(name) is None:
        pytest.skip("the recording is not at hand")
    table = recorded(name)
    found = only(findings(table))
    assert table.nodeids[found.at].endswith("TestWriteSparse6::test_very_large_empty_graph")


@pytest.mark.calibration
@pytest.mark.parametrize(
    "name", ["networkx.R", "pandas.1", "pandas.2", "sqlalchemy.1", "sqlalchemy.2"]
)
def test_large_recorded_suites_are_silent(name):
    if path_of(name) is None:
        pytest.skip("the recording is not at hand")
    assert not findings(recorded(name))


def test_a_measured_level_that_leaks():
    rng, values, level = random.Random(5), [], 3.0
    for i in range(300):
        level += 0.25 * rng.uniform(0.8, 1.2) if i >= 150 else 0.0
        values.append(level + rng.uniform(0, 1e-3))
    found = only(findings(counted(values, "cache.mb", "MB")))
    assert found.subkind == "leak"
    assert found.at == 150
    assert found.summary.startswith("From tests/test_006.py::test_00150 on, cache.mb rises in 1")
    assert found.summary.endswith(" MB).")


def test_scattered_tests_that_share_nothing_name_the_first():
    places = (20, 60, 100, 140, 180)
    values = [9 + sum(k <= i for k in places) for i in range(250)]
    found = only(findings(counted(values)))
    assert found.summary == (
        "5 tests leave 1 descriptor each open for good, first tests/test_000.py::test_00020 "
        "(9 -> 14)."
    )


def test_a_jump_within_a_leak_makes_neither_range_wrong():
    level, values = 100.0 * MIB, []
    for i in range(200):
        level += (300.0 if i == 100 else 1.0) * MIB if i >= 50 else 0
        values.append(level)
    leak, jump = sorted(findings(rss_table(values)), key=lambda f: f.at)
    assert (leak.at, jump.at) == (50, 100)
    assert leak.summary.endswith("146 tests leave 1.00 MiB each.")
    assert jump.summary.endswith("leaves 300 MiB for good (150 -> 450 MiB).")
