"""The command line on what a session has left."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys

import pytest

from pytest_crackle.cli import main
from pytest_crackle.cli.main import _parser as main_parser

SUITE = """
    import os, pytest
    KEPT = []

    @pytest.mark.parametrize("i", range(40))
    def test_quiet(i, record_metric):
        record_metric("rows", i, unit="1", kind="count")

    @pytest.mark.parametrize("i", range(8))
    def test_leak(i): KEPT.append(os.dup(2))

    @pytest.mark.parametrize("i", range(30))
    def test_after(i): pass
"""
pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="no descriptors to count there")


@pytest.fixture
def left(crackle):
    """A folder with the report and the journal of a session."""
    crackle.pytester.makepyfile(SUITE)
    crackle.run(subprocess=True)
    return crackle


def said(capsys):
    return capsys.readouterr().out


def without_times(report):
    return [
        {key: value for key, value in pattern.items() if key not in ("level", "details")}
        for pattern in report["patterns"]
    ]


def test_cooling_the_records_gives_the_patterns_of_the_session(left, capsys):
    out = left.file("again.json")
    assert main(["cool", str(left.file("run.jsonl")), "--json", str(out)]) == 0
    assert left.report["patterns"]
    assert without_times(json.loads(out.read_text())) == without_times(left.report)
    assert "leave" in said(capsys)


def test_the_gate_of_the_command_line(left, capsys):
    records = str(left.file("run.jsonl"))
    assert main(["cool", records, "--fail-on", "phase-transition:fds"]) == 1
    assert "FAIL crackle gate" in said(capsys)
    assert main(["cool", records, "--fail-on", "phase-transition:fds", "--dry-run"]) == 0
    assert main(["cool", records, "--budget", "rows <= 10"]) == 1
    assert main(["cool", records, "--fail-on", "correlation"]) == 0


def test_accept_pass_and_prune(left, capsys, tmp_path):
    records, report = str(left.file("run.jsonl")), str(left.file("report.json"))
    baseline = str(tmp_path / "baseline.json")
    assert main(["accept", report, "all", "--baseline", baseline, "--reason", "known"]) == 0
    assert "accepted into" in said(capsys)
    gate = ["--fail-on", "any", "--baseline", baseline]
    assert main(["cool", records, *gate]) == 0
    quiet = json.loads(left.file("report.json").read_text())
    quiet["patterns"] = []
    left.file("quiet.json").write_text(json.dumps(quiet))
    assert main(["baseline", "prune", str(left.file("quiet.json")), "--baseline", baseline]) == 0
    assert "removed" in said(capsys)
    assert json.loads((tmp_path / "baseline.json").read_text())["accepted"] == []


def test_show_prints_the_report_as_it_was_told(left, capsys):
    assert main(["show", str(left.file("report.json")), "-v"]) == 0
    shown = said(capsys)
    assert left.report["patterns"][0]["id"] in shown
    assert "run again" in shown


def test_shards_are_put_together(left, capsys):
    lines = left.file("run.jsonl").read_text().splitlines(keepends=True)
    head, tests, end = lines[0], lines[1:-1], lines[-1]
    left.file("a.jsonl").write_text("".join([head, *tests[:40], end]))
    left.file("b.jsonl").write_text("".join([head, *tests[40:], end]))
    a, b = str(left.file("a.jsonl")), str(left.file("b.jsonl"))
    assert main(["cool", a, b, "--json", str(left.file("both.json"))]) == 0
    both = json.loads(left.file("both.json").read_text())
    assert len(both["tests"]) == 78
    assert any(p["metrics"] == ["fds"] and p["test_count"] == 8 for p in both["patterns"])
    assert main(["cool", a, a]) == 0  # the same file twice is one shard given twice
    assert main(["cool", a, str(left.file("run.jsonl"))]) == 2
    assert "ran in" in capsys.readouterr().err


def test_standard_input(left, capsys, monkeypatch):
    with left.file("run.jsonl").open("rb") as file:
        monkeypatch.setattr("sys.stdin", type("In", (), {"buffer": file})())
        assert main(["cool", "-", "-q"]) == 0
    assert "leave" in said(capsys)


def test_selfcheck_states_the_false_alarm_rate(left, capsys):
    assert main(["selfcheck", str(left.file("run.jsonl")), "--shuffles", "3"]) == 0
    assert "0 false patterns in 3 shuffles of 78 tests" in said(capsys)


@pytest.mark.parametrize("name", ["report", "records", "baseline"])
def test_schemas_are_printed(name, capsys):
    assert main(["schema", name]) == 0
    assert json.loads(said(capsys))["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["empty"]),
        ('{"nodeid": "a", "metrics": {}}\n{"nodeid": "b", "met\n{"nodeid": "c", "metrics": {}}\n',
         [":2: not JSON"]),
        ('{"schema": "pytest-crackle/records/9", "session": {}}\n', ["another version"]),
        ('{"nodeid": "a", "metrics": {"x": NaN}}\n', [":1", "NaN is no JSON number"]),
        ('{"nodeid": "a", "metrics": {"x": 1e999}}\n', ["too large for a float"]),
        ('{"nodeid": "a", "nodeid": "b", "metrics": {}}\n', ["twice"]),
        ('{"nodeid": "a", "metrics": 3}\n', ["none of 1 tests is usable", "metrics must be"]),
        ("[" * 200_000, ["nested too deeply"]),
        ('[1, 2]', ["neither a records file nor a crackle report"]),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_status_2(text, words, tmp_path, capsys):
    path = tmp_path / "bad.jsonl"
    path.write_text(text)
    assert main(["cool", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(path) in error
    for word in words:
        assert word in error


def test_a_torn_last_line_is_left_out_and_the_run_is_incomplete(left, capsys):
    data = left.file("run.jsonl").read_text().splitlines(keepends=True)
    left.file("torn.jsonl").write_text("".join(data[:60]) + data[60][:50])
    assert main(["cool", str(left.file("torn.jsonl"))]) == 0
    out, error = capsys.readouterr()
    assert "incomplete run" in out
    assert "the last line is torn" in error


def test_wrong_rows_are_counted(left, capsys):
    with left.file("run.jsonl").open("a") as file:
        file.write('{"nodeid": "x", "metrics": {"a": true}}\n{"nodeid": 3, "metrics": {}}\n')
    assert main(["cool", str(left.file("run.jsonl"))]) == 0
    assert "2 of 80 tests ignored" in capsys.readouterr().err


def test_a_wrong_rule_names_the_option(left, capsys):
    assert main(["cool", str(left.file("run.jsonl")), "--fail-on", "shift"]) == 2
    assert "--fail-on" in capsys.readouterr().err


SHELL = {
    "no output": ('"$@" >&-', 0),
    "neither output nor errors": ('"$@" >&- 2>&-', 0),
    "a reader that has enough": ('"$@" | true; exit ${PIPESTATUS[0]}', None),
    "a full device": ('"$@" >/dev/full', 2),
}


def in_shell(script, folder, *args, **env):
    return subprocess.run(
        ["bash", "-c", script, "bash", sys.executable, "-m", "pytest_crackle", *args],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        env={**os.environ, **env},
    )


@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("where", SHELL)
def test_an_output_that_takes_nothing_costs_no_file(where, unbuffered, tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    script, status = SHELL[where]
    lines = [f'{{"nodeid":"a.py::test[{i}]","metrics":{{"x":{i}}}}}\n' for i in range(40)]
    (tmp_path / "run.jsonl").write_text("".join(lines))
    command = ("cool", "run.jsonl", "--json", "out.json", "-vv")
    done = in_shell(script, tmp_path, *command, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode in ((0, 2) if status is None else (status,)), done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1
    assert len(json.loads((tmp_path / "out.json").read_text())["tests"]) == 40


def test_standard_input_that_is_closed_is_one_line(tmp_path):
    if shutil.which("bash") is None:
        pytest.skip("needs bash")
    done = in_shell('"$@" <&-', tmp_path, "cool", "-")
    assert (done.returncode, done.stderr) == (2, "pytest-crackle: <stdin>: closed\n")


def test_every_argument_says_what_it_is():
    parsers, silent = [main_parser()], []
    while parsers:
        parser = parsers.pop()
        for action in parser._actions:  # argparse offers no public name
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
            elif not action.help:
                silent.append(f"{parser.prog} {action.option_strings or action.dest}")
    assert silent == []
