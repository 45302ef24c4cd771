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
    Case,
    check_journal,
    check_ledger,
    check_undisturbed,
    run_all,
)

pytestmark = pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="the zygote forks")

SUITE = """
    import builtins, gc, json, os, signal, sys, threading, time, warnings
    import pytest

    def broken(*args, **keys):
        raise RuntimeError("left behind")

    @pytest.mark.parametrize("i", range(4))
    def test_before(i, record_metric): record_metric("i", i)

    def test_it(record_metric, request):
        record_metric("it", 1)
        {}

    @pytest.mark.parametrize("i", range(4))
    def test_after(i, record_metric): record_metric("i", i)
"""


def case(name, body, **given):
    indented = body.strip().replace("\n", "\n        ")
    return Case(name, SUITE.format(indented), **given)


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
REFREEZE = """
import datetime, random
fakes = {id(getattr(time, n)): (lambda: -1e9) for n in
         ("time", "perf_counter", "process_time", "monotonic", "thread_time", "time_ns", "perf_counter_ns")}
for module in list(sys.modules.values()):
    for name in dir(module):
        try: value = getattr(module, name)
        except Exception: continue
        if id(value) in fakes and not module.__name__.startswith("_"):
            setattr(module, name, fakes[id(value)])
"""
SITUATIONS = [
    # clocks
    case(
        "clocks-set-back",
        "for n in ('time','perf_counter','process_time','monotonic'):\n"
        "    setattr(time, n, lambda: -1e9)",
        same_output=False,
    ),
    case("clocks-rewritten-in-every-module", REFREEZE, same_output=False),
    case(
        "clocks-mocked",
        "import unittest.mock as m\nm.patch('time.time', return_value='soon').start()\n"
        "m.patch('time.perf_counter', side_effect=ValueError).start()",
        same_output=False,
    ),
    case(
        "clocks-monkeypatched",
        "m = request.getfixturevalue('monkeypatch')\n"
        "m.setattr(time, 'time', lambda: 0.0)\nm.setattr(time, 'perf_counter', lambda: float('nan'))",
        same_output=False,
    ),
    # where we are
    case("cwd-changed", "os.chdir('/')", args=("-rA",)),
    case("cwd-deleted", "import tempfile\nd = tempfile.mkdtemp()\nos.chdir(d)\nos.rmdir(d)"),
    case("environment-cleared", "os.environ.clear()"),
    case("umask", "os.umask(0o777)"),
    case("home-gone", "os.environ['HOME'] = '/nonexistent'"),
    # descriptors and limits
    case("descriptors-closed", "os.closerange(3, 256)", same_output=False),
    case(
        "descriptors-all-taken",
        """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
builtins.held = []
try:
    while True: held.append(os.open("/dev/null", 0))
except OSError: os.close(held.pop()); os.close(held.pop())
""",
        same_output=False,
    ),
    case(
        "limit-of-descriptors",
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))",
    ),
    case(
        "limit-of-file-size",
        "import resource\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))",
    ),
    case("recursion-limit-low", "sys.setrecursionlimit(140)"),
    # the interpreter
    case("gc-off", "gc.disable(); gc.callbacks.clear(); gc.freeze(); gc.set_threshold(0)"),
    case("trace-function", "sys.settrace(lambda *a: None); threading.settrace(lambda *a: None)"),
    case("profile-function", "sys.setprofile(lambda *a: None)"),
    case(
        "trace-function-raises",
        "def bad(*args):\n    raise ValueError\nsys.settrace(bad)",
        same_output=False,
    ),
    case("trace-lost", "sys.settrace(None); sys.setprofile(None)"),
    case("tracemalloc", "import tracemalloc; tracemalloc.start()"),
    case("warnings-are-errors", "warnings.simplefilter('error'); warnings.showwarning = broken"),
    case("stdout-replaced", "sys.stdout = sys.stderr = None", same_output=False),
    case("logging-off", "import logging; logging.disable(60); logging.root.handlers.clear()"),
    case("locale", "import locale; locale.setlocale(locale.LC_ALL, 'C')"),
    case("decimal-context", "import decimal; decimal.getcontext().prec = 1"),
    case("hash-of-str", "import random; random.seed(0)"),
    case(
        "thread-hook",
        "threading.excepthook = broken; sys.excepthook = broken; sys.unraisablehook = broken",
        same_output=False,
    ),
    case(
        "signal-handlers",
        "for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)",
    ),
    # imports
    case(
        "no-more-imports",
        "sys.meta_path.clear(); sys.path.clear(); sys.path_hooks.clear()",
        same_output=False,
    ),
    case(
        "our-modules-dropped",
        "for n in list(sys.modules):\n    if n.startswith('pytest_crackle'): del sys.modules[n]",
    ),
    case(
        "stdlib-dropped",
        "for n in ('json','json.encoder','statistics','math','array','tabulate','datetime','html'):\n"
        "    sys.modules.pop(n, None)",
    ),
    # everything at once
    case(
        "all-of-os",
        "for n in ('open','write','close','replace','rename','unlink','mkdir','stat','urandom','listdir',"
        "'getpid','fstat','read','fsync','makedirs','fdopen'):\n    setattr(os, n, broken)",
        same_output=False,
    ),
    case(
        "open-and-json",
        "builtins.open = broken\njson.dumps = json.dump = json.JSONEncoder.encode = broken\n"
        "json.JSONEncoder.iterencode = broken",
        same_output=False,
    ),
]
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
        assert len(report["tests"]) == 9
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
