"""What the operating system says of this process.

Cost of one reading each, Linux: resident memory 4 us, run-queue delay 4 us, descriptors 3 us and
0.2 us for each open one, threads 0.1 us (more only while others run), children 0.5 us.
"""

from __future__ import annotations

import _thread
import math
import os
import stat
import sys
import threading
from typing import TYPE_CHECKING, Final

from pytest_crackle.firing.meters.clock import thread_clock

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ProcFile",
    "children_cpu_growth",
    "delay_growth",
    "descriptor_kinds_reader",
    "descriptors_reader",
    "rss_file",
    "thread_count",
    "threads_reader",
]

SLACK: Final = 0.0005
"""Seconds of waiting that may be told a test late; it is looked at from 10 ms on only."""

_KINDS: Final = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "folder",
    stat.S_IFSOCK: "socket",
    stat.S_IFIFO: "pipe",
    stat.S_IFCHR: "device",
    stat.S_IFBLK: "device",
}

# Each function returns a reader with its own references to what it calls (a test may leave os.open
# patched), or None where this platform has no such meter. A reader never keeps a descriptor open
# between tests: a test may close it and open another under its number. A reader raises OSError
# or ValueError when the reading fails; the recorder then leaves the value out.


class ProcFile:
    """Read the second number of a file of /proc, times a scale.

    Attributes
    ----------
    descriptor : int
        The number under which the last reading opened the file: the lowest that was free.

    Raises
    ------
    OSError, ValueError, IndexError
        From the constructor as well, where there is no such file or number.
    """

    def __init__(self, path: str, scale: float) -> None:
        self._path, self._scale = path, scale
        self._flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
        self._open, self._read, self._close = os.open, os.read, os.close
        self._text, self._value = b"", 0.0
        self.descriptor = -1
        self.read()

    def read(self) -> float:
        """Read now; raises OSError or ValueError."""
        self.descriptor = descriptor = self._open(self._path, self._flags)
        try:
            text = self._read(descriptor, 128)
        finally:
            self._close(descriptor)
        if text != self._text:
            self._value = int(text.split(None, 2)[1]) * self._scale
            self._text = text
        return self._value


def _proc_file(path: str, scale: float) -> ProcFile | None:
    try:
        return ProcFile(path, scale)
    except (OSError, ValueError, IndexError):
        return None


def rss_file() -> ProcFile | None:
    """Return what reads the resident set in bytes (Linux)."""
    if not hasattr(os, "sysconf"):
        return None
    return _proc_file("/proc/self/statm", float(os.sysconf("SC_PAGE_SIZE")))


def delay_growth() -> Callable[[float], float] | None:
    """Return what tells how long the main thread waited for a core since it was asked last (Linux).

    It takes the wall clock's reading. To ask the system takes 6 us. But a thread that ran for as
    long as the clock did was never kept waiting: while the two differ by less than `SLACK` since
    the system was asked, the answer is 0, and what little there was adds to the next one.
    """
    file = _proc_file("/proc/self/schedstat", 1e-9)
    if file is None:
        return None
    ask, thread = file.read, thread_clock()
    before, at, ran = math.nan, -math.inf, 0.0

    def grown(now: float) -> float:
        nonlocal before, at, ran
        running = thread()
        if now - at - (running - ran) < SLACK:
            return 0.0
        earlier, before = before, math.nan  # if it fails now, what comes next is not known either
        before, at, ran = ask(), now, running
        return before - earlier

    return grown


def descriptors_reader() -> tuple[Callable[[str], list[str]], str] | None:
    """Return what lists the numbers of the open descriptors, and its argument (Linux, macOS).

    The order is stable. The lowest free number is among them: the listing's own descriptor. Two
    listings that differ are compared by `descriptor_kinds`, which leaves it out.
    """
    listdir = os.listdir
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            listdir(folder)
        except OSError:
            continue
        return listdir, folder
    return None


def descriptor_kinds_reader() -> Callable[[list[str]], dict[str, tuple[str, int]]]:
    """Return a function that tells which of some descriptors are open and what they are.

    It gives ``{"7": ("socket", inode)}``: kinds only, no path or address leaves the process; the
    inode tells a number that was closed and used again.
    """
    fstat, file_type = os.fstat, stat.S_IFMT

    def read(numbers: list[str]) -> dict[str, tuple[str, int]]:
        kinds: dict[str, tuple[str, int]] = {}
        for number in numbers:
            try:
                facts = fstat(int(number))
            except (OSError, ValueError):
                continue
            kind = _KINDS.get(file_type(facts.st_mode), "anonymous descriptor")
            kinds[number] = (kind, facts.st_ino)
        return kinds

    return read


def thread_count() -> Callable[[], int]:
    """Return the cheap question of how many threads run beside the main one."""
    # Where nothing tells, there may always be one: `threads_reader` is asked.
    return getattr(_thread, "_count", None) or (lambda: 1)


def threads_reader() -> Callable[[], dict[int, str]]:
    """Return a reader of the live threads: identity to name, without the main thread."""
    enumerate_threads, main = threading.enumerate, threading.main_thread()

    def read() -> dict[int, str]:
        return {
            thread.ident: thread.name
            for thread in enumerate_threads()
            if thread is not main and thread.ident is not None
        }

    return read


def children_cpu_growth() -> Callable[[float], float] | None:
    """Return what tells the CPU seconds of children waited for since it was asked last.

    User and system; not on Windows.
    """
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - absent on Windows

    getrusage, children = resource.getrusage, resource.RUSAGE_CHILDREN
    before = math.nan

    def grown(_: float) -> float:
        nonlocal before
        usage = getrusage(children)
        used, earlier = usage.ru_utime + usage.ru_stime, before
        before = used
        return used - earlier

    return grown
