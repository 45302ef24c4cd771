"""Write the finished text through pytest's terminal reporter; nothing is computed here."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Final

from pytest_crackle.reporting.escape import printable
from pytest_crackle.reporting.text import render_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from pytest_crackle.model.report import Report

__all__ = ["encoding_of", "width_of", "write_report"]

NARROW: Final = 60
WIDE: Final = 120
COLOURS: Final[dict[str, dict[str, bool]]] = {
    "fail": {"red": True, "bold": True},
    "warn": {"yellow": True},
    "note": {},
    "ok": {"green": True},
    "dim": {"light": True},
    "": {},
}


def width_of() -> int:
    """Return the columns to write in: the terminal's, between 60 and 120."""
    return max(NARROW, min(shutil.get_terminal_size().columns, WIDE))


def encoding_of(stream: object) -> str:
    """Return the encoding of a stream, ASCII where it has none."""
    return str(getattr(stream, "encoding", None) or "ascii")


def write_report(
    reporter: pytest.TerminalReporter,
    report: Report | None,
    *,
    messages: Sequence[str],
    max_patterns: int,
) -> None:
    """Print the section "crackle report", or the one line that is all there is to say.

    Parameters
    ----------
    reporter : pytest.TerminalReporter
    report : Report or None
        None when there was nothing to cool.
    messages : sequence of str
        Lines about files that could not be written, and the like.
    max_patterns : int
        Most headlines.
    """
    verbosity = reporter.config.get_verbosity()
    lines = []
    if report is not None:
        lines = render_text(
            report,
            width=width_of(),
            verbosity=verbosity,
            encoding=encoding_of(sys.stdout),
            max_patterns=max_patterns,
        )
    if report is not None and verbosity > -2 and (report.patterns or report.gate.breaches):
        reporter.section("crackle report")
    for line in lines:
        reporter.write_line(line.text, **COLOURS[line.style])
    for message in messages:
        reporter.write_line(f"crackle: {printable(message)}", yellow=True)
