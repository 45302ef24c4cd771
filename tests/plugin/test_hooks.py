"""Third parties: a conftest.py, an installed package, the command line's entry points."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import jsonschema
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
PASSING = "def test_a(): pass\ndef test_b(): pass\n"

SUITE = """
import pytest

@pytest.mark.parametrize("n", range(30))
def test_page(n, record_metric):
    record_metric("db.queries", 400 if n == 17 else 10 + n % 3, kind="count")
"""
HOGS = (
    "1 of 30 tests make more than 10 times the usual 11 queries, most "
    "test_hogs.py::test_page[17]: 400."
)


def install(crackle, module: str, *groups: str, name: str = "hogs") -> None:
    """What `pip install` leaves: a module and the metadata that names it."""
    site = crackle.file("site")
    info = site / "hogs-1.0.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: hogs\nVersion: 1.0\n")
    info.joinpath("entry_points.txt").write_text(
        "".join(f"[{group}]\n{name} = {module}\n" for group in groups)
    )
    source = EXAMPLES / f"{module}.py"
    if source.exists():
        shutil.copy(source, site)
    crackle.pytester._monkeypatch.setenv("PYTHONPATH", str(site))


def only(crackle, kind: str):
    return [pattern for pattern in crackle.report["patterns"] if pattern["kind"] == kind]


# ---------------------------------------------------------------------- an installed package


def test_an_installed_detector_finds_its_own_kind_and_gates_on_it(crackle):
    install(crackle, "query_hogs", "pytest11", "pytest_crackle")
    crackle.pytester.makepyfile(test_hogs=SUITE)
    outputs = [
        "--crackle-html=page.html",
        "--crackle-md=report.md",
        "--crackle-gitlab=quality.json",
        "--crackle-openmetrics=metrics.txt",
        "--crackle-ci=github",
    ]
    result = crackle.run(
        "--crackle-detectors=query-hogs",
        "--crackle-fail-on=query-hogs:db.*@0.9",
        *outputs,
        subprocess=True,
    )
    assert result.ret == 1
    (pattern,) = only(crackle, "query-hogs")
    assert pattern["summary"] == HOGS
    assert pattern["level"] == "fail"
    assert pattern["confidence"] == 0.95
    assert pattern["evidence"] == {"usual": 11.0, "most": 400.0}
    assert crackle.report["cooling"]["detectors"] == ["query-hogs"]
    assert crackle.report["faults"] == []
    schema = Path(__file__).parents[2] / "pytest_crackle" / "schemas" / "report-1.json"
    jsonschema.validate(crackle.report, json.loads(schema.read_text()))
    # every writer has the kind by its own name
    text = " ".join(result.stdout.str().split())
    assert "most test_hogs.py::test_page[17]: 400." in text
    assert "1 pattern of kind query-hogs" in text
    for name in ("page.html", "report.md", "quality.json", "metrics.txt"):
        assert "query-hogs" in crackle.file(name).read_text("utf-8"), name
    assert "()" not in crackle.file("report.md").read_text("utf-8")

    # the command line: the same detector from its own entry-point group
    command = [sys.executable, "-m", "pytest_crackle", "cool", "run.jsonl"]
    told = crackle.pytester.run(*command, "--detectors=query-hogs", "--fail-on=query-hogs")
    assert told.ret == 1
    assert "most test_hogs.py::test_page[17]: 400." in " ".join(told.stdout.str().split())
    assert crackle.pytester.run(*command, "--detectors=query-hogs").ret == 0
    shown = crackle.pytester.run(*command[:-2], "show", "report.json")
    assert "400." in shown.stdout.str()


def test_the_detector_reads_its_own_ini_key(crackle):
    install(crackle, "query_hogs", "pytest11")
    crackle.pytester.makepyfile(test_hogs=SUITE)
    crackle.pytester.makeini("[pytest]\nquery_hogs_times = 50\n")
    crackle.run("--crackle-detectors=query-hogs", subprocess=True)
    assert only(crackle, "query-hogs") == []


def test_an_unknown_detector_or_kind_is_one_line_that_names_third_parties(crackle):
    install(crackle, "query_hogs", "pytest11")
    crackle.pytester.makepyfile(test_hogs=SUITE)
    result = crackle.run("--crackle-detectors=hogs", subprocess=True)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --crackle-detectors:*, none, query-hogs, not 'hogs'"])
    result = crackle.run("--crackle-fail-on=hogs", subprocess=True)
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --crackle-fail-on*query-hogs*any*"])


def test_a_rule_for_a_detector_that_was_not_chosen_fails_closed(crackle):
    install(crackle, "query_hogs", "pytest11")
    crackle.pytester.makepyfile(test_hogs=SUITE)
    result = crackle.run("--crackle-fail-on=query-hogs", subprocess=True)
    assert result.ret == 1
    assert "no detector that looks for query-hogs was chosen" in crackle.report["gate"]["reason"]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("import sys; sys.exit(1)", "SystemExit: 1"),
        (
            "def pytest_crackle_detector(config): return []",
            "PluginValidationError: unknown hook 'pytest_crackle_detector'",
        ),
    ],
)
def test_a_package_that_cannot_be_loaded_is_one_line_of_the_command(crackle, source, why):
    install(crackle, "broken_hogs", "pytest_crackle")
    crackle.pytester.makepyfile(broken_hogs=source)
    crackle.file("r.jsonl").write_text('{"nodeid": "a", "metrics": {"x": 1.0}}\n')
    told = crackle.pytester.run(
        *(sys.executable, "-m", "pytest_crackle", "cool", "r.jsonl", "--json=o.json"),
        "--detectors=hogs,clustering",  # a name that the package may have had
    )
    assert told.ret == 0
    report = json.loads(crackle.file("o.json").read_text())
    (fault,) = report["faults"]
    assert fault.startswith(f"plugin hogs (broken_hogs) not loaded: {why}")
    assert "plugin hogs" in told.stdout.str()
    assert report["cooling"]["detectors"] == ["clustering"]


# ---------------------------------------------------------------------- a conftest.py


CONFTEST = """
from dataclasses import replace
import pytest_crackle

