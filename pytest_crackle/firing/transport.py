"""How a record travels from the process that ran the test to the one that cools."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

    from pytest_crackle.model.record import Record

__all__ = [
    "END_KEY",
    "PROCESS_KEY",
    "attach",
    "detach",
    "has_workers",
    "process",
    "runs_tests_itself",
    "worker_id",
]

CARRIER: Final = "_crackle_record"
"""Attribute of the test report; pytest-xdist and pytest-forked carry it with the report's own.

Not `user_properties`, which show up in JUnit XML, and not the worker's output at the end of the
session, which a dead worker never sends.
"""
END_KEY: Final = "crackle_end"
"""Key of the worker's output: small facts from the end of its session."""

PROCESS_KEY: Final = "process"
"""Key of a worker's first record, for what pytest-xdist does not tell and no crash may cost."""


def process() -> list[int | str]:
    """Return the process id and the host of this process."""
    return [os.getpid(), socket.gethostname()]


def worker_id(config: pytest.Config) -> str | None:
    """Return the id of the xdist worker that this process is, None elsewhere."""
    worker = getattr(config, "workerinput", None)
    return None if worker is None else str(worker.get("workerid", "worker"))


def has_workers(config: pytest.Config) -> bool:
    """Tell whether this process hands its tests to workers."""
    return worker_id(config) is None and config.pluginmanager.has_plugin("dsession")


def runs_tests_itself(config: pytest.Config) -> bool:
    """Tell whether pytest runs the tests in this process, by its own loop and its own protocol.

    Another plugin's loop hands them to workers, another protocol may run each in a forked child.
    """
    for hook, own in (("pytest_runtestloop", "main"), ("pytest_runtest_protocol", "runner")):
        for impl in getattr(config.hook, hook).get_hookimpls():
            is_wrapper = impl.wrapper or impl.hookwrapper
            is_known = impl.plugin_name == own or impl.plugin_name.startswith("crackle-")
            if not is_wrapper and not is_known:
                return False
    return True


def attach(report: pytest.TestReport, record: Record | None) -> None:
    """Put a record on the report of the test's teardown."""
    if record is not None:
        report.__dict__[CARRIER] = record


def detach(report: pytest.TestReport) -> Record | None:
    """Take the record off a report, so that nobody keeps or writes it; None if there is none."""
    record: Record | None = report.__dict__.pop(CARRIER, None)
    return record
