"""What crackle adds to every test, in calls: neither load nor machine changes them.

The figures are those of Python 3.11 with pytest 9; later Pythons count fewer (comprehensions are no
functions there), and the limits hold for them as well. A limit that breaks is a question, not a
nuisance: what does every test of every user now pay for, and is it worth it?
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

FEW, MANY = 40, 240

COUNT = """
import json, pstats, sys, cProfile
import pytest
before = set(sys.modules)
profile = cProfile.Profile()
profile.enable()
status = pytest.main(sys.argv[1:])
profile.disable()
ours = sorted(name for name in set(sys.modules) - before if name.startswith("pytest_crackle"))
hooks = sum(
    count for (path, _, name), (_, count, *_) in pstats.Stats(profile).stats.items()
    if "pytest_crackle" in path and name.startswith("pytest_")
)
calls = pstats.Stats(profile).total_calls
own = sum(
    count if "pytest_crackle" in path
    else sum(by for (caller, _, _), (_, by, *_) in callers.items() if "pytest_crackle" in caller)
    for (path, _, _), (_, count, _, _, callers) in pstats.Stats(profile).stats.items()
)
print("COUNTED", json.dumps([int(status), calls, own, ours, hooks]))
"""

ON = ("-p", "pytest_crackle.plugin", "--crackle")
BY_THE_CLOCK = "--crackle-meters=-pace,-background,-delay"
"""Left out is what hangs on time: the probe of `pace` makes 500 calls at most every 50 ms, and the
wait for a core makes 2 a test, or 9 on a machine so busy that the test had to wait."""


class Counted:
    """Calls of one pytest session of `n` trivial tests under a profiler."""

    def __init__(self, folder, n, options):
        path = folder / f"test_{n}.py"
        path.write_text(
            f"import pytest\n@pytest.mark.parametrize('i', range({n}))\ndef test_x(i): pass\n"
        )
        command = [sys.executable, "-c", COUNT, "-q", "-p", "no:cacheprovider", *options, str(path)]
        env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONHASHSEED": "0"}
        out = subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=folder, env=env
        ).stdout
        status, self.calls, self.own, self.modules, self.hooks = json.loads(
            out.rpartition("COUNTED")[2]
        )
        assert status == 0


def per_test(folder, *options, what="calls"):
    """Return calls of each test, start and end of the session cancelled out.

    The least of three: on a busy machine pytest itself makes a few more, by the clock.
    """
    Counted(folder, FEW, options)
    Counted(folder, MANY, options)  # now everything is compiled
    few, many = (
        min(getattr(Counted(folder, n, options), what) for _ in range(3)) for n in (FEW, MANY)
    )
    return (many - few) / (MANY - FEW)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("counts")


@pytest.fixture(scope="module")
def bare(folder):
    return per_test(folder)


def test_off_adds_no_call_and_three_modules(folder, bare):
    options = ("-p", "pytest_crackle.plugin")
    # pytest's own calls differ by some 7 a test between two such sessions
    assert per_test(folder, *options) <= bare + 10
    few, many = Counted(folder, FEW, options), Counted(folder, MANY, options)
    assert few.modules == ["pytest_crackle", "pytest_crackle.options", "pytest_crackle.plugin"]
    assert few.hooks == many.hooks


@pytest.mark.parametrize(
    ("options", "limit"),
    [
        # measured 69.9: hooks 10, clocks and meters 41, the record and its way into the table 20
        (("--crackle-detectors=none",), 71),
        # measured 70.9: the cooling works on columns
        ((), 72),
    ],
    ids=["measuring", "cooling"],
)
def test_our_functions_and_what_they_call_make_no_more_calls_than_they_did(folder, options, limit):
    assert 40 < per_test(folder, *ON, BY_THE_CLOCK, *options, what="own") <= limit


def test_on_adds_no_more_calls_in_all_than_it_did(folder, bare):
    added = per_test(folder, *ON, BY_THE_CLOCK) - bare
    # measured 91.7, pluggy's calls of the hooks included; up to 99 on a busy machine, where pytest
    # makes calls of its own by the clock
    assert 70 < added <= 110
