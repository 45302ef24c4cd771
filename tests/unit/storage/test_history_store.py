from __future__ import annotations

import json
import math
import os
import random
import sqlite3
import stat
from contextlib import closing

import pytest

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.table import MetricTable
from pytest_crackle.storage.history import schema
from pytest_crackle.storage.history.facts import RunFacts, mode_of
from pytest_crackle.storage.history.lines import run_line, run_of
from pytest_crackle.storage.history.opening import reading, writing
from pytest_crackle.storage.history.reading import History
from pytest_crackle.storage.history.schema import MIGRATIONS, check_schema, migrate, version_of
from pytest_crackle.storage.history.writing import add_run, prune_runs


def facts(number=0, **changes):
    given = {
        "started": f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z",
        "environment": "here",
        "commit": "abc123",
        "branch": "main",
        "version": "0.1",
    }
    return RunFacts(**{**given, **changes})


def table(n=40, seed=0, outcome="passed", **columns):
    rng = random.Random(seed)
    return MetricTable.from_records(
        {
            "nodeid": f"test_a.py::test_x[{i}]",
            "outcome": outcome,
            "metrics": {
                "duration": rng.random(),
                "db.queries": float(i),
                **{name: v[i] for name, v in columns.items() if not math.isnan(v[i])},
            },
            "units": {"db.queries": ["1", "count"]},
        }
        for i in range(n)
    )


def past(path, this=None, **given):
    """The past, with its columns read."""
    with reading(path) as connection:
        found = History(path, connection).past(this or facts(), **given)
        columns = {
            (run.number, metric): list(run.column(metric))
            for run in found.runs
            for metric in run.metrics
        }
    return found, columns


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some folder" / "history.db"


