"""Outputs that cannot be written, terminals, interpreters, and plugins that are not there."""

# ruff: noqa: E501 - the suites stand in strings

from __future__ import annotations

import json
import sys

import pytest

from tests.faults.sessions import (
    ON,
    TALLY,
    Case,
    check_journal,
    check_ledger,
    check_undisturbed,
    run_all,
)

pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

SUITE = """
    import pytest
    NAMES = ["\\u65e5\\u672c", "e\\u0301", "\\x1b[31m", "a|b", "x" * 20_000, "\\ud800"]

    @pytest.mark.parametrize("name", NAMES, ids=lambda v: v)
    def test_named(name, record_metric): record_metric("n", len(name))

    @pytest.mark.parametrize("i", range(30))
    def test_a(i, record_metric):
        for k in range(5): record_metric(f"\\u00b5 {k}", (i > 15) * 10 + i % 3)
"""
PLAIN = """
    import pytest
    @pytest.mark.parametrize("i", range(4))
    def test_a(i, record_metric): record_metric("i", i)
"""
FORMS = ("json", "html", "md", "gitlab", "openmetrics", "records")


def outputs(path):
    return ("--crackle", *(f"--crackle-{form}={path}" for form in FORMS))


def each(*cases):
    return list(cases)


SUITES = each(
    *(
        Case(f"encoding-{name}", SUITE, env={"PYTHONIOENCODING": name}, python=())
        for name in ("ascii", "cp1252", "utf-8")
    ),
    Case("w-error", PLAIN, args=("-W", "error"), python=("-W", "error")),
    Case("x-dev", PLAIN, python=("-X", "dev")),
    Case("o", PLAIN, python=("-O",)),
    Case("oo", PLAIN, python=("-OO",)),
    Case("no-capture", PLAIN, args=("-s",)),
    Case("tee-sys", PLAIN, args=("--capture=tee-sys",)),
    *(
        Case(f"without-{name}", PLAIN, args=("-p", f"no:{name}"))
        for name in (
            "terminal",
            "capture",
            "junitxml",
            "warnings",
            "logging",
            "tmpdir",
            "threadexception",
            "unraisableexception",
            "faulthandler",
            "unittest",
            "doctest",
            "monkeypatch",
            "assertion",
        )
        if name not in ("capture",)
    ),
    Case("quiet", PLAIN, args=("-qq",), same_output=False),
    Case("no-summary", PLAIN, args=("--no-summary",), same_output=False),
    Case("colour", PLAIN, args=("--color=yes",), same_output=False),
    Case("short-name", PLAIN, conftest="pytest_plugins = ['crackle']", python=()),
    Case("plain-p", PLAIN, args=("-p", "crackle"), python=()),
    Case("importlib", PLAIN, args=("--import-mode=importlib",)),
    Case(
        "read-only-tree",
        PLAIN,
        conftest="""
        import os
        def pytest_sessionfinish(): os.chmod(os.path.dirname(__file__), 0o555)
    """,
    ),
    Case(
        "late-value",
        alone=True,
        tests="""
        import threading, pytest
        GO, DONE, SAID = threading.Event(), threading.Event(), []
        def test_a(record_metric):
            def late():
                GO.wait(5)
                try: record_metric("late", 1)
                except RuntimeError as error: SAID.append(str(error))
                DONE.set()
            threading.Thread(target=late).start()
        def test_b(record_metric):
            GO.set(); DONE.wait(5)
            record_metric("b", 1)
            assert "is over" in SAID[0]
    """,
    ),
    Case(
        "second-main",
        alone=True,
        tests="""
        import os, pytest
        def test_a(record_metric, tmp_path):
            record_metric("x", 1)
            file = tmp_path / "test_inner.py"
            file.write_text("def test_i(record_metric): record_metric('inner', 5)")
            for args in ([], ["--crackle"], ["--crackle", "--crackle-json=" + str(tmp_path / "i.json")]):
                assert pytest.main([str(file), "-p", "no:cacheprovider", "--rootdir", str(tmp_path), *args]) == 0
            import pytest_crackle
            pytest_crackle.record_metric("y", 2)
    """,
        args=("-p", "no:unraisableexception"),
    ),
    Case(
        "nested-pytester",
        alone=True,
        tests="""
        pytest_plugins = ["pytester"]
        def test_a(record_metric, pytester):
            record_metric("x", 1)
            pytester.makepyfile("def test_i(record_metric): record_metric('inner', 5)")
            pytester.runpytest_inprocess("--crackle").assert_outcomes(passed=1)
            record_metric("y", 2)
    """,
    ),
    Case(
        "odd-values",
        """
        import pytest
        @pytest.mark.parametrize("i", range(40))
        def test_a(i, record_metric):
            record_metric("same", 7)
            record_metric("zero", 0)
            record_metric("large", 1e308 * (-1) ** i)
            record_metric("small", 5e-324 * i)
            record_metric("jump", 1e308 if i > 20 else 0)
            if i == 3: record_metric("once", 1)
    """,
    ),
)
ODD_OUTPUTS = [
    Case("below-a-file", PLAIN, files={"a_file": "x"}, on=outputs("a_file/out"), complete=None),
    Case("a-folder", PLAIN, files={"a_folder/x": "x"}, on=outputs("a_folder"), complete=None),
    Case("disk-full", PLAIN, on=outputs("/dev/full"), complete=None),
    Case("nowhere", PLAIN, on=outputs("/proc/nowhere/out"), complete=None),
    Case("too-long", PLAIN, on=outputs("x" * 5000), complete=None),
]
MADE = Case(
    "folders-made",
    PLAIN,
    on=("--crackle", "--crackle-json=a/b/c/report.json", "--crackle-html=a/page/"),
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return run_all([*SUITES, *ODD_OUTPUTS, MADE], tmp_path_factory.mktemp("around"))


@pytest.mark.parametrize("name", [case.name for case in SUITES])
def test_in_every_surrounding_all_is_recorded_and_nothing_disturbed(ran, name):
    twins = ran[name]
    check_undisturbed(twins)
    check_ledger(twins)
    check_journal(twins)
    assert twins.on.report["faults"] == []
    assert twins.on.report["tests"]
    assert not twins.case.alone or twins.on.status == 0, twins.on.stdout


@pytest.mark.parametrize("name", ["encoding-ascii", "encoding-cp1252"])
def test_our_lines_fit_the_terminal(ran, name):
    encoding = name.partition("-")[2]
    data = (ran[name].on.folder / "stdout.txt").read_bytes()
    assert "\x1b" not in data.decode(encoding)
    assert any("crackle" in line for line in ran[name].on.own())


@pytest.mark.parametrize("name", [case.name for case in ODD_OUTPUTS])
def test_an_output_that_cannot_be_written_is_one_line_each(ran, name):
    twins = ran[name]
    check_undisturbed(twins)
    assert twins.on.status == 0, twins.on.stdout + twins.on.stderr
    said = " ".join(line.strip() for line in twins.on.own())
    for form in FORMS:
        assert f"{form} report not written: " in said or f"--crackle-{form}: " in said, said
    assert "no patterns in 4 tests" in said
    TALLY.count("outputs that could not be written, a line each", len(FORMS))


def test_folders_are_made(ran):
    check_undisturbed(ran["folders-made"])
    folder = ran["folders-made"].on.folder
    assert json.loads((folder / "a/b/c/report.json").read_text())["tests"]
    assert (folder / "a/page/index.html").exists()
    assert ON[1] == "--crackle-json=report.json"
