"""The hooks that pytest-crackle offers: five functions for a conftest.py or a plugin.

Loaded when crackle is on, or when somebody implements one of them. Whatever a hook raises or
returns, the session goes on: the part that is faulty is switched off and named in one line of the
report.

A suite that also runs where pytest-crackle is not installed marks its hooks with
``@pytest.hookimpl(optionalhook=True)``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pytest

    from pytest_crackle.cooling.detectors.base import Detector
    from pytest_crackle.firing.meters.base import Meter
    from pytest_crackle.model.pattern import Pattern
    from pytest_crackle.model.record import Record
    from pytest_crackle.model.report import Report
    from pytest_crackle.model.table import MetricTable


def pytest_crackle_meters(config: pytest.Config) -> Iterable[Meter] | None:
    """Offer more meters, which ``--crackle-meters=+name`` switches on.

    Called once, when the session is configured, in every process: the one that the user started
    and each worker of pytest-xdist. A conftest.py must be one that pytest loads before it
    collects: beside or above the paths that it was called with.

    Parameters
    ----------
    config : pytest.Config

    Returns
    -------
    iterable of Meter, or None
        Made without side effects: only those that were asked for are ever started.

    Notes
    -----
    Added in 0.1.

    Examples
    --------
    >>> def pytest_crackle_meters(config):
    ...     return [Temperature()]
    """


def pytest_crackle_derive(record: Record) -> Mapping[str, float] | None:
    """Compute metrics of a test from what it recorded: the glaze on the fired clay.

    Called after each test, on the controller (the process that the user started), before the
    record is written to ``--crackle-records``; and by ``pytest-crackle cool`` for each test read.

    Parameters
    ----------
    record : Record
        A copy: node id, metrics in base units, outcome, fixtures, markers and so on. A metric that
        a test did not record is missing; use ``record["metrics"].get(name)``.

    Returns
    -------
    mapping of str to float, or None
        Finite numbers by metric name. What the test recorded itself stays as it is; the names of
        built-in metrics cannot be given.

    Notes
    -----
    Added in 0.1.

    Examples
    --------
    >>> def pytest_crackle_derive(record):
    ...     metrics = record["metrics"]
    ...     if "rows" in metrics and metrics["duration.call"] > 0:
    ...         return {"rows_per_s": metrics["rows"] / metrics["duration.call"]}
    """


def pytest_crackle_detectors(config: pytest.Config | None) -> Iterable[Detector] | None:
    """Offer more detectors, which ``--crackle-detectors=name`` switches on.

    Called once on the controller when the session is configured; for a conftest.py as with
    `pytest_crackle_meters`. Also by ``pytest-crackle cool`` and ``selfcheck``, for plugins of the
    entry-point group ``pytest_crackle``.

    Parameters
    ----------
    config : pytest.Config or None
        None on the command line, where no pytest session is. An option or ini key that the plugin
        declares in ``pytest_addoption`` is read here and handed to the detector.

    Returns
    -------
    iterable of Detector, or None

    Notes
    -----
    Added in 0.1. Findings compete with those of all other detectors under one false discovery
    rate, so a detector says with each how improbable it is, and how many hypotheses it tested.

    Examples
    --------
    >>> def pytest_crackle_detectors(config):
    ...     return [QueryHogs(times=10.0 if config is None else float(config.getini("hog_times")))]
    """


def pytest_crackle_patterns(
    patterns: Sequence[Pattern], table: MetricTable, config: pytest.Config | None
) -> Iterable[Pattern] | None:
    """Leave patterns out or annotate them, before the gate and the report.

    Called once on the controller at the end of the session, and by ``pytest-crackle cool``.
    Several plugins see each other's results, one after the other.

    Parameters
    ----------
    patterns : sequence of Pattern
        All that were found, those that only a gate looks at included.
    table : MetricTable
        All tests; not to be changed.
    config : pytest.Config or None
        None on the command line.

    Returns
    -------
    iterable of Pattern, or None
        Those that stay, in any order; None for no change. `summary` and `details` may be changed,
        `level` lowered and `gateable` cleared, with ``dataclasses.replace``; the rest is evidence
        and stays as it was found. How many were left out, and by whom, is told in a note.

    Notes
    -----
    Added in 0.1.

    Examples
    --------
    >>> def pytest_crackle_patterns(patterns, table, config):
    ...     return [p for p in patterns if "vendor/" not in p.summary]
    """


def pytest_crackle_report(report: Report, config: pytest.Config | None) -> None:
    """Send the finished report elsewhere.

    Called once on the controller after the gate and after all files were written, and by
    ``pytest-crackle cool``. What it returns is ignored; nothing that it does changes the exit
    status.

    Parameters
    ----------
    report : Report
        ``pytest_crackle.report_to_json(report)`` gives it as the JSON report has it.
    config : pytest.Config or None
        None on the command line.

    Notes
    -----
    Added in 0.1.

    Examples
    --------
    >>> def pytest_crackle_report(report, config):
    ...     post(json=pytest_crackle.report_to_json(report))
    """
