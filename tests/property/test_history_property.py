"""Whatever a history holds: no exception, no number that is none, and nothing without a past."""

from __future__ import annotations

import math
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import resolve
from pytest_crackle.cooling.history.leave_one_out import leave_one_out
from pytest_crackle.cooling.history.newest import NewestShifts
from pytest_crackle.cooling.history.tails import Tail
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.past import Past, PastRun
from pytest_crackle.model.record import OUTCOMES
from pytest_crackle.model.table import TableBuilder

pytestmark = pytest.mark.property

METRICS = ("duration.call", "cpu.call", "duration.setup", "db.queries", "payload", "memory.peak")
VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 100),
    st.integers(0, 3).map(float),
    st.just(40.0),
)
NAMES = [f"tests/test_{i // 4}.py::test_{i}" for i in range(24)]


@st.composite
def runs(draw, number):
    tests = draw(st.lists(st.integers(0, 23), unique=True, max_size=24))
    n = len(tests)
    cells = st.one_of(VALUES, st.just(math.nan))
    metrics = draw(st.lists(st.sampled_from(METRICS), unique=True))
    columns = {m: array("d", draw(st.lists(cells, min_size=n, max_size=n))) for m in metrics}
    outcomes = draw(st.lists(st.sampled_from(OUTCOMES), min_size=n, max_size=n))
    mode = draw(st.sampled_from(["no", "no", "no", "load 2"]))
    return PastRun(
        number=number,
        started="2026-01-01T00:00:00Z",
        mode=mode,
        environment=draw(st.sampled_from(["a", "a", "a", "b"])),
        tests=tests,
        outcomes=outcomes,
        commit=draw(st.sampled_from([None, "aaaaaaaa", "bbbbbbbb"])),
        dirty=draw(st.booleans()),
        attempts={row: ("failed",) for row in range(n) if draw(st.integers(0, 9)) == 0},
        workers=[row % 2 for row in range(n)] if mode != "no" else [],
        seqs=list(range(n)) if draw(st.booleans()) else [],
        metrics=tuple(columns),
        read=columns.__getitem__,
    )


@st.composite
def pasts(draw):
    count = draw(st.integers(0, 8))
    some = tuple(draw(runs(number)) for number in range(1, count + 1))
    numbers = {name: number for number, name in enumerate(NAMES)}
    return Past(some, numbers, environment="a", commit=draw(st.sampled_from([None, "aaaaaaaa"])))


@st.composite
def tables(draw):
    builder = TableBuilder()
    extra = ["tests/test_new.py::test_new"]
    for row, name in enumerate(draw(st.permutations(NAMES + extra))[: draw(st.integers(0, 25))]):
        metrics = draw(st.dictionaries(st.sampled_from(METRICS), VALUES))
        outcome = draw(st.sampled_from(OUTCOMES))
        builder.add(
            {"nodeid": name, "index": row, "seq": row, "metrics": metrics, "outcome": outcome}
        )
    return builder.table()


@settings(deadline=None, max_examples=150)
@given(tables(), pasts(), st.sampled_from(["fast", "normal", "slow"]))
def test_no_history_crashes_the_cooling(table, past, rate):
    cooling = cool(table, Profile.of(rate), resolve(["history"]), past=past)
    assert cooling.faults == ()
    for pattern in cooling.patterns:
        assert set(pattern.tests) <= set(table.nodeids)
        assert all(math.isfinite(value) for value in pattern.evidence.values())
        assert pattern.summary.endswith(".")
        assert "nan" not in pattern.summary


@settings(deadline=None, max_examples=40)
@given(pasts())
def test_no_history_crashes_the_honesty_check(past):
    check = leave_one_out(past, Profile.normal())
    assert 0 <= check.suspected_per_hundred <= 100
    assert check.replayed <= check.runs <= len(past.runs)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), max_size=60), st.lists(st.floats(-1e6, 1e6), min_size=2))
def test_a_larger_deviation_is_never_likelier(seen, asked):
    tail = Tail(seen)
    found = [tail.log_p(value) for value in sorted(asked)]
    assert all(value <= 0 for value in found)
    assert all(after <= before + 1e-9 for before, after in pairwise(found))


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(-20, 20), min_size=12, max_size=12), min_size=1, max_size=20))
def test_a_common_factor_changes_nothing(rows):
    """The unit is a constant in the logarithm."""

    def found(shift):
        moved = [[round(16 * value) / 16 + shift for value in row] for row in rows]  # exact
        newest = NewestShifts(moved, [0] * len(rows), least=0.2)
        return [newest.find(unit) for unit in range(len(rows))]

    for one, other in zip(found(0.0), found(8.0), strict=True):
        assert (one is None) == (other is None)
        if one and other:
            assert one.held == other.held
            assert math.isclose(one.log_p, other.log_p, rel_tol=1e-6, abs_tol=1e-6)
