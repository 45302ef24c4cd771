"""GitHub Actions: annotations as workflow commands, and the text of the step summary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_crackle.model.units import format_value
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.figures import kind_name
from pytest_crackle.reporting.layout import shorten
from pytest_crackle.reporting.markdown import render_markdown
from pytest_crackle.reporting.places import path_in_repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from pytest_crackle.model.pattern import Location
    from pytest_crackle.model.report import Report

    Command = Literal["error", "warning"]

__all__ = ["MOST_ANNOTATIONS", "render_annotations", "render_step_summary"]

MOST_ANNOTATIONS: Final = 9
"""Of a kind; GitHub shows 10 a step and drops the rest silently, so the tenth counts the rest."""
_LONGEST: Final = 2000
_LONGEST_ID: Final = 300


def render_annotations(report: Report, *, repository: str = "", rootdir: str = "") -> str:
    """Write annotations for patterns that fail the gate (errors) and for warnings.

    Parameters
    ----------
    report : Report
    repository, rootdir : str
        Absolute folders; GitHub wants paths from the root of the repository, ours are from
        pytest's rootdir. "" if they are the same.

    Returns
    -------
    str
        A workflow command a line, at most 10 errors and 10 warnings; "" if there is nothing to
        tell. Notes are no annotations: the few places are for what is to be acted on.
    """
    commands: dict[Command, list[str]] = {"error": [], "warning": []}
    for command, title, text, location in _entries(report):
        place = _place(location, repository, rootdir) if location is not None else ""
        name, message = printable(title)[:_LONGEST_ID], printable(text)[:_LONGEST]
        commands[command].append(f"{place}title={_property(name)}::{_data(message)}")
    lines = []
    for command, texts in commands.items():
        lines += [f"::{command} {text}" for text in texts[:MOST_ANNOTATIONS]]
        if (more := len(texts) - MOST_ANNOTATIONS) > 0:
            lines.append(f"::{command} title=crackle::{more:,} more in the crackle report")
    return "".join(f"{line}\n" for line in lines)


def render_step_summary(report: Report) -> str:
    """Write what is appended to the file that GITHUB_STEP_SUMMARY names."""
    return render_markdown(report)


def _entries(report: Report) -> Iterator[tuple[Command, str, str, Location | None]]:
    for pattern in report.patterns:
        if pattern.level not in ("fail", "warn") or pattern.accepted:
            continue
        fails = pattern.level == "fail" and not report.gate.dry_run
        title = f"crackle {kind_name(pattern.kind)} {pattern.id}"
        yield "error" if fails else "warning", title, pattern.summary, pattern.location
    for breach in report.gate.breaches:
        value, limit = (format_value(v, breach.unit) for v in (breach.value, breach.limit))
        subject = shorten(printable(breach.subject), _LONGEST_ID)
        text = f"{subject}: {breach.metric} is {value}, allowed {limit} ({breach.budget})"
        yield "warning" if report.gate.dry_run else "error", "crackle budget", text, None


def _place(location: Location, repository: str, rootdir: str) -> str:
    """Return the properties of a place; nothing where it lies outside the repository."""
    path = path_in_repository(location.file, repository, rootdir)
    if path is None or not path.isprintable() or len(path) > _LONGEST_ID:
        return ""
    line = f"line={location.line}," if location.line is not None and location.line > 0 else ""
    return f"file={_property(path)},{line}"


def _data(text: str) -> str:
    """Escape the message of a workflow command, as GitHub's own toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape a property of a workflow command, as GitHub's own toolkit does."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
