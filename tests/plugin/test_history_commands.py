"""``pytest-crackle history ...`` on histories made by hand."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from pytest_crackle.cli import main
from pytest_crackle.model.table import MetricTable
from pytest_crackle.storage.history.facts import RunFacts
from pytest_crackle.storage.history.writing import add_run


def add(path, number, *, slow=(), queries=40.0, outcome="passed", n=30, factor=1.0, **changes):
    rng = random.Random(number)
    table = MetricTable.from_records(
        {
            "nodeid": f"tests/test_a.py::test_x[{i}]",
            "outcome": outcome if i == 3 else "passed",
            "metrics": {
                "duration": factor * (0.1 + 0.01 * rng.random()) * (4 if i in slow else 1),
                "db.queries": queries if i == 2 else 10.0,
            },
            "units": {"db.queries": ["1", "count"]},
        }
        for i in range(n)
    )
    facts = RunFacts(
        f"2026-01-{number:02}T10:00:00Z",
        environment="CPython 3.11, here",
        commit=f"{number:02}abcdef0123",
        branch="main",
        duration=3.5,
    )
    add_run(path, replace(facts, **changes), table)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "history.db"
    for number in range(1, 9):
        add(path, number)
    return path


def call(capsys, *arguments, status=0):
    assert main(list(map(str, arguments))) == status
    captured = capsys.readouterr()
    return captured.err if status else captured.out


def test_list_says_what_runs_there_are(path, capsys):
    add(path, 9, outcome="failed", mode="load 2", environment="CPython 3.12, there", dirty=True)
    out = call(capsys, "history", "list", "--history", path, "--max", "3")
    lines = out.splitlines()
    assert lines[2].split() == (
        ["9", "2026-01-09", "10:00", "30", "1", "3.50", "s", "load", "2", "B", "09abcdef+", "main"]
    )
    assert lines[3].split()[:4] == ["8", "2026-01-08", "10:00", "30"]
    assert lines[5] == "and 6 older runs: --max, or --json for all"
    assert "9 runs, " in out
    assert "A = CPython 3.11, here" in out
    assert "B = CPython 3.12, there" in out
    data = json.loads(call(capsys, "history", "list", "--history", path, "--json"))
    assert [run["number"] for run in data["runs"]] == list(range(1, 10))
    assert data["runs"][-1]["failed"] == 1


def test_show_follows_one_test(path, capsys):
    add(path, 9, outcome="failed", slow=[3])
    out = call(capsys, "history", "show", "*[3]", "--history", path, "--max", "2")
    assert out.startswith("tests/test_a.py::test_x[3]\n9 runs: 8 passed, 1 failed\n")
    table = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert table["db.queries"][1:6] == ["9", "10", "10", "10", "10"]
    assert table["duration"][-1].endswith("█")
    assert table["9"][1:5] == ["2026-01-09", "10:00", "09abcdef", "failed"]
    assert "and 7 older runs: --max, or --json for all" in out
    data = json.loads(
        call(capsys, "history", "show", "tests/test_a.py::test_x[3]", "--history", path, "--json")
    )
    assert data["nodeid"] == "tests/test_a.py::test_x[3]"
    assert len(data["runs"]) == 9
    assert set(data["runs"][0]["metrics"]) == {"db.queries", "duration"}
    out = call(capsys, "history", "show", "*[3]", "--history", path, "--metric", "db*")
    assert "duration" not in out
    assert "no metric fits" in call(
        capsys, "history", "show", "*[3]", "--history", path, "--metric", "no*"
    )


def test_show_names_the_tests_that_fit_a_glob(path, capsys):
    out = call(capsys, "history", "show", "*test_x*", "--history", path, "--max", "2")
    assert out.splitlines() == [
        "30 tests fit; name one:",
        "tests/test_a.py::test_x[0]",
        "tests/test_a.py::test_x[10]",
        "and 28 more",
    ]
    err = call(capsys, "history", "show", "nothing", "--history", path, status=2)
    assert err == "pytest-crackle: " + f"{path}: no test 'nothing' in 8 runs\n"


def test_show_leaves_out_what_does_not_compare(path, capsys):
    add(path, 9, environment="elsewhere")
    out = call(capsys, "history", "show", "*[3]", "--history", path)
    assert "1 run: 1 passed" in out
    assert "8 runs elsewhere or with other workers left out" in out


def test_compare_tells_what_moved_beyond_the_usual(path, capsys):
    add(path, 9, slow=[5], queries=120.0, outcome="failed", n=32)
    out = call(capsys, "history", "compare", "8", "09abcdef", "--history", path)
    assert out.startswith("run 8 (2026-01-08 10:00, commit 08abcdef, main) against\nrun 9 ")
    assert "30 tests in both" in out
    assert "only in the second: 2 tests\n  tests/test_a.py::test_x[30]\n" in out
    assert "ended otherwise: 1 test\n  tests/test_a.py::test_x[3]: passed -> failed\n" in out
    assert "longer or shorter than in any run before: 1 time\n  tests/test_a.py::test_x[5]" in out
    assert "the same in all runs before: 1 value\n" in out
    assert "test_x[2]: db.queries 40 -> 120 (8 runs had 40)" in out
    data = json.loads(call(capsys, "history", "compare", "8", "9", "--history", path, "--json"))
    (shift,) = data["times"]
    assert shift["nodeid"] == "tests/test_a.py::test_x[5]"
    assert shift["lowest"] <= shift["before"] <= shift["highest"] < shift["after"]
    back = call(capsys, "history", "compare", "9", "8", "--history", path)
    assert "only in the first: 2 tests" in back


def test_compare_tells_nothing_of_runs_that_are_alike(path, capsys):
    out = call(capsys, "history", "compare", "7", "8", "--history", path)
    assert out.splitlines()[-1] == "no difference beyond what is usual"
    assert len(out.splitlines()) == 5


def test_a_run_on_a_slow_machine_has_no_slow_tests(path, capsys):
    add(path, 9, factor=2.0, slow=[4])
    out = call(capsys, "history", "compare", "8", "9", "--history", path)
    assert "the median test took 1.9" in out or "the median test took 2.0" in out
    assert "longer or shorter than in any run before: 1 time\n" in out
    assert "test_x[4]" in out


def test_compare_says_why_it_compares_no_values(path, capsys, tmp_path):
    add(path, 9, environment="elsewhere", slow=[5])
    out = call(capsys, "history", "compare", "8", "9", "--history", path)
    assert "values are not compared: the runs had different machines or workers" in out
    out = call(capsys, "history", "compare", "2", "5", "--history", path)
    assert "values are not compared: 2 comparable runs up to the first, needs 5" in out
    err = call(capsys, "history", "compare", "2", "77", "--history", path, status=2)
    assert "no run '77': give a number (1 to 9) or at least 4 hexadecimal digits" in err


def test_prune_keeps_the_newest(path, capsys):
    assert call(capsys, "history", "prune", "--keep", "5", "--history", path).startswith(
        "3 runs removed, 5 left ("
    )
    call(capsys, "history", "prune", "--before", "2026-01-06", "--history", path)
    data = json.loads(call(capsys, "history", "list", "--history", path, "--json"))
    assert [run["number"] for run in data["runs"]] == [6, 7, 8]
    err = call(capsys, "history", "prune", "--before", "May", "--history", path, status=2)
    assert err == "pytest-crackle: --before: 'May' is no date like 2026-01-31\n"
    assert "--keep: -1 is not at least 0" in call(
        capsys, "history", "prune", "--keep", "-1", "--history", path, status=2
    )
    call(capsys, "history", "prune", "--keep", "0", "--history", path)
    assert call(capsys, "history", "list", "--history", path) == "no runs\n"


def test_export_and_import_carry_a_history_over(path, capsys, tmp_path):
    out, other = tmp_path / "out.jsonl", tmp_path / "other.db"
    call(capsys, "history", "export", "--history", path, "-o", out)
    assert call(capsys, "history", "import", out, "--history", other) == f"{out}: 8 runs added\n"
    again = call(capsys, "history", "import", out, "--history", other)
    assert again == f"{out}: 0 runs added, 8 were there already\n"
    exported = call(capsys, "history", "export", "--history", other)
    assert exported == out.read_text()
    assert json.loads(exported.splitlines()[0])["run"]["commit"] == "01abcdef0123"
    torn = tmp_path / "torn.jsonl"
    torn.write_text(exported[:-100])
    err = call(capsys, "history", "import", torn, "--history", other, status=2)
    assert err.startswith(f"pytest-crackle: {torn}:8: not JSON")


RECORDS: list[dict[str, Any]] = [
    {
        "schema": "pytest-crackle/records/1",
        "session": {"started": "2026-02-01T10:00:00Z", "environment": "CPython 3.11, here"},
    },
    {"nodeid": "t.py::test_a", "outcome": "passed", "metrics": {"duration": 0.5}},
    {"end": {"complete": True}},
]


def write(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_records_of_a_session_become_a_run(path, capsys, tmp_path):
    file = write(tmp_path / "run.jsonl", RECORDS)
    options = ["--commit", "feed1234", "--branch", "dev", "--label", "nightly"]
    done = call(capsys, "history", "import", file, "--history", path, *options)
    assert done == f"{file}: added as run 9\n"
    again = call(capsys, "history", "import", file, "--history", path)
    assert again == f"{file}: was there already\n"
    data = json.loads(call(capsys, "history", "list", "--history", path, "--json"))
    run = data["runs"][-1]
    assert (run["commit"], run["branch"], run["labels"]) == ("feed1234", "dev", ["nightly"])
    assert run["environment"] == "CPython 3.11, here"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (RECORDS[:2], "not added: "),
        ([*RECORDS[:2], {"end": {"complete": False}}], "not added: "),
        (
            [*RECORDS[:2], {"end": {"complete": True, "partial_because": "-k selected a part"}}],
            "not added: -k selected a part",
        ),
        (
            [{**RECORDS[0], "session": {}}, *RECORDS[1:]],
            "not added: it does not say when the run was",
        ),
    ],
)
def test_what_is_no_whole_run_is_refused_and_the_others_enter(path, capsys, tmp_path, lines, said):
    bad, good = write(tmp_path / "bad.jsonl", lines), write(tmp_path / "good.jsonl", RECORDS)
    assert main(["history", "import", str(bad), str(good), "--history", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"pytest-crackle: {bad}: {said}")
    assert captured.out == f"{good}: added as run 9\n"


def test_a_session_of_selected_tests_does_not_enter(path, capsys, crackle):
    crackle.pytester.makepyfile(test_a="def test_one(): pass\ndef test_two(): pass")
    assert crackle.run("-k", "one").ret == 0
    capsys.readouterr()
    for name in ("run.jsonl", "report.json"):
        err = call(capsys, "history", "import", crackle.file(name), "--history", path, status=2)
        assert err.endswith("not added: -k selected a part of the tests\n")


@pytest.mark.parametrize(
    "command",
    [["list"], ["show", "x"], ["compare", "1", "2"], ["prune", "--keep", "1"], ["export"]],
)
def test_a_bad_file_is_one_line(tmp_path, capsys, command):
    missing = tmp_path / "missing.db"
    err = call(capsys, "history", *command, "--history", missing, status=2)
    assert err == f"pytest-crackle: {missing}: No such file or directory\n"
    assert not missing.exists()
    bad = tmp_path / "bad.db"
    bad.write_text("not a database")
    err = call(capsys, "history", *command, "--history", bad, status=2)
    assert err == f"pytest-crackle: {bad}: not a SQLite file\n"


def test_the_selfcheck_of_a_history(path, capsys):
    out = " ".join(call(capsys, "selfcheck", "--history", path).split())
    assert out.startswith("at first sight: 0.0 of 100 runs had an alarm (8 runs, ")
    assert "selfcheck takes RECORDS or --history PATH, not both" in call(
        capsys, "selfcheck", "x", "--history", path, status=2
    )
    assert "needs RECORDS or --history" in call(capsys, "selfcheck", status=2)
    call(capsys, "history", "prune", "--keep", "2", "--history", path)
    out = call(capsys, "selfcheck", "--history", path)
    assert out.startswith("no run has three others of its workers and machine")


def test_foreign_names_are_made_printable(tmp_path, capsys):
    path = tmp_path / "history.db"
    name = "t.py::test[\x1b[31m]"
    table = MetricTable.from_records([{"nodeid": name, "metrics": {"m": 1.0}}])
    facts = RunFacts("2026-01-01T00:00:00Z", branch="a\x1b[0m", commit="\x1b" * 8, environment="\n")
    for number in range(6):
        add_run(path, replace(facts, started=f"2026-01-0{number + 1}"), table)
    for command in (["list"], ["show", "*"], ["compare", "5", "6"]):
        out = call(capsys, "history", *command, "--history", path)
        assert "\x1b" not in out
