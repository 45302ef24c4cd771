"""Print what the harness compared."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.faults.sessions")

from tests.faults.sessions import TALLY  # noqa: E402 - its asserts are to be rewritten


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it in a few lines."""
    if not TALLY.sessions and not TALLY.counts and not TALLY.fuzzed:
        return
    terminalreporter.section("faults: what was compared")
    terminalreporter.write_line(
        f"{TALLY.cases} cases in {TALLY.sessions} sessions: {TALLY.tests} tests run, "
        f"{TALLY.expected} records expected, {TALLY.found} found, {len(TALLY.lost)} lost, "
        f"{TALLY.values} recorded values equal"
    )
    for what, number in sorted(TALLY.counts.items()):
        terminalreporter.write_line(f"{number} {what}")
    if TALLY.fuzzed:
        examples = sum(number for number, _ in TALLY.fuzzed.values())
        terminalreporter.write_line(f"{examples} fuzz examples, no unexpected exception:")
    for what, (number, taken) in sorted(TALLY.fuzzed.items()):
        terminalreporter.write_line(f"  {number} {what}, {taken} taken")
    for lost in TALLY.lost[:20]:
        terminalreporter.write_line(f"lost: {lost}")
