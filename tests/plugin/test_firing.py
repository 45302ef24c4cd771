"""What is measured of each test, end to end."""

from __future__ import annotations

import pytest

PHASES = ("setup", "call", "teardown")
SUBTESTS = pytest.mark.skipif(pytest.version_tuple < (9, 0), reason="came with pytest 9")
LINUX = pytest.mark.skipif("sys.platform != 'linux'", reason="a meter of Linux")


def test_every_built_in_metric_is_there(crackle):
    crackle.pytester.makepyfile("def test_a(): pass")
    crackle.run()
    metrics = crackle.tests["test_a"]["metrics"]
    wanted = {"duration", "cpu", *(f"{m}.{p}" for m in ("duration", "cpu") for p in PHASES)}
    wanted |= {"cpu.children", "threads", "gc.collections", "warnings", "pace"}
    assert wanted <= metrics.keys()
    assert metrics["duration"] == pytest.approx(sum(metrics[f"duration.{p}"] for p in PHASES))
    assert all(type(value) is float and value >= 0 for value in metrics.values())


@LINUX
def test_meters_of_linux(crackle):
    crackle.pytester.makepyfile("def test_a(): pass")
    crackle.run()
    metrics = crackle.tests["test_a"]["metrics"]
    assert {"delay", "memory.rss", "fds"} <= metrics.keys()
    assert metrics["memory.rss"] > 1 << 20


def test_time_is_charged_to_the_phase_that_took_it(crackle):
    crackle.pytester.makepyfile(
        """
        import time, pytest

        def burn(seconds):
            end = time.process_time() + seconds
            while time.process_time() < end:
                pass

        @pytest.fixture
        def slow():
            burn(.03)
            yield
            burn(.06)

        def test_a(slow):
            burn(.09)
        """
    )
    crackle.run()
    metrics = crackle.tests["test_a"]["metrics"]
    assert metrics["cpu.setup"] >= 0.03
    assert metrics["cpu.teardown"] >= 0.06
    assert metrics["cpu.call"] >= 0.09
    for phase in PHASES:
        assert metrics[f"duration.{phase}"] >= metrics[f"cpu.{phase}"] * 0.99


def test_place_names_markers_and_fixtures(crackle):
    crackle.pytester.makeini("[pytest]\nmarkers = slow")
    crackle.pytester.makepyfile(
        """
        import pytest

        @pytest.fixture(scope="module")
        def wide(): return 1

        @pytest.fixture(params=["x", "y"])
        def kind(request, wide): return request.param

        @pytest.mark.slow
        class TestA:
            @pytest.mark.parametrize("number", [1, 2])
            @pytest.mark.skipif(False, reason="never")
            def test_x(self, number, kind): pass
        """
    )
    crackle.run()
    record = crackle.records["TestA::test_x[x-1]"]
    name = record["file"]
    assert name.endswith(".py")
    assert record["module"] == name
    assert record["class"] == f"{name}::TestA"
    assert record["function"] == f"{name}::TestA::test_x"
    assert record["param"] == "x-1"
    assert record["line"] == 11
    assert record["markers"] == ["slow"]
    assert sorted(record["fixtures"]) == ["kind", "wide"]
    assert [setup[:2] for setup in record["setups"]] == [["wide", "module"], ["kind", "function"]]
    assert [r["index"] for r in crackle.records.values()] == [0, 1, 2, 3]
    assert [r["seq"] for r in crackle.records.values()] == [0, 1, 2, 3]


