"""Entry point: declares options; registers recorder and session only when crackle is on.

It is imported at every pytest start-up, so everything else is imported where it is used.
"""

from __future__ import annotations

import sys

import pytest

from pytest_crackle.options import add_options, is_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from pytest_crackle.firing.recording import RecordMetric

__all__ = ["pytest_addoption", "pytest_configure", "pytest_plugin_registered", "record_metric"]

HOOKS = (
    "pytest_crackle_meters",
    "pytest_crackle_derive",
    "pytest_crackle_detectors",
    "pytest_crackle_patterns",
    "pytest_crackle_report",
)
"""What `hookspec` specifies; a test compares the two."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the group "crackle"."""
    add_options(parser)


def pytest_plugin_registered(manager: pytest.PytestPluginManager) -> None:
    """Make our hooks known as soon as a plugin or a conftest.py implements one.

    pytest refuses hooks that it does not know, also while crackle is off. Specifying ours at
    every start-up takes some 600 calls; to look for five names takes 6 for each plugin.
    """
    known: Container[str] = manager.hook.__dict__
    for name in HOOKS:
        if name in known:
            _specify_hooks(manager)
            return


def _specify_hooks(manager: pytest.PytestPluginManager) -> None:
    hook = getattr(manager.hook, HOOKS[0], None)
    if hook is None or not hook.has_spec():
        from pytest_crackle import hookspec

        manager.add_hookspecs(hookspec)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register what measures and what cools, if crackle is on."""
    config.addinivalue_line(
        "markers",
        "crackle(ignore=[...], budget=[...]): metrics of this test that pytest-crackle does not "
        "judge, and budgets that it must keep.",
    )
    if is_on(config):
        from pytest_crackle.starting import start

        _specify_hooks(config.pluginmanager)
        start(config)
    elif "pytest_crackle.firing.recording" in sys.modules:
        from pytest_crackle.firing.recording import hide_outer_session

        hide_outer_session(config)


@pytest.fixture
def record_metric() -> RecordMetric:
    """Record metrics of this test for pytest-crackle: ``record_metric("rows", 10_000)``.

    Also ``record_metric.add(name, value)`` and ``with record_metric.timer(name):``. Without
    ``--crackle`` it checks its arguments and does nothing else.
    """
    from pytest_crackle.firing.recording import bound_record_metric

    return bound_record_metric()