def test_a_run_comes_back_as_it_was(path):
    records = [
        {
            "nodeid": f"t.py::test_\ud800_é[{i}]",
            "outcome": ("passed", "failed", "skipped", "error", "xfailed", "xpassed")[i % 6],
            "worker": f"gw{10 - i % 3}",
            "seq": 100 - i,
            "metrics": {"duration": 0.5, "rare": 2.0**60 + i} if i == 3 else {"duration": 0.25},
        }
        for i in range(12)
    ]
    records.append({**records[0], "outcome": "passed"})
    records[0] = {**records[0], "outcome": "failed"}
    given = facts(mode="load 3", dirty=True, labels=("nightly",), duration=3.5)
    done = MetricTable.from_records(records)
    assert add_run(path, given, done).number == 1
    found, columns = past(path, given)
    (run,) = found.runs
    assert [
        name for name, _ in sorted(found.numbers.items(), key=lambda pair: pair[1])
    ] == done.nodeids
    assert list(run.tests) == list(range(12))
    assert list(run.outcomes) == done.outcomes
    assert run.attempts == {0: ("failed",)}
    assert (run.mode, run.environment, run.commit, run.branch, run.dirty, run.labels) == (
        "load 3",
        "here",
        "abc123",
        "main",
        True,
        ("nightly",),
    )
    # gw8, gw9, gw10: by number, not by letter
    assert list(run.workers) == [(2 - i % 3) for i in range(12)]
    assert list(run.seqs) == [3 - i // 3 for i in range(12)]
    assert columns[1, "duration"][3] == 0.5
    assert columns[1, "rare"][3] == 2.0**60 + 3
    assert math.isnan(columns[1, "rare"][4])
    assert len(list(run.column("unknown"))) == 12


def test_only_the_last_runs_of_the_same_mode_and_environment_are_the_past(path):
    for number in range(8):
        add_run(path, facts(number), table(seed=number))
    add_run(path, facts(50, mode="load 2"), table(seed=50))
    add_run(path, facts(51, environment="there"), table(seed=51))
    found, _ = past(path, last=5)
    assert [run.number for run in found.runs] == [4, 5, 6, 7, 8]
    assert (found.mode, found.environment, found.commit) == ("no", "here", "abc123")


def test_an_older_run_that_is_added_later_stands_where_it_belongs(path):
    for number in (5, 2, 9):
        add_run(path, facts(number), table(seed=number))
    found, _ = past(path)
    assert [run.started[-3:-1] for run in found.runs] == ["02", "05", "09"]


def test_the_same_run_enters_once_whatever_else_is_said_of_it(path):
    assert add_run(path, facts(), table()).number == 1
    assert add_run(path, facts(commit="other", labels=("again",)), table()).number is None
    assert add_run(path, facts(), table(seed=1)).number == 2
    assert add_run(path, facts(1), table()).number == 3


def test_new_and_vanished_tests_keep_their_numbers(path):
    add_run(path, facts(0), table(5))
    add_run(path, facts(1), table(3))
    add_run(path, facts(2), table(6))
    found, columns = past(path)
    assert [list(run.tests) for run in found.runs] == [
        [0, 1, 2, 3, 4],
        [0, 1, 2],
        [0, 1, 2, 3, 4, 5],
    ]
    assert columns[2, "db.queries"] == [0, 1, 2]
    assert found.numbers == {f"test_a.py::test_x[{i}]": i for i in range(6)}


def test_runs_with_the_same_tests_share_them(path):
    for number in range(5):
        add_run(path, facts(number), table(seed=number))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM testsets").fetchone() == (1,)


def test_the_oldest_runs_go_for_the_size(path):
    sizes, removed = [], 0
    for number in range(30):
        fresh = MetricTable.from_records(
            {"nodeid": f"t.py::test[{number}-{i}]", "metrics": {"m": float(i * number)}}
            for i in range(200)
        )
        removed += add_run(path, facts(number), fresh, most_bytes=200_000).removed
        sizes.append(path.stat().st_size)
    assert removed >= 1
    # freed pages are used again, with the node ids that no run has any more
    assert max(sizes) < 300_000
    found, columns = past(path)
    assert 2 <= len(found.runs) == 30 - removed
    assert found.runs[-1].number == 30
    assert columns[30, "m"][7] == 7 * 29
    assert len(found.numbers) == 200 * len(found.runs)
    assert add_run(path, facts(99), table(), most_bytes=1).removed == len(found.runs)
    assert [run.number for run in past(path)[0].runs] == [31]


def test_pruning_gives_the_space_back_and_never_reuses_a_number(path):
    for number in range(6):
        add_run(path, facts(number), table(500, seed=number))
    before = path.stat().st_size
    prune_runs(path, [1, 2, 3, 4, 5, 6, 77])
    assert path.stat().st_size < before / 2
    assert past(path)[0].runs == ()
    assert add_run(path, facts(9), table()).number == 7


def test_a_series_takes_one_value_of_each_column(path):
    for number in range(4):
        sparse = [float(number) if i == 3 else math.nan for i in range(40)]
        add_run(path, facts(number), table(seed=number, flat=[7.0] * 40, sparse=sparse))
    add_run(path, facts(5), table(2))
    with reading(path) as connection:
        history = History(path, connection)
        runs = history.runs()
        points = history.series(next(iter(history.tests(runs[0]))) + 3, runs)
        whole = [list(history.column(run, "duration"))[3] for run in runs[:4]]
    assert [point.values["duration"] for point in points] == whole
    assert [point.values["sparse"] for point in points] == [0, 1, 2, 3]
    assert {point.values["flat"] for point in points} == {7.0}
    assert {point.values["db.queries"] for point in points} == {3.0}


def test_a_line_carries_a_run_to_another_history(path, tmp_path):
    add_run(path, facts(mode="load 2"), table(9, flat=[math.nan, *range(8)]))
    add_run(path, facts(1, labels=("a", "b")), table(9, outcome="failed"))
    other = tmp_path / "other.db"
    with reading(path) as connection:
        history = History(path, connection)
        lines = [run_line(history, run) for run in history.runs()]
    for line in lines:
        add_run(other, *run_of(json.loads(line), "x"))
    with reading(other) as connection:
        history = History(other, connection)
        assert [run_line(history, run) for run in history.runs()] == lines


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": "pytest-crackle/history/2"}, "not a run of schema pytest-crackle/history/1"),
        ({"run": []}, "a run must be an object"),
        ({"run": {"started": 3}}, "started must be a string, not int"),
        ({"run": {}}, "started is missing"),
        ({"run": {"started": "x", "labels": [3]}}, "an entry of labels must be a string"),
        ({"run": {"started": "x", "dirty": 1}}, "dirty must be true or false"),
        ({"run": {"started": "x", "duration": True}}, "duration must be a number, not bool"),
        ({"tests": "abc"}, "tests must be a list, not str"),
        ({"tests": ["a", "a"]}, "a node id stands twice"),
        ({"outcomes": ["passed"]}, "outcomes has 1 entries for 2 tests"),
        ({"outcomes": ["fine", "passed"]}, "outcome must be one of"),
        ({"seqs": [True, 1]}, "seq must be an integer"),
        ({"attempts": {"2": ["failed"]}}, "attempts.'2' must be a row"),
        ({"attempts": {"1": ["bad"]}}, "attempts.'1' must be a row"),
        ({"attempts": []}, "attempts must be an object"),
        ({"metrics": []}, "metrics must be an object"),
        ({"metrics": {"m": 3}}, "metrics.'m' must be an object"),
        ({"metrics": {"m": {"values": [1]}}}, "values has 1 entries for 2 tests"),
        ({"metrics": {"m": {"values": [1, "x"]}}}, "metric 'm' must be a number, not str"),
        ({"metrics": {"m": {"values": [1, 2], "kind": "k"}}}, "kind one of time"),
    ],
)
def test_a_line_from_anybody_is_checked(changes, said):
    line = {
        "schema": "pytest-crackle/history/1",
        "run": {"started": "2026-01-01T00:00:00Z"},
        "tests": ["a", "b"],
        "outcomes": ["passed", "failed"],
        "attempts": {},
        "workers": [0, 0],
        "seqs": [0, 1],
        "metrics": {"m": {"unit": "1", "kind": "count", "values": [1, None]}},
    }
    run_of(json.loads(json.dumps(line)), "x:1")
    with pytest.raises(CrackleError, match=r"^x:1: ") as caught:
        run_of({**line, **changes}, "x:1")
    assert said in str(caught.value)


