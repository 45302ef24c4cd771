"""Workers as the detectors see them: what is found is the same, and the polluted one is named."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.profiles import Profile
from pytest_crackle.model.table import MetricTable
from pytest_crackle.storage.shards import read_run
from tests.faults.sessions import (
    TALLY,
    TIMED_OUT,
    Case,
    check_journal,
    check_ledger,
    check_undisturbed,
    run_all,
)
from tests.recorded import path_of, records_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.sessions import Session

pytest.importorskip("xdist")
forks = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

# ---------------------------------------------------------------------- (a) -n 0, 2, 4

LEAKS_AND_WAITS = """
    import os, pytest
    HELD = []

    @pytest.mark.parametrize("i", range(30))
    def test_plain(i): sum(range(1000))

    @pytest.mark.parametrize("i", range(6))
    def test_leaks(i): HELD.append(os.open("/dev/null", os.O_RDONLY))

    @pytest.mark.parametrize("i", range(30))
    def test_plain_too(i): sum(range(1000))
""" + "\n".join(f"    def test_waits_{i}(): pass" for i in range(12))


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    cases = [
        Case(f"n{n}", LEAKS_AND_WAITS, args=("-n", str(n)), alone=True, timeout=120)
        for n in (0, 2, 4)
    ]
    return run_all(cases, tmp_path_factory.mktemp("sizes"))


@forks
def test_leaks_and_plateaus_are_the_same_with_any_number_of_workers(sizes):
    """Proof (a): descriptors that stay open and fixed waits do not hang on where a test ran."""
    told = []
    for twins in sizes.values():
        check_ledger(twins)
        assert twins.on.status == 0, twins.on.stdout
        cooling = cool(with_times_of_their_names(twins.on), Profile.normal())
        told.append(
            [
                (p.id, p.subkind, p.summary, p.tests)
                for p in cooling.patterns
                if "fds" in p.metrics or p.subkind == "plateau"
            ]
        )
    assert {subkind for _, subkind, *_ in told[0]} == {"leak", "plateau"}
    assert told[0] == told[1] == told[2]
    TALLY.count("sessions at -n 0, 2, 4 with the same leaks and plateaus", len(sizes))


def with_times_of_their_names(session: Session) -> MetricTable:
    """Read the journal of a session with times that hang on nothing but the name of the test.

    The machine is to have no part in it: on a full one no wait is like the other.
    """
    lines = session.journal
    for line in lines:
        if "nodeid" not in line:
            continue
        rng, is_wait = random.Random(line["nodeid"]), "waits" in line["nodeid"]
        wall = 0.2 * rng.gauss(1, 0.003) if is_wait else 0.002 * rng.lognormvariate(0, 0.5)
        line["metrics"] |= {
            "duration": wall + 0.0002,
            "duration.call": wall,
            "duration.setup": 0.0001,
            "duration.teardown": 0.0001,
            "cpu": 0.0006 if is_wait else wall * 0.95,
            "cpu.call": 0.0004 if is_wait else wall * 0.95,
            "delay": 0.0,
        }
    path = session.folder / "timed.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_run([str(path)]).table


@forks
def test_the_processes_of_the_workers_are_told(sizes):
    """Who they were: pytest-xdist says neither, the first record of each worker does."""
    for n in (2, 4):
        workers = sizes[f"n{n}"].on.report["session"]["workers"]
        assert len(workers) == n
        assert len({worker["pid"] for worker in workers if worker["pid"]}) == n
        assert len({worker["host"] for worker in workers}) == 1
        assert sum(worker["tests"] for worker in workers) == 78


# ---------------------------------------------------------------------- (b) workers permuted

ORDER_FREE = {"group", "hot", "plateau", "regime", "law", "broken", "relation", "driver", "pair"}
SUITES = ("attrs.1", "flask.1", "more_itertools.1", "real30.1")


def over_workers(records: Sequence[dict[str, Any]], names: Sequence[str], seed: int):
    """Deal the tests to workers at random, as a run would; each runs its own in its own order."""
    rng = random.Random(seed)
    dealt = list(records)
    rng.shuffle(dealt)
    seqs: Counter[str] = Counter()
    out = []
    for record in dealt:
        worker = rng.choice(names)
        metrics = dict(record["metrics"])
        out.append(record | {"worker": worker, "seq": seqs[worker], "metrics": metrics})
        seqs[worker] += 1
    return MetricTable.from_records(out)


def order_free(table: MetricTable) -> list[tuple[Any, ...]]:
    cooling = cool(table, Profile.fast())
    assert cooling.faults == ()
    return sorted(
        (p.id, p.subkind, p.summary, p.tests, p.p_value)
        for p in cooling.patterns
        if p.subkind in ORDER_FREE
    )


@pytest.mark.parametrize("name", SUITES)
def test_permuted_workers_change_no_verdict_that_is_free_of_order(name):
    """Proof (b), on recorded suites, at the rate that tells most."""
    if path_of(name) is None:
        pytest.skip(f"the recording {name} is not at hand")
    records = records_of(name)
    known = order_free(over_workers(records, ("gw0", "gw1", "gw2"), 1))
    for seed in range(2, 5):
        assert order_free(over_workers(records, ("gw0", "gw1", "gw2"), seed)) == known
    TALLY.count("verdicts free of order compared under permuted workers", 3 * len(known))


# ---------------------------------------------------------------------- (f) ends and names

DYING = """
    import os, pytest

    @pytest.mark.parametrize("i", range(12))
    def test_x(i, record_metric):
        record_metric("i", i)
        if i == {at}: {what}
