"""Session events in any order against the controller: the report is what a small model says."""

from __future__ import annotations

import itertools
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pytest_crackle.firing.transport import END_KEY, PROCESS_KEY, attach, detach
from pytest_crackle.starting import start
from pytest_crackle.storage.shards import read_run
from tests.faults.sessions import ON, TALLY

if TYPE_CHECKING:
    from pathlib import Path

execnet = pytest.importorskip("execnet")
pytest.importorskip("xdist")
pytestmark = pytest.mark.property

MODES = {"alone": [], "workers": ["-n2"], "each": ["--dist=each", "--tx=2*popen"]}
NODEIDS = [f"test_m.py::test_{i}" for i in range(6)]
OUTCOMES = ("passed", "failed", "skipped", "error", "xfailed", "xpassed")
CRASH = "???"
QUIET = (
    "-p",
    "no:terminal",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:asyncio",
    "-p",
    "no:rerunfailures",
)
EXAMPLES, STEPS = 150, 30


def stop(config):
    """Take crackle off a configured pytest."""
    for name in ("crackle-session", "crackle-recorder", "crackle-receiver"):
        if config.pluginmanager.has_plugin(name):
            config.pluginmanager.unregister(name=name)


def make_report(nodeid, when, outcome="passed"):
    return pytest.TestReport(
        nodeid=nodeid,
        location=("test_m.py", 1, nodeid),
        keywords={},
        outcome=outcome,
        longrepr=None,
        when=when,
    )