# ---------------------------------------------------------------------- versions of the file


def test_a_file_of_version_0_is_empty_and_is_brought_to_1(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")
    path.touch()
    assert past(path)[0].runs == ()
    add_run(path, facts(), table())
    with closing(sqlite3.connect(path)) as connection:
        assert version_of(connection) == 1
        assert connection.execute("PRAGMA application_id").fetchone() == (schema.APPLICATION,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_each_version_gets_the_statements_after_it():
    further = (*MIGRATIONS, ("ALTER TABLE metrics ADD COLUMN note TEXT",))
    with closing(sqlite3.connect(":memory:")) as connection:
        migrate(connection)
        check_schema(connection)
        check_schema(connection, further)
        migrate(connection, further)
        migrate(connection, further)
        check_schema(connection, further)
        assert version_of(connection) == 2
        with pytest.raises(CrackleError, match=r"newer pytest-crackle.*version 2.*up to 1"):
            check_schema(connection)


def refusal(path):
    with pytest.raises(CrackleError) as caught:
        past(path)
    with pytest.raises(CrackleError) as again:
        add_run(path, facts(), table(), patience=0.1)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert str(again.value) == str(caught.value)
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("PRAGMA user_version = 9", "written by a newer pytest-crackle (version 9 of the file; "),
        ("PRAGMA application_id = 7", "a SQLite file, but no history of pytest-crackle"),
        (
            "CREATE TRIGGER t AFTER INSERT ON runs BEGIN DELETE FROM runs; END",
            "its tables are not those",
        ),
        ("CREATE VIEW v AS SELECT 1", "its tables are not those"),
        ("ALTER TABLE runs ADD COLUMN x", "its tables are not those"),
        ("DROP TABLE metrics", "its tables are not those"),
    ],
)
def test_what_is_no_history_of_ours_is_refused_and_left_alone(path, statement, said):
    add_run(path, facts(), table())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    before = path.read_bytes()
    assert refusal(path).startswith(said)
    assert path.read_bytes() == before