class Steps:
    name = "steps"
    metrics = {"steps": ("1", "count"), "height": ("m", "level")}
    def __init__(self): self.n = 0
    def start(self): self.n += 1
    def stop(self): return {"steps": float(self.n), "height": 2.5}

def pytest_crackle_meters(config):
    return [Steps()]

def pytest_crackle_derive(record):
    metrics = record["metrics"]
    if "rows" in metrics:
        metrics["rows"] = -1.0  # a copy: nothing comes of it
        return {"rows_twice": 20.0, "rows": 99.0}

def pytest_crackle_report(report, config):
    config.rootpath.joinpath("sent.json").write_text(
        str(pytest_crackle.report_to_json(report)["session"]["exitstatus"]))
"""
WITH_ROWS = """
def test_a(record_metric): record_metric("rows", 10)
def test_b(): pass
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_conftest_measures_derives_and_sends(crackle, workers):
    crackle.pytester.makeconftest(CONFTEST)
    crackle.pytester.makepyfile(WITH_ROWS)
    result = crackle.run("--crackle-meters=+steps", *workers, subprocess=bool(workers))
    result.assert_outcomes(passed=2)
    assert crackle.report["faults"] == []
    a, b = crackle.tests["test_a"]["metrics"], crackle.tests["test_b"]["metrics"]
    assert (a["rows"], a["rows_twice"]) == (10.0, 20.0)
    assert "rows_twice" not in b
    assert a["height"] == 2.5
    assert crackle.report["metrics"]["height"]["unit"] == "m"
    assert crackle.report["metrics"]["height"]["kind"] == "level"
    assert crackle.report["metrics"]["steps"]["kind"] == "count"
    assert crackle.records["test_a"]["metrics"]["rows_twice"] == 20.0
    assert crackle.file("sent.json").read_text() == "0"
    if not workers:
        assert (a["steps"], b["steps"]) == (1.0, 2.0)


