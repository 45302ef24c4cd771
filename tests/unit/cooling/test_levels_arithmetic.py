"""The arithmetic of levels: floors, stretches, breadth, what is settled."""

from __future__ import annotations

import pytest

from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.cooling.shifts.level_series import path_of
from pytest_crackle.cooling.shifts.levels import (
    amount_changes,
    breadth_of,
    busiest_stretch,
    from_its_first,
    unit_changes,
)
from pytest_crackle.cooling.shifts.settled import (
    lasting_share,
    longest_excursion,
    running_high,
    settled,
)

MIB = 2**20


def test_the_floor_is_the_minimum_of_all_later_readings():
    path = path_of([1.0, 5.0, 2.0, 4.0, 3.0], last=3.0)
    assert path.floor == (1.0, 2.0, 2.0, 3.0, 3.0)
    assert path.kept == (0.0, 1.0, 0.0, 1.0, 0.0)
    assert path.warm_up == 1


def test_the_last_reading_counts_as_one_more_test():
    assert path_of([1.0, 5.0, 5.0, 5.0, 5.0], last=1.0).kept == (0.0,) * 5


def test_without_a_last_reading_the_last_three_blame_nobody():
    assert path_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).kept == (0.0, 1.0, 1.0, 0.0, 0.0, 0.0)


def test_the_first_hundredth_blames_nobody():
    path = path_of([float(i) for i in range(400)], last=399.0)
    assert path.kept[:4] == (0.0,) * 4
    assert set(path.kept[4:]) == {1.0}


@pytest.mark.parametrize(
    ("values", "breadth"),
    [([], 0.0), ([0.0], 0.0), ([3.0], 1.0), ([1.0] * 7, 7.0), ([1e300, 1e300], 2.0)],
)
def test_breadth(values, breadth):
    assert breadth_of(values) == pytest.approx(breadth)


def test_the_busiest_stretch():
    kept = [0.0] * 20 + [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0] + [0.0] * 20
    assert busiest_stretch(kept, 0.25, 8.0) == (20, 27)
    assert busiest_stretch([0.0] * 5, 0.25, 8.0) is None
    assert busiest_stretch([], 0.25, 8.0) is None


def test_a_fast_leak_does_not_swallow_a_slow_one_beside_it():
    kept = [1.0] * 30 + [20.0] * 30
    assert busiest_stretch(kept, 0.5, 100.0) == (30, 60)


def test_a_pause_after_the_first_test_is_bridged():
    kept = [0.0] * 10 + [1.0, 0.0, 0.0, 0.0] + [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0] + [0.0] * 5
    assert from_its_first(kept, (14, 22)) == (10, 22)
    assert from_its_first([0.0, 1.0, *kept[2:]], (14, 22)) == (10, 22)  # too far off
    assert from_its_first(kept, (17, 19)) == (17, 19)  # too few to say what their gaps are


def test_a_jump_within_a_broad_leak_belongs_to_it():
    level, values = 100.0 * MIB, []
    for i in range(120):
        level += (70.0 if i == 60 else 7.0) * MIB if 40 <= i < 80 else 0
        values.append(level)
    (change,) = amount_changes(path_of(values, values[-1]), Profile.normal().levels)
    assert change.subkind == "leak"
    assert 60 in change.members
    assert change.size == change.after - change.before


def test_a_jump_beside_a_narrow_leak_is_its_own():
    level, values = 100.0 * MIB, []
    for i in range(200):
        level += (300.0 if i == 100 else 1.0) * MIB if i >= 50 else 0
        values.append(level)
    found = amount_changes(path_of(values, values[-1]), Profile.normal().levels)
    assert [(c.subkind, c.start) for c in found] == [("leak", 50), ("jump", 100)]


def test_short_series_have_no_changes():
    assert amount_changes(path_of([1.0, 1e12], 1e12), Profile.fast().levels) == ()


def test_more_than_three_jumps_are_one_scattered_leak():
    places = (20, 60, 100, 140, 180)
    values = [float(sum(k <= i for k in places)) for i in range(220)]
    (change,) = unit_changes(path_of(values, values[-1]), 1.0)
    assert change.is_scattered
    assert change.members == places
    assert (change.before, change.after, change.size) == (0.0, 5.0, 5.0)


def test_the_longest_excursion_leaves_out_what_holds_for_most_of_the_session():
    assert longest_excursion(path_of([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0], 0.0)) == 2
    assert longest_excursion(path_of([0.0, 1.0, 1.0, 1.0, 1.0, 0.0], 0.0)) == 0


def test_a_rise_younger_than_an_excursion_is_not_settled():
    values = [0.0] * 30 + [1.0] * 10 + [0.0] * 100 + [5.0] * 5
    assert sum(settled(path_of(values, 5.0)).kept) == 0
    values = [0.0] * 30 + [1.0] * 10 + [0.0] * 100 + [5.0] * 30
    assert sum(settled(path_of(values, 5.0)).kept) == 5


def test_a_height_that_is_not_new_is_not_settled():
    values = [0.0, 1.0] * 40 + [0.0] * 20 + [1.0] * 40
    assert sum(settled(path_of(values, 1.0)).kept) == 0


def test_running_high_and_lasting_share():
    assert running_high([1.0, 3.0, 2.0, 2.0])[1:] == [1.0, 3.0, 3.0]
    values = [float(i) for i in range(100)]
    assert running_high(values)[99] == 89.0
    assert lasting_share(path_of([0.0, 1.0, 2.0, 3.0], 3.0)) == 1.0
    assert lasting_share(path_of([0.0, 1.0, 0.0, 1.0], 0.0)) == 0.0
    assert lasting_share(path_of([1.0, 1.0], 1.0)) == 0.0
