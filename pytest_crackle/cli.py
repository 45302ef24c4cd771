"""The command ``pytest-crackle``: the same cooling, gate and writers, without a pytest session."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest_crackle
from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from pytest_crackle.model.report import Report

__all__ = ["main"]

FINE: Final = 0
GATE_FAILED: Final = 1
BAD_INPUT: Final = 2
MIB: Final = 1 << 20
_FORMS: Final = ("json", "html", "md", "gitlab", "openmetrics")


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
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except CrackleError as error:
        return _complain(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _complain(f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        return _complain("interrupted")


def _complain(text: str) -> int:
    from pytest_crackle.reporting.escape import printable  # noqa: PLC0415 - only where needed

    line = f"pytest-crackle: {printable(text)}"
    encoding = sys.stderr.encoding or "ascii"
    sys.stderr.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pytest-crackle",
        description="Look for patterns across tests in records that a session has left.",
    )
    parser.add_argument(
        "--version", action="version", version=f"pytest-crackle {pytest_crackle.__version__}"
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_cool(commands)
    _add_show(commands)
    _add_accept(commands)
    _add_baseline(commands)
    _add_selfcheck(commands)
    schema = commands.add_parser("schema", help="print a JSON Schema")
    schema.add_argument("name", choices=("report", "records", "baseline"))
    schema.set_defaults(run=_schema)
    return parser


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-size",
        metavar="MIB",
        type=int,
        default=256,
        help="most MiB read of a file (256)",
    )


def _add_cooling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cooling", default="normal", metavar="RATE", help="fast, normal or slow")
    parser.add_argument(
        "--detectors",
        default="",
        metavar="NAME[,NAME]",
        help="clustering, phase-transition, conservation, correlation (default), classic, none",
    )
    _add_reading(parser)


def _add_telling(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-v", "--verbose", action="count", default=0, help="more; twice: all")
    parser.add_argument("-q", "--quiet", action="count", default=0, help="less; twice: the gate")
    parser.add_argument("--max", type=int, default=10, metavar="N", help="most headlines (10)")
    for name in _FORMS:
        parser.add_argument(f"--{name}", metavar="PATH", help=f"write {name} to PATH")


def _add_cool(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    cool = commands.add_parser("cool", help="look for patterns in records or JSON reports")
    cool.add_argument("files", nargs="+", metavar="FILE", help="records or report; - for stdin")
    _add_cooling(cool)
    _add_telling(cool)
    cool.add_argument("--fail-on", action="append", default=[], metavar="RULE")
    cool.add_argument("--budget", action="append", default=[], metavar="RULE")
    cool.add_argument("--baseline", metavar="PATH", help="accepted patterns")
    cool.add_argument("--dry-run", action="store_true", help="evaluate the gate, exit 0")
    cool.set_defaults(run=_cool)


def _add_show(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    show = commands.add_parser("show", help="print a JSON report as it was told")
    show.add_argument("report", metavar="REPORT")
    _add_telling(show)
    _add_reading(show)
    show.set_defaults(run=_show)


def _add_accept(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    accept = commands.add_parser("accept", help="accept patterns of a report into a baseline")
    accept.add_argument("report", metavar="REPORT")
    accept.add_argument("ids", nargs="+", metavar="ID", help="ids of patterns, or all")
    accept.add_argument("--baseline", required=True, metavar="PATH")
    accept.add_argument("--reason", required=True, metavar="TEXT")
    _add_reading(accept)
    accept.set_defaults(run=_accept)


def _add_baseline(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    baseline = commands.add_parser("baseline", help="keep a baseline in order")
    actions = baseline.add_subparsers(title="actions", required=True, metavar="ACTION")
    prune = actions.add_parser("prune", help="remove entries that a report no longer has")
    prune.add_argument("report", metavar="REPORT")
    prune.add_argument("--baseline", required=True, metavar="PATH")
    _add_reading(prune)
    prune.set_defaults(run=_prune)


def _add_selfcheck(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser(
        "selfcheck", help="false alarms on your own suite: patterns in shuffles of your records"
    )
    check.add_argument("files", nargs="+", metavar="RECORDS")
    check.add_argument("--shuffles", type=int, default=20, metavar="N", help="how many (20)")
    check.add_argument("--seed", type=int, default=0)
    _add_cooling(check)
    check.set_defaults(run=_selfcheck)


# ---------------------------------------------------------------------- the commands


def _cool(chosen: argparse.Namespace) -> int:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.storage.shards import read_run  # noqa: PLC0415 - as above

    plan = pipeline.plan(
        cooling=chosen.cooling,
        detectors=_names(chosen.detectors),
        fail_on=chosen.fail_on,
        budgets=chosen.budget,
        baseline=Path(chosen.baseline) if chosen.baseline else None,
        dry_run=chosen.dry_run,
        prefix="--",
    )
    run = read_run(chosen.files, max_size=_max_size(chosen))
    report = pipeline.run(
        run.table, run.session, plan, notes=run.notes, clock=time.perf_counter, today=_today()
    )
    _tell(report, chosen, run.messages)
    return GATE_FAILED if report.gate.fails_session else FINE


def _show(chosen: argparse.Namespace) -> int:
    _tell(_read_report(chosen), chosen, ())
    return FINE


def _accept(chosen: argparse.Namespace) -> int:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands

    acceptance = pipeline.Acceptance(tuple(chosen.ids), chosen.reason, Path(chosen.baseline))
    _print(pipeline.accept(_read_report(chosen), acceptance, _today()))
    return FINE


def _prune(chosen: argparse.Namespace) -> int:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands

    for line in pipeline.prune(_read_report(chosen), Path(chosen.baseline)):
        _print(line)
    return FINE


def _selfcheck(chosen: argparse.Namespace) -> int:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.storage.shards import read_run  # noqa: PLC0415 - as above

    if chosen.shuffles < 1:
        raise CrackleError(f"--shuffles: {chosen.shuffles} is not at least 1")
    plan = pipeline.plan(cooling=chosen.cooling, detectors=_names(chosen.detectors))
    run = read_run(chosen.files, max_size=_max_size(chosen))
    for line in pipeline.selfcheck(run.table, plan, chosen.shuffles, chosen.seed):
        _print(line)
    return FINE


def _schema(chosen: argparse.Namespace) -> int:
    from importlib.resources import files  # noqa: PLC0415 - as above

    schema = files("pytest_crackle") / "schemas" / f"{chosen.name}-1.json"
    _print(schema.read_text(encoding="utf-8").rstrip())
    return FINE


# ---------------------------------------------------------------------- what they share


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _max_size(chosen: argparse.Namespace) -> int:
    if chosen.max_size < 1:
        raise CrackleError(f"--max-size: {chosen.max_size} is not at least 1")
    return int(chosen.max_size) * MIB


def _today() -> date:
    return datetime.now(tz=UTC).date()


def _read_report(chosen: argparse.Namespace) -> Report:
    from pytest_crackle.reporting.jsonreport import from_json  # noqa: PLC0415 - as above
    from pytest_crackle.storage.recordsfile import read_json  # noqa: PLC0415 - as above

    name = chosen.report
    data = read_json(name, max_size=_max_size(chosen) // 4)
    try:
        return from_json(data)
    except CrackleError as error:
        raise CrackleError(f"{name}: {error}") from None


def _tell(report: Report, chosen: argparse.Namespace, messages: Sequence[str]) -> None:
    from pytest_crackle import pipeline  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.reporting.text import render_text  # noqa: PLC0415 - as above

    if chosen.max < 0:
        raise CrackleError(f"--max: {chosen.max} is not at least 0")
    width = max(60, min(shutil.get_terminal_size().columns, 120))
    verbosity = chosen.verbose - chosen.quiet
    encoding = sys.stdout.encoding or "ascii"
    lines = render_text(
        report, width=width, verbosity=verbosity, encoding=encoding, max_patterns=chosen.max
    )
    for line in lines:
        _print(line.text)
    here = Path(os.getcwd())  # noqa: PTH109 - as the user sees it, links and all
    outputs = {name: here / value for name in _FORMS if (value := getattr(chosen, name))}
    if outputs and str(chosen.html or "").endswith(("/", os.sep)):
        outputs["html-folder"] = outputs.pop("html")
    problems = pipeline.write_outputs(report, outputs, here)
    for message in (*messages, *problems):
        _complain(message)
    if problems:
        raise CrackleError(f"{len(problems)} of {len(outputs)} outputs were not written")


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
