"""Paths as code hosts want them: from the root of the repository, with "/"."""

from __future__ import annotations

import posixpath
import re
from typing import Final

__all__ = ["path_in_repository"]

_DRIVE: Final = re.compile(r"[A-Za-z]:/")


def path_in_repository(file: str, repository: str = "", rootdir: str = "") -> str | None:
    """Return the path of a file from the root of the repository.

    Parameters
    ----------
    file : str
        As recorded: from pytest's rootdir, or absolute.
    repository, rootdir : str
        Absolute; "" if they are the same folder.

    Returns
    -------
    str or None
        With "/" also from Windows; None if the file lies outside.

    Examples
    --------
    >>> path_in_repository("tests/test_a.py", "/ci/repo", "/ci/repo/backend")
    'backend/tests/test_a.py'
    """
    root, base, path = (_forward(text) for text in (repository, rootdir or repository, file))
    path = posixpath.normpath(path if _is_absolute(path) else posixpath.join(base, path))
    if root:
        prefix = posixpath.normpath(root).rstrip("/") + "/"
        if not path.startswith(prefix):
            return None
        path = path.removeprefix(prefix)
    return None if _is_absolute(path) or path.split("/")[0] in ("..", ".") else path


def _forward(path: str) -> str:
    return path.replace("\\", "/")


def _is_absolute(path: str) -> bool:
    return path.startswith("/") or _DRIVE.match(path) is not None