"""
ENDS = {
    "restart-0": (DYING.format(at=6, what="os._exit(3)"), ("-n2", "--max-worker-restart=0")),
    "restart-0-alone": (DYING.format(at=6, what="os._exit(3)"), ("-n1", "--max-worker-restart=0")),
    "restart-1": (
        DYING.format(at="6 or i == 9", what="os._exit(3)"),
        ("-n1", "--max-worker-restart=1"),
    ),
    "x": (DYING.format(at=3, what="assert 0"), ("-n2", "-x")),
    "maxfail": (DYING.format(at=3, what="assert 0"), ("-n2", "--maxfail=1", "--dist=worksteal")),
    "own-ids": (
        DYING.format(at=99, what="pass"),
        ("--dist=load", "--tx=popen//id=left", "--tx=popen//id=right"),
    ),
    "own-ids-each": (
        DYING.format(at=99, what="pass"),
        ("--dist=each", "--tx=popen//id=left", "--tx=popen//id=right"),
    ),
}


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    cases = [
        Case(name, tests, args=args, alone=True, timeout=120)
        for name, (tests, args) in ENDS.items()
    ]
    return run_all(cases, tmp_path_factory.mktemp("ends"))


@forks
@pytest.mark.parametrize("name", ENDS)
def test_whatever_ends_a_worker_every_finished_test_is_there(ends, name):
    """Proof (f): a crash, no restart, -x, each, and gateways with names of their own."""
    twins = ends[name]
    assert twins.on.status != TIMED_OUT
    check_undisturbed(twins)
    report = twins.on.report
    ledger = twins.on.ledger
    each = name.endswith("each")
    done = {nodeid for nodeid, _ in ledger.done}
    crashed = sorted(ledger.begun - done) if "restart" in name else []
    check_ledger(twins, crashed=crashed, each=each)
    if not each:
        check_journal(twins, crashed=crashed)
    is_whole = name.startswith("own")
    assert report["session"]["complete"] is is_whole
    died = [worker["id"] for worker in report["session"]["workers"] if worker["crashed"]]
    assert bool(died) is ("restart" in name)
    if is_whole:
        assert [worker["id"] for worker in report["session"]["workers"]] == ["left", "right"]
        assert {test["worker"] for test in report["tests"]} == {"left", "right"}
        assert len(report["tests"]) == (24 if each else 12)
    assert report["faults"] == []
