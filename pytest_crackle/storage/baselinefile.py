"""Read and write the text of a baseline file, which may come from anybody's pull request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.storage.atomic import write_atomic
from pytest_crackle.storage.regular import open_regular

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MAX_SIZE", "read_baseline_text", "write_baseline_text"]

MAX_SIZE: Final = 16 << 20
"""Bytes; an entry has some 500, so that is more patterns than anybody reviews."""


def read_baseline_text(path: Path) -> str:
    """Read a baseline file whole.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str
        "" if there is no such file: the first acceptance makes it.

    Raises
    ------
    CrackleError
        ``FILE: reason`` if it is no regular file, has more than 16 MiB, is not UTF-8 or cannot
        be read.
    """
    try:
        file = open_regular(str(path), MAX_SIZE)
    except CrackleError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return ""
        raise
    with file:
        try:
            data = file.read(MAX_SIZE)
        except OSError as error:
            raise CrackleError(f"{path}: {error.strerror or error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CrackleError(f"{path}: not UTF-8") from None


def write_baseline_text(path: Path, text: str) -> None:
    """Write a baseline file: the whole new text, or the old file stays.

    Parameters
    ----------
    path : Path
        Absolute. A symbolic link is followed, so that the link stays one.
    text : str

    Raises
    ------
    OSError
        If it cannot be written; the file named.
    """
    write_atomic(path.resolve(), text)
