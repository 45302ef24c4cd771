"""Processes side by side, each on a core of its own, so that all meet the same weather."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_cores = sorted(os.sched_getaffinity(0))[:2]


def used(
    *commands: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None
) -> list[tuple[float, float]]:
    """User + system CPU seconds and peak bytes of each command; two cores take turns.

    A command that fails ends the benchmark.
    """
    processes = [
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd, env=env
        )
        for command in commands
    ]
    if len(_cores) > 1:
        _cores.reverse()
        for process, core in zip(processes, _cores, strict=False):
            os.sched_setaffinity(process.pid, {core})
    out = []
    for process, command in zip(processes, commands, strict=True):
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"{' '.join(command)} ended with {process.returncode}")
        out.append((usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024.0))
    return out


def spread(values: list[float], form: str = "7.0f") -> str:
    """Minimum, median and maximum, side by side; dashes where nothing was timed."""
    if not values:
        return " ".join(["-".rjust(len(format(0.0, form)))] * 3)
    three = (min(values), statistics.median(values), max(values))
    return " ".join(format(value, form) for value in three)
