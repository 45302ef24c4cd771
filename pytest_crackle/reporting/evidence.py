"""What proves a pattern, in a few lines under its headline (``-v``)."""

from __future__ import annotations

import math
import shlex
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import PatternKind
from pytest_crackle.model.units import format_value
from pytest_crackle.reporting.figures import (
    confidence_text,
    effect_text,
    explanation_text,
    kind_name,
    metric_value,
    q_text,
)
from pytest_crackle.reporting.layout import display_width
from pytest_crackle.reporting.series import series_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report
    from pytest_crackle.reporting.medium import Medium
    from pytest_crackle.reporting.series import Series

__all__ = ["INDENT", "evidence_lines"]

INDENT: Final = 6
_LABEL: Final = 13
_SOME: Final = 3
_MOST: Final = 1000
"""Tests listed at ``-vv``; all of them are in the JSON report."""
_MOST_FILES: Final = 3
_MOST_LINES: Final = 3
_SLOPING: Final = frozenset({"leak", "growth", "drift", "slope"})
"""Shifts whose medians before and after say how long the run went on, not how large they are."""
_LOOK_HERE: Final = "  <- look here"


def evidence_lines(
    report: Report, pattern: Pattern, medium: Medium, *, all_tests: bool
) -> list[str]:
    """Write what proves a pattern.

    Parameters
    ----------
    report : Report
    pattern : Pattern
    medium : Medium
    all_tests : bool
        List all tests and the p-value, not three tests.

    Returns
    -------
    list of str
        Six to eight lines as a rule, each indented and no wider than the medium.
    """
    lines: list[str] = []
    most = _MOST if all_tests else _MOST_LINES
    for label, text in _facts(report, pattern, medium, all_tests=all_tests):
        head = f"{'':{INDENT}}{label:{_LABEL}}"
        wrapped = medium.lines(text, indent=len(head), most=most, start=head)
        lines += [line.text for line in wrapped]
    return lines


def _facts(
    report: Report, pattern: Pattern, medium: Medium, *, all_tests: bool
) -> Iterator[tuple[str, str]]:
    room = medium.width - INDENT - _LABEL
    most = _MOST if all_tests else _SOME
    yield "what", _what(pattern)
    yield "strength", _strength(report, pattern, p_value=all_tests)
    series = series_of(report, pattern)
    if series is not None:
        yield from _shift(report, pattern, series, medium, room)
    shown = pattern.at if series is not None and series.at is not None else None
    tests = [nodeid for nodeid in pattern.tests if nodeid != shown]
    yield from _names("tests", tests, most, medium, room)
    if pattern.explained_by is not None:
        yield "in common", explanation_text(pattern.explained_by)
    yield from _names("broken by", pattern.exceptions, most, medium, room)
    for place, detail in enumerate(pattern.details):
        yield "" if place else "details", detail
    yield "run again", _command(report, pattern, room)


def _what(pattern: Pattern) -> str:
    kind = kind_name(pattern.kind)
    subkind = "" if pattern.subkind in kind else f" ({pattern.subkind})"
    where = f" in {' and '.join(pattern.metrics)}" if pattern.metrics else ""
    return f"{kind}{subkind}{where}"


def _strength(report: Report, pattern: Pattern, *, p_value: bool) -> str:
    parts = []
    if effect := effect_text(report, pattern):
        parts.append(f"effect {effect}")
    q = q_text(pattern)
    in_words = {"fact": "a measured fact", "-": "not tested for significance"}
    parts.append(in_words.get(q, f"q {q}"))
    if p_value and pattern.p_value > 0:
        parts.append(f"p {pattern.p_value:.1e}")
    parts.append(f"seen again in a rerun: {confidence_text(pattern.confidence)}")
    if pattern.cost_seconds is not None:
        cost = format_value(pattern.cost_seconds, "s")
        parts += [] if cost in pattern.summary else [f"concerns {cost}"]
    return "; ".join(parts)


def _shift(
    report: Report, pattern: Pattern, series: Series, medium: Medium, room: int
) -> Iterator[tuple[str, str]]:
    facts, at, n = pattern.evidence, series.at, len(series.rows)
    if spark := medium.spark(series.values):
        place = "" if at is None else f", begins at test {at + 1:,}"
        yield "run order", f"1 {spark} {n:,}{place}"
    if {"before_median", "after_median"} <= facts.keys() and pattern.subkind not in _SLOPING:
        low = metric_value(report, series.metric, facts["before_median"])
        high = metric_value(report, series.metric, facts["after_median"])
        yield "medians", f"before {low}, after {high}"
    if at:
        yield "last before", _test_at(report, series, at - 1, medium, room)
    if at is not None:
        first = _test_at(report, series, at, medium, room)
        fits = display_width(first + _LOOK_HERE) <= room
        yield "first after", first + (_LOOK_HERE if fits else "")


def _test_at(report: Report, series: Series, place: int, medium: Medium, room: int) -> str:
    value = series.values[place]
    shown = "" if math.isnan(value) else f"   {metric_value(report, series.metric, value)}"
    nodeid = report.table.nodeids[series.rows[place]]
    return medium.shorten(nodeid, room - display_width(shown)) + shown


def _names(
    label: str, nodeids: Sequence[str], most: int, medium: Medium, room: int
) -> Iterator[tuple[str, str]]:
    for place, nodeid in enumerate(nodeids[:most]):
        yield label if not place else "", medium.shorten(nodeid, room)
    if len(nodeids) > most:
        more = f"and {len(nodeids) - most:,} more"
        yield "", f"{more} (-vv lists them)" if most < _MOST else f"{more} (in the JSON report)"


_OURS: Final = frozenset(map(str, PatternKind))


def _command(report: Report, pattern: Pattern, room: int) -> str:
    """Return a command that runs the tests again; whole files, as one test has no pattern."""
    table = report.table
    wanted = {*pattern.tests, *pattern.exceptions, *([pattern.at] if pattern.at else [])}
    files = dict.fromkeys(
        file for nodeid, file in zip(table.nodeids, table.files, strict=True) if nodeid in wanted
    )
    command = "pytest --crackle"
    if pattern.kind not in _OURS or pattern.subkind == "classic":  # found only when asked for
        command += f" --crackle-detectors={shlex.quote(','.join(report.cooling.detectors))}"
    choices = [list(files)] if len(files) <= _MOST_FILES else []
    choices.append([_common_folder(list(files))])
    for names in choices:
        text = " ".join([command, *(shlex.quote(name) for name in names if name)])
        if text.isprintable() and display_width(text) <= room:
            return text
    return command


def _common_folder(files: Sequence[str]) -> str:
    """Return the innermost folder that holds all the files; empty if there is none."""
    folders = [file.split("/")[:-1] for file in files]
    common: list[str] = []
    for names in zip(*folders, strict=False):
        if len(set(names)) > 1:
            break
        common.append(names[0])
    return "/".join(common)