def test_another_programs_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "cookies.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cookies (name TEXT)")
    before = path.read_bytes()
    assert refusal(path) == "a SQLite file, but no history of pytest-crackle"
    assert path.read_bytes() == before
    path.write_text("name,value\n" * 20)
    assert refusal(path) == "not a SQLite file"
    assert path.read_text().startswith("name,value")


def test_what_is_no_file_is_refused(tmp_path):
    assert refusal(tmp_path) == "not a regular file"
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    assert refusal(link) == "No such file or directory"
    below = tmp_path / "file"
    below.write_text("")
    with pytest.raises(CrackleError, match=r"x\.db: (Not a directory|File exists)"):
        add_run(below / "x.db", facts(), table())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "not a regular file"


def test_a_writer_that_does_not_come_to_an_end_is_named(path):
    add_run(path, facts(), table())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CrackleError, match=r"locked by another process for 0 s$"):
            add_run(path, facts(1), table(), patience=0.01)
        with (
            pytest.raises(CrackleError, match=r"locked by another process for 0 s$"),
            reading(path, patience=0.01),
        ):
            pass


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_read_only_file_is_read_and_not_written(path):
    add_run(path, facts(), table())
    path.chmod(stat.S_IRUSR)
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert len(past(path)[0].runs) == 1
        with pytest.raises(CrackleError, match=r"read-only|cannot be opened"):
            add_run(path, facts(1), table())
    finally:
        path.parent.chmod(stat.S_IRWXU)


def test_a_fault_while_writing_undoes_all_of_it(path):
    add_run(path, facts(), table())
    before = path.read_bytes()

    def write():
        with writing(path) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM runs")
            raise ValueError("twice")

    with pytest.raises(CrackleError, match=r"history\.db: .*twice"):
        write()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE columns SET data = zeroblob(length(data))", "is not as it was written"),
        ("UPDATE runs SET outcomes = zeroblob(3)", "run 1 is not as it was written"),
        ("UPDATE runs SET facts = '{}'", "run 1 is not whole"),
        ("UPDATE runs SET facts = replace(facts, 'main', 'mine')", "not as it was written"),
        ("UPDATE runs SET seqs = 'abc'", "run 1 is not"),
        ("UPDATE runs SET outcomes = 5", "run 1 is not"),
        ("UPDATE runs SET workers = x'00'", "run 1 is not"),
        ("UPDATE testsets SET tests = zeroblob(160)", "the tests of run 1 are not those"),
        ("UPDATE tests SET nodeid = x'00' WHERE id = 3", "the tests of run 1 are not those"),
        ("DELETE FROM testsets", "run 1 is not"),
        ("DELETE FROM columns", "run 1 is not as it was written"),
        ("UPDATE metrics SET unit = 'B'", "run 1 is not as it was written"),
        ("UPDATE columns SET precision = 'q'", "is not as it was written"),
    ],
)
def test_whatever_was_changed_is_noticed(path, statement, said):
    add_run(path, facts(), table(40))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(CrackleError, match=f"damaged: .*{said}"):
        past(path)


def test_a_column_that_goes_bad_while_it_is_cooled_is_told_with_the_file(path):
    add_run(path, facts(), table())
    with reading(path) as connection:
        found = History(path, connection).past(facts())
        connection.execute("ROLLBACK")
        with closing(sqlite3.connect(path)) as other:
            other.execute("UPDATE columns SET data = zeroblob(160)")
            other.commit()
        with pytest.raises(CrackleError, match=r"history\.db: damaged: duration of run 1"):
            found.runs[0].column("duration")


def test_a_run_that_another_process_removes_meanwhile_has_no_values(path):
    add_run(path, facts(), table())
    with reading(path) as connection:
        found = History(path, connection).past(facts())
        connection.execute("ROLLBACK")
        prune_runs(path, [1])
        assert all(map(math.isnan, found.runs[0].column("duration")))


def test_the_mode_names_the_workers_that_ran_tests():
    spread = MetricTable.from_records(
        {"nodeid": f"{i}", "metrics": {}, "worker": f"gw{i % 3}"} for i in range(9)
    )
    assert mode_of("load", spread) == "load 3"
    assert mode_of("no", table()) == "no"
    assert mode_of("load", table()) == "no"
