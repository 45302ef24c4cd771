"""``cool`` of several files, ``merge`` and ``compare``, on what sessions have left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_crackle.cli import main

SUITE = """
    import os, pytest
    KEPT = []

    @pytest.mark.parametrize("i", range(40))
    def test_quiet(i, record_metric):
        record_metric("rows", i, unit="1", kind="count")

    @pytest.mark.parametrize("i", range(int(os.environ.get("LEAKS", "8"))))
    def test_leak(i): KEPT.append(os.dup(2))

    @pytest.mark.parametrize("i", range(30))
    def test_after(i): assert not (i == 3 and "BREAK" in os.environ)
"""
pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="no descriptors to count there")


@pytest.fixture
def shards(crackle):
    """Three files of one session: quiet tests, tests that leak, and the rest."""
    crackle.pytester.makepyfile(SUITE)
    crackle.run(subprocess=True)
    head, *tests, end = crackle.file("run.jsonl").read_text().splitlines(keepends=True)
    names = []
    for name, some in (("a", tests[:40]), ("b", tests[40:60]), ("c", tests[60:])):
        path = crackle.file(f"{name}.jsonl")
        path.write_text("".join([head, *some, end]))
        names.append(str(path))
    return names


def cooled(folder: Path, *names: str) -> dict[str, Any]:
    """Cool files and return the JSON report without what the clock decides."""
    out = folder / "out.json"
    assert main(["cool", *names, "--json", str(out)]) == 0
    report: dict[str, Any] = json.loads(out.read_text())
    report["cooling"].pop("seconds")
    return report


def test_cooling_the_merged_file_is_cooling_the_files(shards, tmp_path, capsys):
    merged = str(tmp_path / "merged.jsonl")
    assert main(["merge", *shards, "-o", merged]) == 0
    assert capsys.readouterr().out == f"{merged}: 78 tests of 3 machines\n"
    report = cooled(tmp_path, *shards)
    assert cooled(tmp_path, merged) == report
    (leak,) = report["patterns"]
    assert leak["summary"].startswith("On machine 2 (b.jsonl): 8 tests leave 1 descriptor")
    workers = report["session"]["workers"]
    assert [worker["machine"] for worker in workers] == [
        f"machine {number} ({name}.jsonl)" for number, name in enumerate("abc", 1)
    ]


def test_a_report_of_merged_files_still_knows_its_machines(shards, tmp_path):
    cooled(tmp_path, *shards)
    again = cooled(tmp_path, str(tmp_path / "out.json"))
    assert len({worker["machine"] for worker in again["session"]["workers"]}) == 3


def test_merged_files_can_be_merged_again(shards, tmp_path):
    partly, whole = (str(tmp_path / name) for name in ("partly.jsonl", "whole.jsonl"))
    assert main(["merge", *shards[:2], "-o", partly]) == 0
    assert main(["merge", partly, shards[2], "-o", whole]) == 0
    assert cooled(tmp_path, whole) == cooled(tmp_path, *shards)


def test_the_merged_file_may_take_the_place_of_one_of_its_files(shards, tmp_path):
    report = cooled(tmp_path, *shards)
    assert main(["merge", *shards, "-o", shards[0]]) == 0
    assert cooled(tmp_path, shards[0]) == report


def test_merging_says_what_is_incomplete(shards, tmp_path, capsys):
    torn = tmp_path / "torn.jsonl"
    *whole, _end = Path(shards[2]).read_text().splitlines(keepends=True)
    torn.write_text("".join(whole) + '{"nodeid"')
    merged = str(tmp_path / "m.jsonl")
    assert main(["merge", *shards[:2], str(torn), "-o", merged]) == 0
    out, error = capsys.readouterr()
    assert f"3 machines, incomplete: {torn} has no last line" in out
    assert "the last line is torn" in error
    report = cooled(tmp_path, merged)
    assert report["session"]["complete"] is False
    assert str(torn) in report["session"]["incomplete_because"]


def test_a_retry_replaces_what_failed(crackle, tmp_path, monkeypatch, capsys):
    crackle.pytester.makepyfile(SUITE)
    monkeypatch.setenv("BREAK", "1")
    crackle.run(subprocess=True)
    first = crackle.file("run.jsonl").rename(tmp_path / "first.jsonl")
    monkeypatch.delenv("BREAK")
    crackle.run("-k", "test_after and 3", "--deselect", "x", subprocess=True)
    ran = crackle.file("run.jsonl").read_text().splitlines()
    again = tmp_path / "again.jsonl"
    again.write_text(
        "\n".join(line for line in ran if "test_after[3]" in line or "test_" not in line)
    )
    for names in ([first, again], [again, first]):
        report = cooled(tmp_path, *map(str, names))
        (test,) = [t for t in report["tests"] if t["nodeid"].endswith("test_after[3]")]
        assert (test["outcome"], test["attempt"]) == ("passed", 1)
        assert len(report["tests"]) == 78
    capsys.readouterr()
    again.write_text("\n".join(ran))
    assert main(["merge", str(first), str(again), "-o", str(tmp_path / "m.jsonl")]) == 2
    assert "only a failed test that starts later" in capsys.readouterr().err
    assert not (tmp_path / "m.jsonl").exists()


def test_compare_tells_what_changed(crackle, tmp_path, monkeypatch, capsys):
    crackle.pytester.makepyfile(SUITE)
    crackle.run(subprocess=True)
    before = crackle.file("report.json").rename(tmp_path / "before.json")
    monkeypatch.setenv("LEAKS", "20")
    monkeypatch.setenv("BREAK", "1")
    crackle.run(subprocess=True)
    after = crackle.file("report.json").rename(tmp_path / "after.json")
    assert main(["compare", str(before), str(after)]) == 0
    out = capsys.readouterr().out
    assert "patterns: 1 got worse" in out
    assert "2.5 times as bad" in out
    assert "tests: 78 in both, 12 added, 0 removed, 1 with another outcome" in out
    assert "passed -> failed (1): " in out
    assert main(["compare", str(after), str(before), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["patterns"]["better"][0]["times_better"] == 2.5
    assert len(found["tests"]["removed"]) == 12


@pytest.fixture
def report(tmp_path):
    path = tmp_path / "report.json"
    path.write_text('{"schema": "pytest-crackle/report/1"}')
    return str(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{}", "schema: None is not pytest-crackle/report/1"),
        ("[1]", "a report must be an object, not a list"),
        ("[" * 200_000, "nested too deeply"),
        ('{"schema": "pytest-crackle/report/9"}', "written by another version"),
        ('{"schema": "pytest-crackle/report/1", "x": NaN}', "NaN is no JSON number"),
        (
            '{"schema": "pytest-crackle/report/1", "tests": [3]}',
            "tests[0]: a test must be an object",
        ),
        ('{"schema": "pytest-crackle/report/1", "patterns": [{}]}', "patterns[0].kind is missing"),
        ('{"schema": "pytest-crackle/records/1"}\n{"nodeid": "a", "metrics": {}}\n', "cool "),
        ("\xff", "not UTF-8"),
    ],
)
def test_compare_refuses_what_is_no_report_in_one_line(text, words, report, tmp_path, capsys):
    bad = tmp_path / "bad.json"
    bad.write_text(text, encoding="latin-1")
    for names in ([str(bad), report], [report, str(bad)]):
        assert main(["compare", *names]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert str(bad) in error
        assert words in error


def test_compare_of_files_that_are_not_there_or_standard_input_twice(report, tmp_path, capsys):
    assert main(["compare", report, str(tmp_path / "none.json")]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["compare", "-", "-"]) == 2
    assert "one of the two" in capsys.readouterr().err
    assert main(["compare", report, report]) == 0
    assert "none in either report" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ('{"nodeid": "a", "metrics": {"x": 1e999}}\n', "too large for a float"),
        (
            '{"schema": "pytest-crackle/records/1", "session": {"machines": [3]}}\n',
            "session.machines[0] must be an object",
        ),
        ('{"schema": "pytest-crackle/records/2"}\n', "another version"),
        ("[" * 200_000, "nested too deeply"),
    ],
)
def test_merge_refuses_a_bad_file_in_one_line_and_writes_nothing(text, words, tmp_path, capsys):
    bad, good, out = (tmp_path / name for name in ("bad.jsonl", "good.jsonl", "out.jsonl"))
    bad.write_text(text)
    good.write_text('{"nodeid": "b", "metrics": {}}\n')
    assert main(["merge", str(good), str(bad), "-o", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(bad) in error
    assert words in error
    assert not out.exists()


def test_merge_into_a_folder_is_one_line(shards, tmp_path, capsys):
    assert main(["merge", *shards, "-o", str(tmp_path)]) == 2
    assert "Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["merge", "compare"])
def test_help(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    assert "usage: pytest-crackle" in capsys.readouterr().out


ELSEWHERE = """
    import os, socket

    if os.environ.get("PYTEST_XDIST_WORKER") == "gw1":
        socket.gethostname = lambda: "elsewhere"
"""


def test_workers_of_another_host_are_another_machine(crackle, tmp_path):
    crackle.pytester.makepyfile(test_a=SUITE, test_b=SUITE)
    crackle.pytester.makeconftest(ELSEWHERE)
    crackle.run("-n", "2", "--dist", "loadfile", subprocess=True)
    hosts = crackle.journal[-1]["end"]["hosts"]
    assert hosts["gw1"] == "elsewhere" != hosts["gw0"]
    told = [pattern["summary"] for pattern in crackle.report["patterns"]]
    assert sorted(line.partition(":")[0] for line in told) == sorted(
        f"On {host}" for host in hosts.values()
    )
    again = cooled(tmp_path, str(crackle.file("run.jsonl")))
    assert [pattern["summary"] for pattern in again["patterns"]] == told
