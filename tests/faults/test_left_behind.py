"""What tests leave behind: patched clocks and functions, lost folders and descriptors, limits."""

# ruff: noqa: E501 - the suites stand in strings

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import pytest_crackle
from tests.faults.sessions import (
    TALLY,
    check_journal,
    check_ledger,
    check_undisturbed,
    run_all,
)
from tests.faults.situations import SITUATIONS, case

pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

PACKAGE = Path(pytest_crackle.__file__).parent
# not of math and the like: they are arithmetic, and no test patches it for its surroundings
WATCHED = (
    "os",
    "json",
    "time",
    "gc",
    "sys",
    "threading",
    "stat",
    "_thread",
    "resource",
    "shutil",
    "socket",
    "platform",
    "getpass",
    "tracemalloc",
)


def used_functions():
    """Every function of the system that the package calls, and what those of them rest on."""
    used = {
        "os.path.join",
        "os.path.split",
        "os.path.exists",
        "os.getcwd",
        "os.makedirs",
        "os.fspath",
        "builtins.open",
        "builtins.print",
        "builtins.__import__",
        "builtins.isinstance",
        "io.open",
        "json.dumps",
        "json.loads",
        "json.JSONEncoder.encode",
        "json.encoder.c_make_encoder",
        "json.encoder.encode_basestring_ascii",
        "pathlib.Path.write_text",
        "pathlib.Path.open",
        "pathlib.Path.mkdir",
        "pathlib.Path.exists",
        "importlib.import_module",
        "shutil.get_terminal_size",
        "time.monotonic",
        "time.sleep",
        "tempfile.mkstemp",
        "warnings.warn",
        "random.random",
    }
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in WATCHED
                and node.attr.islower()
            ):
                used.add(f"{node.value.id}.{node.attr}")
    return sorted(name for name in used if _is_function(name))


def _is_function(name):
    module, *rest = name.split(".")
    found: object = __import__(module)
    for part in rest:
        found = getattr(found, part, None)
    return callable(found) and not isinstance(found, type)


FUNCTIONS = used_functions()
PATCHES = [
    case(
        f"patch-{name}",
        f"import importlib, pathlib, io, platform, shutil, socket, statistics, tempfile, getpass, random\n"
        f"import resource, stat, _thread, math, tracemalloc, json.encoder\n{name} = broken",
        same_output=False,
    )
    for name in FUNCTIONS
]
FATAL_TO_PYTEST = "pytest itself does not survive it: the twin without crackle ends the same way"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    return run_all([*SITUATIONS, *PATCHES], tmp_path_factory.mktemp("left"))


def check_all_recorded(twins):
    check_undisturbed(twins)
    check_journal(twins)
    if not twins.on.has_report and twins.off.status not in (0, 1):
        TALLY.count(FATAL_TO_PYTEST)
        return
    check_ledger(twins)
    report = twins.on.report
    if twins.on.status in (0, 1):
        assert len(report["tests"]) == (100 if "hundred" in twins.case.name else 9)
        assert report["faults"] == []
    # real seconds: a test takes some, and a clock that was set back would give none
    assert all(0 < test["metrics"]["duration"] < 60 for test in report["tests"])


@pytest.mark.parametrize("name", [case.name for case in SITUATIONS])
def test_a_situation_that_a_test_leaves(ran, name):
    check_all_recorded(ran[name])


@pytest.mark.parametrize("name", [case.name for case in PATCHES])
def test_a_function_that_a_test_leaves_raising(ran, name):
    check_all_recorded(ran[name])
    TALLY.count("functions of the system left raising")


def test_the_list_of_functions_is_no_empty_one():
    assert len(FUNCTIONS) > 60
    assert {"os.open", "os.replace", "time.perf_counter", "json.JSONEncoder.encode"} <= set(
        FUNCTIONS
    )
