from __future__ import annotations

import decimal
import fractions
import threading

import numpy as np
import pytest

from pytest_crackle.firing.recording import Firing, RecordMetric, record_metric


@pytest.fixture
def firing():
    """A session of its own, within whatever session these tests run in."""
    state = Firing()
    state.push()
    state.begin("t.py::test")
    yield state
    state.pop()


@pytest.mark.parametrize(
    "value",
    [3, 2.5, -1, fractions.Fraction(1, 4), decimal.Decimal("0.5"), np.float32(2), np.int64(7)],
)
def test_real_numbers_become_exact_floats(firing, value):
    record_metric("x", value)
    stored = firing.slot.metrics["x"]
    assert type(stored) is float
    assert stored == float(value)


@pytest.mark.parametrize("value", [True, np.bool_(1), None, "3", b"3", 1j, [1], object()])
def test_what_is_no_real_number_is_a_type_error(firing, value):
    with pytest.raises(TypeError, match="'x'"):
        record_metric("x", value)
    assert firing.slot.metrics == {}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, decimal.Decimal("NaN")])
def test_what_is_not_finite_is_a_value_error(firing, value):
    with pytest.raises(ValueError, match="'x'"):
        record_metric("x", value)


@pytest.mark.parametrize("name", ["", "a" * 201, "a\nb", "\ud800", "\x1b[31m"])
def test_names_that_cannot_be_printed_are_refused(firing, name):
    with pytest.raises(ValueError, match="metric name"):
        record_metric(name, 1)


def test_a_name_that_is_no_string_is_a_type_error(firing):
    with pytest.raises(TypeError, match="must be a string"):
        record_metric(3, 1)  # type: ignore[arg-type] # the mistake


def test_the_last_value_wins_and_add_accumulates(firing):
    record_metric("rows", 1)
    record_metric("rows", 2)
    for _ in range(3):
        record_metric.add("queries")
    record_metric.add("queries", 0.5)
    assert firing.slot.metrics == {"rows": 2.0, "queries": 3.5}


def test_what_adds_up_is_a_count_unless_told_otherwise(firing):
    record_metric.add("queries")
    record_metric.add("rows", 5, unit="rows")
    record_metric.add("waited", 0.2, unit="s")
    record_metric.add("score", 2, kind="value")
    record_metric("payload", 3, unit="B")
    record_metric.add("payload", 4)
    record_metric("plain", 1)
    assert firing.slot.units == {
        "queries": ["1", "count"],
        "rows": ["rows", "count"],
        "waited": ["s", "value"],
        "score": ["1", "value"],
        "payload": ["B", "value"],
    }


def test_a_sum_that_overflows_is_refused(firing):
    record_metric.add("x", 1.7e308)
    with pytest.raises(ValueError, match="not finite"):
        record_metric.add("x", 1.7e308)


def test_the_timer_accumulates_seconds(firing):
    for _ in range(2):
        with record_metric.timer("parse"):
            pass
    assert firing.slot.metrics["parse"] >= 0
    assert firing.slot.units["parse"] == ["s", "value"]


def test_the_timer_counts_a_block_that_fails(firing):
    with pytest.raises(KeyError), record_metric.timer("parse"):
        raise KeyError
    assert "parse" in firing.slot.metrics


def test_unit_and_kind_are_kept_and_checked(firing):
    record_metric("payload", 3.2e6, unit="B", kind="count")
    assert firing.slot.units == {"payload": ["B", "count"]}
    with pytest.raises(ValueError, match="kind must be one of 'value', 'count', 'level'"):
        record_metric("x", 1, kind="time")
    with pytest.raises(ValueError, match="unit"):
        record_metric("x", 1, unit="")


def test_outside_a_test_it_is_an_error(firing):
    firing.finish()
    with pytest.raises(RuntimeError, match="outside a test"):
        record_metric("x", 1)


def test_a_value_that_comes_after_the_test_is_refused(firing):
    late = RecordMetric(firing.slot)
    firing.finish()
    firing.begin("t.py::next")
    with pytest.raises(RuntimeError, match=r"t\.py::test is over"):
        late("x", 1)
    assert firing.slot.metrics == {}


def test_a_fixture_that_pytest_hands_on_records_for_the_test_that_runs(firing):
    kept = RecordMetric(firing.slot)
    firing.slot.outlived = True  # its teardown ended in SystemExit
    firing.finish()
    firing.begin("t.py::next")
    kept("x", 1)
    with kept.timer("parse"):
        pass
    assert sorted(firing.slot.metrics) == ["parse", "x"]


def in_thread(call):
    caught = []

    def run():
        try:
            call()
        except RuntimeError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return caught


def test_a_thread_of_the_test_records_for_it(firing):
    assert not in_thread(lambda: record_metric("x", 4))
    assert firing.slot.metrics == {"x": 4.0}


def test_a_thread_that_an_earlier_test_left_is_refused(firing):
    def late():
        firing.stale_threads = {threading.get_ident()}
        record_metric("x", 4)

    assert "outside a test" in str(in_thread(late)[0])


def test_concurrent_additions_are_not_lost(firing):
    def add():
        for _ in range(500):
            record_metric.add("x")

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert firing.slot.metrics["x"] == 4000


def test_nested_sessions_do_not_see_each_other(firing):
    inner = Firing()
    inner.push()
    inner.begin("inner.py::test")
    record_metric("x", 1)
    inner.pop()
    record_metric("y", 2)
    assert firing.slot.metrics == {"y": 2.0}