def test_the_example_meter_measures_or_leaves_out(crackle):
    source = (EXAMPLES / "temperature.py").read_text("utf-8")
    sensor = crackle.file("sensor")
    sensor.write_text("41500\n")
    crackle.pytester.makeconftest(
        source.replace('"/sys/class/thermal/thermal_zone0/temp"', repr(str(sensor)))
    )
    crackle.pytester.makepyfile(
        "import pathlib\n"
        "def test_a(): pass\n"
        f"def test_b(): pathlib.Path({str(sensor)!r}).unlink()\n"
    )
    crackle.run("--crackle-meters=+temperature").assert_outcomes(passed=2)
    assert crackle.tests["test_a"]["metrics"]["cpu.temperature"] == 41.5
    assert "cpu.temperature" not in crackle.tests["test_b"]["metrics"]
    assert crackle.report["metrics"]["cpu.temperature"]["unit"] == "°C"
    assert crackle.report["faults"] == []


def test_a_meter_that_nobody_asked_for_is_never_started(crackle):
    crackle.pytester.makeconftest(CONFTEST)
    crackle.pytester.makepyfile(PASSING)
    crackle.run()
    assert "steps" not in crackle.report["metrics"]


def test_an_unknown_meter_is_one_line_that_lists_all(crackle):
    crackle.pytester.makeconftest(CONFTEST)
    crackle.pytester.makepyfile(PASSING)
    result = crackle.run("--crackle-meters=+nope")
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["ERROR: --crackle-meters: 'nope' is not one of *memory.peak, db, logs, steps"]
    )


FILTER = """
from dataclasses import replace

def pytest_crackle_patterns(patterns, table, config):
    assert table.n_tests == 30
    return [{change} for p in patterns]
"""


def run_filtered(crackle, change: str, *args: str):
    install(crackle, "query_hogs", "pytest11")
    crackle.pytester.makepyfile(test_hogs=SUITE)
    crackle.pytester.makeconftest(FILTER.replace("{change}", change))
    return crackle.run(
        "--crackle-detectors=query-hogs", "--crackle-fail-on=query-hogs", *args, subprocess=True
    )


def test_a_filter_annotates_before_gate_and_report(crackle):
    result = run_filtered(
        crackle, "replace(p, summary='Known: ' + p.summary, gateable=False, details=('owner: a',))"
    )
    assert result.ret == 0
    (pattern,) = only(crackle, "query-hogs")
    assert pattern["summary"] == f"Known: {HOGS}"
    assert pattern["details"] == ["owner: a"]


