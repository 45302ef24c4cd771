"""Every reader against hostile files: one line on stderr, exit status 2, never a traceback."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_crackle
from pytest_crackle.cli import main
from tests.faults.sessions import TALLY

HEADER = '{"schema":"pytest-crackle/records/1","session":{}}\n'
LINE = '{"nodeid":"a.py::test_a","metrics":{"x":1}}\n'


def records(*lines):
    return (HEADER + "".join(f"{line}\n" for line in lines)).encode()


def metric(value):
    return records(f'{{"nodeid":"a.py::t","metrics":{{"x":{value}}}}}', LINE.strip())


REFUSED = {
    "empty": b"",
    "blank": b"\n\n",
    "torn-first-line": b'{"nodeid":"a',
    "torn-in-the-middle": records('{"nodeid":"a', LINE.strip()),
    "not-utf-8": b'{"nodeid":"\xff","metrics":{}}\n',
    "utf-16": HEADER.encode("utf-16"),
    "latin-1": HEADER.encode() + '{"nodeid":"é","metrics":{}}\n'.encode("latin-1"),
    "top-level-list": b"[]",
    "top-level-number": b"1",
    "top-level-null": b"null",
    "python-literal": b"{'schema': 'pytest-crackle/records/1'}",
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n.",
    "gzip": b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + b"\x00" * 100,
    "zip": b"PK\x03\x04" + b"\x00" * 100,
    "sqlite": b"SQLite format 3\x00" + b"\x00" * 100,
    "html": b"<!doctype html><script>alert(1)</script>",
    "yaml": b"!!python/object/apply:os.system ['true']",
    "nul": b"\x00" * 1000,
    "deep-list": b"[" * 200_000,
    "deep-object": b'{"a":' * 200_000,
    "deep-in-a-record": records(
        '{"nodeid":"a","metrics":{},"x":' + "[" * 100_000 + "]" * 100_000 + "}"
    ),
    "huge-int": records('{"nodeid":"a","metrics":{"x":' + "9" * 20_000 + "}}"),
    "inf": metric("Infinity"),
    "nan": metric("NaN"),
    "overflow": metric("1e999"),
    "duplicate-key": records('{"nodeid":"a","nodeid":"b","metrics":{}}'),
    "duplicate-metric": records('{"nodeid":"a","metrics":{"x":1,"x":2}}'),
    "newer-schema": b'{"schema":"pytest-crackle/records/99","session":{}}\n' + LINE.encode(),
    "newer-report": b'{"schema":"pytest-crackle/report/99","tests":[]}',
    "foreign-schema": b'{"schema":"other/1","tests":[]}',
    "schema-is-a-number": b'{"schema":1,"tests":[]}',
    "schema-is-a-list": b'{"schema":["pytest-crackle/records/1"],"session":{}}\n' + LINE.encode(),
    "session-is-a-list": b'{"schema":"pytest-crackle/records/1","session":[]}\n' + LINE.encode(),
    "report-without-tests": b'{"schema":"pytest-crackle/report/1"}',
    "report-tests-is-an-object": b'{"schema":"pytest-crackle/report/1","tests":{}}',
    "nothing-usable": records('{"nodeid":1,"metrics":{}}', '{"nodeid":"a","metrics":[]}'),
    "escape-sequences": b'{"schema":"\x1b[31m\\u001b]0;x\\u0007","tests":[]}',
    "escaped-nodeid": b'{"schema":"pytest-crackle/records/1\\u001b[2J\\n::error::x"}\n',
}
COUNTED = {
    "metrics-is-a-list": '{"nodeid":"b","metrics":[]}',
    "bool-metric": '{"nodeid":"b","metrics":{"x":true}}',
    "text-metric": '{"nodeid":"b","metrics":{"x":"1"}}',
    "null-metric": '{"nodeid":"b","metrics":{"x":null}}',
    "list-for-a-record": "[1]",
    "number-for-a-record": "1",
    "no-nodeid": '{"metrics":{}}',
    "empty-nodeid": '{"nodeid":"","metrics":{}}',
    "bad-outcome": '{"nodeid":"b","metrics":{},"outcome":"fine"}',
    "outcome-is-a-list": '{"nodeid":"b","metrics":{},"outcome":[]}',
    "bad-name": '{"nodeid":"b","metrics":{"a\\nb":1}}',
    "float-seq": '{"nodeid":"b","metrics":{},"seq":1.5}',
    "bool-seq": '{"nodeid":"b","metrics":{},"seq":true}',
    "fixtures-is-text": '{"nodeid":"b","metrics":{},"fixtures":"x"}',
    "setups-of-three": '{"nodeid":"b","metrics":{},"setups":[["a","function",1]]}',
    "units-with-a-bad-kind": '{"nodeid":"b","metrics":{},"units":{"x":["s","time travel"]}}',
    "units-kind-is-a-list": '{"nodeid":"b","metrics":{},"units":{"x":["s",[]]}}',
    "opened-is-a-list": '{"nodeid":"b","metrics":{},"opened":[1]}',
    "large-int-metric": '{"nodeid":"b","metrics":{"x":1' + "0" * 400 + "}}",
}
ACCEPTED = {
    "byte-order-mark": b"\xef\xbb\xbf" + HEADER.encode() + LINE.encode(),
    "torn-last-line": HEADER.encode() + LINE.encode() + b'{"nodeid":"b.py',
    "no-header": LINE.encode(),
    "crlf": (HEADER + LINE).replace("\n", "\r\n").encode(),
    "extremes": records(
        *(
            f'{{"nodeid":"a.py::t{i}","metrics":{{"x":{v}}}}}'
            for i, v in enumerate(["1e308", "-1e308", "5e-324", "0", "-0.0"] * 8)
        )
    ),
    "escapes": records(
        *(
            json.dumps({"nodeid": f"a.py::\x1b[2J\u202e\n::error::{i}\ud800", "metrics": {"x": i}})
            for i in range(20)
        )
    ),
    "unknown-keys": records('{"nodeid":"a","metrics":{"x":1},"later":{"y":[1]}}'),
    "duplicate-nodeids": records(*['{"nodeid":"a","metrics":{"x":1}}'] * 5),
}


def run_cli(capsys, *args):
    status = main([str(arg) for arg in args])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    return status, captured.out, captured.err


def check_refusal(outcome, name):
    status, _, err = outcome
    assert status == 2, err
    assert err.count("\n") == 1, err
    assert name in err
    assert err.rstrip("\n").isprintable()
    assert len(err) < 2000
    TALLY.count("hostile inputs refused in one line")


@pytest.mark.parametrize("name", REFUSED)
def test_a_hostile_file_is_refused_in_one_line(name, tmp_path, capsys):
    path = tmp_path / "hostile"
    path.write_bytes(REFUSED[name])
    baseline = tmp_path / "baseline.json"
    check_refusal(run_cli(capsys, "cool", path), "hostile")
    check_refusal(run_cli(capsys, "selfcheck", path, "--shuffles=1"), "hostile")
    if name == "report-without-tests":
        return  # `show` tells such a report as one of an empty run
    check_refusal(run_cli(capsys, "show", path), "hostile")
    check_refusal(
        run_cli(capsys, "accept", path, "all", "--baseline", baseline, "--reason=x"), "hostile"
    )
    check_refusal(run_cli(capsys, "baseline", "prune", path, "--baseline", baseline), "hostile")
    assert not baseline.exists()


@pytest.mark.parametrize("name", COUNTED)
def test_rows_of_wrong_types_are_counted_and_never_coerced(name, tmp_path, capsys):
    path = tmp_path / "hostile"
    path.write_bytes(records(COUNTED[name], LINE.strip()))
    status, _, err = run_cli(capsys, "cool", path)
    assert status == 0
    assert err.count("\n") == 1
    assert "1 of 2 tests ignored; first: " in err
    TALLY.count("rows of wrong types counted")


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_odd_but_right_is_read(name, tmp_path, capsys):
    path = tmp_path / "odd"
    path.write_bytes(ACCEPTED[name])
    status, out, err = run_cli(
        capsys,
        "cool",
        path,
        "-vv",
        "--html",
        tmp_path / "x.html",
        "--md",
        tmp_path / "x.md",
        "--json",
        tmp_path / "x.json",
    )
    assert status == 0, err
    assert all(line.isprintable() for line in out.splitlines())
    again = run_cli(capsys, "show", tmp_path / "x.json", "-vv")
    assert again[0] == 0
    TALLY.count("odd files read")


BASELINES: dict[str, str | bytes] = {
    "torn": '{"schema":"pytest-crackle/baseline/1","acc',
    "list": "[]",
    "deep": '{"schema":"pytest-crackle/baseline/1","accepted":' + "[" * 100_000,
    "nested-entry": json.dumps(
        {
            "schema": "pytest-crackle/baseline/1",
            "accepted": [{"id": "CR-1", "x": [[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]}],
        }
    ),
    "newer": '{"schema":"pytest-crackle/baseline/2","accepted":[]}',
    "no-schema": '{"accepted":[]}',
    "wildcard": '{"schema":"pytest-crackle/baseline/1","accepted":[{"id":"*"}]}',
    "entry-is-text": '{"schema":"pytest-crackle/baseline/1","accepted":["CR-1"]}',
    "nan": '{"schema":"pytest-crackle/baseline/1","accepted":[{"id":"CR-1","effect":NaN}]}',
    "duplicate": '{"schema":"pytest-crackle/baseline/1","schema":"x","accepted":[]}',
    "huge-int": '{"schema":"pytest-crackle/baseline/1","accepted":[{"id":"CR-1","effect":'
    + "9" * 20_000
    + "}]}",
    "not-utf-8": b"\xff\xfe",
    "pickle": b"\x80\x04.",
    "nul": b"\x00" * 10,
}


@pytest.mark.parametrize("name", BASELINES)
def test_a_hostile_baseline_is_refused_in_one_line(name, tmp_path, capsys, crackle):
    text = BASELINES[name]
    (tmp_path / "hostile").write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "good").write_bytes(records(LINE.strip()))
    check_refusal(
        run_cli(capsys, "cool", tmp_path / "good", "--baseline", tmp_path / "hostile"), "hostile"
    )
    crackle.pytester.makepyfile("def test_a(): pass")
    result = crackle.run(f"--crackle-baseline={tmp_path / 'hostile'}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = [line for line in result.stderr.lines if line.strip()]
    assert len(said) == 1
    assert "hostile" in said[0]


def _huge(path):
    with path.open("wb") as file:
        file.truncate(300 << 20)


SPECIAL = {
    "folder": lambda path: path.mkdir(),
    "fifo": getattr(os, "mkfifo", os.mkdir),
    "device": lambda path: path.symlink_to("/dev/zero"),
    "nowhere": lambda path: path.symlink_to("nowhere"),
    "loop": lambda path: path.symlink_to(path),
    "unreadable": lambda path: path.touch(mode=0),
    "huge": _huge,
}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="files of POSIX")
@pytest.mark.parametrize("name", SPECIAL)
def test_what_is_no_regular_file_of_bounded_size_is_refused(name, tmp_path, capsys):
    path = tmp_path / "hostile"
    SPECIAL[name](path)
    if name == "unreadable" and os.access(path, os.R_OK):
        path.unlink()  # root reads everything
    check_refusal(run_cli(capsys, "cool", path), "hostile")
    check_refusal(run_cli(capsys, "show", path), "hostile")
    if name not in ("nowhere",):
        (tmp_path / "good").write_bytes(records(LINE.strip()))
        status, _, err = run_cli(capsys, "cool", tmp_path / "good", "--baseline", path)
        is_missing = not path.exists() and name == "unreadable"
        assert status == (0 if is_missing else 2), err


LARGE = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from pytest_crackle.cli import main
sys.exit(main(["cool", sys.argv[1]]))
"""


