"""The phase-transition detector takes any table, and names of workers mean nothing to it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_crackle.cooling.detectors.phase_transition import PhaseTransition
from pytest_crackle.cooling.profiles import CoolingRate, Profile
from pytest_crackle.cooling.shifts.level_series import path_of
from pytest_crackle.cooling.shifts.levels import (
    amount_changes,
    breadth_of,
    busiest_stretch,
    unit_changes,
)
from pytest_crackle.cooling.shifts.settled import running_high, settled
from pytest_crackle.cooling.shifts.states import state_spans
from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.record import OUTCOMES
from pytest_crackle.model.table import EndReading, TableBuilder

pytestmark = pytest.mark.property

finite = st.floats(allow_nan=False, allow_infinity=False)
METRICS = ("memory.rss", "fds", "threads", "pace", "background", "duration", "cpu", "delay", "pool")
identities = st.lists(st.sampled_from(["1:a", "2:b", "3:Thread-1 (f)", ":", ""]), max_size=3)
states = st.lists(
    st.tuples(
        st.sampled_from(["gc", "trace function", "log level", "anything"]),
        st.sampled_from(["on", "off", "none"]),
        st.sampled_from(["on", "off", "none"]),
    ).map(list),
    max_size=2,
)
setups = st.lists(
    st.tuples(
        st.sampled_from(["f", "g"]), st.sampled_from(["function", "module"]), finite, finite
    ).map(list),
    max_size=2,
)


@st.composite
def record_lists(draw, workers=(None, "gw0", "gw1")):
    """Draw records: one value for a whole session and single ones that differ."""
    n = draw(st.integers(0, 70))
    base = {name: draw(finite) for name in draw(st.sets(st.sampled_from(METRICS)))}
    odd = draw(st.dictionaries(st.integers(0, 69), finite, max_size=20))
    sparse = draw(
        st.dictionaries(
            st.integers(0, 69),
            st.fixed_dictionaries(
                {
                    "opened": st.dictionaries(st.sampled_from(["fds", "threads"]), identities),
                    "closed": st.dictionaries(st.sampled_from(["fds", "threads"]), identities),
                    "state": states,
                    "setups": setups,
                    "modules": st.integers(0, 1000),
                    "blocks": st.integers(0, 10**7),
                    "worker": st.sampled_from(workers),
                    "outcome": st.sampled_from(OUTCOMES),
                    "index": st.integers(-5, 100),
                }
            ),
            max_size=20,
        )
    )
    one_function = draw(st.booleans())
    out = []
    for i in range(n):
        name = f"a.py::test[{i}]" if one_function else f"m{i // 9}.py::test_{i}"
        metrics = {key: odd.get(i, value) for key, value in base.items()}
        record = {"nodeid": name, "metrics": metrics, "start": float(i)}
        if "pool" in metrics:
            record["units"] = {"pool": ["1", "level"]}
        out.append(record | sparse.get(i, {}))
    return out


def table_of(records, ends=()):
    builder = TableBuilder()
    for record in records:
        builder.add(record)
    for worker in ends:
        builder.end(worker, EndReading({"fds": 3.0, "memory.rss": 1e9}, {"fds": ("1:a",)}))
    return builder.table()


@settings(deadline=None, max_examples=100)
@given(record_lists(), st.sampled_from(CoolingRate), st.sampled_from([(), ("",), ("gw0", "gw1")]))
def test_no_finite_table_makes_it_raise(records, rate, ends):
    table = table_of(records, ends)
    for finding in PhaseTransition().detect(Suite(table), Profile.of(rate)).findings:
        assert finding.log_p <= 0
        assert finding.rows
        assert all(0 <= row < table.n_tests for row in finding.rows)
        assert all(math.isfinite(number) for number in finding.evidence.values())
        assert math.isfinite(finding.score)
        assert finding.summary.endswith(".")
        assert "\n" not in finding.summary
        assert "nan" not in finding.summary


@settings(deadline=None, max_examples=60)
@given(record_lists(workers=("gw0", "gw1", "gw2")), st.permutations(["gw0", "gw1", "gw2"]))
def test_names_of_workers_change_nothing_else(records, names):
    new = dict(zip(["gw0", "gw1", "gw2"], names, strict=True))
    for record in records:
        record["worker"] = record.get("worker") or "gw0"
        record.pop("index", None)
    renamed = [record | {"worker": new[record["worker"]]} for record in records]
    one = PhaseTransition().detect(Suite(table_of(records)), Profile.fast())
    two = PhaseTransition().detect(Suite(table_of(renamed)), Profile.fast())
    told = [{(f.subkind, f.metrics, f.rows, f.at, f.log_p) for f in d.findings} for d in (one, two)]
    assert told[0] == told[1]
    assert one.hypotheses == two.hypotheses


levels = st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=120)


@given(levels, st.none() | finite)
def test_a_floor_is_below_its_readings_and_never_falls(values, last):
    path = path_of(values, last)
    assert all(low <= value for low, value in zip(path.floor, path.values, strict=True))
    assert list(path.floor) == sorted(path.floor)
    assert all(size >= 0 for size in path.kept)
    assert (
        sum(path.kept)
        <= path.floor[-1] - path.floor[0] + 1e-9 * abs(path.floor[-1] - path.floor[0]) + 1e-300
    )
    assert all(a <= b for a, b in zip(settled(path).kept, path.kept, strict=True))


@given(st.lists(st.integers(0, 5), min_size=25, max_size=120))
def test_changes_of_counts_are_disjoint_and_within_the_kept(values):
    path = path_of([float(v) for v in values], 9.0)
    changes = unit_changes(path, 1.0)
    members = [i for change in changes for i in change.members]
    assert len(members) == len(set(members))
    assert sum(change.size for change in changes) <= sum(path.kept)
    for change in amount_changes(path, Profile.fast().levels):
        assert change.start <= min(change.members)
        assert max(change.members) < change.stop


@given(st.lists(st.floats(0, 1e300), max_size=60), st.floats(0, 1e300), st.floats(0, 1e300))
def test_breadth_and_stretch_stay_in_bounds(values, rate, cap):
    assert 0 <= breadth_of(values) <= len(values) * (1 + 1e-9)
    found = busiest_stretch(values, rate, cap)
    assert found is None or 0 <= found[0] < found[1] <= len(values)


@given(st.lists(st.floats(-1e9, 1e9), max_size=60))
def test_few_earlier_values_exceed_the_running_high(values):
    for i, high in enumerate(running_high(values)):
        assert sum(value > high for value in values[:i]) <= 0.1 * i


def test_spans_of_an_empty_table():
    assert state_spans(Suite(table_of([]))) == ()
