"""Crackle is on: register what measures and what cools, or say in one line why not."""

from __future__ import annotations

import pytest

from pytest_crackle.extensions import METERS as METERS_HOOK
from pytest_crackle.extensions import Extensions
from pytest_crackle.firing.meters.ready import READY, ready_meters
from pytest_crackle.firing.readings import METERS
from pytest_crackle.firing.recorder import Recorder
from pytest_crackle.firing.transport import worker_id
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.reporting.escape import printable
from pytest_crackle.session import Controller
from pytest_crackle.settings import settings_of

__all__ = ["start"]


def start(config: pytest.Config) -> None:
    """Register the recorder where tests run, and the controller where they are reported.

    Raises
    ------
    pytest.UsageError
        If an option, an ini key or the baseline cannot be used.
    """
    try:
        extensions = Extensions(config.pluginmanager, config)
        offered = extensions.meters((*METERS, *READY))
        settings = settings_of(
            config,
            METERS,
            (*READY, *(meter.name for meter in offered)),
            lost_meters=extensions.lost(METERS_HOOK),
        )
        worker = worker_id(config)
        controller = None if worker is not None else Controller(config, settings, extensions)
        chosen = [meter for meter in offered if meter.name in settings.meters]
        recorder = Recorder(
            settings.meters,
            worker,
            junit=settings.junit,
            extra=[*ready_meters(settings.meters), *chosen],
        )
    except CrackleError as error:
        raise pytest.UsageError(str(error)) from None
    except Exception as error:  # noqa: BLE001 - a fault of ours must not change the session
        text = f"crackle could not start: {type(error).__name__}: {error}"[:300]
        if _wants_gate(config):
            raise pytest.UsageError(text) from None  # a gate that cannot be evaluated fails
        config.pluginmanager.register(_NotStarted(text), "crackle-session")
        return
    if controller is None:
        recorder.faults += extensions.faults
    recorder.firing.push()
    config.add_cleanup(recorder.firing.pop)
    config.pluginmanager.register(recorder, "crackle-recorder")
    if controller is not None:
        controller.recorder = recorder
        config.pluginmanager.register(controller, "crackle-session")


def _wants_gate(config: pytest.Config) -> bool:
    return any(
        config.getoption(f"crackle_{name}", None) or config.getini(f"crackle_{name}")
        for name in ("fail_on", "budgets")
    )


class _NotStarted:
    """The plugin that says why there is nothing to see."""

    def __init__(self, text: str) -> None:
        self.text = text

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the one line."""
        terminalreporter.write_line(printable(self.text), yellow=True)
