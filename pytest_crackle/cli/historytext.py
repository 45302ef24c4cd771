"""Runs of a history, and one test over them, as text and as JSON."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from dataclasses import asdict
from statistics import median
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import count_of, format_value
from pytest_crackle.reporting.medium import Medium
from pytest_crackle.reporting.tables import MOST_ROWS, render_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_crackle.cooling.history.leave_one_out import Alarm, HistoryCheck
    from pytest_crackle.gating.globs import Glob
    from pytest_crackle.reporting.tables import Column
    from pytest_crackle.storage.history.reading import Point
    from pytest_crackle.storage.history.stored import StoredRun

__all__ = [
    "alarms_text",
    "points_facts",
    "points_text",
    "run_facts",
    "run_name",
    "runs_text",
    "terminal",
]

_SHORT: Final = 8
"""Hexadecimal digits of a commit."""
_MOST_COLUMNS: Final = 4
_FIRST_METRICS: Final = ("duration", "cpu")


def terminal() -> Medium:
    """Return standard output as a medium."""
    width = max(60, min(shutil.get_terminal_size().columns, 120))
    return Medium(width, sys.stdout.encoding or "ascii")


def _commit(run: StoredRun) -> str:
    commit = run.facts.commit
    return f"{commit[:_SHORT]}{'+' if run.facts.dirty else ''}" if commit else "-"


def _date(run: StoredRun) -> str:
    return run.facts.started.replace("T", " ").removesuffix("Z")[:16]


def run_name(run: StoredRun) -> str:
    """Name a run in a sentence."""
    parts = (_date(run), f"commit {_commit(run)}" if run.facts.commit else "", run.facts.branch)
    return f"run {run.number} ({', '.join(part for part in parts if part)})"


def run_facts(run: StoredRun) -> dict[str, object]:
    """Return a run for JSON."""
    return {
        "number": run.number,
        **asdict(run.facts),
        "tests": run.n_tests,
        "failed": run.failed,
        "metrics": {name: {"unit": u, "kind": k} for name, (u, k) in run.metrics.items()},
    }


def runs_text(runs: Sequence[StoredRun], size: int, most: int) -> list[str]:
    """Say which runs there are, newest first, and where they took place."""
    if not runs:
        return ["no runs"]
    medium, most = terminal(), min(most, MOST_ROWS)
    places = Counter(run.facts.environment for run in runs)
    letters = {place: chr(ord("A") + i) for i, (place, _) in enumerate(places.most_common(26))}
    columns: list[Column] = [
        ("run", "right"),
        ("started (UTC)", "left"),
        ("tests", "right"),
        ("failed", "right"),
        ("duration", "right"),
        ("workers", "left"),
        ("where", "left"),
        ("commit", "left"),
        ("branch", "left"),
    ]
    rows = [
        [
            str(run.number),
            medium.clean(_date(run)),
            f"{run.n_tests:,}",
            f"{run.failed:,}",
            format_value(run.facts.duration, "s"),
            medium.clean(run.facts.mode),
            letters.get(run.facts.environment, "?"),
            medium.clean(_commit(run)),
            medium.fit(run.facts.branch or "-", 24),
        ]
        for run in reversed(runs[-most:])
    ]
    lines = render_table(columns, rows)
    if len(runs) > most:
        lines.append(f"and {count_of(len(runs) - most, 'older run')}: --max, or --json for all")
    lines += ["", f"{count_of(len(runs), 'run')}, {format_value(float(size), 'B')}"]
    if any(run.facts.dirty for run in runs):
        lines.append("+ after a commit: with changes that were not committed")
    return lines + [medium.fit(f"{letter} = {place}") for place, letter in letters.items()]


def points_facts(nodeid: str, points: Sequence[Point], glob: Glob) -> dict[str, object]:
    """Return one test over the runs for JSON."""
    return {
        "nodeid": nodeid,
        "runs": [
            {
                "number": point.run.number,
                "started": point.run.facts.started,
                "commit": point.run.facts.commit,
                "mode": point.run.facts.mode,
                "environment": point.run.facts.environment,
                "outcome": point.outcome,
                "metrics": _chosen(point, glob),
            }
            for point in points
        ],
    }


def _chosen(point: Point, glob: Glob) -> dict[str, float]:
    return {name: value for name, value in point.values.items() if glob.matches(name)}


def points_text(nodeid: str, points: Sequence[Point], glob: Glob, most: int) -> list[str]:
    """Say how one test went over the runs that compare with the newest one that has it."""
    medium, most = terminal(), min(most, MOST_ROWS)
    newest = points[-1].run.facts
    alike = [p for p in points if _place(p) == (newest.mode, newest.environment)]
    names = sorted({name for point in alike for name in _chosen(point, glob)})
    outcomes = Counter(point.outcome for point in alike)
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common())
    lines = [medium.fit(nodeid), f"{count_of(len(alike), 'run')}: {told}"]
    lines.append(medium.fit(f"where: {newest.environment}; workers: {newest.mode}"))
    if len(alike) < len(points):
        others = count_of(len(points) - len(alike), "run")
        lines.append(f"{others} elsewhere or with other workers left out: --json has all")
    if not names:
        return [*lines, "", f"no metric fits {medium.clean(glob.text)}"]
    lines += ["", *_metrics_table(alike, names, medium)]
    if len(names) > MOST_ROWS:
        lines.append(f"and {len(names) - MOST_ROWS:,} more metrics: --metric, or --json for all")
    return [*lines, "", *_runs_table(alike, names, medium, most)]


def _place(point: Point) -> tuple[str, str]:
    return point.run.facts.mode, point.run.facts.environment


def _unit(points: Sequence[Point], name: str) -> str:
    return next(p.run.metrics[name][0] for p in reversed(points) if name in p.run.metrics)


def _metrics_table(points: Sequence[Point], names: Sequence[str], medium: Medium) -> list[str]:
    columns: list[Column] = [("metric", "left")]
    columns += [(name, "right") for name in ("runs", "lowest", "median", "highest", "last")]
    rows = []
    for name in names:
        series = [point.values[name] for point in points if name in point.values]
        unit = _unit(points, name)
        figures = (min(series), median(series), max(series), series[-1])
        rows.append(
            [
                medium.fit(name, 30),
                f"{len(series):,}",
                *(medium.clean(format_value(figure, unit)) for figure in figures),
                medium.spark(series),
            ]
        )
    return render_table([*columns, ("oldest to newest", "left")], rows)


def _runs_table(
    points: Sequence[Point], names: Sequence[str], medium: Medium, most: int
) -> list[str]:
    first = [name for name in _FIRST_METRICS if name in names]
    shown = [*first, *(name for name in names if name not in first)][:_MOST_COLUMNS]
    if len(names) > _MOST_COLUMNS and first:
        shown = first  # all of them are in the table above; --metric chooses others
    columns: list[Column] = [
        ("run", "right"),
        ("started (UTC)", "left"),
        ("commit", "left"),
        ("outcome", "left"),
    ]
    columns += [(medium.fit(name, 30), "right") for name in shown]
    rows = []
    for point in reversed(points[-most:]):
        values = (
            medium.clean(format_value(point.values[name], _unit(points, name)))
            if name in point.values
            else "-"
            for name in shown
        )
        run = point.run
        facts = (str(run.number), medium.clean(_date(run)), medium.clean(_commit(run)))
        rows.append([*facts, point.outcome, *values])
    lines = render_table(columns, rows)
    if len(points) > most:
        lines.append(f"and {count_of(len(points) - most, 'older run')}: --max, or --json for all")
    return lines


def alarms_text(check: HistoryCheck) -> list[str]:
    """Say how often the history would have raised an alarm, and which."""
    if not check.runs:
        return ["no run has three others of its workers and machine to be compared with"]
    lines = [
        f"at first sight: {check.suspected_per_hundred:.1f} of 100 runs had an alarm "
        f"({count_of(check.runs, 'run')}, each compared with all others); all of them are false "
        "unless something changed for one run only",
        *map(_alarm, check.suspected),
    ]
    if check.replayed:
        lines += [
            f"confirmed in a third run: {check.confirmed_per_hundred:.1f} of 100 runs "
            f"({count_of(check.replayed, 'run')}, each compared with those before it); real "
            "changes are among them",
            *map(_alarm, check.confirmed),
        ]
    medium = terminal()
    return [line.text for text in lines for line in medium.lines(text, most=None, indent=4)]


def _alarm(alarm: Alarm) -> str:
    return f"  run {alarm.run}: {alarm.summary}"
