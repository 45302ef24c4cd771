"""A real session with one of everything that tests leave behind: each told once, at its test."""

from __future__ import annotations

import json

SUITE = """
import gc, socket, sys, threading, time
import pytest

HELD = []


@pytest.mark.parametrize("i", range(60))
def test_before(i):
    pass


def test_bytes():
    HELD.append(bytearray(b"x") * (100 << 20))


@pytest.mark.parametrize("i", range(30))
def test_between(i):
    pass


def test_objects():
    HELD.append([[i] for i in range(1_200_000)])


@pytest.fixture
def client():
    return socket.socket()


@pytest.mark.parametrize("i", range(12))
def test_client(client, i):
    HELD.append(client)


def test_closed():
    with socket.socket(), open(__file__):
        pass


def test_threads():
    for _ in range(4):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


@pytest.mark.parametrize("i", range(20))
def test_short_thread(i):
    threading.Thread(target=time.sleep, args=(0.001,)).start()


def test_gc():
    gc.disable()


def test_gc_for_itself():
    gc.enable()
    gc.disable()


def profile(*args):
    pass


def test_profile():
    sys.setprofile(profile)


@pytest.mark.parametrize("i", range(30))
def test_after(i):
    pass
"""


def test_one_of_everything(pytester):
    pytester.makepyfile(test_a=SUITE)
    result = pytester.runpytest_subprocess("--crackle", "--crackle-json=r.json", "-p", "no:asyncio")
    result.assert_outcomes(passed=159)
    report = json.loads((pytester.path / "r.json").read_text())
    patterns = [p for p in report["patterns"] if p["kind"] == "phase-transition"]
    told = {(p["subkind"], tuple(p["metrics"]), p["at"].partition("::")[2]) for p in patterns}
    assert told == {
        ("jump", ("memory.rss",), "test_bytes"),
        ("jump", ("memory.rss",), "test_objects"),
        ("leak", ("fds",), "test_client[0]"),
        ("jump", ("threads",), "test_threads"),
        ("state", ("state",), "test_gc"),
        ("state", ("state",), "test_profile"),
    }
    by_test = {p["at"].partition("::")[2]: p["summary"] for p in patterns}
    assert by_test["test_client[0]"] == (
        "12 tests leave 1 descriptor each open for good, all with fixture client (12 sockets)."
    )
    assert by_test["test_threads"] == (
        "test_a.py::test_threads leaves 4 threads running for good (4 x sleep)."
    )
    assert by_test["test_gc"] == "test_a.py::test_gc leaves garbage collection off."
    assert not report["faults"]


HELD_BY_A_CYCLE = """
import pytest


class Node:
    pass


@pytest.mark.parametrize("i", range(30))
def test_node(i):
    if i == 28:
        node = Node()
        node.itself = node
        node.data = bytearray(b"x") * (80 << 20)
"""


def test_what_only_a_cycle_holds_at_the_end_is_not_left_for_good(pytester):
    pytester.makepyfile(test_a=HELD_BY_A_CYCLE)
    result = pytester.runpytest_subprocess(
        "--crackle", "--crackle-cooling=fast", "--crackle-records=r.jsonl", "-p", "no:asyncio"
    )
    result.assert_outcomes(passed=30)
    lines = [json.loads(line) for line in (pytester.path / "r.jsonl").read_text().splitlines()]
    levels = [line["metrics"]["memory.rss"] for line in lines if "seq" in line]
    assert levels[-1] - levels[27] >= 70 << 20  # no collection fell between the two
    result.stdout.fnmatch_lines(["crackle: no patterns in 30 tests*"])
