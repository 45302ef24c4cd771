"""The finished report in files: one writer for each form, loaded when it is wanted."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Final

from pytest_crackle.storage.atomic import write_atomic
from pytest_crackle.storage.journal import append_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import ModuleType

    from pytest_crackle.model.report import Report

__all__ = ["FORMS", "github_writer", "load_writer", "tell_github", "write_outputs"]

FORMS: Final = ("json", "html", "html-folder", "md", "gitlab", "openmetrics")
"""Forms of the report that are written to files."""


_WRITERS: Final = {
    "json": "jsonreport",
    "html": "page.htmlreport",
    "html-folder": "page.htmlreport",
    "md": "markdown",
    "gitlab": "gitlab",
    "openmetrics": "openmetrics",
    "github": "github",
}


def load_writer(form: str) -> ModuleType:
    """Load the writer of a form; done before the tests run, which may leave imports broken."""
    return import_module(f"pytest_crackle.reporting.{_WRITERS[form]}")


def _render(form: str, report: Report, root: Path) -> tuple[tuple[str, str], ...]:
    """Render one form as files below its path ("" is the path itself)."""
    writer = load_writer(form)
    if form == "html-folder":
        files: tuple[tuple[str, str], ...] = writer.render_html_folder(report)
        return files
    if form == "json":
        text = writer.dumps(report)
    elif form == "gitlab":
        text = writer.render_gitlab(report, repository=_repository_of(root), rootdir=str(root))
    else:
        names = {"md": "markdown"}
        text = getattr(writer, f"render_{names.get(form, form)}")(report)
    return (("", str(text)),)


def _repository_of(root: Path) -> str:
    """Return the folder that paths in CI outputs are relative to: CI's checkout, else `root`."""
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        if folder := os.environ.get(name):
            return folder
    return str(root)


def write_outputs(report: Report, outputs: Mapping[str, Path], root: Path) -> list[str]:
    """Write the report in each form that was asked for.

    Parameters
    ----------
    report : Report
    outputs : mapping of str to Path
        Form (see `FORMS`) to absolute path; others are passed over.
    root : Path
        The folder that the files in node ids are relative to.

    Returns
    -------
    list of str
        A line for each file that could not be written.
    """
    problems = []
    for form in FORMS:
        path = outputs.get(form)
        if path is None:
            continue
        try:
            for name, text in _render(form, report, root):
                write_atomic(path / name if name else path, text)
        except OSError as error:
            reason = error.strerror or error
            problems.append(f"{form} report not written: {path}: {reason}")
    return problems


def github_writer(mode: str) -> ModuleType | None:
    """Return the writer for GitHub Actions where `mode` ("auto", "none", "github") wants it."""
    here = os.environ.get("GITHUB_ACTIONS") == "true"
    return load_writer("github") if mode == "github" or (mode == "auto" and here) else None


def tell_github(writer: ModuleType, report: Report, root: Path) -> tuple[list[str], list[str]]:
    """Append the step summary, where the job has one, and render annotations.

    Returns
    -------
    list of str
        Workflow commands, to be printed each on a line of its own.
    list of str
        A line if the summary could not be written.
    """
    problems = []
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            append_text(summary, writer.render_step_summary(report))
        except OSError as error:
            problems.append(f"step summary not written: {error}")
    text: str = writer.render_annotations(
        report, repository=_repository_of(root), rootdir=str(root)
    )
    return text.splitlines(), problems
