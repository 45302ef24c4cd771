"""The writer killed at random moments: the old file or the new one, whole; the journal readable."""

# ruff: noqa: E501 - the suites stand in strings

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pytest_crackle.storage.shards import read_run
from tests.faults.sessions import TALLY, Case, run_all

pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="it forks")

KILLER = """
import json, os, random, signal, sys, time
from pytest_crackle.storage.atomic import write_atomic
from pytest_crackle.storage.journal import Journal
from pathlib import Path

folder, points = Path(sys.argv[1]), int(sys.argv[2])
rng = random.Random(4)
texts = ["a" * 3_000_000 + "END", "b" * 10 + "END", "c" * 700_000 + "END"]
path, torn, seen, leftovers = folder / "report.json", 0, set(), 0
record = {"nodeid": "a.py::test_a" + "x" * 500, "metrics": {f"m{i}": i for i in range(50)}}
short = 0
for point in range(points):
    path.write_text(texts[point % 3])
    journal_path = folder / f"run{point}.jsonl"
    pid = os.fork()
    if pid == 0:
        journal = Journal(journal_path)
        journal.begin({"host": "here"})
        while True:
            for text in texts:
                write_atomic(path, text)
                journal.write(record)
    time.sleep(rng.uniform(0.0002, 0.01))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    text = path.read_text()
    torn += text not in texts
    seen.add(text[:1])
    if not journal_path.exists() or journal_path.stat().st_size == 0:
        short += 1
        journal_path.unlink(missing_ok=True)
print(json.dumps({"torn": torn, "seen": len(seen), "short": short}))
"""


def test_killed_at_random_times_the_file_is_whole_and_the_journal_readable(tmp_path):
    points = 200
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(tmp_path), str(points)],
        capture_output=True,
        text=True,
        check=True,
    )
    facts = json.loads(done.stdout)
    assert facts["torn"] == 0
    assert facts["seen"] == 3
    journals = sorted(tmp_path.glob("run*.jsonl"))
    assert len(journals) >= points // 4
    for journal in journals:
        if journal.read_bytes().count(b"\n") < 2:
            continue
        run = read_run([str(journal)])
        assert run.session.complete is False
    TALLY.count("kill points of the writer (SIGKILL), no torn file", points)


OLD = '{"old": true}'
SUITE = """
    import pytest
    @pytest.mark.parametrize("i", range(150))
    def test_a(i, record_metric): record_metric("i", i)
"""
SESSIONS = [
    Case(
        f"after-{k}",
        SUITE,
        on=(
            "--crackle",
            "--crackle-json=report.json",
            "--crackle-records=run.jsonl",
            "--crackle-html=p.html",
        ),
        files={"report.json": OLD, "p.html": OLD},
        alone=True,
        kill_after=0.15 + 0.03 * k,
    )
    for k in range(24)
]


def test_sessions_killed_at_any_moment_leave_whole_files(tmp_path):
    ran = run_all(SESSIONS, tmp_path)
    for twins in ran.values():
        folder = twins.on.folder
        text = (folder / "report.json").read_text()
        assert text == OLD or json.loads(text)["schema"] == "pytest-crackle/report/1"
        page = (folder / "p.html").read_text()
        assert page == OLD or page.rstrip().endswith("</html>")
        journal = folder / "run.jsonl"
        done = twins.on.ledger.done
        if journal.exists() and len(done) > 1:
            told = {d["nodeid"] for d in twins.on.journal if "nodeid" in d}
            # the witness and the journal write one after the other: the last test may be in one only
            assert len(told ^ {node for node, _ in done}) <= 1
            assert read_run([str(journal)]).table.n_tests >= len(done) - 1
    TALLY.count("sessions killed at any moment", len(SESSIONS))