class Sessions(RuleBasedStateMachine):
    """One session; the controller under test is that of a real, configured pytest.

    `configs` by (mode, whether there is a gate) are set by the test, which has the fixtures.
    Crackle starts anew on one of them for each session: configuring pytest is what takes long.
    """

    configs: dict[tuple[str, bool], pytest.Config]
    folder: Path

    def __init__(self):
        super().__init__()
        self.counter = itertools.count()
        self.controller: Any = None
        # the model
        self.taken: dict[tuple[str, str | None], dict[str, Any]] = {}
        self.order: list[tuple[str, str | None]] = []
        self.lines = 0
        self.pids: dict[str, int] = {}
        self.ran: set[str] = set()
        self.collected: set[str] | None = None
        self.known: dict[str, bool] = {}  # worker: whether it crashed
        self.stopped = False
        self.status = 0

    @initialize(mode=st.sampled_from(sorted(MODES)), gate=st.booleans())
    def begin(self, mode, gate):
        self.mode = mode
        for name in ("report.json", "run.jsonl"):
            (self.folder / name).unlink(missing_ok=True)
        self.config = self.configs[mode, gate]
        start(self.config)
        self.controller = self.config.pluginmanager.get_plugin("crackle-session")
        self.session = SimpleNamespace(
            items=[], shouldstop=False, shouldfail=False, exitstatus=0, config=self.config
        )
        self.run_through(self.controller.pytest_collection())
        self.controller.pytest_runtestloop()  # no workers are started: it takes records straight
        self.receiver = self.controller._receiver
        self.workers: list[str | None] = [None] if mode == "alone" else ["gw0", "gw1"]

    def run_through(self, wrapper):
        """Run a hook wrapper of ours around nothing."""
        next(wrapper)
        wrapper.close()

    # ------------------------------------------------------------------ what happens

    def node(self, worker, **more):
        info = {"id": worker, "version_info": (3, 11, 7, "final", 0)}
        return SimpleNamespace(workerinfo=info, gateway=SimpleNamespace(id=worker), **more)

    def send(self, report):
        """Hand a report over as it comes: from another process by the way of execnet."""
        hook = self.config.hook
        if self.mode == "alone":
            if report.when == "teardown":  # the recorder hands it over itself
                self.controller.recorder.deliver(report, detach(report))
            return
        data = hook.pytest_report_to_serializable(config=self.config, report=report)
        data = execnet.loads(execnet.dumps(data))
        report = hook.pytest_report_from_serializable(config=self.config, data=data)
        self.receiver.pytest_runtest_logreport(report)
        assert not [key for key in vars(report) if "crackle" in key]  # others do not see it

    def place(self, data):
        return data.draw(st.sampled_from(NODEIDS)), data.draw(st.sampled_from(self.workers))

    @rule(some=st.sets(st.sampled_from(NODEIDS)), which=st.integers(0, 1))
    def collect(self, some, which):
        self.collected = (self.collected or set()) | some
        if self.mode == "alone":
            self.session.items = [SimpleNamespace(nodeid=nodeid) for nodeid in sorted(some)]
            self.controller.pytest_collection_finish(self.session)
            return
        worker = self.workers[which % len(self.workers)]
        self.controller.pytest_xdist_node_collection_finished(self.node(worker), sorted(some))
        self.known[worker] = False

    @rule(data=st.data(), when=st.sampled_from(["setup", "call"]))
    def phase(self, data, when):
        """A report that carries no record: set-up, call, a subtest of the call, a rerun's."""
        nodeid, _ = self.place(data)
        outcome = data.draw(st.sampled_from(["passed", "failed", "skipped", "rerun"]))
        report = make_report(nodeid, when, outcome)
        if data.draw(st.booleans()):
            report.context = {"msg": "subtest", "kwargs": {"i": 1}}
        self.send(report)

    @rule(data=st.data(), number=st.integers(1, 5))
    def finish_tests(self, data, number):
        """The last report of an attempt each; the second of the same test is a rerun."""
        for _ in range(number):
            self.finish_a_test(data)

    def finish_a_test(self, data):
        nodeid, worker = self.place(data)
        record: dict[str, Any] = {
            "nodeid": nodeid,
            "outcome": data.draw(st.sampled_from(OUTCOMES)),
            "worker": worker,
            "attempt": data.draw(st.integers(0, 2)),
            "seq": next(self.counter),
            "index": NODEIDS.index(nodeid),
            "start": 1.5e9,
            "metrics": data.draw(
                st.dictionaries(
                    st.sampled_from(["duration", "x", "memory.rss", "pace"]),
                    st.floats(allow_nan=False, allow_infinity=False),
                    max_size=3,
                )
            ),
        }
        if worker is not None and worker not in self.pids:
            self.pids[worker] = 4000 + len(self.pids)
            record[PROCESS_KEY] = [self.pids[worker], f"host-{worker}"]
        self.model(nodeid, worker, record)
        report = make_report(nodeid, "teardown")
        attach(report, json.loads(json.dumps(record)))
        self.send(report)
        self.ran.add(nodeid)
        TALLY.count("records sent by the state machine")

    def model(self, nodeid, worker, record):
        key = (nodeid, worker if self.mode == "each" else None)
        before = self.taken.get(key)
        attempt = record.get("attempt", 0)
        if before is not None and not attempt:
            attempt = before["attempt"] + 1
        self.taken[key] = {
            "outcome": record["outcome"],
            "attempt": attempt,
            "metrics": record["metrics"],
            "worker": worker,
        }
        self.lines += 1

    @rule(data=st.data())
    def lose_a_record(self, data):
        """Another plugin made the report anew."""
        nodeid, _ = self.place(data)
        self.send(make_report(nodeid, "teardown"))
        self.ran.add(nodeid)

    @precondition(lambda self: self.mode != "alone")
    @rule(data=st.data())
    def crash_in_a_test(self, data):
        nodeid, worker = self.place(data)
        report = make_report(nodeid, CRASH, "failed")
        report.node = self.node(worker)
        self.receiver.pytest_runtest_logreport(report)
        self.model(nodeid, worker, {"outcome": "failed", "metrics": {}})

    @precondition(lambda self: self.mode != "alone")
    @rule(data=st.data(), crashed=st.booleans(), replaced=st.booleans())
    def worker_down(self, data, crashed, replaced):
        worker = data.draw(st.sampled_from(self.workers))
        if crashed:
            node = self.node(worker)
            if data.draw(st.booleans()):
                del node.workerinfo  # it died before it was ready
        else:
            reading = {"metrics": {"fds": 5.0}, "closed": {"fds": []}, "faults": []}
            node = self.node(worker, workeroutput={END_KEY: reading})
        self.controller.pytest_testnodedown(node, "Not properly terminated" if crashed else None)
        self.known[worker] = crashed
        if replaced:
            self.workers.append(f"gw{len(self.workers)}")

    @rule(how=st.sampled_from(["shouldstop", "shouldfail"]))
    def stop_early(self, how):
        setattr(self.session, how, "stopping after 1 failures")
        self.stopped = True

    @rule()
    def interrupt(self):
        self.status = 2

    @rule(number=st.integers(0, 3))
    def deselect(self, number):
        self.controller.pytest_deselected([object()] * number)

    # ------------------------------------------------------------------ the end

    def teardown(self):
        if self.controller is None:
            return
        try:
            self.session.exitstatus = self.status
            self.run_through(self.controller.pytest_sessionfinish(self.session, self.status))
            self.check(self.status)
        finally:
            stop(self.config)
        TALLY.count("sessions of the state machine")

    def check(self, status):
        assert (self.folder / "report.json").exists(), self.controller.messages
        report = json.loads((self.folder / "report.json").read_text("utf-8"))
        each = self.mode == "each"
        got = {
            (test["nodeid"], test["worker"] if each else None): {
                key: test[key] for key in ("outcome", "attempt", "metrics", "worker")
            }
            for test in report["tests"]
        }
        assert len(got) == len(report["tests"])
        assert got == self.taken
        info = report["session"]
        self.check_sums(report, info)
        self.check_truth(report, info, status)
        self.check_journal(info)

    def check_sums(self, report, info):
        workers = {worker["id"]: worker for worker in info["workers"]}
        assert {name: w["crashed"] for name, w in workers.items()} == self.known
        counts = dict.fromkeys(workers, 0)
        for entry in self.taken.values():
            if entry["worker"] in counts:
                counts[entry["worker"]] += 1
        assert {name: w["tests"] for name, w in workers.items()} == counts
        for name, worker in workers.items():
            assert worker["pid"] == self.pids.get(name)
            assert name not in self.pids or worker["host"] == f"host-{name}"
        for name, summary in report["metrics"].items():
            holders = [e for e in self.taken.values() if name in e["metrics"]]
            assert summary["tests"] == len(holders)

    def check_truth(self, report, info, status):
        finished = {nodeid for nodeid, _ in self.taken}
        collected = self.collected
        assert info["collected"] == (None if collected is None else len(collected))
        is_whole = not (self.status or any(self.known.values()) or (collected or set()) - finished)
        assert info["complete"] is is_whole
        assert (info["incomplete_because"] is None) is is_whole
        faults = " ".join(report["faults"])
        assert ("left no record" in faults) is bool(self.ran - finished)
        never = (collected or set()) - self.ran - finished
        ended = not (self.status or self.stopped or any(self.known.values()))
        may_be_told = ended and bool(self.ran or finished)  # else pytest says why not
        assert ("never ran" in faults) is bool(never and may_be_told)
        assert len(report["faults"]) <= 2
        assert self.session.exitstatus in (status, 1)

    def check_journal(self, info):
        lines = (self.folder / "run.jsonl").read_text("ascii").splitlines()
        assert len(lines) == self.lines + 2
        if not self.lines:
            return
        run = read_run([str(self.folder / "run.jsonl")])
        assert run.session.complete is info["complete"]
        wanted = {nodeid: None for nodeid, _ in self.taken}
        assert set(run.table.nodeids) == set(wanted)


def test_any_order_of_events(pytester, monkeypatch):
    configs = {}
    for mode, workers in MODES.items():
        for gate in (False, True):
            rules = ["--crackle-fail-on=any"] if gate else []
            configs[mode, gate] = pytester.parseconfigure(*ON, *QUIET, *workers, *rules)
            stop(configs[mode, gate])
    monkeypatch.setattr(Sessions, "configs", configs, raising=False)
    monkeypatch.setattr(Sessions, "folder", pytester.path, raising=False)
    run_state_machine_as_test(
        Sessions,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
