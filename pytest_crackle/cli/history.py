"""Commands on a history: ``history list|show|compare|prune|import|export``."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_crackle.cli.arguments import add_reading, max_size
from pytest_crackle.cli.telling import BAD_INPUT, FINE, complain, print_line
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.units import count_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pytest_crackle.cli.arguments import Commands
    from pytest_crackle.storage.history.reading import History
    from pytest_crackle.storage.history.stored import StoredRun

__all__ = ["add_commands"]

# Storage and SQLite are imported in the functions: the other commands start without them.


def add_commands(commands: Commands) -> None:
    """Add the parsers of these commands."""
    history = commands.add_parser("history", help="look at past runs, keep them in order")
    actions = history.add_subparsers(title="actions", required=True, metavar="ACTION")
    listing = _action(actions, "list", "the runs, newest first")
    listing.set_defaults(run=_list)
    show = _action(actions, "show", "one test over the runs")
    show.add_argument("nodeid", metavar="NODEID", help="node id, or a glob with * and ?")
    show.add_argument("--metric", metavar="GLOB", default="*", help="metrics to show (all)")
    show.set_defaults(run=_show)
    compare = _action(actions, "compare", "what differs between two runs")
    compare.add_argument("before", metavar="A", help="number of a run, or the start of its commit")
    compare.add_argument("after", metavar="B", help="the same, of the later run")
    compare.set_defaults(run=_compare)
    _add_keeping(actions)


def _add_keeping(actions: Commands) -> None:
    prune = _action(actions, "prune", "remove old runs for good", is_reading=False)
    which = prune.add_mutually_exclusive_group(required=True)
    which.add_argument("--keep", type=int, metavar="N", help="keep the newest N runs")
    which.add_argument("--before", metavar="DATE", help="remove what began before YYYY-MM-DD, UTC")
    prune.set_defaults(run=_prune)
    load = _action(
        actions, "import", "add runs: an exported history, records or reports", is_reading=False
    )
    load.add_argument(
        "files", nargs="+", metavar="FILE", help="- is an exported history on standard input"
    )
    load.add_argument(
        "--commit", metavar="ID", help="of records and reports, where they do not say or are wrong"
    )
    load.add_argument("--branch", metavar="NAME", help="as --commit")
    load.add_argument("--label", action="append", default=[], metavar="TEXT", help="as --commit")
    add_reading(load)
    load.set_defaults(run=_import)
    export = _action(actions, "export", "write all runs as JSON lines", is_reading=False)
    export.add_argument("-o", "--output", metavar="OUT", help="a file; standard output if missing")
    export.set_defaults(run=_export)


def _action(
    actions: Commands, name: str, what: str, *, is_reading: bool = True
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=what)
    parser.add_argument("--history", required=True, metavar="PATH", help="the history")
    if is_reading:
        parser.add_argument("--max", type=int, default=20, metavar="N", help="most rows (20)")
        parser.add_argument("--json", action="store_true", help="print JSON with everything")
    return parser


def _path(chosen: argparse.Namespace) -> Path:
    return Path(chosen.history).expanduser()


def _most(chosen: argparse.Namespace) -> int:
    if chosen.max < 1:
        raise CrackleError(f"--max: {chosen.max} is not at least 1")
    return int(chosen.max)


def _print_json(data: object) -> None:
    print_line(json.dumps(data, allow_nan=False, indent=1))


def _print(lines: Sequence[str]) -> int:
    for line in lines:
        print_line(line)
    return FINE


def _list(chosen: argparse.Namespace) -> int:
    from pytest_crackle.cli.historytext import run_facts, runs_text  # noqa: PLC0415 - see above
    from pytest_crackle.storage.history.opening import reading  # noqa: PLC0415
    from pytest_crackle.storage.history.reading import History  # noqa: PLC0415

    path, most = _path(chosen), _most(chosen)
    with reading(path) as connection:
        history = History(path, connection)
        runs, size = history.runs(), history.size
    if chosen.json:
        _print_json({"bytes": size, "runs": [run_facts(run) for run in runs]})
        return FINE
    return _print(runs_text(runs, size, most))


def _show(chosen: argparse.Namespace) -> int:
    from pytest_crackle.cli.historytext import points_facts, points_text  # noqa: PLC0415
    from pytest_crackle.gating.globs import Glob  # noqa: PLC0415
    from pytest_crackle.storage.history.opening import reading  # noqa: PLC0415
    from pytest_crackle.storage.history.reading import History  # noqa: PLC0415

    path, most, metric = _path(chosen), _most(chosen), Glob(chosen.metric)
    with reading(path) as connection:
        history = History(path, connection)
        runs = history.runs()
        names = history.nodeids(runs)
        glob = Glob(chosen.nodeid)
        found = [test for test, name in names.items() if name == chosen.nodeid] or [
            test for test, name in names.items() if glob.matches(name)
        ]
        if not found:
            raise CrackleError(f"no test {chosen.nodeid!a} in {count_of(len(runs), 'run')}")
        if len(found) > 1:
            return _print_several(chosen, sorted(names[test] for test in found), most)
        points = history.series(found[0], runs)
    if chosen.json:
        _print_json(points_facts(names[found[0]], points, metric))
        return FINE
    return _print(points_text(names[found[0]], points, metric, most))


def _print_several(chosen: argparse.Namespace, names: Sequence[str], most: int) -> int:
    """Say which tests a glob names, where one was wanted."""
    from pytest_crackle.reporting.escape import printable  # noqa: PLC0415

    if chosen.json:
        _print_json({"tests": list(names)})
        return FINE
    more = [f"and {len(names) - most:,} more"] if len(names) > most else []
    shown = [printable(name) for name in names[:most]]
    return _print([f"{count_of(len(names), 'test')} fit; name one:", *shown, *more])


def _compare(chosen: argparse.Namespace) -> int:
    from pytest_crackle.cli.historycompare import compare_runs, comparison_text  # noqa: PLC0415
    from pytest_crackle.storage.history.opening import reading  # noqa: PLC0415
    from pytest_crackle.storage.history.reading import History  # noqa: PLC0415

    path, most = _path(chosen), _most(chosen)
    with reading(path) as connection:
        history = History(path, connection)
        runs = history.runs()
        before, after = (_named(runs, name) for name in (chosen.before, chosen.after))
        comparison = compare_runs(history, runs, before, after)
    if chosen.json:
        _print_json(asdict(comparison))
        return FINE
    return _print(comparison_text(comparison, most))


def _named(runs: Sequence[StoredRun], name: str) -> StoredRun:
    """Find a run by its number, or the newest of a commit.

    Raises
    ------
    CrackleError
        If there is none.
    """
    for run in runs:
        if str(run.number) == name:
            return run
    if re.fullmatch("[0-9a-f]{4,64}", name):
        for run in reversed(runs):
            if run.facts.commit and run.facts.commit.startswith(name):
                return run
    allowed = f"{runs[0].number} to {runs[-1].number}" if runs else "there are none"
    raise CrackleError(
        f"no run {name!a}: give a number ({allowed}) or at least 4 hexadecimal digits of a commit"
    )


def _prune(chosen: argparse.Namespace) -> int:
    from pytest_crackle.storage.history.opening import reading  # noqa: PLC0415
    from pytest_crackle.storage.history.reading import History  # noqa: PLC0415
    from pytest_crackle.storage.history.writing import prune_runs  # noqa: PLC0415

    path = _path(chosen)
    if chosen.keep is not None and chosen.keep < 0:
        raise CrackleError(f"--keep: {chosen.keep} is not at least 0")
    if chosen.before is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", chosen.before):
        raise CrackleError(f"--before: {chosen.before!a} is no date like 2026-01-31")
    with reading(path) as connection:
        runs = History(path, connection).runs()
    if chosen.before is None:
        gone = runs[: max(0, len(runs) - chosen.keep)]
    else:
        gone = [run for run in runs if run.facts.started < chosen.before]
    if gone:
        prune_runs(path, [run.number for run in gone])
    left = len(runs) - len(gone)
    size = path.stat().st_size / (1 << 20)
    print_line(f"{count_of(len(gone), 'run')} removed, {left:,} left ({size:.1f} MiB)")
    return FINE


def _import(chosen: argparse.Namespace) -> int:
    from pytest_crackle.cli.historyimport import import_file  # noqa: PLC0415
    from pytest_crackle.storage.history.facts import RunFacts  # noqa: PLC0415

    said = RunFacts("", commit=chosen.commit, branch=chosen.branch, labels=tuple(chosen.label))
    problems = 0
    for name in chosen.files:
        try:
            done = import_file(name, _path(chosen), said=said, max_size=max_size(chosen))
        except CrackleError as error:
            problems += 1
            complain(str(error))
        else:
            for line in done:
                print_line(line)
    return BAD_INPUT if problems else FINE


def _export(chosen: argparse.Namespace) -> int:
    from pytest_crackle.storage.atomic import write_atomic  # noqa: PLC0415
    from pytest_crackle.storage.history.lines import run_line  # noqa: PLC0415
    from pytest_crackle.storage.history.opening import reading  # noqa: PLC0415
    from pytest_crackle.storage.history.reading import History  # noqa: PLC0415

    path = _path(chosen)
    with reading(path) as connection:
        history: History = History(path, connection)
        if chosen.output is None:
            for run in history.runs():
                print_line(run_line(history, run))
            return FINE
        lines = [run_line(history, run) for run in history.runs()]
    write_atomic(Path(chosen.output).absolute(), "".join(f"{line}\n" for line in lines))
    return FINE
