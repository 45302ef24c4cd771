"""Run many pytest sessions fast: each in a fork of one process that has pytest loaded.

Reads a list of cases as JSON from standard input, writes ``[[status, seconds], ...]``. It loads
nothing of pytest-crackle but what every start-up loads, so that each session imports the rest as
it does in a process of its own.
"""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import time
import traceback
from typing import Any

TIMED_OUT = 997
ABREAST = 2


def warm_up() -> None:
    """Load what pytest loads in any session."""
    import contextlib

    import pytest

    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main(["--version", "-p", "no:cacheprovider", "-p", "no:asyncio"])
    for name in ("_pytest.terminal", "_pytest.runner", "_pytest.junitxml", "xml.etree.ElementTree"):
        __import__(name)


def run(case: dict[str, Any]) -> None:
    """Become the session of a case; never return."""
    status = 98
    try:
        os.setpgid(0, 0)
        os.chdir(case["folder"])
        os.environ.update(case["env"])
        null = os.open(os.devnull, os.O_RDONLY)
        out = os.open("stdout.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        err = os.open("stderr.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for number, descriptor in enumerate((null, out, err)):
            os.dup2(descriptor, number)
            os.close(descriptor)
        sys.path[0] = case["folder"]
        sys.argv = ["pytest", *case["args"]]
        import pytest

        status = int(pytest.main(case["args"]))
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 97
    except BaseException:  # noqa: BLE001 - the fork must not go on as the zygote
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            leave(status)


leave = os._exit


def end(pid: int) -> None:
    """End a session and what it started."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except OSError:
            continue


def main() -> None:
    """Run all cases, a few abreast."""
    cases = json.load(sys.stdin)
    results: list[list[float]] = [[TIMED_OUT, 0.0] for _ in cases]
    warm_up()
    sys.stdout.flush()
    waiting = list(enumerate(cases))[::-1]
    running: dict[int, tuple[int, float, float]] = {}
    while waiting or running:
        while waiting and len(running) < ABREAST:
            place, case = waiting.pop()
            pid = os.fork()
            if pid == 0:
                run(case)
            now = time.monotonic()
            limit = case.get("kill_after") or case.get("timeout", 60)
            running[pid] = (place, now, now + limit)
        pid, status = os.waitpid(-1, os.WNOHANG)
        now = time.monotonic()
        if pid in running:
            place, start, _ = running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            if results[place][1] == 0.0:
                results[place] = [code, now - start]
            end(pid)
            continue
        for victim, (place, start, limit) in running.items():
            if now > limit and results[place][1] == 0.0:
                results[place] = [TIMED_OUT, now - start]
                end(victim)
        time.sleep(0.005)
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
