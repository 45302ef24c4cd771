"""Every way to call pytest: the session is the same with crackle, and nothing is lost."""

# ruff: noqa: E501 - the suites stand in strings

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.faults.sessions import (
    ON,
    QUICK,
    Case,
    check_journal,
    check_ledger,
    check_undisturbed,
    run_all,
)

pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

SUITE = """
    import pytest

    @pytest.fixture(scope="module")
    def wide(): return 1

    @pytest.mark.parametrize("i", range(6))
    def test_a(i, wide, record_metric): record_metric("i", i)

    class TestC:
        def test_fails(self, record_metric):
            record_metric("x", 1)
            assert 0
        def test_in_class(self, record_metric): record_metric("y", 2)
"""
CACHE = ("-p", "no:rerunfailures", "-p", "cacheprovider", "-p", "stepwise")
FAILED = {
    ".pytest_cache/v/cache/lastfailed": '{"test_it.py::TestC::test_fails": true}',
    ".pytest_cache/v/cache/nodeids": '["test_it.py::test_a[0]"]',
    ".pytest_cache/v/cache/stepwise": '{"last_failed": "test_it.py::TestC::test_fails", "last_test_count": 8, "last_cache_date_str": "2026-01-01T00:00:00"}',
}
INI = "[pytest]\ncrackle = true\ncrackle_json = report.json\ncrackle_records = run.jsonl\n"
OTHER = {"pkg/__init__.py": "", "pkg/test_p.py": "def test_p(record_metric): record_metric('p', 1)"}


def call(name, *args, tests=SUITE, **given):
    return Case(name, tests, args=args, **given)


