"""The command that puts two reports side by side: ``compare``."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

from pytest_crackle.cli.arguments import add_reading
from pytest_crackle.cli.telling import FINE, print_line, read_report
from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    import argparse

    from pytest_crackle.cli.arguments import Commands
    from pytest_crackle.model.report import Report

__all__ = ["add_commands"]

COMPARE = """\
Say what differs between two JSON reports of one suite: patterns that appeared, vanished, got twice
as bad or half as bad, tests that were added, removed or ended otherwise, and the sum of each metric
over the tests of both. Times of single tests differ from run to run and are not compared. Ends with
0 whatever differs; fail on patterns with cool --fail-on and a baseline."""


def add_commands(commands: Commands) -> None:
    """Add the parsers of these commands."""
    compare = commands.add_parser(
        "compare", help="what differs between two JSON reports", description=COMPARE
    )
    compare.add_argument("before", metavar="A", help="JSON report of the earlier run")
    compare.add_argument("after", metavar="B", help="JSON report of the later run")
    compare.add_argument("--json", action="store_true", help="print JSON with everything")
    add_reading(compare)
    compare.set_defaults(run=_compare)


def _compare(chosen: argparse.Namespace) -> int:
    from pytest_crackle.gating.comparing import compare  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.reporting.comparison import (  # noqa: PLC0415 - as above
        comparison_object,
        comparison_text,
    )
    from pytest_crackle.reporting.medium import NARROWEST, Medium  # noqa: PLC0415 - as above

    names = (chosen.before, chosen.after)
    if names == ("-", "-"):
        raise CrackleError("standard input can be one of the two reports only")
    before, after = (_read(chosen, name) for name in names)
    comparison = compare(before, after)
    if chosen.json:
        found = comparison_object(comparison, names)
        print_line(json.dumps(found, allow_nan=False, indent=1))
        return FINE
    width = max(NARROWEST, min(shutil.get_terminal_size().columns, 120))
    for line in comparison_text(comparison, names, Medium(width, sys.stdout.encoding or "ascii")):
        print_line(line)
    return FINE


def _read(chosen: argparse.Namespace, name: str) -> Report:
    try:
        return read_report(chosen, name)
    except CrackleError as error:
        if "Extra data" not in str(error):
            raise
        raise CrackleError(
            f"{error}; records are no report: pytest-crackle cool {name} --json REPORT makes one"
        ) from None
