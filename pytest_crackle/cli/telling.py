"""What commands print, and the exit codes that they end with."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_crackle.cli.arguments import FORMS, max_size
from pytest_crackle.model.errors import CrackleError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from datetime import date

    from pytest_crackle.model.report import Report

__all__ = [
    "BAD_INPUT",
    "FINE",
    "GATE_FAILED",
    "complain",
    "print_line",
    "read_report",
    "tell",
    "today",
]

FINE: Final = 0
GATE_FAILED: Final = 1
BAD_INPUT: Final = 2


def complain(text: str) -> int:
    """Print one line on standard error; return the exit code for bad input."""
    from pytest_crackle.reporting.escape import printable  # noqa: PLC0415 - only where needed

    line = f"pytest-crackle: {printable(text)}"
    encoding = sys.stderr.encoding or "ascii"
    sys.stderr.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    return BAD_INPUT


def today() -> date:
    """Return today's date, UTC."""
    return datetime.now(tz=UTC).date()


def read_report(chosen: argparse.Namespace, name: str | None = None) -> Report:
    """Read the JSON report that a command names, the only one if not given.

    Raises
    ------
    CrackleError
        If it cannot be used.
    """
    from pytest_crackle.reporting.jsonreport import from_json  # noqa: PLC0415 - as above
    from pytest_crackle.storage.recordsfile import read_json  # noqa: PLC0415 - as above

    name = chosen.report if name is None else name
    data = read_json(name, max_size=max_size(chosen) // 4)
    try:
        return from_json(data)
    except CrackleError as error:
        raise CrackleError(f"{name}: {error}") from None


def tell(report: Report, chosen: argparse.Namespace, messages: Sequence[str]) -> None:
    """Print a report and write it in the forms that were asked for.

    Raises
    ------
    CrackleError
        If an output could not be written.
    """
    from pytest_crackle.outputs import write_outputs  # noqa: PLC0415 - start-up of the other commands
    from pytest_crackle.reporting.text import render_text  # noqa: PLC0415 - as above

    if chosen.max < 0:
        raise CrackleError(f"--max: {chosen.max} is not at least 0")
    width = max(60, min(shutil.get_terminal_size().columns, 120))
    verbosity = chosen.verbose - chosen.quiet
    encoding = sys.stdout.encoding or "ascii"
    lines = render_text(
        report,
        width=width,
        verbosity=verbosity,
        max_patterns=chosen.max,
        encoding=encoding,
        accepting="pytest-crackle accept REPORT ID",
    )
    here = Path(os.getcwd())  # noqa: PTH109 - as the user sees it, links and all
    outputs = {name: here / value for name in FORMS if (value := getattr(chosen, name))}
    if outputs and str(chosen.html or "").endswith(("/", os.sep)):
        outputs["html-folder"] = outputs.pop("html")
    problems = write_outputs(report, outputs, here)
    for line in lines:  # after the files: whoever reads the lines may stop at the first
        print_line(line.text)
    for message in (*messages, *problems):
        complain(message)
    if problems:
        raise CrackleError(f"{len(problems)} of {len(outputs)} outputs were not written")


def print_line(text: str) -> None:
    """Print one line, in whatever encoding standard output has."""
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