def test_a_fixture_is_charged_without_the_ones_it_asks_for(crackle):
    crackle.pytester.makepyfile(
        """
        import time, pytest

        def burn(seconds):
            end = time.process_time() + seconds
            while time.process_time() < end:
                pass

        @pytest.fixture
        def inner(): burn(.05)

        @pytest.fixture
        def outer(request):
            request.getfixturevalue("inner")

        def test_a(outer): pass
        """
    )
    crackle.run()
    cost = {name: (wall, cpu) for name, _, wall, cpu in crackle.records["test_a"]["setups"]}
    assert cost["inner"][1] >= 0.05
    assert cost["outer"][1] < 0.025


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("def test_a(): pass", "passed"),
        ("def test_a(): assert 0", "failed"),
        ("def test_a(): pytest.skip('x')", "skipped"),
        ("@pytest.mark.skip\ndef test_a(): pass", "skipped"),
        ("@pytest.mark.xfail\ndef test_a(): assert 0", "xfailed"),
        ("@pytest.mark.xfail\ndef test_a(): pass", "xpassed"),
        ("@pytest.fixture\ndef f(): 1 / 0\ndef test_a(f): pass", "error"),
        ("@pytest.fixture\ndef f():\n    yield\n    1 / 0\ndef test_a(f): pass", "error"),
    ],
)
def test_outcomes(crackle, body, outcome):
    crackle.pytester.makepyfile(f"import pytest\n{body}\n")
    crackle.run()
    assert crackle.tests["test_a"]["outcome"] == outcome


def test_unittest_doctest_async_and_custom_items(crackle):
    crackle.pytester.makeconftest(
        """
        import pytest

        class Item(pytest.Item):
            def runtest(self): pass
            def reportinfo(self): return self.path, None, "line"

        class File(pytest.File):
            def collect(self): yield Item.from_parent(self, name="the line")

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".txt":
                return File.from_parent(parent, path=file_path)
        """
    )
    crackle.file("things.txt").write_text("x")
    crackle.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    crackle.pytester.makepyfile(
        test_kinds='''
        """
        >>> 1 + 1
        2
        """
        import pytest, unittest

        class TestU(unittest.TestCase):
            def test_u(self):
                for i in range(3):
                    with self.subTest(i=i):
                        self.assertLess(i, 5)

        @pytest.mark.asyncio
        async def test_async(record_metric):
            record_metric("x", 1)

        '''
    )
    result = crackle.run("--doctest-modules")
    assert result.ret == 0
    names = [test["nodeid"] for test in crackle.report["tests"]]
    assert sorted(names) == [
        "test_kinds.py::TestU::test_u",
        "test_kinds.py::test_async",
        "test_kinds.py::test_kinds",
        "things.txt::the line",
    ]
    assert all(test["outcome"] == "passed" for test in crackle.report["tests"])
    assert crackle.tests["test_async"]["metrics"]["x"] == 1.0


@SUBTESTS
def test_subtests_are_no_entries_of_their_own(crackle):
    crackle.pytester.makepyfile(
        """
        def test_sub(subtests):
            for i in range(3):
                with subtests.test(i=i):
                    assert i < 5
        """
    )
    crackle.run()
    assert [t["outcome"] for t in crackle.report["tests"]] == ["passed"]


@SUBTESTS
def test_a_failing_subtest_makes_its_test_failed(crackle):
    crackle.pytester.makepyfile(
        """
        def test_sub(subtests):
            with subtests.test("one"):
                assert 0
            with subtests.test("two"):
                pass
        """
    )
    crackle.run()
    assert [t["outcome"] for t in crackle.report["tests"]] == ["failed"]


def test_warnings_are_counted(crackle):
    crackle.pytester.makepyfile(
        """
        import warnings, pytest

        def test_two():
            warnings.warn("a")
            warnings.warn("b")

        def test_caught():
            with pytest.warns(UserWarning):
                warnings.warn("a")
        """
    )
    crackle.run(subprocess=True)
    assert crackle.tests["test_two"]["metrics"]["warnings"] == 2.0
    assert crackle.tests["test_caught"]["metrics"]["warnings"] == 0.0


def test_descriptors_and_threads_are_known_by_identity(crackle):
    crackle.pytester.makepyfile(
        """
        import socket, threading

        KEPT, END = [], threading.Event()

        def test_open(): KEPT.append(socket.socket())
        def test_quiet(): socket.socket().close()
        def test_close(): KEPT.pop().close()
        def test_thread(): threading.Thread(target=END.wait, daemon=True).start()
        def test_end(): END.set()
        """
    )
    crackle.run(subprocess=True)
    records = crackle.records
    (opened,) = records["test_open"]["opened"]["fds"]
    assert opened.endswith(":socket")
    assert "opened" not in records["test_quiet"]
    assert records["test_close"]["closed"]["fds"] == [opened]
    (thread,) = records["test_thread"]["opened"]["threads"]
    assert "wait" in thread
    assert records["test_thread"]["metrics"]["threads"] == (
        records["test_quiet"]["metrics"]["threads"] + 1
    )


