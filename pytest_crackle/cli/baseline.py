"""Commands that keep a baseline: ``accept``, ``baseline prune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pytest_crackle.cli.arguments import add_reading
from pytest_crackle.cli.telling import FINE, print_line, read_report, today

if TYPE_CHECKING:
    import argparse

    from pytest_crackle.cli.arguments import Commands

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add the parsers of these commands."""
    _add_accept(commands)
    _add_baseline(commands)


def _add_accept(commands: Commands) -> None:
    accept = commands.add_parser("accept", help="accept patterns of a report into a baseline")
    accept.add_argument("report", metavar="REPORT", help="JSON report; - for stdin")
    accept.add_argument("ids", nargs="+", metavar="ID", help="ids of patterns, or all")
    accept.add_argument("--baseline", required=True, metavar="PATH", help="made if it is not there")
    accept.add_argument("--reason", required=True, metavar="TEXT", help="why, for reviewers")
    add_reading(accept)
    accept.set_defaults(run=_accept)


def _add_baseline(commands: Commands) -> None:
    baseline = commands.add_parser("baseline", help="keep a baseline in order")
    actions = baseline.add_subparsers(title="actions", required=True, metavar="ACTION")
    prune = actions.add_parser("prune", help="remove entries that a report no longer has")
    prune.add_argument("report", metavar="REPORT", help="JSON report of a whole run; - for stdin")
    prune.add_argument("--baseline", required=True, metavar="PATH", help="accepted patterns")
    add_reading(prune)
    prune.set_defaults(run=_prune)


def _accept(chosen: argparse.Namespace) -> int:
    from pytest_crackle import acceptance as acceptances  # noqa: PLC0415 - start-up of the other commands

    acceptance = acceptances.Acceptance(tuple(chosen.ids), chosen.reason, Path(chosen.baseline))
    print_line(acceptances.accept(read_report(chosen), acceptance, today()))
    return FINE


def _prune(chosen: argparse.Namespace) -> int:
    from pytest_crackle import acceptance as acceptances  # noqa: PLC0415 - start-up of the other commands

    for line in acceptances.prune(read_report(chosen), Path(chosen.baseline)):
        print_line(line)
    return FINE