def large(name):
    one = {"nodeid": "a.py::t", "metrics": {f"m{i}": i for i in range(50_000)}}
    return {
        "50,000 metrics in a test": lambda: [one],
        "3,000 disjoint names": lambda: [
            {"nodeid": f"a.py::t{i}", "metrics": {f"m{i}": 1}} for i in range(3000)
        ],
        "a line of 5 MB": lambda: [{"nodeid": "a" * 5_000_000, "metrics": {"x": 1}}],
        "5,000 tests of one parameter": lambda: [
            {"nodeid": f"a.py::t[{i}]", "metrics": {"x": i, "y": 1e308}} for i in range(5000)
        ],
    }[name]()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize(
    "name",
    [
        "50,000 metrics in a test",
        "3,000 disjoint names",
        "a line of 5 MB",
        "5,000 tests of one parameter",
    ],
)
def test_large_files_are_read_within_bounds(name, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(records(*map(json.dumps, large(name))))
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    TALLY.count("large files read within 20 s of CPU and 1 GiB")


# ---------------------------------------------------------------------- what is never used

PACKAGE = Path(pytest_crackle.__file__).parent
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "yaml",
    "sqlite3",
    "gzip",
    "zipfile",
    "tarfile",
    "bz2",
    "lzma",
    "subprocess",
    "urllib",
    "http",
    "csv",
    "tempfile",
}
ALLOWED = {
    "checkout.py": {"subprocess"},  # asks git which commit this is: a list of words, no shell
    **{
        f"storage/history/{name}.py": {"sqlite3"}
        for name in ("opening", "reading", "schema", "writing")
    },
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def test_the_package_never_loads_code_or_opens_archives_or_makes_predictable_files():
    files = sorted(PACKAGE.rglob("*.py"))
    assert len(files) > 60
    for file in files:
        forbidden = FORBIDDEN_MODULES - ALLOWED.get(file.relative_to(PACKAGE).as_posix(), set())
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                names = []
            assert not forbidden & {name.partition(".")[0] for name in names}, file
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in FORBIDDEN_CALLS, file
            assert not (isinstance(node, ast.keyword) and node.arg == "shell"), file
            if isinstance(node, ast.Attribute):
                assert node.attr not in (
                    "system",
                    "popen",
                    "loads_pickle",
                    "write_text",
                    "write_bytes",
                ), file
