"""The describer remembers the last definition and parent: it must never tell another's facts."""

from __future__ import annotations

import random

import pytest

from pytest_crackle.firing.items import Describer

SUITE = """
import pytest

@pytest.fixture
def plain(): pass

@pytest.fixture(params=["x", "y::z"])
def kind(request): pass

@pytest.mark.parametrize("a", [1, 2, "b::c", pytest.param(3, marks=pytest.mark.slow)])
def test_cases(a, plain): pass

def test_alone(): pass

@pytest.mark.crackle(ignore=["memory.*"])
@pytest.mark.slow
class TestOne:
    def test_a(self, kind): pass
    @pytest.mark.quick
    @pytest.mark.parametrize("kind", ["p", "q"], indirect=True)
    @pytest.mark.parametrize("n", [1, 2])
    def test_b(self, kind, n): pass

class TestTwo:
    class TestInner:
        def test_a(self): pass
    def test_a(self, plain): pass
"""


@pytest.fixture
def items(pytester):
    pytester.makeini("[pytest]\nmarkers =\n    slow\n    quick\n    crackle")
    pytester.makepyfile(test_one=SUITE, test_two=SUITE)
    off = ("-p", "no:asyncio", "-p", "no:crackle", "-p", "no:rerunfailures")  # it leaves a server
    found, _ = pytester.inline_genitems(*off)
    return found


def facts(item):
    """What an item says, by pytest's own means."""
    nodeid = item.nodeid
    module = nodeid.partition("::")[0]
    param = item.callspec.id if hasattr(item, "callspec") else None
    function = nodeid if param is None else nodeid.removesuffix(f"[{param}]")
    head = function.rpartition("::")[0]
    marks = {mark.name for mark in item.iter_markers()} - {"parametrize", "crackle"}
    return {
        "nodeid": nodeid,
        "module": module,
        "file": item.location[0],
        "line": item.location[1] + 1,
        "function": function,
        **({} if param is None else {"param": param}),
        **({} if head == module else {"class": head}),
        **({"markers": sorted(marks)} if marks else {}),
        **({"ignore": ["memory.*"]} if "TestOne" in nodeid else {}),
    }


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_items_does_not_matter(items, seed):
    random.Random(seed).shuffle(items)
    describer = Describer()
    for item in [*items, *items]:
        record = describer.describe(item, {"nodeid": item.nodeid})
        fixtures = record.pop("fixtures", None)
        assert record == facts(item)
        wanted = {"plain": "plain" in item.fixturenames, "kind": "kind" in item.fixturenames}
        assert sorted(fixtures or []) == sorted(name for name, used in wanted.items() if used)


def test_records_share_no_list(items):
    describer = Describer()
    cases = [item for item in items if "test_cases" in item.nodeid][:2]
    first, second = (describer.describe(item, {"nodeid": item.nodeid}) for item in cases)
    first["fixtures"].append("mine")
    assert second["fixtures"] == ["plain"]


def test_a_changed_node_id_is_taken_as_it_is(items):
    describer = Describer()
    one, two = [item for item in items if "test_cases" in item.nodeid][:2]
    describer.describe(one, {"nodeid": one.nodeid})
    record = describer.describe(two, {"nodeid": f"{two.nodeid}@group"})
    assert record["nodeid"] == f"{two.nodeid}@group"
    assert record["function"] == f"{two.nodeid}@group"


def test_a_marker_added_while_running_shows(items):
    describer = Describer()
    one, two = [item for item in items if "test_cases" in item.nodeid][:2]
    describer.describe(one, {"nodeid": one.nodeid})
    two.parent.add_marker("slow")
    assert describer.describe(two, {"nodeid": two.nodeid})["markers"] == ["slow"]
