"""Leavers: what a test opened and nothing closed, by identity."""

from __future__ import annotations

import pytest

from pytest_crackle.cooling.shifts.leavers import leavers_of, name_kinds
from tests.detectors.shift_tables import findings, records, table_of


def session(n, opened=None, closed=None, ends=None, name="fds", setups=None):
    recs = records(n)
    for key, places in (("opened", opened or {}), ("closed", closed or {})):
        for place, identities in places.items():
            recs[place][key] = {name: identities}
    for place, rows in (setups or {}).items():
        recs[place]["setups"] = rows
    return table_of(recs, {"": ({}, {name: tuple(ends)})} if ends is not None else None)


def left(table, name="fds"):
    rows = table.run_orders()[""]
    return [(leaver.row, leaver.identities) for leaver in leavers_of(table, "", rows, name)]


def test_opened_and_never_closed():
    table = session(30, {4: ["7:socket", "8:socket"]}, {9: ["8:socket"]}, ends=[])
    assert left(table) == [(4, ("7:socket",))]


def test_closed_at_the_end_of_the_session():
    assert left(session(30, {4: ["7:socket"]}, ends=["7:socket"])) == []


def test_a_number_may_be_used_again():
    table = session(40, {4: ["7:pipe"], 20: ["7:pipe"]}, {5: ["7:pipe"]}, ends=[])
    assert left(table) == [(20, ("7:pipe",))]


def test_a_number_that_another_thread_took_over_unseen():
    opened, closed = {5: ["140:Thread-5 (work)"]}, {9: ["140:Thread-6 (work)"]}
    assert left(session(30, opened, closed, [], name="threads"), "threads") == []


def test_a_number_that_is_opened_again_was_closed():
    assert left(session(30, {5: ["7:pipe"], 9: ["7:file"]}, ends=[])) == [(9, ("7:file",))]


def test_what_a_collection_closes_late_is_not_left():
    # loops in cycles: each lives 8 tests, the last ones just have not been collected yet
    opened = {i: [f"{i}:socket"] for i in range(40)}
    closed = {i + 8: [f"{i}:socket"] for i in range(32)}
    assert left(session(40, opened, closed, ends=[])) == []


def test_what_a_wide_fixture_held_says_nothing_about_lateness():
    setups = {0: [["server", "session", 0.1, 0.1]]}
    table = session(40, {0: ["5:socket"], 30: ["9:file"]}, {39: ["5:socket"]}, [], setups=setups)
    assert left(table) == [(30, ("9:file",))]


@pytest.mark.parametrize("name", ["Trio thread 0", "AnyIO worker thread"])
def test_a_thread_of_a_pool_that_shrinks_is_not_left(name):
    table = session(30, {4: [f"140:{name}", "150:work"]}, ends=[], name="threads")
    assert left(table, "threads") == [(4, ("150:work",))]


def test_without_a_last_reading_the_last_three_tests_are_not_blamed():
    opened = {i: [f"{i}:file"] for i in (10, 36, 37, 38, 39)}
    assert [row for row, _ in left(session(40, opened))] == [10, 36, 37]


@pytest.mark.parametrize("n", [200, 5000])
def test_three_sockets_of_one_test(n):
    identities = [f"{k}:socket" for k in (7, 8, 9)]
    (finding,) = findings(session(n, {n // 2: identities}, ends=[]))
    test = f"tests/test_{n // 50:03}.py::test_{n // 2:05}"
    assert finding.summary == f"{test} leaves 3 descriptors open for good (3 sockets)."
    assert (finding.subkind, finding.at, finding.rows) == ("jump", n // 2, (n // 2,))
    assert (finding.confidence, finding.exact) == (0.99, True)


@pytest.mark.parametrize("n", [200, 5000])
def test_twelve_tests_of_one_fixture(n):
    rows = list(range(11, n - 20, (n - 40) // 12))[:12]
    recs = records(n)
    for k in rows:
        recs[k]["opened"] = {"fds": [f"{k}:socket"]}
        recs[k]["fixtures"] = ["client"]
    (finding,) = findings(table_of(recs, {"": ({}, {})}))
    assert finding.rows == tuple(rows)
    assert finding.summary == (
        "12 tests leave 1 descriptor each open for good, all with fixture client (12 sockets)."
    )
    assert finding.anchor == "fixture client"


def test_one_test_that_leaves_nearly_all_is_named():
    opened = {20: [f"{k}:file" for k in range(100, 130)], 50: ["7:pipe"], 70: ["8:pipe"]}
    (finding,) = findings(session(200, opened, ends=[]))
    assert finding.at == 20
    assert finding.summary.startswith(
        "tests/test_000.py::test_00020 leaves 30 descriptors open for good, 2 other tests 2 more"
    )


def test_four_threads_by_name():
    opened = {20: ["1:Thread-1 (work)", "2:Thread-2 (work)"], 60: ["3:pool-0_0", "4:pool-0_1"]}
    (finding,) = findings(session(200, opened, ends=[], name="threads"))
    assert finding.rows == (20, 60)
    assert finding.summary.startswith("2 tests leave 2 threads each running for good")
    assert "(2 x pool, 2 x work)" in finding.summary


def test_threads_that_end_a_little_later_are_silent():
    opened = {i: [f"{i}:Thread-{i} (slow)"] for i in range(0, 200, 2)}
    closed = {i + 1: [f"{i}:Thread-{i} (slow)"] for i in range(0, 199, 2)}
    assert not findings(
        session(200, opened, closed, ends=["198:Thread-198 (slow)"], name="threads")
    )


@pytest.mark.parametrize(("rate", "told"), [("fast", True), ("normal", False), ("slow", False)])
def test_one_descriptor_is_told_at_fast_only(rate, told):
    assert bool(findings(session(200, {50: ["7:socket"]}, ends=[]), rate)) is told


def test_the_holder_may_be_a_wide_fixture_and_is_named():
    table = session(
        200,
        {50: ["7:socket", "8:socket", "9:pipe"]},
        ends=[],
        setups={50: [["server", "session", 0.1, 0.1]]},
    )
    (finding,) = findings(table)
    assert finding.details == ("tests/test_002.py::test_00050 sets up session fixture server",)


@pytest.mark.parametrize(
    ("identities", "metric", "text"),
    [
        (["7:socket"], "fds", "1 socket"),
        (["7:file", "8:pipe", "9:file"], "fds", "2 files, 1 pipe"),
        (["1:a", "2:b", "3:c", "4:d", "5:d"], "fds", "2 ds, 1 a, 1 b, 1 more"),
        (["1:Thread-12 (poll)", "2:Thread-3 (poll)"], "threads", "2 x poll"),
        (["1:ThreadPoolExecutor-0_11"], "threads", "1 x ThreadPoolExecutor"),
        (["1:42"], "threads", "1 x 42"),
        (["nameless"], "fds", "1 nameless"),
    ],
)
def test_names(identities, metric, text):
    assert name_kinds(identities, metric) == text
