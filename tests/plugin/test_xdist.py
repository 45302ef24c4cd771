"""With workers: every record exactly once, whatever happens to the workers."""

from __future__ import annotations

import pytest

pytest.importorskip("xdist")

SUITE = """
    import pytest

    @pytest.mark.parametrize("i", range(12))
    def test_x(i, record_metric):
        record_metric("i", i)
"""


def entries(crackle):
    return sorted(
        (t["nodeid"].partition("::")[2], t["metrics"]["i"]) for t in crackle.report["tests"]
    )


EXPECTED = sorted((f"test_x[{i}]", float(i)) for i in range(12))


@pytest.mark.parametrize("dist", ["load", "loadscope", "loadfile", "loadgroup", "worksteal"])
def test_every_record_arrives_exactly_once(crackle, dist):
    crackle.pytester.makepyfile(SUITE)
    result = crackle.run("-n2", f"--dist={dist}", subprocess=True)
    assert result.ret == 0
    assert entries(crackle) == EXPECTED
    report = crackle.report
    assert report["session"]["complete"] is True
    assert report["session"]["dist"] == dist
    assert sum(worker["tests"] for worker in report["session"]["workers"]) == 12
    assert report["faults"] == []
    assert sorted(crackle.records) == [name for name, _ in EXPECTED]


def test_under_each_every_worker_has_its_own_entry(crackle):
    crackle.pytester.makepyfile(SUITE)
    crackle.run("--dist=each", "--tx=2*popen", subprocess=True)
    tests = crackle.report["tests"]
    assert len(tests) == 24
    assert len({(t["nodeid"], t["worker"]) for t in tests}) == 24
    assert crackle.report["session"]["complete"] is True


def test_the_run_order_of_each_worker_is_its_own(crackle):
    crackle.pytester.makepyfile(SUITE)
    crackle.run("-n2", subprocess=True)
    orders: dict[str, list[int]] = {}
    for record in crackle.records.values():
        orders.setdefault(record["worker"], []).append(record["seq"])
    assert all(sorted(seqs) == list(range(len(seqs))) for seqs in orders.values())


@pytest.mark.parametrize("kill", ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_dead_worker_costs_only_the_test_that_killed_it(crackle, kill):
    crackle.pytester.makepyfile(
        f"""
        import os, signal, pytest

        @pytest.mark.parametrize("i", range(12))
        def test_x(i, record_metric):
            record_metric("i", i)
            if i == 7:
                {kill}
        """
    )
    result = crackle.run("-n2", subprocess=True)
    assert result.ret == 1
    tests = crackle.tests
    assert len(tests) == 12
    assert tests["test_x[7]"]["outcome"] == "failed"
    assert tests["test_x[7]"]["metrics"] == {}
    others = {name: t["metrics"]["i"] for name, t in tests.items() if name != "test_x[7]"}
    assert sorted(others.items()) == [e for e in EXPECTED if e[0] != "test_x[7]"]
    assert crackle.report["session"]["complete"] is False
    assert any(worker["crashed"] for worker in crackle.report["session"]["workers"])
    assert "INTERNALERROR" not in result.stdout.str()


def test_the_last_reading_of_each_worker_is_in_the_journal(crackle):
    crackle.pytester.makepyfile(SUITE)
    crackle.run("-n2", subprocess=True)
    end = crackle.journal[-1]["end"]
    assert sorted(end["workers"]) == ["gw0", "gw1"]
    assert all("threads" in reading["metrics"] for reading in end["workers"].values())


def test_values_are_the_same_with_and_without_workers(crackle):
    crackle.pytester.makepyfile(SUITE)
    crackle.run("-n2", subprocess=True)
    with_workers = entries(crackle)
    crackle.run("-n0", subprocess=True)
    assert entries(crackle) == with_workers