def test_a_filter_leaves_out_and_a_note_says_so(crackle):
    install(crackle, "query_hogs", "pytest11")
    crackle.pytester.makepyfile(test_hogs=SUITE)
    crackle.pytester.makeconftest(
        "def pytest_crackle_patterns(patterns, table, config):\n    return []\n"
    )
    result = crackle.run(
        "--crackle-detectors=query-hogs", "--crackle-fail-on=query-hogs", subprocess=True
    )
    assert result.ret == 0
    assert crackle.report["patterns"] == []
    note = "1 pattern left out by pytest_crackle_patterns of conftest.py"
    assert note in crackle.report["cooling"]["notes"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("replace(p, level='warn')", "ValueError: it raised the level of"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_faulty_filter_changes_nothing_and_is_named(crackle, change, why):
    result = run_filtered(crackle, change)
    assert result.ret == 1
    (pattern,) = only(crackle, "query-hogs")
    assert pattern["summary"] == HOGS
    (fault,) = crackle.report["faults"]
    start = f"pytest_crackle_patterns of conftest.py, switched off: {why}"
    assert fault.startswith(start), fault


# ---------------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("source", "start"),
    [
        (
            "def pytest_crackle_meters(config): raise RuntimeError('no sensor')",
            "pytest_crackle_meters of conftest.py, switched off: RuntimeError: no sensor",
        ),
        (
            "def pytest_crackle_meters(config): return 3",
            "pytest_crackle_meters of conftest.py, switched off: TypeError: it gave a value of type"
            " int, not a list of meters",
        ),
        (
            "class M:\n    name = 'a b'\n    metrics = {}\n"
            "def pytest_crackle_meters(config): return [M()]",
            "pytest_crackle_meters of conftest.py, switched off: CrackleError: the name of a meter",
        ),
        (
            "class M:\n    name = 'm'\n    metrics = {'cpu': ('s', 'value')}\n"
            "def pytest_crackle_meters(config): return [M()]",
            "pytest_crackle_meters of conftest.py, switched off: CrackleError: the meter m declares"
            " cpu, a built-in metric",
        ),
        (
            "class M:\n    name = 'logs'\n    metrics = {}\n"
            "    def start(self): pass\n    def stop(self): return {}\n"
            "def pytest_crackle_meters(config): return [M()]",
            "pytest_crackle_meters of conftest.py, switched off: ValueError: the name 'logs' is",
        ),
        (
            "def pytest_crackle_derive(record): return {'x': float('nan')}",
            "pytest_crackle_derive of conftest.py, switched off at "
            "test_a_faulty_part_is_one_line_and_the_rest_goes_on.py::test_a: CrackleError: metric"
            " 'x': the value must be finite, not nan",
        ),
        (
            "import pytest\ndef pytest_crackle_derive(record): pytest.fail('not this one')",
            "pytest_crackle_derive of conftest.py, switched off at "
            "test_a_faulty_part_is_one_line_and_the_rest_goes_on.py::test_a: Failed: not this one",
        ),
        (
            "def pytest_crackle_derive(record): return {'duration': 1.0}",
            "pytest_crackle_derive of conftest.py, switched off at "
            "test_a_faulty_part_is_one_line_and_the_rest_goes_on.py::test_a: ValueError: duration"
            " is a built-in metric",
        ),
        (
            "def pytest_crackle_derive(record): return [1.0]",
            "pytest_crackle_derive of conftest.py, switched off at "
            "test_a_faulty_part_is_one_line_and_the_rest_goes_on.py::test_a: TypeError: it gave a "
            "value of type list, not a mapping of metrics",
        ),
        (
            "def pytest_crackle_patterns(patterns, table, config): return True",
            "pytest_crackle_patterns of conftest.py, switched off: TypeError: it gave a value of "
            "type bool, not a list of patterns",
        ),
        *(
            (
                f"import sys\ndef {hook}: sys.exit('no licence')",
                f"{hook.partition('(')[0]} of conftest.py, switched off",
            )
            for hook in (
                "pytest_crackle_meters(config)",
                "pytest_crackle_derive(record)",
                "pytest_crackle_detectors(config)",
                "pytest_crackle_patterns(patterns, table, config)",
            )
        ),
        (
            "class M:\n    name = 'm'\n    metrics = {}\n"
            "    def start(self): pass\n    def stop(self): return {}\n"
            "def pytest_crackle_meters(config): return [M]",
            "pytest_crackle_meters of conftest.py, switched off: TypeError: it gave the class M, "
            "not an object made of it",
        ),
        (
            "def pytest_crackle_detectors(config): return [object()]",
            "pytest_crackle_detectors of conftest.py, switched off: CrackleError: the name of a "
            "detector is",
        ),
        (
            "class D:\n    name = 'none'\ndef pytest_crackle_detectors(config): return [D()]",
            "pytest_crackle_detectors of conftest.py, switched off: CrackleError: the name 'none' "
            "is one of pytest-crackle's own",
        ),
    ],
)
def test_a_faulty_part_is_one_line_and_the_rest_goes_on(crackle, source, start):
    crackle.pytester.makeconftest(source)
    crackle.pytester.makepyfile(PASSING)
    result = crackle.run()
    result.assert_outcomes(passed=2)
    (fault,) = crackle.report["faults"]
    assert fault.startswith(start), fault
    assert " ".join(fault.split())[:60] in " ".join(result.stdout.str().split())
    assert len(crackle.report["tests"]) == 2


def test_a_part_that_fails_in_a_worker_only_is_told_once(crackle):
    crackle.pytester.makeconftest(
        "import os\n"
        "def pytest_crackle_meters(config):\n"
        "    assert 'PYTEST_XDIST_WORKER' not in os.environ, 'not here'\n"
    )
    crackle.pytester.makepyfile(PASSING)
    crackle.run("-n2", subprocess=True).assert_outcomes(passed=2)
    (fault,) = crackle.report["faults"]
    assert "switched off: AssertionError: not here" in fault


def test_a_meter_that_fails_in_a_test_is_one_line(crackle):
    crackle.pytester.makeconftest(CONFTEST.replace("float(self.n)", "1 / (self.n - 1)"))
    crackle.pytester.makepyfile(PASSING)
    crackle.run("--crackle-meters=+steps").assert_outcomes(passed=2)
    (fault,) = crackle.report["faults"]
    assert fault.startswith("meter 'steps', switched off: ZeroDivisionError")


@pytest.mark.parametrize("error", ["OSError", "SystemExit"])
def test_a_receiver_that_fails_changes_no_file_and_no_exit_status(crackle, error):
    crackle.pytester.makeconftest(
        f"def pytest_crackle_report(report, config): raise {error}('no route to host')"
    )
    crackle.pytester.makepyfile(PASSING)
    result = crackle.run()
    assert result.ret == 0
    assert len(crackle.report["tests"]) == 2
    result.stdout.fnmatch_lines(
        [f"*pytest_crackle_report of conftest.py, switched off: {error}: no route to host"]
    )


DETECTOR = """
from pytest_crackle import Detection, Finding

class D:
    name = "mine"
    def detect(self, suite, profile):
        {body}

def pytest_crackle_detectors(config):
    return [D()]
"""
GOOD = (
    "kind='mine', subkind='', summary='s.', metrics=('x',), rows=(0,), anchor='a', log_p=-50.0, "
    "confidence=0.8"
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise KeyError('x')", "KeyError: 'x'"),
        ("raise SystemExit(3)", "RuntimeError: detect ended with SystemExit: 3"),
        ("import pytest; pytest.fail('no')", "RuntimeError: detect ended with Failed: no"),
        ("return []", "TypeError: detect gave a value of type list, not a Detection"),
        *(
            (f"return Detection((Finding({GOOD.replace(old, new)}),))", why)
            for old, new, why in [
                ("kind='mine'", "kind='other'", "ValueError: a finding of kind 'other'"),
                ("subkind=''", "subkind='jump'", "CrackleError: the sub-kind 'jump' is one of"),
                ("subkind=''", "subkind='count'", "CrackleError: the sub-kind 'count' is one of"),
                ("rows=(0,)", "rows=(9,)", "ValueError: rows must be of the 2 rows"),
                ("confidence=0.8", "", "ValueError: a finding needs a confidence, or a recheck"),
            ]
        ),
    ],
)
def test_a_faulty_detector_fails_its_own_gate_and_no_other(crackle, body, why):
    crackle.pytester.makeconftest(DETECTOR.replace("{body}", body))
    crackle.pytester.makepyfile(PASSING)
    result = crackle.run("--crackle-detectors=mine,clustering", "--crackle-fail-on=mine")
    assert result.ret == 1
    assert crackle.report["gate"]["verdict"] == "inconclusive"
    (fault,) = crackle.report["faults"]
    assert fault.startswith(f"detector mine failed: {why}"), fault
    assert "detector mine failed" in crackle.report["gate"]["reason"]


