"""The independent witness: notes what ran and what was recorded. Copied before each conftest."""

# ruff: noqa: PT013, PTH100, PTH118, PTH120 - in front of a conftest, whose names it must not take

import json as _json
import os as _os

import pytest as _pytest


def _witness():
    import pytest_crackle

    path = _os.path.join(_os.path.dirname(_os.path.abspath(__file__)), "probe.jsonl")
    flags = _os.O_WRONLY | _os.O_CREAT | _os.O_APPEND
    os_open, os_write, os_close, getpid = _os.open, _os.write, _os.close, _os.getpid
    encode, pid = _json.JSONEncoder().encode, _os.getpid()
    forks = _os.environ.get("PROBE_FORKS") == "1"

    class Witness:
        def __init__(self):
            self.nodeid, self.worker = None, ""
            self.runs_tests = self.sees_reports = True

        def note(self, event, nodeid, *facts):
            if getpid() != pid and not forks:
                return
            line = (encode([event, nodeid, self.worker, *facts]) + "\n").encode("ascii")
            descriptor = os_open(path, flags, 0o666)
            try:
                os_write(descriptor, line)
            finally:
                os_close(descriptor)

        def configure(self, config):
            given = getattr(config, "workerinput", None)
            self.worker = given["workerid"] if given else ""
            self.sees_reports = given is None

        def start(self, config):
            is_worker = hasattr(config, "workerinput")
            self.runs_tests = is_worker or not config.pluginmanager.has_plugin("dsession")

    witness = Witness()
    recorder = type(pytest_crackle.record_metric)

    def watch(name, default):
        original = getattr(recorder, name)

        def watched(self, metric, *given, **keys):
            result = original(self, metric, *given, **keys)
            value = given[0] if given else keys.get("value", default)
            if not metric.startswith("inner"):
                witness.note(name, witness.nodeid, metric, float(value))
            return result

        setattr(recorder, name, watched)

    watch("__call__", None)
    watch("add", 1)
    return witness


_the_witness = _witness()


class _Hooks:
    @_pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self, session):
        _the_witness.start(session.config)

    @_pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        _the_witness.nodeid = item.nodeid
        _the_witness.note("begin", item.nodeid)

    @_pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report):
        if _the_witness.runs_tests and report.when == "teardown":
            _the_witness.note("done", report.nodeid)
        if _the_witness.sees_reports:
            keys = sorted(key for key in vars(report) if key != "_crackle_record")
            if not _the_witness.runs_tests:
                keys = sorted(vars(report))  # the record was taken off before others see it
            _the_witness.note(
                "report",
                report.nodeid,
                str(report.when),
                report.outcome,
                keys,
                [list(section) for section in report.sections],
                [[str(name), str(value)] for name, value in report.user_properties],
            )


@_pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    _the_witness.configure(config)
    config.pluginmanager.register(_Hooks(), "the-witness")


# what the case itself wants stands below
