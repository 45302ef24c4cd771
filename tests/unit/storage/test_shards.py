"""Several files put together: machines, workers, retries, and the merged file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.storage.merging import merged_text
from pytest_crackle.storage.shards import gather, read_run


def test(name: str, **facts: Any) -> dict[str, Any]:
    return {"nodeid": f"a.py::{name}", "metrics": {"x": 1.0}, **facts}


test.__test__ = False  # type: ignore[attr-defined] # a record, no test


class Files:
    """Files of one run in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, name: str, *tests: dict[str, Any], session: Any = None, end: Any = None) -> str:
        lines: list[object] = [
            {"schema": "pytest-crackle/records/1", "session": {"host": "ci", **(session or {})}},
            *tests,
        ]
        if end is not False:
            lines.append({"end": {"exitstatus": 0, "complete": True, **(end or {})}})
        return self.write(name, "".join(f"{json.dumps(line)}\n" for line in lines))

    def write(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def merge(self, name: str, *names: str) -> str:
        return self.write(name, merged_text(gather(names)))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def facts_of(*names: str) -> tuple[object, ...]:
    """Everything that is read of some files, to be compared (NaN is not equal to itself)."""
    run = read_run(names)
    return (repr(vars(run.table)), run.session, run.notes)


def test_one_file_is_read_as_it_is(files: Files) -> None:
    run = read_run([files.put("a", test("one", seq=3), test("two", worker="gw1", index=7))])
    assert run.table.workers == [None, "gw1"]
    assert run.table.indexes == [0, 7]
    assert run.table.machines == {}
    assert run.session.workers == ()
    assert run.session.complete


def test_each_file_is_a_machine(files: Files) -> None:
    a = files.put(
        "a", test("one", index=5), test("two"), end={"workers": {"": {"metrics": {"fds": 3}}}}
    )
    b = files.put("b", test("three", worker="gw0", seq=4, index=0), session={"host": None})
    run = read_run([a, b])
    table = run.table
    assert table.nodeids == ["a.py::two", "a.py::three", "a.py::one"]
    assert table.workers == ["1:", "2:gw0", "1:"]
    assert table.indexes == [1, 2, 5]
    assert table.seqs == [1, 4, 0]
    assert table.machines == {"1:": "machine 1 (a)", "2:gw0": "machine 2 (b)"}
    assert table.ends["1:"].metrics == {"fds": 3.0}
    workers = [(w.id, w.host, w.tests, w.machine) for w in run.session.workers]
    assert workers == [
        ("1:", "ci", 2, "machine 1 (a)"),
        ("2:gw0", None, 1, "machine 2 (b)"),
    ]


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("x/1/run", "x/2/run"), ("1/run", "2/run")),
        (("x/run", "x/1/run"), ("run", "1/run")),
        (("run", "1/run"), ("run", "1/run")),
        (("xa/run", "xb/run"), ("xa/run", "xb/run")),
    ],
)
def test_machines_are_named_without_the_folder_of_all_files(
    files: Files, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str], told: tuple[str, str]
) -> None:
    monkeypatch.chdir(files.folder)
    for number, name in enumerate(names):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        files.put(name, test(f"t{number}"))
    wanted = [f"machine {number} ({name})" for number, name in enumerate(told, 1)]
    assert list(read_run(names).table.machines.values()) == wanted


def test_a_file_given_twice_is_read_once(files: Files) -> None:
    a = files.put("a", test("one"))
    assert read_run([a, a]).table.machines == {}


def test_hosts_of_workers_are_machines(files: Files) -> None:
    hosts = {"gw0": "ci-1", "gw1": "ci-2"}
    tests = [test(f"t{i}", worker=f"gw{i % 2}") for i in range(4)]
    run = read_run([files.put("a", *tests, end={"hosts": hosts})])
    assert run.table.machines == hosts
    assert run.table.workers == ["gw0", "gw1", "gw0", "gw1"]
    assert (
        read_run([files.put("b", *tests, end={"hosts": {"gw0": "x", "gw1": "x"}})]).table.machines
        == {}
    )
    assert read_run([files.put("b", *tests, end={"hosts": "x"})]).table.machines == {}


