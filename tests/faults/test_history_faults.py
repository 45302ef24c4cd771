"""The history under parallel writers, kills in the middle of a commit, and damage to the file."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from pytest_crackle.cooling.cool import cool
from pytest_crackle.cooling.detectors.registry import resolve
from pytest_crackle.model.report import SessionInfo
from pytest_crackle.model.table import MetricTable
from pytest_crackle.remembering import Memory
from pytest_crackle.storage.history.facts import RunFacts
from pytest_crackle.storage.history.opening import reading
from pytest_crackle.storage.history.reading import History
from pytest_crackle.storage.history.writing import add_run
from tests.faults.sessions import TALLY

WRITER = """
import random, sys
from pathlib import Path
from pytest_crackle.model.table import MetricTable
from pytest_crackle.storage.history.facts import RunFacts
from pytest_crackle.storage.history.writing import add_run

path, name, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
for number in range(count):
    rng = random.Random(1000 * name + number)
    # some runs have tests of their own, so that the shared tables grow as well
    own = name if number % 5 == 0 else 0
    table = MetricTable.from_records(
        {"nodeid": f"t{own}.py::test[{i}]",
         "metrics": {"duration": rng.random(), "ratio": rng.random(), "id": 1000.0 * name + number}}
        for i in range(300)
    )
    added = add_run(path, RunFacts(f"2026-01-01T00:{name:02}:{number % 60:02}.{number:06}Z"), table)
    print(added.number, flush=True)
