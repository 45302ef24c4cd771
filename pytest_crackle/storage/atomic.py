"""Write a file so that after any fault there is the whole new one or the whole old one."""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["write_atomic"]

_TRIES: Final = 20
"""Of a replace on Windows, where a scanner or a reader may hold the old file for a moment."""
_PAUSE: Final = 0.05
_MOST_LINKS: Final = 40
_NEW_FILE: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
)
_OLD_FILE: Final = os.O_WRONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True)
class _System:
    """Own references to the system's functions: a test may leave those of `os` patched."""

    open: Callable[[str, int, int], int] = field(default=os.open)
    write: Callable[[int, bytes], int] = field(default=os.write)
    close: Callable[[int], None] = field(default=os.close)
    replace: Callable[[str, str], None] = field(default=os.replace)
    unlink: Callable[[str], None] = field(default=os.unlink)
    mkdir: Callable[[str], None] = field(default=os.mkdir)
    stat: Callable[[str], os.stat_result] = field(default=os.stat)
    chmod: Callable[[str, int], None] = field(default=os.chmod)
    readlink: Callable[[str], str] = field(default=os.readlink)
    urandom: Callable[[int], bytes] = field(default=os.urandom)
    sleep: Callable[[float], None] = field(default=time.sleep)
    split: Callable[[str], tuple[str, str]] = field(default=os.path.split)
    join: Callable[[str, str], str] = field(default=os.path.join)
    has_locks: bool = sys.platform == "win32"


_SYSTEM: Final = _System()


def write_atomic(path: str | Path, text: str, *, system: _System = _SYSTEM) -> None:
    """Write a text file, whole or not at all.

    Parameters
    ----------
    path : str or Path
        Absolute, as the working directory may be gone. Links are followed; the folder is made if
        it is missing. What is no regular file (``/dev/stdout``) is written to as it stands.
    text : str
        Written in UTF-8; lone surrogates become escapes.
    system : _System
        For tests.

    Raises
    ------
    OSError
        With the path as its file name. The old file is as it was, and no new one is left.

    Notes
    -----
    The text goes into a new file beside the target, with a random name and O_EXCL (a predictable
    one in a shared folder could be a planted link), which then replaces it. The mode is the one
    that `open` gives: that of the old file, else what the umask leaves. No fsync: after a crash of
    the machine, not of the process, the file may be the old one or empty.
    """
    name = os.fspath(path)
    try:
        _write(_target(name, system), text.encode("utf-8", "backslashreplace"), system)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), name) from error


def _target(name: str, system: _System) -> str:
    """Follow links at the last component; the system follows the others."""
    for _ in range(_MOST_LINKS):
        try:
            link = system.readlink(name)
        except (OSError, ValueError):
            break
        name = system.join(system.split(name)[0], link)
    return name


def _write(name: str, data: bytes, system: _System) -> None:
    mode = _mode_of(name, system)
    if mode is not None and not stat.S_ISREG(mode):
        _put(system.open(name, _OLD_FILE, 0o666), data, system)
        return
    folder = system.split(name)[0]
    temporary = system.join(folder, f".crackle-{system.urandom(8).hex()}.tmp")
    try:
        descriptor = system.open(temporary, _NEW_FILE, 0o666)
    except FileNotFoundError:
        _make_folder(folder, system)
        descriptor = system.open(temporary, _NEW_FILE, 0o666)
    try:
        _put(descriptor, data, system)
        if mode is not None:
            system.chmod(temporary, stat.S_IMODE(mode) & 0o777)
        _replace(temporary, name, system)
    except BaseException:
        _forget(temporary, system)
        raise


def _mode_of(name: str, system: _System) -> int | None:
    try:
        return system.stat(name).st_mode
    except FileNotFoundError:
        return None


def _put(descriptor: int, data: bytes, system: _System) -> None:
    try:
        while data:
            data = data[system.write(descriptor, data) :]
    finally:
        system.close(descriptor)


def _make_folder(folder: str, system: _System) -> None:
    """Make a folder and those above it; `os.makedirs` would ask a patched `os.path.exists`."""
    try:
        system.mkdir(folder)
    except FileExistsError:
        return
    except FileNotFoundError:
        above = system.split(folder)[0]
        if above in ("", folder):
            raise
        _make_folder(above, system)
        with suppress(FileExistsError):  # made by another process meanwhile
            system.mkdir(folder)


def _replace(source: str, target: str, system: _System) -> None:
    for left in range(_TRIES, 0, -1):
        try:
            system.replace(source, target)
        except PermissionError:
            if left == 1 or not system.has_locks:
                raise
            system.sleep(_PAUSE)
        else:
            return


def _forget(name: str, system: _System) -> None:
    try:
        system.unlink(name)
    except OSError:
        return
