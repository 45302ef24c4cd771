"""Every option and ini key. Loaded at every pytest start-up, so it imports next to nothing."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

__all__ = ["OUTPUTS", "add_options", "is_on"]

SWITCH = "PYTEST_CRACKLE"
OUTPUTS = {
    "json": "JSON report",
    "records": "journal: one JSON line for each finished test, written as it happens",
    "html": "page; a folder (index.html + crackle.css) if PATH ends with /",
    "md": "Markdown summary",
    "gitlab": "GitLab code quality report",
    "openmetrics": "file of OpenMetrics text",
}


def add_options(parser: pytest.Parser) -> None:
    """Declare every option of the group "crackle" and every ini key."""
    group = parser.getgroup("crackle", "patterns across tests")
    add, ini = group.addoption, parser.addini
    add(
        "--crackle",
        dest="crackle",
        action="store_true",
        default=None,
        help="gather metrics of every test and print the crackle report at the end",
    )
    add("--no-crackle", dest="crackle", action="store_false", help="switch crackle off")
    ini("crackle", "gather metrics and print the crackle report", type="bool", default=False)
    add(
        "--crackle-cooling",
        dest="crackle_cooling",
        metavar="RATE",
        help="cooling profile: fast = many fine cracks, for exploring; normal (default); "
        "slow = few large ones, for gates",
    )
    ini(
        "crackle_cooling",
        "cooling profile: fast, normal or slow",
        type="string",
        default="normal",
    )
    add(
        "--crackle-detectors",
        dest="crackle_detectors",
        metavar="NAME[,NAME]",
        help="clustering, phase-transition, conservation, correlation (default: these four); "
        "classic; none = measure and write without looking for patterns",
    )
    ini("crackle_detectors", "names of detectors", type="args", default=[])
    add(
        "--crackle-meters",
        dest="crackle_meters",
        metavar="NAME[,NAME]",
        help="what is measured; +NAME and -NAME change the default set",
    )
    ini("crackle_meters", "names of meters, or changes of the default set", type="args", default=[])
    for name, what in OUTPUTS.items():
        add(f"--crackle-{name}", dest=f"crackle_{name}", metavar="PATH", help=f"write a {what}")
        ini(f"crackle_{name}", f"path of the {what}", type="string", default="")
    add(
        "--crackle-ci",
        dest="crackle_ci",
        metavar="MODE",
        help="annotations and step summary on GitHub Actions: auto (default), none, github",
    )
    ini("crackle_ci", "auto, none or github", type="string", default="auto")
    _add_gate_options(add, ini)
    add(
        "--crackle-history",
        dest="crackle_history",
        metavar="PATH",
        help="SQLite file with past runs: compare this run with them, then add it",
    )
    ini("crackle_history", "path of the file with past runs", type="string", default="")
    add("--crackle-max", dest="crackle_max", metavar="N", help="most headlines printed (10)")
    ini("crackle_max", "most headlines printed", type="int", default=10)
    ini(
        "crackle_classic_metrics",
        "metrics that the classic detector looks at (default: duration and custom metrics)",
        type="args",
        default=[],
    )
    ini(
        "crackle_properties",
        "take numeric record_property values in as metrics",
        type="bool",
        default=False,
    )
    ini(
        "crackle_junit",
        "write the metrics of each test as properties into JUnit XML",
        type="bool",
        default=False,
    )


def _add_gate_options(add: Callable[..., None], ini: Callable[..., None]) -> None:
    add(
        "--crackle-fail-on",
        dest="crackle_fail_on",
        action="append",
        metavar="RULE",
        help="fail the session on matching patterns: KIND[:METRIC_GLOB][@CONFIDENCE], "
        "KIND one of the four kinds, flaky, a third party's or any; repeatable",
    )
    ini("crackle_fail_on", "rules of the gate, one a line", type="linelist", default=[])
    add(
        "--crackle-dry-run",
        dest="crackle_dry_run",
        action="store_true",
        default=False,
        help="print what the gate would fail on and keep the exit status",
    )
    add(
        "--crackle-budget",
        dest="crackle_budgets",
        action="append",
        metavar="RULE",
        help="fail the session when tests exceed a budget: "
        "METRIC <= VALUE [per test|in total] [in NODEID_GLOB]; repeatable",
    )
    ini("crackle_budgets", "budgets, one a line", type="linelist", default=[])
    add(
        "--crackle-baseline",
        dest="crackle_baseline",
        metavar="PATH",
        help="accepted patterns: shown, never failing",
    )
    ini("crackle_baseline", "path of the accepted patterns", type="string", default="")
    add(
        "--crackle-accept",
        dest="crackle_accept",
        action="append",
        metavar="ID|all",
        help="write patterns of this run into the baseline, with --crackle-reason",
    )
    add(
        "--crackle-reason",
        dest="crackle_reason",
        metavar="TEXT",
        default="",
        help="why the patterns are accepted",
    )


def is_on(config: pytest.Config) -> bool:
    """Tell whether crackle is switched on: environment, then command line, then ini."""
    if os.environ.get(SWITCH) == "0":
        return False
    wanted = config.getoption("crackle", None)
    if wanted is None:
        wanted = config.getini("crackle")
    if config.option.collectonly or getattr(config.option, "setupplan", False):
        return False
    return bool(wanted)