def test_a_faulty_detector_does_not_stop_a_rule_of_another_kind(crackle):
    crackle.pytester.makeconftest(DETECTOR.replace("{body}", "raise KeyError('x')"))
    crackle.pytester.makepyfile(
        "import pytest\n@pytest.mark.parametrize('n', range(25))\ndef test_a(n): pass\n"
    )
    result = crackle.run("--crackle-detectors=mine,clustering", "--crackle-fail-on=clustering")
    assert result.ret == 0
    assert crackle.report["gate"]["verdict"] == "pass"


def test_a_good_detector_of_a_conftest_is_told(crackle):
    crackle.pytester.makeconftest(
        DETECTOR.replace("{body}", f"return Detection((Finding({GOOD}),), hypotheses=4)")
    )
    crackle.pytester.makepyfile(PASSING)
    crackle.run("--crackle-detectors=mine,clustering")
    (pattern,) = crackle.report["patterns"]
    assert (pattern["kind"], pattern["summary"]) == ("mine", "s.")
    assert pattern["q_value"] < 1e-18
    assert crackle.report["faults"] == []


def test_a_detector_hook_that_fails_leaves_a_gate_on_its_kind_closed(crackle):
    crackle.pytester.makeconftest("def pytest_crackle_detectors(config): raise OSError('gone')")
    crackle.pytester.makepyfile(PASSING)
    result = crackle.run("--crackle-detectors=mine,clustering")
    assert result.ret == 0  # what is left goes on
    assert crackle.report["cooling"]["detectors"] == ["clustering"]
    result = crackle.run("--crackle-detectors=mine", "--crackle-fail-on=mine")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["ERROR: --crackle-fail-on*switched off: OSError: gone"])