def test_interpreter_state_that_a_test_leaves_is_noted_at_that_test(crackle):
    crackle.pytester.makepyfile(
        """
        import gc, sys, tracemalloc, pytest

        def watch(*args): pass

        def test_quiet():
            sys.setprofile(watch)
            sys.setprofile(None)

        def test_profile(): sys.setprofile(watch)
        def test_gc():
            sys.setprofile(None)
            gc.disable()
        def test_limit():
            gc.enable()
            sys.setrecursionlimit(sys.getrecursionlimit() + 7)
        def test_back(): sys.setrecursionlimit(sys.getrecursionlimit() - 7)
        """
    )
    crackle.run()
    records = crackle.records
    assert "state" not in records["test_quiet"]
    name, before, after = records["test_profile"]["state"][0]
    assert (name, before) == ("profile function", "none")
    assert after.endswith(".watch")
    assert [change[0] for change in records["test_gc"]["state"]] == ["profile function", "gc"]
    assert records["test_limit"]["state"][0][0] == "gc"
    assert records["test_limit"]["state"][1][0] == "recursion limit"


def test_state_that_a_wide_fixture_sets_and_undoes_is_by_design(crackle):
    crackle.pytester.makepyfile(
        """
        import gc, pytest

        @pytest.fixture(scope="module")
        def still():
            gc.disable()
            yield
            gc.enable()

        def test_a(still): pass
        def test_b(still): pass
        """
    )
    crackle.run()
    assert not any("state" in record for record in crackle.records.values())


def test_values_are_recorded_from_everywhere(crackle):
    crackle.pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    crackle.pytester.makepyfile(
        """
        import asyncio, threading, unittest, pytest
        from pytest_crackle import record_metric as record

        @pytest.fixture
        def around(record_metric):
            record_metric("before", 1)
            yield
            record_metric("after", 2)

        def test_fixture(around): record("during", 3)

        def test_thread(record_metric):
            thread = threading.Thread(target=lambda: record("x", 4))
            thread.start()
            thread.join()
            record_metric("y", 5)

        class TestU(unittest.TestCase):
            def setUp(self): record("setup", 6)
            def test_u(self): record("x", 7)

        @pytest.mark.asyncio
        async def test_async(): await asyncio.gather(*[one(i) for i in range(3)])
        async def one(i): record.add("tasks")
        """
    )
    result = crackle.run()
    result.assert_outcomes(passed=4)

    recorded = {"before", "during", "after", "x", "y", "setup", "tasks"}

    def own(name):
        metrics = crackle.tests[name]["metrics"]
        return {k: v for k, v in metrics.items() if k in recorded}

    assert own("test_fixture") == {"before": 1.0, "during": 3.0, "after": 2.0}
    assert own("test_thread") == {"x": 4.0, "y": 5.0}
    assert own("TestU::test_u") == {"setup": 6.0, "x": 7.0}
    assert own("test_async") == {"tasks": 3.0}


def test_without_crackle_values_are_checked_and_dropped(crackle):
    crackle.pytester.makepyfile(
        """
        import pytest
        from pytest_crackle import record_metric as record

        record("outside", 1)

        def test_a(record_metric):
            record_metric("x", 1)
            record.add("x", 2)
            with record.timer("t"): pass
            with pytest.raises(TypeError): record_metric("x", "1")
            with pytest.raises(ValueError): record("x", float("nan"))
        """
    )
    crackle.run(on=False).assert_outcomes(passed=1)


def test_a_bad_value_fails_the_test_that_made_the_mistake(crackle):
    crackle.pytester.makepyfile(
        """
        def test_a(record_metric): record_metric("x", "12")
        def test_b(record_metric): record_metric("x", 12)
        """
    )
    result = crackle.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*TypeError: record_metric('x'): the value must be a real number*"]
    )
    assert "x" not in crackle.tests["test_a"]["metrics"]


