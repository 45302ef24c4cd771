"""Ground truth for the cases of one function, and for tests that ran in random order."""

from __future__ import annotations

import random

import pytest

from pytest_crackle.cooling.shifts.random_order import random_units
from pytest_crackle.cooling.suite import Suite
from tests.detectors.shift_tables import detect, findings, records, table_of


def cases(seed, n, factor, *, base=0.012, others=40, pace=True):
    """A function with n cases amid plain tests; its case i costs `factor(i)` times as much."""
    rng = random.Random(seed)
    recs = records(others + n)
    for i in range(n):
        record = recs[others // 2 + i]
        record["nodeid"] = f"tests/test_a.py::test_x[{i}]"
        seconds = base * factor(i) * rng.lognormvariate(0, 0.25)
        record["metrics"].update(
            {"duration": seconds, "duration.call": seconds, "cpu": 0.95 * seconds}
        )
    if pace:
        for record in recs:
            record["metrics"]["pace"] = 27e-6 * rng.lognormvariate(0, 0.03)
    return recs


def step(k, times):
    return lambda i: times if i >= k else 1.0


def test_alone_it_is_a_notice_that_fails_no_gate():
    (found,) = findings(table_of(cases(1, 200, step(110, 4.6))))
    assert (found.subkind, found.at, found.anchor) == ("cases", 130, "tests/test_a.py::test_x")
    assert found.notice
    assert not found.gateable
    assert found.confidence == 0.5
    assert found.summary.startswith("tests/test_a.py::test_x: cases from [110] on take 4.")
    assert found.summary.endswith(
        "in all); pace is unchanged, so these cases are heavier or the state they share has grown."
    )
    assert not findings(table_of(cases(1, 200, step(110, 4.6))), "slow")


def test_without_probes_it_says_so():
    (found,) = findings(table_of(cases(1, 200, step(110, 4.6), pace=False)))
    assert found.summary.endswith("; pace was not measured here.")


def test_at_the_place_of_a_state_it_is_a_line_of_that():
    recs = cases(1, 200, step(110, 4.6))
    recs[130]["state"] = [["trace function", "none", "m.t"]]
    (found,) = findings(table_of(recs))
    assert found.subkind == "state"
    assert "test_x: cases from [110] on take 4." in found.details[0]


def test_at_the_place_of_a_pace_shift_it_is_a_line_of_that():
    recs = cases(1, 200, step(110, 4.6))
    for record in recs[130:]:
        record["metrics"]["pace"] *= 2.5
    (found,) = findings(table_of(recs))
    assert found.subkind == "pace"
    assert "test_x: cases from [110] on take 4." in found.details[0]


def test_a_slower_machine_silences_it():
    recs = cases(1, 200, step(110, 1.5), base=0.05)
    for record in recs[130:]:
        record["metrics"]["pace"] *= 1.5
    assert not findings(table_of(recs))


def test_in_random_order_it_needs_no_company():
    recs = cases(1, 200, step(110, 4.6))
    indexes = list(range(20, 220))
    random.Random(1).shuffle(indexes)
    for record, index in zip(recs[20:220], indexes, strict=True):
        record["index"] = index
    (found,) = [f for f in findings(table_of(recs)) if f.subkind == "cases"]
    assert not found.notice
    assert found.gateable
    assert found.summary.endswith("though they ran in random order.")


@pytest.mark.parametrize(("n", "times", "least"), [(60, 2.0, 16), (60, 5.0, 18), (40, 5.0, 8)])
def test_power_at_fast(n, times, least):
    found = sum(
        any(
            f.subkind == "cases"
            for f in findings(table_of(cases(seed, n, step(n // 2, times))), "fast")
        )
        for seed in range(20)
    )
    assert found >= least


@pytest.mark.parametrize(
    "factor",
    [
        lambda _: 1.0,
        lambda i: 1 + i / 20,  # sizes that grow
        lambda i: 4.0 if i % 50 >= 25 else 1.0,  # a product of parameters
        lambda i: 0.2 if i >= 100 else 1.0,  # lighter ones
    ],
    ids=["level", "growing", "product", "lighter"],
)
def test_what_parameters_do_by_themselves_is_silent(factor):
    for seed in range(10):
        assert not findings(table_of(cases(seed, 200, factor)))


def test_cases_spread_over_workers_are_not_tested():
    recs = cases(1, 200, step(110, 4.6), pace=False)
    for i, record in enumerate(recs):
        record["worker"] = f"gw{i % 2}"
    assert not findings(table_of(recs))


# ---------------------------------------------------------------------- random order


def shuffled(recs, seed, *, by=None):
    """Return records as if run in random order; `by` keeps those of one module together."""
    rng = random.Random(seed)
    groups: dict[str | None, list[dict[str, object]]] = {}
    for record in recs:
        groups.setdefault(by and record["nodeid"].partition("::")[0], []).append(record)
    names = list(groups)
    rng.shuffle(names)
    out = []
    for name in names:
        rng.shuffle(groups[name])
        out += groups[name]
    for seq, record in enumerate(out):
        record["seq"] = seq
    return out


def timed(recs, rng, factor, sd=0.4):
    for i, record in enumerate(recs):
        seconds = 0.02 * factor(i) * rng.lognormvariate(0, sd)
        record["metrics"] = {"duration": seconds, "duration.call": seconds, "cpu": 0.95 * seconds}
    return recs


def units_of(recs):
    return [unit.name for unit in random_units(Suite(table_of(recs)))]


def test_the_largest_group_in_random_order_is_taken():
    assert units_of(shuffled(records(400), 1)) == [""]
    by_module = shuffled(records(400, per_module=100), 1, by="module")
    assert sorted(units_of(by_module)) == [f"tests/test_{k:03}.py" for k in range(4)]
    assert units_of(records(400)) == []
    assert units_of(shuffled(records(400), 1, by="module")) == []  # 25 a module: too few


def test_a_slowdown_in_random_order_is_told():
    for seed in range(5):
        recs = timed(shuffled(records(400), seed), random.Random(seed), step(250, 2.5))
        (found,) = findings(table_of(recs))
        assert found.subkind == "step"
        assert found.gateable
        rows = {record["seq"]: record["index"] for record in recs}
        assert found.at in {rows[seq] for seq in range(240, 260)}


def test_longer_and_longer_in_random_order_is_told():
    for seed in range(5):
        recs = timed(shuffled(records(400), seed), random.Random(seed), lambda i: 1 + i / 40)
        (found,) = findings(table_of(recs))
        assert found.subkind == "drift"
        assert found.at is None
        assert found.summary.startswith("Tests take longer and longer (median ")


def test_modules_that_differ_are_no_slowdown():
    # as pytest-randomly shuffles: modules, then their tests; heavy modules happen to come last
    told = 0
    for seed in range(30):
        rng = random.Random(seed)
        recs = shuffled(records(400, per_module=50), seed, by="module")
        heavy = {f"tests/test_{k:03}.py": rng.lognormvariate(0, 1.5) for k in range(8)}
        for record in recs:
            times = heavy[record["nodeid"].partition("::")[0]]
            timed([record], rng, lambda _, times=times: times)
        told += bool(findings(table_of(recs)))
    assert told == 0


def test_nulls_in_random_order_are_silent():
    told = 0
    for seed in range(100):
        recs = timed(shuffled(records(200), seed), random.Random(seed), lambda _: 10.0, 1.5)
        told += bool(findings(table_of(recs)))
    assert told <= 2


def test_file_order_is_never_tested():
    recs = timed(records(400), random.Random(1), step(200, 10.0))
    assert detect(table_of(recs)).hypotheses == 0


def test_a_slowdown_in_random_order_at_a_state_is_a_line_of_it():
    recs = timed(shuffled(records(400), 1), random.Random(1), step(250, 2.5), sd=0.1)
    recs[250]["state"] = [["trace function", "none", "m.t"]]
    (found,) = findings(table_of(recs))
    assert found.subkind == "state"
    assert "tests take 2.5x as long" in found.details[0]


def test_a_busier_machine_takes_the_gate_in_random_order():
    rng = random.Random(2)
    recs = timed(shuffled(records(400), 1), rng, step(250, 2.5), sd=0.1)
    for record in recs:
        record["metrics"]["pace"] = 27e-6 * rng.lognormvariate(0, 0.03)
        late = record["seq"] >= 250
        record["metrics"]["delay"] = record["metrics"]["duration"] * (0.6 if late else 0.02)
    detection = detect(table_of(recs))
    (found,) = detection.findings
    assert found.subkind == "step"
    assert not found.gateable
    assert found.details == ("The machine was busier at the same place.",)
    assert detection.notes[0].startswith("the machine was busier from ")


def test_a_slower_machine_is_not_a_slowdown_of_the_tests():
    rng = random.Random(2)
    recs = timed(shuffled(records(400), 1), rng, step(250, 1.5), sd=0.1)
    for record in recs:
        times = 1.5 if record["seq"] >= 250 else 1.0
        record["metrics"]["pace"] = 27e-6 * times * rng.lognormvariate(0, 0.03)
    assert not findings(table_of(recs))