# ---------------------------------------------------------------------- where hooks are known


@pytest.mark.parametrize("on", [True, False])
def test_hooks_are_known_whether_crackle_is_on_or_off(crackle, on):
    crackle.pytester.makeconftest(CONFTEST)
    crackle.pytester.makepyfile(PASSING)
    sub = crackle.pytester.mkdir("sub")
    sub.joinpath("conftest.py").write_text("def pytest_crackle_derive(record): return {'x': 1.0}\n")
    sub.joinpath("test_sub.py").write_text("def test_c(): pass\n")
    result = crackle.run(".", on=on, subprocess=True)
    result.assert_outcomes(passed=3)
    if on:
        (fault,) = crackle.report["faults"]
        assert fault == (
            "pytest_crackle_derive of sub/conftest.py was not called: it was loaded after the "
            "session had begun; put it into the conftest.py at the rootdir"
        )


def test_a_wrong_argument_of_a_hook_is_pytests_own_error(crackle):
    crackle.pytester.makeconftest("def pytest_crackle_meters(conf): return []\n")
    crackle.pytester.makepyfile(PASSING)
    result = crackle.run(subprocess=True)
    assert result.ret != 0
    text = result.stdout.str() + result.stderr.str()
    assert "pytest_crackle_meters" in text
    assert "'conf'" in text


def test_the_names_of_the_hooks_are_the_same_everywhere():
    from pytest_crackle import extensions, hookspec, plugin

    specified = [name for name in vars(hookspec) if name.startswith("pytest_crackle_")]
    assert list(plugin.HOOKS) == list(extensions.HOOKS) == specified


def test_off_without_hooks_the_specifications_are_not_loaded(crackle):
    crackle.pytester.makepyfile(
        """
        import sys

        def test_a(pytestconfig):
            assert "pytest_crackle.hookspec" not in sys.modules
            assert not hasattr(pytestconfig.hook, "pytest_crackle_meters")
        """
    )
    crackle.run(on=False, subprocess=True).assert_outcomes(passed=1)
