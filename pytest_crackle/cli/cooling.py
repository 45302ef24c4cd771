"""Commands that cool: ``cool``, ``show``, ``selfcheck``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_crackle.cli.arguments import add_cooling, add_reading, add_telling, max_size, names
from pytest_crackle.cli.telling import FINE, GATE_FAILED, print_line, read_report, tell, today
from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    import argparse

    from pytest_crackle.cli.arguments import Commands

__all__ = ["add_commands"]


def add_commands(commands: Commands) -> None:
    """Add the parsers of these commands."""
    _add_cool(commands)
    _add_show(commands)
    _add_selfcheck(commands)


def _add_cool(commands: Commands) -> None:
    cool = commands.add_parser("cool", help="look for patterns in records or JSON reports")
    cool.add_argument("files", nargs="+", metavar="FILE", help="records or report; - for stdin")
    add_cooling(cool)
    add_telling(cool)
    cool.add_argument("--fail-on", action="append", default=[], metavar="RULE")
    cool.add_argument("--budget", action="append", default=[], metavar="RULE")
    cool.add_argument("--baseline", metavar="PATH", help="accepted patterns")
    cool.add_argument("--dry-run", action="store_true", help="evaluate the gate, exit 0")
    cool.set_defaults(run=_cool)


def _add_show(commands: Commands) -> None:
    show = commands.add_parser("show", help="print a JSON report as it was told")
    show.add_argument("report", metavar="REPORT")
    add_telling(show)
    add_reading(show)
    show.set_defaults(run=_show)


def _add_selfcheck(commands: Commands) -> None:
    check = commands.add_parser(
        "selfcheck", help="false alarms on your own suite: patterns in shuffles of your records"
    )
    check.add_argument("files", nargs="+", metavar="RECORDS")
    check.add_argument("--shuffles", type=int, default=20, metavar="N", help="how many (20)")
    check.add_argument("--seed", type=int, default=0)
    add_cooling(check)
    check.set_defaults(run=_selfcheck)


def _cool(chosen: argparse.Namespace) -> int:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.storage.shards import read_run  # noqa: PLC0415 - as above

    plan = pipeline.plan(
        cooling=chosen.cooling,
        detectors=names(chosen.detectors),
        fail_on=chosen.fail_on,
        budgets=chosen.budget,
        baseline=Path(chosen.baseline) if chosen.baseline else None,
        dry_run=chosen.dry_run,
        prefix="--",
    )
    run = read_run(chosen.files, max_size=max_size(chosen))
    report = pipeline.run(
        run.table, run.session, plan, notes=run.notes, clock=time.perf_counter, today=today()
    )
    tell(report, chosen, run.messages)
    return GATE_FAILED if report.gate.fails_session else FINE


def _show(chosen: argparse.Namespace) -> int:
    tell(read_report(chosen), chosen, ())
    return FINE


def _selfcheck(chosen: argparse.Namespace) -> int:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.storage.shards import read_run  # noqa: PLC0415 - as above

    if chosen.shuffles < 1:
        raise CrackleError(f"--shuffles: {chosen.shuffles} is not at least 1")
    plan = pipeline.plan(cooling=chosen.cooling, detectors=names(chosen.detectors))
    run = read_run(chosen.files, max_size=max_size(chosen))
    for line in pipeline.selfcheck(run.table, plan, chosen.shuffles, chosen.seed):
        print_line(line)
    return FINE