"""


def start_writer(path, name, count):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(name), str(count)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def read_all(path):
    """Every value of every run, all sums checked; by the number that all its tests carry."""
    with reading(path) as connection:
        history = History(path, connection)
        runs = history.runs()
        history.nodeids(runs)
        out = {}
        for run in runs:
            columns = {metric: list(history.column(run, metric)) for metric in run.metrics}
            (name,) = set(columns["id"])
            out[name] = columns
        assert len(out) == len(runs)
        return out


def test_eight_processes_that_write_at_once_lose_no_run(tmp_path):
    path = tmp_path / "history.db"
    writers = [start_writer(path, name, 25) for name in range(8)]
    numbers = []
    for writer in writers:
        out, _ = writer.communicate()
        assert writer.returncode == 0
        numbers += [int(line) for line in out.split()]
    assert sorted(numbers) == list(range(1, 201))
    runs = read_all(path)
    assert sorted(runs) == [1000.0 * name + number for name in range(8) for number in range(25)]
    for name, columns in runs.items():
        rng = random.Random(int(name))
        expected = [(rng.random(), rng.random()) for _ in range(300)]
        assert columns["ratio"] == [ratio for _, ratio in expected]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    TALLY.count("runs of 8 parallel writers of one history, none lost", 200)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL")
def test_killed_at_any_moment_the_history_is_the_old_or_the_new_one(tmp_path):
    path, rng, points = tmp_path / "history.db", random.Random(3), 100
    journal = path.with_name("history.db-journal")
    told: set[float] = set()
    hot = 0
    for point in range(points):
        writer = start_writer(path, point, 1000)
        assert writer.stdout is not None
        # the first lines come when the process has started: from then on it does nothing but write
        done = [writer.stdout.readline() for _ in range(2)]
        waited = rng.uniform(0, 0.03)
        try:
            writer.wait(waited)
        except subprocess.TimeoutExpired:
            writer.send_signal(signal.SIGKILL)
        done += writer.communicate()[0].splitlines()
        hot += journal.exists()
        told |= {1000.0 * point + number for number in range(len([line for line in done if line]))}
        if point % 10 == 9:
            found = set(read_all(path))
            # whatever was told to be written is there; the last may be there untold
            assert told <= found
            assert all(name - 1 in told for name in found - told)
            told = found
        else:
            with reading(path) as connection:
                assert connection.execute("SELECT count(*) FROM runs").fetchone()[0] >= len(told)
    TALLY.count("SIGKILL while a history is written, no torn file", points)
    TALLY.count("of these within a transaction, rolled back by the next reader", hot)


def table_of(seed):
    rng = random.Random(seed)
    return MetricTable.from_records(
        {
            "nodeid": f"test_m{i // 10}.py::test[{i}]",
            "outcome": "passed",
            "seq": i,
            "metrics": {"duration": 0.01 + rng.random(), "cpu": 0.01, "db.queries": float(i)},
        }
        for i in range(60)
    )


def damaged(whole, kind, rng):
    data = bytearray(whole)
    if kind == "cut":
        del data[rng.randrange(len(data)) :]
    elif kind == "zeros":
        start = rng.randrange(len(data))
        data[start : start + 512] = bytes(len(data[start : start + 512]))
    elif kind == "swap":
        pages = [data[i : i + 4096] for i in range(0, len(data), 4096)]
        one, two = rng.sample(range(1, len(pages)), 2)
        pages[one], pages[two] = pages[two], pages[one]
        data = bytearray(b"".join(pages))
    else:
        for _ in range(rng.choice((1, 1, 4, 40))):
            place = rng.randrange(len(data))
            data[place] ^= 1 << rng.randrange(8)
    return bytes(data)


def read_or_refused(run, metric, path):
    try:
        return list(run.column(metric))
    except ValueError as error:
        text = str(error)
    assert text.startswith(f"{path}: damaged")
    return None


@pytest.mark.parametrize("kind", ["flip", "cut", "zeros", "swap"])
def test_a_damaged_history_is_one_line_and_harms_no_run(tmp_path, kind):
    path = tmp_path / "history.db"
    session = SessionInfo(started="2026-02-01T00:00:00Z", environment="here")
    facts = [RunFacts(f"2026-01-01T00:00:{i:02}Z", environment="here") for i in range(6)]
    for number, fact in enumerate(facts):
        add_run(path, fact, table_of(number))
    whole = path.read_bytes()
    with reading(path) as connection:
        clean = History(path, connection).past(facts[0])
        columns = {(r.number, m): list(r.column(m)) for r in clean.runs for m in r.metrics}
    rng, noticed, variants = random.Random(kind), 0, 100
    for _ in range(variants):
        data = damaged(whole, kind, rng)
        path.write_bytes(data)
        memory = Memory(path, tmp_path)
        with memory.recalling(session, table_of(9)) as past:
            cooled = cool(table_of(9), None, resolve(["history"]), past)
            if past is not None and past.runs and not cooled.faults:
                # what was not noticed must not have mattered
                for run in past.runs:
                    for metric in run.metrics:
                        values = read_or_refused(run, metric, path)
                        assert values in (None, columns[run.number, metric])
        assert not [fault for fault in cooled.faults if "CrackleError" not in fault]
        line = memory.problem or memory.remember(table_of(9))
        if line is not None:
            noticed += 1
            assert line.startswith("history: history.db: ")
            assert "\n" not in line
            assert path.read_bytes() == data, line
    # flips in columns that nobody looks at, and in unused bytes, do no harm
    assert noticed >= {"flip": 20, "cut": 95, "zeros": 15, "swap": 60}[kind]
    TALLY.count(f"damaged histories ({kind}), run unharmed", variants)


def test_a_killed_session_leaves_the_history_as_it_was(tmp_path):
    path = tmp_path / "history.db"
    (tmp_path / "test_a.py").write_text(
        "import os, pytest\n"
        "@pytest.mark.parametrize('i', range(30))\n"
        "def test_a(i):\n"
        "    if os.environ.get('DIE') == str(i): os.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--crackle"]
    command += [f"--crackle-history={path}", "--crackle-json=report.json"]

    def run(**environment):
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run().returncode == 0
    before = path.read_bytes()
    assert run(DIE="17").returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert run().returncode == 0
    assert json.loads((tmp_path / "report.json").read_text())["faults"] == []
    with reading(path) as connection:
        assert [run.number for run in History(path, connection).runs()] == [1, 2]