RUNS = [
    call("lf", "--lf", plugins=CACHE, files=FAILED),
    call("ff", "--ff", plugins=CACHE, files=FAILED),
    call("sw", "--sw", plugins=CACHE, files=FAILED, same_output=False),  # it says how old
    call("lf-n2", "--lf", "-n2", plugins=CACHE, files=FAILED),
    call("n0-loadscope", "-n0", "--dist=loadscope"),
    call("maxprocesses", "-n4", "--maxprocesses=1", "--dist=worksteal"),
    call("n-logical", "-n", "logical", "--maxprocesses=2"),
    call("maxschedchunk", "-n2", "--maxschedchunk=1"),
    call("each-one", "--dist=each", "--tx=popen"),
    call("setup-only", "--setup-only"),
    call("setup-show", "--setup-show"),
    call("pyargs", "--pyargs", "pkg", files=OTHER),
    call("rootdir-below", "--rootdir=pkg", files=OTHER),
    call("rootdir-below-n2", "--rootdir=pkg", "-n2", files=OTHER),
    call("import-append", "--import-mode=append"),
    call("importlib-n2", "--import-mode=importlib", "-n2"),
    call("node-ids", "test_it.py::test_a[1]", "test_it.py::TestC"),
    call("k", "-k", "class or 3"),
    call("duplicates", "--keep-duplicates", "test_it.py", "test_it.py"),
    call("duplicates-n2", "-n2", "--keep-duplicates", "test_it.py", "test_it.py"),
    call("no-color", env={"NO_COLOR": "1"}),
    call("force-color", env={"FORCE_COLOR": "1"}, same_output=False),
    call("narrow", env={"COLUMNS": "10"}),
    call("columns-broken", env={"COLUMNS": "wide"}),
    call("no-home", env={"HOME": "/nonexistent", "USER": "", "LOGNAME": ""}),
    call("addopts", env={"PYTEST_ADDOPTS": "-v -rA"}),
    call("no-utf8", env={"PYTHONUTF8": "0", "LC_ALL": "POSIX"}, python=()),
    call("bytes-warning", python=("-bb",)),
]
NOTHING_RUN = [
    call("co-q", "--co", "-q"),
    call("co-qq", "--co", "-qq"),
    call("collect-only", "--collect-only"),
    call("co-n2", "--co", "-n2"),
    call("fixtures", "--fixtures"),
    call("fixtures-v", "--fixtures", "-v"),
    call("setup-plan", "--setup-plan"),
    call("version", "--version"),
    call("help", "--help", same_output=False),
    call("cache-show", "--cache-show", plugins=CACHE, files=FAILED),
    call("markers", "--markers"),
    call("bad-n", "-n", "many"),
    call(
        "gated",
        "--fixtures",
        on=("--crackle", "--crackle-fail-on=any", "--crackle-budget=duration <= 1s"),
    ),
    call("bad-dist", "--dist=nothing"),
    call("bad-ini", files={"pytest.ini": "[pytest\n"}),
    call("bad-plugin", "-p", "nothing_here"),
    call("bad-conftest", conftest="1 / 0"),
    call("bad-rootdir", "--rootdir=no/such/folder"),
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return run_all([*RUNS, *NOTHING_RUN], tmp_path_factory.mktemp("calls"))


@pytest.mark.parametrize("name", [case.name for case in RUNS])
def test_the_session_is_the_same_and_nothing_is_lost(ran, name):
    twins = ran[name]
    check_undisturbed(twins)
    check_ledger(twins)
    check_journal(twins)
    assert twins.on.report["tests"]
    assert twins.on.report["faults"] == []


@pytest.mark.parametrize("name", [case.name for case in NOTHING_RUN])
def test_where_no_test_runs_nothing_is_said_or_written(ran, name):
    twins = ran[name]
    check_undisturbed(twins)
    assert not twins.on.has_report
    assert not (twins.on.folder / "run.jsonl").exists()


@pytest.mark.parametrize(
    "args", [["--markers"], ["--fixtures"], ["--help"], ["--version"], ["--co"]]
)
def test_an_old_journal_and_report_stay_where_no_test_runs(args, tmp_path):
    old = {"pytest.ini": INI, "run.jsonl": "old", "report.json": "old"}
    case = Case("asked", SUITE, args=tuple(args), files=old, alone=True)
    folder = run_all([case], tmp_path)["asked"].on.folder
    assert (folder / "run.jsonl").read_text() == "old"
    assert (folder / "report.json").read_text() == "old"


# ---------------------------------------------------------------------- where it writes to

PYTEST = [sys.executable, "-m", "pytest", *QUICK]
SHELL = {
    "a pipe that is closed": '"$@" -v | head -n 1; exit ${PIPESTATUS[0]}',
    "no output": '"$@" >&-',
    "neither output nor errors": '"$@" >&- 2>&-',
    "no input": '"$@" <&-',
    "a full device": '"$@" >/dev/full',
}


def in_shell(folder, script, *args):
    folder.mkdir()
    (folder / "test_it.py").write_text(dedent(SUITE))
    (folder / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        ["bash", "-c", script, "bash", *PYTEST, *args],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said = re.sub(r"0x[0-9a-f]+|\d+\.\d+s|object at .*|/(on|off)\b", "...", done.stderr)
    return done.returncode, said, done.stdout


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash and /dev/full")
@pytest.mark.parametrize("where", SHELL)
def test_an_output_that_takes_nothing_ends_it_as_it_does_without_us(where, tmp_path):
    off = in_shell(tmp_path / "off", SHELL[where])
    on = in_shell(tmp_path / "on", SHELL[where], *ON)
    assert on[0] == off[0]
    assert "pytest_crackle" not in on[1]
    assert on[1].splitlines()[-1:] == off[1].splitlines()[-1:]
    report = tmp_path / "on/report.json"
    if report.exists():
        assert len(json.loads(report.read_text())["tests"]) == 8
    assert list(tmp_path.glob("on/.crackle*")) == []


NO_RIGHTS = "setpriv --bounding-set=-all --inh-caps=-all"


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or (os.geteuid() == 0 and shutil.which("setpriv") is None),
    reason="needs a user whom the mode of a folder binds",
)
def test_a_folder_that_must_not_be_written_to_is_one_line_each(tmp_path):
    script = f'chmod 555 .; {NO_RIGHTS if os.geteuid() == 0 else ""} "$@"; got=$?; chmod 755 .; exit $got'
    off = in_shell(tmp_path / "off", script)
    on = in_shell(tmp_path / "on", script, *ON, "--crackle-history=h.db")
    assert on[:2] == off[:2]
    assert sorted(path.name for path in (tmp_path / "on").iterdir()) == ["pytest.ini", "test_it.py"]
    said = " ".join(on[2].split())
    assert "crackle: --crackle-records: [Errno 13] Permission denied: " in said
    assert "crackle: json report not written: " in said
    assert "Traceback" not in said
