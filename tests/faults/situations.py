"""What a test may leave behind: clocks, folders, descriptors, limits, hooks, names, processes."""

# ruff: noqa: E501 - the suites stand in strings

from __future__ import annotations

from tests.faults.sessions import Case

__all__ = ["SITUATIONS", "case"]

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
HEAD = SUITE.partition("    def broken")[0]
SITUATIONS += [
    case(
        "signals-all-the-time",
        "signal.signal(signal.SIGALRM, lambda *a: None)\nsignal.setitimer(signal.ITIMER_REAL, .001, .001)",
    ),
    case("no-more-processes", "import resource\nresource.setrlimit(resource.RLIMIT_NPROC, (1, 1))"),
    case(
        "limit-of-memory",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1, resource.RLIM_INFINITY))",
        same_output=False,
    ),
    case(
        "audit-hook-raises",
        "def hook(event, args):\n    if event in ('os.listdir', 'os.scandir'): raise PermissionError(event)\nsys.addaudithook(hook)",
    ),
    case("int-digits", "sys.set_int_max_str_digits(640)"),
    case("gc-debug", "gc.set_debug(gc.DEBUG_STATS | gc.DEBUG_SAVEALL)", same_output=False),
    case("switched-off-in-the-environment", "os.environ['PYTEST_CRACKLE'] = '0'"),
    case(
        "terminal-unregistered",
        "request.config.pluginmanager.unregister(name='terminalreporter')",
        same_output=False,
    ),
    case(
        "name-of-the-item-changed",
        "request.node.own_markers[:] = []; request.node.fixturenames.clear()",
    ),
    case("getpid-of-another", "os.getpid = lambda: 1"),
    case(
        "fork-records",
        "import multiprocessing as mp\np = mp.get_context('fork').Process(target=record_metric, args=('inner', 1)); p.start(); p.join()",
    ),
    case(
        "spawned",
        "import multiprocessing as mp\nwith mp.get_context('spawn').Pool(1) as pool: assert pool.map(abs, [-1]) == [1]",
    ),
    case(
        "loop-of-asyncio",
        "import asyncio\nasync def go():\n    await asyncio.gather(*(asyncio.to_thread(record_metric.add, 'n') for _ in range(9)))\nasyncio.run(go())",
    ),
    case(
        "odd-properties",
        "class Odd(float):\n    def __eq__(self, other): raise ValueError\nrequest.node.user_properties += [('odd', Odd(1)), (1, 2)]",
        args=("-o", "crackle_properties=true"),
    ),
    case(
        "exception-that-cannot-be-told",
        "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
    ),
    Case(
        "exits-in-every-phase",
        HEAD
        + """
    @pytest.fixture
    def exits_before(): sys.exit(3)
    @pytest.fixture
    def exits_after(record_metric):
        yield
        record_metric("after", 1)
        sys.exit("bye")
    def test_setup(exits_before): pass
    def test_teardown(exits_after, record_metric): record_metric("b", 1)
    def test_call(record_metric): record_metric("c", 1); sys.exit(0)
    def test_no_exception(record_metric):
        record_metric("d", 1); raise BaseException("odd")
    def test_group(record_metric): record_metric("e", 1); raise BaseExceptionGroup("x", [SystemExit(2)])
    @pytest.mark.parametrize("i", range(4))
    def test_then(i, record_metric): record_metric("i", i)
""",
    ),
    Case(
        "conftest-of-a-hundred-tests",
        HEAD
        + "\n".join(
            f"    def test_{i}(record_metric): record_metric('i', {i})" for i in range(100)
        ),
        """
        import gc, json, os, threading, time
        def broken(*args, **keys): raise RuntimeError("conftest")
        def pytest_runtest_setup(item):
            time.time = time.perf_counter = time.monotonic = lambda: -5.0
            json.dumps = json.loads = json.JSONEncoder.encode = broken
            gc.get_count = gc.get_stats = broken
            gc.callbacks.clear()
            os.replace = os.write = os.urandom = os.mkdir = broken
            threading.enumerate = threading.active_count = broken
    """,
        same_output=False,
    ),
]
