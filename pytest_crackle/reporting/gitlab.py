"""GitLab's code quality report: a JSON array of places."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.pattern import Location
from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.places import path_in_repository

if TYPE_CHECKING:
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.report import Report

__all__ = ["render_gitlab"]

_SEVERITIES: Final = {"fail": "major", "warn": "minor", "note": "info", "notice": "info"}

# bound at import: a test may leave json.dumps patched
_encode = json.JSONEncoder(allow_nan=False, indent=1).encode


def render_gitlab(report: Report, *, repository: str = "", rootdir: str = "") -> str:
    """Write the code quality report.

    Parameters
    ----------
    report : Report
    repository, rootdir : str
        Absolute folders; "" if they are the same.

    Returns
    -------
    str
        JSON with a newline at the end; ``[]`` if there is nothing to tell. Fingerprints are the
        stable ids: equal ones are one finding for GitLab, before and after a merge request.

    Notes
    -----
    GitLab needs a place for each entry: a pattern without one stands at the first file that its
    tests are in. Accepted patterns and places outside the
    repository are left out.
    """
    entries = []
    for pattern in report.patterns:
        place = None if pattern.accepted else _place(report, pattern)
        path = place and path_in_repository(place.file, repository, rootdir)
        if place and path:
            entries.append(_entry(pattern, path, place.line))
    return _encode(entries) + "\n"


def _entry(pattern: Pattern, path: str, line: int | None) -> dict[str, object]:
    return {
        "description": printable(pattern.summary),
        "check_name": f"crackle-{pattern.kind}",
        "fingerprint": pattern.id,
        "severity": _SEVERITIES[pattern.level],
        "location": {"path": path, "lines": {"begin": max(1, line or 1)}},
    }


def _place(report: Report, pattern: Pattern) -> Location | None:
    if pattern.location is not None:
        return pattern.location
    table, wanted = report.table, set(pattern.tests)
    pairs = zip(table.nodeids, table.files, strict=True)
    return next((Location(file) for nodeid, file in pairs if nodeid in wanted), None)