def test_hosts_of_a_report_are_machines(files: Files) -> None:
    workers = [{"id": "gw0", "host": "x"}, {"id": "gw1", "host": "x", "machine": "y"}, {"id": 3}, 4]
    report = {
        "schema": "pytest-crackle/report/1",
        "session": {"workers": workers},
        "tests": [test("t", worker="gw0"), test("u", worker="gw1")],
    }
    run = read_run([files.write("r.json", json.dumps(report))])
    assert run.table.machines == {"gw0": "x", "gw1": "y"}
    assert "says nothing of fixtures" in run.notes[0]


def many(files: Files) -> list[str]:
    """Three files: two hosts in the second, a worker that died, tests without a place."""
    tests = [test(f"b{i}", worker=f"gw{i % 3}", start=5.0 + i) for i in range(6)]
    ends = {"gw0": {"metrics": {"fds": 3.0}, "closed": {"fds": ["3:file"]}}}
    return [
        files.put("a", test("a1", index=4), test("a2", index=2, outcome="failed", start=1.0)),
        files.put("b", *tests, end={"hosts": {"gw0": "h1", "gw1": "h2"}, "workers": ends}),
        files.put("c", test("a2", start=9.0), test("c1", seq=7), session={"dist": "load"}),
    ]


def test_a_merged_file_reads_as_its_files(files: Files) -> None:
    names = many(files)
    table = read_run(names).table
    assert len(set(table.machines.values())) == 4
    assert table.retried == {table.nodeids.index("a.py::a2"): ("failed",)}
    merged = files.merge("m", *names)
    assert facts_of(merged) == facts_of(*names)
    assert facts_of(files.merge("mm", merged)) == facts_of(merged)
    partly = files.merge("p", *names[:2])
    assert facts_of(partly, names[2]) == facts_of(*names)
    assert facts_of(names[0], files.merge("q", *names[1:])) == facts_of(*names)


@pytest.mark.parametrize("end", [None, {"hosts": {"gw0": "h1", "gw1": "h2"}}])
def test_merging_a_single_file_changes_nothing(files: Files, end: Any) -> None:
    tests = [test(f"b{i}", worker=f"gw{i % 2}") for i in range(6)]
    alone = files.put("a", *tests, end=end)
    run, again = read_run([alone]), read_run([files.merge("m", alone)])
    assert repr(vars(again.table)) == repr(vars(run.table))
    assert [w.machine for w in again.session.workers] == [w.machine for w in run.session.workers]


def test_why_a_run_is_incomplete_is_kept(files: Files) -> None:
    a = files.put("a", test("one"), end=False)
    b = files.put("b", test("two"))
    run = read_run([a, b])
    assert run.session.incomplete_because == f"{a} has no last line: the session was cut off"
    assert read_run([files.merge("m", a, b)]).session == run.session
    c = files.put("c", test("three"), end={"complete": False})
    assert read_run([b, c]).session.incomplete_because == f"{c} is of an incomplete run"


def test_a_part_of_the_suite_is_one_alone_and_by_design_with_the_others(files: Files) -> None:
    end = {"partial_because": "-k selected a part of the tests"}
    a, b = files.put("a", test("one"), end=end), files.put("b", test("two"), end=end)
    assert read_run([a]).session.partial_because == end["partial_because"]
    assert read_run([files.merge("m", a)]).session.partial_because == end["partial_because"]
    assert read_run([a, b]).session.partial_because is None


def test_a_merged_report_still_says_what_it_lacks(files: Files) -> None:
    report = {"schema": "pytest-crackle/report/1", "tests": [test("t")]}
    names = [files.write("r.json", json.dumps(report)), files.put("a", test("one"))]
    assert read_run([files.merge("m", *names)]).notes == read_run(names).notes != ()


def test_dist_each_keeps_an_entry_for_each_worker(files: Files) -> None:
    names = [files.put(name, test("one"), session={"dist": "each"}) for name in ("a", "b")]
    run = read_run(names)
    assert run.table.workers == ["1:", "2:"]
    assert run.session.dist == "each"
    assert facts_of(files.merge("m", *names)) == facts_of(*names)


def test_derived_metrics_are_added(files: Files) -> None:
    def derive(record: Any) -> None:
        record["metrics"]["y"] = 2 * record["metrics"]["x"]

    run = read_run([files.put("a", test("one")), files.put("b", test("two"))], derive=derive)
    assert list(run.table.columns["y"]) == [2.0, 2.0]


