"""The count of garbage collections, read only where a collection may have been."""

from __future__ import annotations

import gc
import math
import random
import sys

import pytest

from pytest_crackle.firing.meters import interpreter

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="only CPython tells its collections"
)


def collections_reader():
    """Return a reader that adds up what the meter tells."""
    grown = interpreter.collections_growth()
    assert grown is not None
    grown(0.0)
    total = collected()

    def read():
        nonlocal total
        total += grown(0.0)
        return total

    return read


def collected():
    return sum(generation["collections"] for generation in gc.get_stats())


@pytest.fixture(autouse=True)
def _by_hand():
    """Keep the collector from running between two readings that are compared."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def dear(monkeypatch):
    """Count the dear readings."""
    readings: list[None] = []
    get_stats = gc.get_stats

    def counted():
        readings.append(None)
        return get_stats()

    monkeypatch.setattr(gc, "get_stats", counted)
    return readings


def test_the_first_reading_tells_nothing_of_what_was_before():
    grown = interpreter.collections_growth()
    assert grown is not None
    assert math.isnan(grown(0.0))
    assert grown(0.0) == 0.0


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_a_collection_of_each_generation_is_seen(generation):
    read = collections_reader()
    before = read()
    gc.collect(generation)
    assert read() == before + 1
    gc.collect(generation)
    gc.collect(generation)
    assert read() == before + 3


def test_no_collection_is_missed_in_a_thousand_readings():
    read, chance = collections_reader(), random.Random(3)
    kept: list[list[int]] = []
    for _ in range(1000):
        if chance.random() < 0.5:
            gc.enable()
            kept = [[] for _ in range(chance.randrange(1500))]
            gc.disable()
        elif chance.random() < 0.1:
            gc.collect(chance.randrange(3))
        assert read() == collected()
    assert kept is not None


def test_what_was_frozen_hides_no_collection():
    read = collections_reader()
    before = read()
    try:
        gc.freeze()
        gc.collect()
        assert read() == before + 1
        gc.collect()
        assert read() == before + 2
    finally:
        gc.unfreeze()
    gc.collect()
    assert read() == before + 3


def test_what_was_frozen_for_a_moment_hides_none_of_the_tests_after():
    read = collections_reader()
    read()
    gc.freeze()
    gc.unfreeze()
    before = read()
    gc.collect(0)
    assert read() == before + 1


def test_many_frozen_objects_are_counted_once_only(monkeypatch):
    counts: list[int] = []
    count_frozen = gc.get_freeze_count

    def counted():
        counts.append(count_frozen())
        return counts[-1]

    monkeypatch.setattr(gc, "get_freeze_count", counted)
    read = collections_reader()
    gc.freeze()
    try:
        read()
        n_counted = len(counts)
        assert counts[-1] > interpreter.FEW_FROZEN
        assert [read() for _ in range(50)] == [read()] * 50
        before = read()
        gc.collect(0)
        assert read() == before + 1
        assert len(counts) == n_counted
    finally:
        gc.unfreeze()


@pytest.mark.skipif(
    sys.version_info >= (3, 14) or gc.get_freeze_count() > interpreter.FEW_FROZEN,
    reason="each reading is whole there",
)
def test_without_a_collection_the_dear_reading_is_spared(dear):
    read = collections_reader()
    first = read()
    n_dear = len(dear)
    assert [read() for _ in range(50)] == [first] * 50
    assert len(dear) == n_dear
