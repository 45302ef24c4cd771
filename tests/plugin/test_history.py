"""--crackle-history: what enters, what is compared, and what a bad file does."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from pytest_crackle.checkout import Checkout
from pytest_crackle.cli import main
from pytest_crackle.storage.history.opening import reading
from pytest_crackle.storage.history.reading import History

SUITE = """
    import os, pytest

    @pytest.mark.parametrize("i", range(24))
    def test_x(i, record_metric):
        more = 80 if i == 7 and "MORE" in os.environ else 0
        record_metric("db.queries", 40 + i + more, kind="count")
"""
OPTION = "--crackle-history=past/history.db"


@pytest.fixture
def suite(crackle):
    crackle.pytester.makepyfile(SUITE)
    return crackle


def runs(crackle, name="past/history.db"):
    path = crackle.file(name)
    with reading(path) as connection:
        return History(path, connection).runs()


def notes(crackle):
    return crackle.report["cooling"]["notes"]


def history_patterns(crackle):
    return [p for p in crackle.report["patterns"] if "run" in p["summary"]]


def test_each_whole_run_enters_and_the_past_of_the_first_three_is_too_short(suite):
    for number in range(4):
        assert suite.run(OPTION).ret == 0
        untested = [n for n in suite.report["cooling"]["not_tested"] if n["detector"] == "history"]
        assert len(untested) == (number < 3)
    assert [run.number for run in runs(suite)] == [1, 2, 3, 4]
    (run, *_) = runs(suite)
    assert run.n_tests == 24
    assert run.facts.mode == "no"
    assert run.facts.started == runs(suite)[0].facts.started
    assert run.facts.environment.startswith(("CPython 3.", "PyPy 3."))
    assert run.metrics["db.queries"] == ("1", "count")
    assert suite.report["faults"] == []


def test_a_count_that_changed_is_told_against_the_past(suite, monkeypatch):
    for _ in range(5):
        suite.run(OPTION)
        assert history_patterns(suite) == []
    monkeypatch.setenv("MORE", "1")
    for _ in range(3):
        suite.run(OPTION)
    told = [p for p in suite.report["patterns"] if "db.queries" in p["metrics"]]
    assert [p["at"] or p["tests"][0] for p in told] == [
        "test_a_count_that_changed_is_told_against_the_past.py::test_x[7]"
    ]
    assert "127" in told[0]["summary"]
    assert "47" in told[0]["summary"]


def test_a_flaky_test_fails_a_gate_that_names_it(crackle, monkeypatch):
    monkeypatch.setenv("GITHUB_SHA", "0123456789abcdef")
    crackle.pytester.makepyfile("""
        import os, pytest
        @pytest.mark.parametrize("i", range(24))
        def test_x(i): assert i != 5 or "BAD" not in os.environ
    """)
    for bad in (False, True, False, True, False, True):
        monkeypatch.delenv("BAD", raising=False)
        if bad:
            monkeypatch.setenv("BAD", "1")
        crackle.run(OPTION)
    monkeypatch.delenv("BAD")
    result = crackle.run(OPTION, "--crackle-fail-on=flaky")
    assert [p["kind"] for p in crackle.report["patterns"]] == ["flaky"]
    assert result.ret == 1
    result.stdout.fnmatch_lines(["FAIL*"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], None),
        (["-k", "7"], "-k selected a part of the tests"),
        (["-x", "-k", "x or y"], "tests did not finish: stopping after 1 failures"),
        (["test_part.py::test_x"], "single tests were named on the command line"),
    ],
)
def test_only_whole_runs_enter(crackle, arguments, said):
    suite = SUITE + "\n    def test_y():\n        assert 0\n    def test_z(): pass\n"
    crackle.pytester.makepyfile(test_part=suite)
    crackle.run(OPTION, *arguments)
    if said is None:
        assert len(runs(crackle)) == 1
        return
    assert not crackle.file("past").exists()
    (note,) = [note for note in notes(crackle) if "past runs" in note]
    assert note.startswith("neither compared with past runs nor added to them: ")
    assert said in note


def test_an_interrupted_run_does_not_enter(crackle):
    crackle.pytester.makepyfile(
        "def test_a(): pass\ndef test_b(): raise KeyboardInterrupt\ndef test_c(): pass\n"
    )
    crackle.run(OPTION, subprocess=True)
    assert not crackle.file("past").exists()
    assert "the run was interrupted" in notes(crackle)[0]


def test_no_tests_and_usage_errors_leave_no_history(crackle):
    crackle.pytester.makepyfile("x = 1")
    assert crackle.run(OPTION).ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert crackle.run(OPTION, "--crackle-max=x").ret == pytest.ExitCode.USAGE_ERROR
    assert not crackle.file("past").exists()


def test_the_ini_key_is_relative_to_the_rootdir(suite):
    suite.pytester.makeini("[pytest]\ncrackle_history = kept/h.db\n")
    suite.run()
    assert len(runs(suite, "kept/h.db")) == 1


def test_measuring_without_looking_adds_runs_and_compares_nothing(suite):
    for _ in range(4):
        suite.run(OPTION, "--crackle-detectors=none")
    assert suite.report["cooling"]["detectors"] == []
    assert len(runs(suite)) == 4
    suite.run(OPTION, "--crackle-detectors=history")
    assert suite.report["cooling"]["detectors"] == ["history"]
    assert suite.report["cooling"]["not_tested"] == []


def test_without_a_history_nothing_of_it_is_loaded(crackle):
    crackle.pytester.makepyfile(
        "import sys\n"
        "def test_a(): assert 'sqlite3' not in sys.modules\n"
        "def test_b(): assert 'pytest_crackle.remembering' not in sys.modules\n"
    )
    assert crackle.run("-p", "no:cov", subprocess=True).ret == 0


def test_with_workers_the_controller_adds_one_run(suite):
    pytest.importorskip("xdist")
    for _ in range(2):
        assert suite.run(OPTION, "-n2", subprocess=True).ret == 0
    found = runs(suite)
    assert [run.facts.mode for run in found] == ["load 2", "load 2"]
    assert found[0].n_tests == 24
    assert set(found[0].workers) == {0, 1}
    suite.run(OPTION, "--dist=each", "--tx=2*popen", subprocess=True)
    assert len(runs(suite)) == 2
    assert "with --dist each every worker runs every test" in notes(suite)[-1]


def test_a_dead_worker_keeps_the_run_out(crackle):
    pytest.importorskip("xdist")
    crackle.pytester.makepyfile(
        "import os, pytest\n"
        "@pytest.mark.parametrize('i', range(8))\n"
        "def test_a(i):\n    if i == 3: os._exit(3)\n"
    )
    crackle.run(OPTION, "-n2", subprocess=True)
    assert not crackle.file("past").exists()


def test_two_sessions_at_once_both_enter(suite):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio"]
    quiet = subprocess.DEVNULL
    processes = [
        subprocess.Popen(
            [*command, "--crackle", OPTION], cwd=suite.folder, stdin=quiet, stdout=quiet
        )
        for _ in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert sorted(run.number for run in runs(suite)) == [1, 2, 3]


# ---------------------------------------------------------------------- bad files


def foreign(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cookies (name TEXT)")


BAD = {
    "text": lambda path: path.write_text("no database\n" * 100),
    "folder": lambda path: path.mkdir(),
    "another program's": foreign,
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_history_is_one_line_and_without_a_gate_no_failed_run(suite, bad):
    path = suite.file("bad.db")
    BAD[bad](path)
    before = None if path.is_dir() else path.read_bytes()
    result = suite.run("--crackle-history=bad.db")
    assert result.ret == 0
    text = " ".join(result.stdout.str().split())
    assert text.count("crackle: history: bad.db: not a") + text.count("bad.db: a SQLite file") == 1
    assert "; this run was neither compared nor added" in text
    assert len(suite.report["faults"]) == 1
    assert before is None or path.read_bytes() == before


@pytest.mark.parametrize(
    "rule", ["any", "flaky", "phase-transition", "phase-transition:duration.*", "any:cpu.*@0.5"]
)
def test_a_rule_that_looks_to_a_history_fails_closed_without_it(suite, rule):
    BAD["text"](suite.file("bad.db"))
    result = suite.run("--crackle-history=bad.db", f"--crackle-fail-on={rule}")
    assert result.ret == 1
    assert "not a SQLite file" in suite.report["gate"]["reason"]
    assert suite.run(OPTION, f"--crackle-fail-on={rule}").ret == 0


@pytest.mark.parametrize(
    "rule", ["clustering", "any:memory.rss", "phase-transition:threads", "correlation:cpu.*"]
)
def test_a_rule_that_does_not_look_to_a_history_passes_without_it(suite, rule):
    BAD["text"](suite.file("bad.db"))
    result = suite.run("--crackle-history=bad.db", f"--crackle-fail-on={rule}")
    assert result.ret == 0
    assert len(suite.report["faults"]) == 1


def test_a_history_that_cannot_be_written_is_one_line(suite):
    suite.file("past").write_text("a file where the folder should be")
    result = suite.run(OPTION, "--crackle-fail-on=any")
    assert result.ret == 0
    text = " ".join(result.stdout.str().split())
    assert "crackle: history: " in text
    assert "this run was not added" in text


# ---------------------------------------------------------------------- commit and branch


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_the_commit_is_that_of_the_checkout(suite, monkeypatch):
    monkeypatch.setenv("GITHUB_SHA", "f" * 40)

    def git(*arguments):
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        done = subprocess.run(command, cwd=suite.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    suite.run(OPTION)
    git("init", "-q", "-b", "trunk")
    git("add", "*.py")
    git("commit", "-qm", "one")
    suite.run(OPTION)
    file = next(suite.folder.glob("test_*.py"))
    file.write_text(file.read_text() + "# changed\n")
    suite.run(OPTION)
    facts = [(run.facts.commit, run.facts.branch, run.facts.dirty) for run in runs(suite)]
    head = git("rev-parse", "HEAD")
    assert facts == [("f" * 40, None, False), (head, "trunk", False), (head, "trunk", True)]


@pytest.mark.parametrize("what", ["records.jsonl", "report.json"])
def test_a_file_of_a_ci_job_is_imported_without_options(suite, monkeypatch, what):
    """Commit, branch and environment are those that the session itself would have kept."""
    monkeypatch.setenv("GITHUB_SHA", "c0ffee" * 6)
    monkeypatch.setenv("GITHUB_REF_NAME", "trunk")
    suite.run(OPTION, "--crackle-records=records.jsonl", "--crackle-json=report.json")
    assert (
        main(["history", "import", str(suite.file(what)), "--history", str(suite.file("b.db"))])
        == 0
    )
    (kept,), (imported,) = runs(suite), runs(suite, "b.db")
    assert kept.facts.commit == "c0ffee" * 6
    assert kept.facts.branch == "trunk"
    for key in ("started", "mode", "environment", "commit", "branch", "dirty"):
        assert getattr(imported.facts, key) == getattr(kept.facts, key), key


def test_nobody_asks_git_where_no_file_is_to_say_it(suite, monkeypatch):
    asked = []

    def ask(folder):
        asked.append(folder)
        return Checkout()

    monkeypatch.setattr("pytest_crackle.checkout.checkout_of", ask)
    suite.run("--crackle", "--crackle-md=report.md", on=False)
    assert asked == []
    suite.run()
    assert asked == [suite.folder]


def test_json_reports_stay_readable(suite):
    suite.run(OPTION)
    assert json.loads(suite.file("report.json").read_text())["session"]["complete"] is True
    assert suite.journal[0]["session"]["environment"] == runs(suite)[0].facts.environment
