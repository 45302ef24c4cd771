"""Open a file that may come from anybody: a regular one, of bounded size, without waiting."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["open_regular"]


def open_regular(name: str, max_size: int) -> BinaryIO:
    """Open a file for reading.

    Parameters
    ----------
    name : str
        Its path.
    max_size : int
        Most bytes that it may have.

    Returns
    -------
    BinaryIO

    Raises
    ------
    CrackleError
        ``FILE: reason``: not there (its cause is a FileNotFoundError then), not readable, not a
        regular file, or too large.
    """
    try:
        # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever
        descriptor = os.open(name, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise CrackleError(f"{name}: {reason or error}") from error
    facts = os.fstat(descriptor)
    problem = None
    if not stat.S_ISREG(facts.st_mode):
        problem = "not a regular file"
    elif facts.st_size > max_size:
        problem = f"{facts.st_size} bytes; at most {max_size} are read"
    if problem is not None:
        os.close(descriptor)
        raise CrackleError(f"{name}: {problem}")
    return os.fdopen(descriptor, "rb")