def test_last_readings_that_are_none_are_passed_over(files: Files) -> None:
    ends = {
        "gw0": {
            "metrics": {"fds": 3, "threads": True, "x": 1e301},
            "closed": {"fds": [1, "a"], "y": 2},
        },
        "gw1": {"metrics": 3},
        "gw2": {"metrics": {}, "closed": 3},
        "gw3": 4,
    }
    ends_read = read_run([files.put("a", test("one"), end={"workers": ends})]).table.ends
    assert list(ends_read) == ["gw0"]
    assert ends_read["gw0"].metrics == {"fds": 3.0}
    assert ends_read["gw0"].closed == {"fds": ("a",)}
    assert read_run([files.put("b", test("one"), end={"workers": [1]})]).table.ends == {}


@pytest.mark.parametrize(
    ("machines", "words"),
    [
        ([], "session.machines must be a list of at least one object"),
        ({"a": 1}, "session.machines must be a list of at least one object"),
        ([3], "session.machines[0] must be an object"),
        (
            [{"name": "a", "workers": {}}, {"workers": {}}],
            "session.machines[1].name must be a string",
        ),
        ([{"name": "a"}], "session.machines[0].workers must be an object of strings"),
        (
            [{"name": "a", "workers": {"gw0": 3}}],
            "session.machines[0].workers must be an object of",
        ),
    ],
)
def test_a_list_of_machines_that_is_none_is_refused(
    files: Files, machines: object, words: str
) -> None:
    name = files.put("a", test("one"), session={"machines": machines})
    with pytest.raises(CrackleError) as error:
        read_run([name])
    assert str(error.value).startswith(f"{name}:1: ")
    assert words in str(error.value)


# ---------------------------------------------------------------------- retries


def outcome_of(*names: str) -> tuple[str, int]:
    table = read_run(names).table
    row = table.nodeids.index("a.py::t")
    return table.outcomes[row], table.attempts[row]


def test_what_failed_and_started_again_later_is_a_retry(files: Files) -> None:
    first = files.put("a", test("t", outcome="failed", start=10.0, attempt=0), test("u"))
    again = files.put("b", test("t", outcome="passed", start=20.0, attempt=0))
    assert outcome_of(first, again) == ("passed", 1)
    assert outcome_of(again, first) == ("passed", 1)  # whatever the order of the files
    third = files.put("c", test("t", outcome="passed", start=30.0, attempt=0))
    with pytest.raises(CrackleError, match="as well"):
        read_run([first, again, third])


def test_an_error_is_retried_as_well_and_more_than_once(files: Files) -> None:
    names = [
        files.put("a", test("t", outcome="error", start=10.0)),
        files.put("b", test("t", outcome="failed", start=20.0)),
        files.put("c", test("t", outcome="passed", start=30.0)),
    ]
    assert outcome_of(names[2], names[0], names[1]) == ("passed", 2)
    table = read_run([names[2], names[0], names[1]]).table
    assert table.retried == {0: ("error", "failed")}


def test_later_attempts_are_a_retry(files: Files) -> None:
    first = files.put("a", test("t", attempt=0, outcome="failed"), test("t", attempt=1))
    again = files.put("b", test("t", attempt=2, outcome="skipped"))
    assert outcome_of(again, first) == ("skipped", 2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"outcome": "passed", "start": 1.0}, {"outcome": "passed", "start": 2.0}),
        ({"outcome": "failed"}, {"outcome": "passed"}),
        ({"outcome": "failed", "start": 2.0}, {"outcome": "passed", "start": 1.0}),
        ({"outcome": "failed", "start": 2.0}, {"outcome": "passed", "start": 2.0}),
        ({"outcome": "passed", "attempt": 0}, {"outcome": "passed", "attempt": 0}),
    ],
)
def test_any_other_test_in_two_files_is_a_mistake(
    files: Files, one: dict[str, Any], other: dict[str, Any]
) -> None:
    a, b = files.put("a", test("t", **one)), files.put("b", test("t", **other))
    for names in ([a, b], [b, a]):
        with pytest.raises(CrackleError, match=r"a\.py::t ran in .* as well \("):
            read_run(names)


def test_attempts_that_overlap_are_no_retry(files: Files) -> None:
    a = files.put("a", test("t", attempt=0, outcome="failed"), test("t", attempt=1, start=2.0))
    b = files.put("b", test("t", attempt=0, start=9.0))
    with pytest.raises(CrackleError, match="as well"):
        read_run([a, b])
