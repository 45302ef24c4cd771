"""Shards on machines of different speed show what one machine shows, no more and no less.

Order-dependent patterns (kind phase-transition) excepted: they are told for each machine. The whole
run is that of the first machine. Seeds are fixed.
"""

from __future__ import annotations

import math
import random
import re
from typing import TYPE_CHECKING

import pytest

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.profiles import Profile
from tests.recorded import path_of, records_of, shuffled_within_modules
from tests.sharded import dealt, with_pace

if TYPE_CHECKING:
    from pytest_crackle.cooling.cool import Cooling
    from pytest_crackle.model.table import MetricTable

SMALL = ("attrs.1", "flask.1", "more_itertools.1", "real30.1")
ALL = (*SMALL, "attrs.2", "flask.2", "more_itertools.2", "real30.2")
SPEEDS = ((1.0, 3.0), (1.0, 0.4, 3.0), (3.0, 1.0, 0.4, 2.0))
RATES = ("fast", "normal", "slow")


def recording(name: str) -> list[dict[str, object]]:
    if path_of(name) is None:
        pytest.skip(f"the recording {name} is not at hand")
    return with_pace(records_of(name))


def order_free(cooling: Cooling) -> dict[str, frozenset[str]]:
    """Return the tests of each pattern that does not depend on the order, by its id."""
    assert cooling.faults == ()
    return {p.id: frozenset(p.tests) for p in cooling.patterns if p.kind != "phase-transition"}


def cooled(table: MetricTable, rate: str = "normal") -> dict[str, frozenset[str]]:
    return order_free(cool(table, Profile.of(rate)))


@pytest.mark.parametrize("name", SMALL)
def test_shards_show_what_the_whole_run_shows(name: str) -> None:
    records = recording(name)
    for times in SPEEDS[1:]:
        assert cooled(dealt(records, times)) == cooled(dealt(records, times[:1]))


def test_as_measured_they_would_not() -> None:
    table = dealt(recording("real30.1"), SPEEDS[1])
    even = cooled(table)
    table.machines = {}
    assert cooled(table) != even


@pytest.mark.parametrize("name", ["flask.1", "real30.1"])
def test_workers_of_several_hosts_show_what_one_host_shows(name: str) -> None:
    records = recording(name)
    times = SPEEDS[1]
    assert cooled(dealt(records, times, workers=2)) == cooled(dealt(records, times[:1]))


def test_times_without_pace_are_left_out_and_that_is_told() -> None:
    records = recording("real30.1")
    table = dealt(records, (1.0, 0.4, 3.0))
    pace = table.columns["pace"]
    for row, worker in enumerate(table.workers):
        if worker == "gw2":
            pace[row] = math.nan
    found = cool(table)
    of_worker = {n for n, w in zip(table.nodeids, table.workers, strict=True) if w == "gw2"}
    groups = [pattern for pattern in found.patterns if pattern.kind == "clustering"]
    assert groups
    assert not any(of_worker.intersection(pattern.tests) for pattern in groups)
    told = [one for one in found.not_tested if "host 2 are not compared" in one.reason]
    assert {one.detector for one in told} == {"clustering", "correlation"}


def told_ratio(cooling: Cooling) -> float:
    """Return how much slower the second of two machines is said to be."""
    (told,) = (re.search(r"host 1 takes ([0-9.]+)x as long", note) for note in cooling.notes)
    assert told
    return float(told[1])


def test_seconds_say_at_whose_speed_they_are() -> None:
    found = cool(dealt(recording("real30.1"), (1.0, 3.0)))
    details = {pattern.subkind: pattern.details for pattern in found.patterns}
    assert "Seconds are at the speed of host 0." in details["group"]
    assert not any("at the speed" in line for line in details["plateau"])
    assert told_ratio(found) == pytest.approx(3.0, rel=0.1)


def test_a_shift_of_pace_is_told_of_its_machine_and_does_not_count_as_its_speed() -> None:
    table = dealt(with_pace(records_of("attrs.1"), every=0.0), (1.0, 2.0))
    rows = [row for row, worker in enumerate(table.workers) if worker == "gw1"]
    for row in rows[len(rows) // 3 :]:
        table.columns["pace"][row] *= 3.0
    found = cool(table)
    (shift,) = [pattern for pattern in found.patterns if pattern.subkind == "pace"]
    assert shift.summary.startswith("On host 1: ")
    assert {table.workers[table.nodeids.index(nodeid)] for nodeid in shift.tests} == {"gw1"}
    assert told_ratio(found) == pytest.approx(2.0, rel=0.1)


@pytest.mark.calibration
def test_no_pattern_of_many_is_lost_or_added() -> None:
    """240 draws of 2 to 4 machines at x.4 to x3: none of 220 patterns lost, none added.

    With none in n the rate is at most 3 / n with 95 % confidence: 1.4 % of the patterns.
    """
    rng = random.Random(7)
    whole = lost = added = 0
    for name in ALL:
        records = recording(name)
        for rate in RATES:
            for _ in range(10):
                times = [math.exp(rng.uniform(math.log(0.4), math.log(3.0))) for _ in range(4)]
                times = times[: rng.randint(2, 4)]
                one = cooled(dealt(records, times[:1]), rate)
                several = cooled(dealt(records, times, workers=rng.randint(1, 2)), rate)
                whole += len(one)
                lost += len(one.keys() - several.keys())
                added += len(several.keys() - one.keys())
    assert whole >= 200
    assert (lost, added) == (0, 0)


@pytest.mark.calibration
def test_shuffles_show_no_more_in_shards_than_as_a_whole() -> None:
    """40 shuffles of each of four suites, three machines: at most one pattern more than the whole.

    One in 160 trials is a rate of at most 3 % with 95 % confidence (Clopper and Pearson).
    """
    added = trials = 0
    for name in SMALL:
        for seed in range(40):
            records = with_pace(shuffled_within_modules(records_of(name), seed), seed)
            one = cooled(dealt(records, (1.0,)))
            several = cooled(dealt(records, (1.0, 0.4, 3.0)))
            added += len(several.keys() - one.keys())
            trials += 1
    assert trials == 160
    assert added <= 1
