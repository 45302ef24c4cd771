"""The command that puts the files of one run together: ``merge``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_crackle.cli.arguments import add_reading, max_size
from pytest_crackle.cli.telling import FINE, complain, print_line
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    import argparse

    from pytest_crackle.cli.arguments import Commands

__all__ = ["add_commands"]

MERGE = """\
Put the records of the jobs that ran parts of one test suite into one records file. Cooling it gives
what cooling the files together gives: each file is a machine of its own, whose memory, descriptors
and run order stay apart, and whose speed is known from its readings of pace. A test in two files is
an error, unless the one failed and the other started later: then the later one counts."""


def add_commands(commands: Commands) -> None:
    """Add the parsers of these commands."""
    merge = commands.add_parser(
        "merge", help="put the records of several jobs into one file", description=MERGE
    )
    merge.add_argument("files", nargs="+", metavar="FILE", help="records or report; - for stdin")
    merge.add_argument("-o", "--output", required=True, metavar="OUT", help="records file to write")
    add_reading(merge)
    merge.set_defaults(run=_merge)


def _merge(chosen: argparse.Namespace) -> int:
    from pytest_crackle.storage.atomic import write_atomic  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.storage.merging import merged_text  # noqa: PLC0415 - as above
    from pytest_crackle.storage.shards import gather  # noqa: PLC0415 - as above

    gathered = gather(chosen.files, max_size=max_size(chosen))
    here = Path(os.getcwd())  # noqa: PTH109 - as the user sees it, links and all
    write_atomic(here / chosen.output, merged_text(gathered))
    for message in gathered.messages:
        complain(message)
    tests = len({(record["nodeid"], record.get("worker")) for record in gathered.records})
    if gathered.session.dist != "each":
        tests = len({record["nodeid"] for record in gathered.records})
    machines = max(1, len(gathered.machines))
    incomplete = gathered.session.incomplete_because
    print_line(
        f"{chosen.output}: {count_of(tests, 'test')} of {count_of(machines, 'machine')}"
        f"{f', incomplete: {incomplete}' if incomplete else ''}"
    )
    return FINE
