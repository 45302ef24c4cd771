"""Commands that cool: ``cool``, ``show``, ``selfcheck``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_crackle.cli.arguments import add_cooling, add_reading, add_telling, max_size, names
from pytest_crackle.cli.telling import (
    FINE,
    GATE_FAILED,
    complain,
    print_line,
    read_report,
    tell,
    today,
)
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
    cool.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="RULE",
        help="exit 1 on patterns that match KIND[:METRIC_GLOB][@CONFIDENCE]; may be repeated",
    )
    cool.add_argument(
        "--budget",
        action="append",
        default=[],
        metavar="RULE",
        help="exit 1 when tests exceed METRIC <= VALUE [per test|in total] [in NODEID_GLOB]; may "
        "be repeated",
    )
    cool.add_argument("--baseline", metavar="PATH", help="accepted patterns")
    cool.add_argument("--dry-run", action="store_true", help="evaluate the gate, exit 0")
    cool.set_defaults(run=_cool)


def _add_show(commands: Commands) -> None:
    show = commands.add_parser("show", help="print a JSON report as it was told")
    show.add_argument("report", metavar="REPORT", help="JSON report; - for stdin")
    add_telling(show)
    add_reading(show)
    show.set_defaults(run=_show)


def _add_selfcheck(commands: Commands) -> None:
    check = commands.add_parser(
        "selfcheck",
        help="false alarms on your own suite: patterns in shuffles of your records, or alarms in "
        "the runs of your history",
    )
    check.add_argument("files", nargs="*", metavar="RECORDS", help="records or report; - for stdin")
    check.add_argument("--history", metavar="PATH", help="the history, instead of records")
    check.add_argument(
        "--runs", type=int, default=100, metavar="N", help="newest runs of the history (100)"
    )
    check.add_argument("--shuffles", type=int, default=20, metavar="N", help="how many (20)")
    check.add_argument("--seed", type=int, default=0, metavar="N", help="of the shuffles (0)")
    add_cooling(check)
    check.set_defaults(run=_selfcheck)


def _cool(chosen: argparse.Namespace) -> int:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.extensions import installed  # noqa: PLC0415 - as above
    from pytest_crackle.storage.shards import read_run  # noqa: PLC0415 - as above

    extensions = installed()
    plan = pipeline.plan(
        cooling=chosen.cooling,
        detectors=names(chosen.detectors),
        fail_on=chosen.fail_on,
        budgets=chosen.budget,
        baseline=Path(chosen.baseline) if chosen.baseline else None,
        dry_run=chosen.dry_run,
        extensions=extensions,
        prefix="--",
    )
    run = read_run(chosen.files, max_size=max_size(chosen), derive=extensions.derives())
    report = pipeline.run(
        run.table,
        run.session,
        plan,
        notes=run.notes,
        extensions=extensions,
        clock=time.perf_counter,
        today=today(),
    )
    tell(report, chosen, run.messages)
    for line in extensions.report(report):
        complain(line)
    return GATE_FAILED if report.gate.fails_session else FINE


def _show(chosen: argparse.Namespace) -> int:
    tell(read_report(chosen), chosen, ())
    return FINE


def _selfcheck(chosen: argparse.Namespace) -> int:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.extensions import installed  # noqa: PLC0415 - as above
    from pytest_crackle.storage.shards import read_run  # noqa: PLC0415 - as above

    if chosen.history is not None:
        return _selfcheck_history(chosen)
    if not chosen.files:
        raise CrackleError("selfcheck needs RECORDS or --history PATH")
    if chosen.shuffles < 1:
        raise CrackleError(f"--shuffles: {chosen.shuffles} is not at least 1")
    extensions = installed()
    plan = pipeline.plan(
        cooling=chosen.cooling,
        detectors=names(chosen.detectors),
        extensions=extensions,
        prefix="--",
    )
    run = read_run(chosen.files, max_size=max_size(chosen), derive=extensions.derives())
    for line in pipeline.selfcheck(run.table, plan, chosen.shuffles, chosen.seed):
        print_line(line)
    for line in extensions.faults:
        complain(line)
    return FINE


def _selfcheck_history(chosen: argparse.Namespace) -> int:
    from pytest_crackle.cli.historytext import alarms_text  # noqa: PLC0415 - as above
    from pytest_crackle.cooling.history.leave_one_out import leave_one_out  # noqa: PLC0415 - as above
    from pytest_crackle.cooling.profiles import Profile  # noqa: PLC0415 - as above
    from pytest_crackle.storage.history.facts import RunFacts  # noqa: PLC0415 - as above
    from pytest_crackle.storage.history.opening import reading  # noqa: PLC0415 - as above
    from pytest_crackle.storage.history.reading import History, in_memory  # noqa: PLC0415 - as above

    if chosen.files:
        raise CrackleError("selfcheck takes RECORDS or --history PATH, not both")
    if chosen.runs < 1:
        raise CrackleError(f"--runs: {chosen.runs} is not at least 1")
    profile, path = Profile.of(chosen.cooling), Path(chosen.history).expanduser()
    with reading(path) as connection:
        history = History(path, connection)
        past = in_memory(history.past_of(RunFacts(""), history.runs()[-chosen.runs :]))
    for line in alarms_text(leave_one_out(past, profile)):
        print_line(line)
    return FINE
