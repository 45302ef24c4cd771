"""The opt-in meters end to end; with real databases: tests/databases."""

from __future__ import annotations

import sys

import pytest

ALL = "--crackle-meters=+subprocesses,+opens,+sockets,+imports,+memory.peak,+logs,+db"

SUITE = """
import logging, os, socket, subprocess, sys

def test_first(): pass  # what pytest itself loads for the first test is in its numbers

def test_none(): pass

def test_world(tmp_path, caplog):
    place = str(tmp_path / "a")
    for _ in range(5):
        with open(place, "w"): pass
    socket.socket().close()
    subprocess.run([sys.executable, "-c", ""], check=True)
    logging.getLogger("a").warning("one")
    logging.getLogger("a.b").error("two")
    assert [record.getMessage() for record in caplog.records] == ["one", "two"]

def test_memory():
    bytearray(3_000_000)

def test_tracing():
    import tracemalloc
    assert tracemalloc.is_tracing()

def test_last(): pass
"""
WORLD = {"sockets": 1.0, "subprocesses": 1.0, "logs.warning": 1.0, "logs.error": 1.0}


@pytest.mark.skipif(
    sys.platform != "linux", reason="a subprocess is opened in other ways elsewhere"
)
@pytest.mark.parametrize(
    "more", [(), ("-n2",), ("-p", "no:logging", "-p", "no:warnings", "-k", "not world")]
)
def test_what_a_test_does_is_counted_and_the_rest_is_not(crackle, more):
    crackle.pytester.makepyfile(SUITE)
    result = crackle.run(ALL, *more, subprocess=True)
    assert result.ret == 0
    report = crackle.report
    assert report["faults"] == []
    assert report["patterns"] == []
    tests = {name: test["metrics"] for name, test in crackle.tests.items()}
    assert not [record["state"] for record in crackle.records.values() if "state" in record]
    assert 3_000_000 <= tests["test_memory"]["memory.peak"] < 3_300_000
    assert "db.queries" not in tests["test_last"]
    if "-k" not in more:
        world = tests["test_world"]
        assert {name: world[name] for name in WORLD} == WORLD
        assert world["opens"] >= 5
    if not more:
        none = tests["test_none"]
        assert [none[name] for name in ("opens", "sockets", "subprocesses", "imports")] == [0.0] * 4
        assert none["logs.warning"] == 0.0
    assert (report["metrics"]["opens"]["unit"], report["metrics"]["opens"]["kind"]) == (
        "1",
        "count",
    )
    assert report["metrics"]["memory.peak"]["unit"] == "B"


def test_tracemalloc_of_the_user_runs_on(crackle):
    crackle.pytester.makepyfile(
        """
        import tracemalloc

        def test_a():
            assert tracemalloc.get_traceback_limit() == 4

        def test_b():
            assert tracemalloc.get_traceback_limit() == 4
        """
    )
    args = ["--crackle", "--crackle-json=report.json", "--crackle-meters=+memory.peak"]
    result = crackle.pytester.run(
        sys.executable, "-X", "tracemalloc=4", "-m", "pytest", "-p", "no:asyncio", *args
    )
    assert result.ret == 0
    assert all(test["metrics"]["memory.peak"] > 0 for test in crackle.tests.values())


def test_each_can_be_asked_for_alone_and_in_place_of_all(crackle):
    crackle.pytester.makepyfile("def test_a(): pass")
    crackle.run("--crackle-meters=logs", subprocess=True)
    metrics = set(crackle.tests["test_a"]["metrics"])
    assert {name for name in metrics if not name.startswith("duration")} == {
        "logs.debug",
        "logs.info",
        "logs.warning",
        "logs.error",
        "logs.critical",
    }


def test_an_ini_key_asks_for_them_as_well(crackle):
    crackle.pytester.makeini("[pytest]\ncrackle_meters = +logs -pace\n")
    crackle.pytester.makepyfile("def test_a(): pass")
    crackle.run(subprocess=True)
    metrics = crackle.tests["test_a"]["metrics"]
    assert "logs.error" in metrics
    assert "pace" not in metrics
    assert "cpu" in metrics
