"""Parse the command line, run one command, turn what went wrong into one line and an exit code."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest_crackle
from pytest_crackle.cli import baseline, compare, cooling, history, shards
from pytest_crackle.cli.telling import FINE, complain, print_line
from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process by default.

    Returns
    -------
    int
        0 fine, 1 the gate failed, 2 bad input or usage.
    """
    _open_streams()
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        status = int(chosen.run(chosen))
        sys.stdout.flush()
    except CrackleError as error:
        return complain(str(error))
    except OSError as error:
        _drop_what_nobody_takes()
        place = f"{error.filename}: " if error.filename else ""
        return complain(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        return complain("interrupted")
    return status


def _open_streams() -> None:
    """Give what is printed a place to go to where the caller has closed it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - it stays open


def _drop_what_nobody_takes() -> None:
    """Send what a full device or a closed pipe did not take nowhere: it is tried again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-crackle",
        description="Look for patterns across tests in records that a session has left.",
    )
    parser.add_argument(
        "--version", action="version", version=f"pytest-crackle {pytest_crackle.__version__}"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for group in (cooling, shards, compare, baseline, history):
        group.add_commands(commands)
    schema = commands.add_parser("schema", help="print a JSON Schema")
    schema.add_argument("name", choices=("report", "records", "baseline"), help="which")
    schema.set_defaults(run=_schema)
    return parser


def _schema(chosen: argparse.Namespace) -> int:
    from importlib.resources import files  # noqa: PLC0415 - start-up of the other commands

    schema = files("pytest_crackle") / "schemas" / f"{chosen.name}-1.json"
    print_line(schema.read_text(encoding="utf-8").rstrip())
    return FINE