def test_record_property_is_taken_in_on_request(crackle):
    crackle.pytester.makepyfile(
        """
        def test_a(record_property):
            record_property("rows", 12)
            record_property("name", "x")
        """
    )
    crackle.run()
    assert "rows" not in crackle.tests["test_a"]["metrics"]
    crackle.run("-o", "crackle_properties=true")
    assert crackle.tests["test_a"]["metrics"]["rows"] == 12.0
    assert "name" not in crackle.tests["test_a"]["metrics"]


def test_meters_can_be_chosen(crackle):
    crackle.pytester.makepyfile("def test_a(): pass")
    crackle.run("--crackle-meters=-fds,-pace,-memory.rss")
    metrics = crackle.tests["test_a"]["metrics"]
    assert "cpu" in metrics
    assert not {"fds", "pace", "memory.rss"} & metrics.keys()
    crackle.run("--crackle-meters=threads")
    assert set(crackle.tests["test_a"]["metrics"]) == {
        "duration",
        *(f"duration.{phase}" for phase in PHASES),
        "threads",
    }


def test_clocks_that_a_test_patches_do_not_reach_us(crackle):
    crackle.pytester.makepyfile(
        """
        import time, pytest

        @pytest.fixture
        def frozen(monkeypatch):
            for name in ("time", "perf_counter", "process_time", "monotonic", "thread_time"):
                monkeypatch.setattr(time, name, lambda: 0.0)

        def test_a(frozen):
            for _ in range(100_000): pass

        def test_left_behind():
            time.perf_counter = time.process_time = time.time = lambda: -1e9
            for _ in range(100_000): pass

        def test_after(): pass
        """
    )
    crackle.run(subprocess=True)
    for test in crackle.tests.values():
        assert 0 <= test["metrics"]["duration"] < 60
    assert crackle.tests["test_a"]["metrics"]["duration.call"] > 1e-4


def test_reruns_are_one_entry_with_its_attempts(crackle):
    crackle.pytester.makepyfile(
        """
        N = []
        def test_a(record_metric):
            N.append(1)
            record_metric("n", len(N))
            assert len(N) == 3
        def test_b(): pass
        """
    )
    result = crackle.run("--reruns=5")
    assert result.ret == 0
    assert len(crackle.report["tests"]) == 2
    test = crackle.tests["test_a"]
    assert (test["outcome"], test["attempt"], test["metrics"]["n"]) == ("passed", 2, 3.0)


def test_a_nested_session_sees_nothing_of_the_outer_one(crackle):
    crackle.pytester.makepyfile(
        """
        import pytest

        def test_outer(record_metric, tmp_path):
            record_metric("x", 1)
            file = tmp_path / "test_inner.py"
            file.write_text("def test_i(record_metric): record_metric('x', 5)")
            assert pytest.main([str(file), "-p", "no:cacheprovider"]) == 0
            assert pytest.main([str(file), "--crackle", "-p", "no:cacheprovider"]) == 0
            record_metric("y", 2)
        """
    )
    result = crackle.run(subprocess=True)
    assert result.ret == 0
    assert [t["nodeid"] for t in crackle.report["tests"]] == [
        "test_a_nested_session_sees_nothing_of_the_outer_one.py::test_outer"
    ]
    metrics = crackle.tests["test_outer"]["metrics"]
    assert (metrics["x"], metrics["y"]) == (1.0, 2.0)


@pytest.mark.parametrize("options", [[], ["-n1"]])
def test_metrics_are_shown_in_junit_xml_on_request_only(crackle, options):
    crackle.pytester.makepyfile("def test_a(record_metric): record_metric('rows', 12)")
    crackle.run("--junitxml=junit.xml", *options, subprocess=True)
    assert "crackle" not in crackle.file("junit.xml").read_text()
    crackle.run("--junitxml=junit.xml", "-o", "crackle_junit=true", *options, subprocess=True)
    text = crackle.file("junit.xml").read_text()
    assert '<property name="crackle.rows" value="12.0"' in text
    assert '<property name="crackle.duration.call"' in text
