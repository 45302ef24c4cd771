"""Which version of the code ran: commit, branch, and whether there were changes on top."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Checkout", "checkout_of"]

PATIENCE: Final = 10.0
"""Seconds for git; in a checkout of 100,000 files on a slow disk it takes some three."""
_COMMITS: Final = ("GITHUB_SHA", "CI_COMMIT_SHA")
_BRANCHES: Final = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_BRANCH")
_STATUS: Final = (
    "--no-optional-locks",
    "status",
    "--porcelain=v2",
    "--branch",
    "--untracked-files=no",
)
_NO_COMMIT: Final = "(initial)"
_NO_BRANCH: Final = "(detached)"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A version of the code.

    Attributes
    ----------
    commit, branch : str or None
        None where nobody knows.
    dirty : bool
        Whether files under version control differ from the commit.
    """

    commit: str | None = None
    branch: str | None = None
    dirty: bool = False

    def facts(self) -> dict[str, object]:
        """Return what is known, as it stands in files: a key that says nothing is left out."""
        known = {"commit": self.commit, "branch": self.branch, "dirty": self.dirty}
        return {key: value for key, value in known.items() if value}


def checkout_of(folder: Path, environment: Mapping[str, str] | None = None) -> Checkout:
    """Ask git, and continuous integration where git does not know.

    Parameters
    ----------
    folder : Path
        Anywhere in the checkout.
    environment : mapping of str to str, optional
        That of the process by default.

    Returns
    -------
    Checkout
        The commit that CI names counts only without git: the folder may belong to another
        repository than CI's. A detached checkout, as CI makes it, has CI's name of the branch.

    Notes
    -----
    One call of git: some 5 ms, more in large repositories.
    """
    environment = os.environ if environment is None else environment
    command = ["git", "-C", str(folder), *_STATUS]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            cwd=folder,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return _from_ci(environment)
    if done.returncode != 0:
        return _from_ci(environment)
    return _parse(done.stdout.decode("utf-8", "replace"), environment)


def _parse(status: str, environment: Mapping[str, str]) -> Checkout:
    """Read ``git status --porcelain=v2 --branch``."""
    commit = branch = None
    dirty = False
    for line in status.splitlines():
        if line.startswith("# branch.oid "):
            commit = line.split(" ", 2)[2]
        elif line.startswith("# branch.head "):
            branch = line.split(" ", 2)[2]
        elif not line.startswith("#"):
            dirty = True
    if commit == _NO_COMMIT:
        commit = None
    if branch == _NO_BRANCH:
        ours = commit is not None and commit in map(environment.get, _COMMITS)
        branch = _first(environment, _BRANCHES) if ours else None
    return Checkout(commit, branch, dirty)


def _from_ci(environment: Mapping[str, str]) -> Checkout:
    return Checkout(_first(environment, _COMMITS), _first(environment, _BRANCHES))


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := environment.get(name))), None)
