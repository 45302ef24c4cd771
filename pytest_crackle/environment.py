"""Where a run took place, in one key: times of runs with different keys do not compare."""

from __future__ import annotations

import os
import platform
import sys
from typing import Final

__all__ = ["environment_key"]

_CPUINFO: Final = "/proc/cpuinfo"
_MOST: Final = 4096
"""Bytes read of it: the first processor is enough, and each one takes the kernel its time."""


def environment_key() -> str:
    """Return what decides how fast this process is.

    Returns
    -------
    str
        Implementation and minor version of Python, operating system, machine type, the number of
        cores that this process may use, and the model of the processor.

    Notes
    -----
    Not the name of the host: continuous integration gives each job a new one, and no run would
    find a past. Not the patch level of Python: its releases do not change speed by much, and each
    would begin a new past. A runner of the same kind on another model of processor is a machine of
    another speed, and has a past of its own.

    Examples
    --------
    >>> environment_key().startswith(platform.python_implementation())
    True
    """
    version = f"{platform.python_implementation()} {sys.version_info[0]}.{sys.version_info[1]}"
    if getattr(sys, "_is_gil_enabled", lambda: True)() is False:
        version += " free-threaded"
    cores = _cores()
    parts = (version, sys.platform, platform.machine(), f"{cores} cores", _processor())
    return ", ".join(part for part in parts if part)


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def _processor() -> str:
    """Return the model of the processor, "" where the system does not say."""
    try:
        with open(_CPUINFO, "rb") as file:  # noqa: PTH123 - own bytes, before tests patch anything
            lines = file.read(_MOST).decode("utf-8", "replace").splitlines()
    except OSError:
        return os.environ.get("PROCESSOR_IDENTIFIER", "")
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Hardware", "cpu model", "CPU part"):
            return " ".join(value.split())
    return ""
