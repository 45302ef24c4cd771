"""What a test is, told by its item: place, names, markers, fixtures. Only what every item has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from pytest_crackle.model.record import Record

__all__ = ["Describer", "is_direct_parameter"]

OWN_MARKERS: Final = frozenset(
    {"parametrize", "skip", "skipif", "xfail", "usefixtures", "filterwarnings", "crackle"}
)

NO_FIXTURES: Final = ("request", "_unittest_setUp", "_xunit_setup")
"""Beginnings of names that stand for a class or a module, or for nothing."""


def is_direct_parameter(fixturedef: object) -> bool:
    """Tell whether a fixture definition only stands for an argument of ``parametrize``.

    Since pytest 8 such arguments go through fixture set-up with a function of this name.
    """
    function = getattr(fixturedef, "func", None)
    return getattr(function, "__name__", "") == "get_direct_param_fixture_func"


class Describer:
    """Describe items one after the other.

    It runs for every test, so it makes few calls: what the cases of one parametrized function, or
    the tests of one class or module, have in common is worked out once, at the first of them.
    """

    def __init__(self) -> None:
        self._parent: object = None
        self._head = self._module = self._raw_file = self._file = ""
        self._class: str | None = None
        self._definition: object = None
        self._opening = ""
        self._cut = 0
        self._names: list[str] = []
        self._marks: list[pytest.Mark] = []
        self._marks_above: list[list[pytest.Mark]] = []
        self._marks_above_then: list[list[pytest.Mark]] = []
        self._lists: list[str] = []
        self._case: Record = {}
        self._plain: dict[tuple[str, ...], list[str]] = {}

    def describe(self, item: pytest.Item, facts: Record) -> Record:
        """Return a record with what is known of a test before it runs, and with further facts.

        Parameters
        ----------
        item : pytest.Item
            Of any kind: function, unittest, doctest, custom.
        facts : Record
            With the node id at least.

        Returns
        -------
        Record
            With place, module, class, function, param, fixtures and markers.
        """
        definition = getattr(item, "_fixtureinfo", None)
        if definition is not None and definition is self._definition:
            name, nodeid = item.name, facts["nodeid"]
            if self._is_case(item, name) and nodeid == f"{self._head}::{name}":
                record: Record = {**self._case, **facts, "param": name[self._cut : -1]}
                for key in self._lists:
                    record[key] = [*record[key]]  # type: ignore[literal-required] # one of its own, whoever changes it
                return record
        return self._describe_anew(item, facts, definition)

    def _is_case(self, item: Any, name: str) -> bool:  # noqa: ANN401 - only functions have these attributes
        """Tell whether an item is a further case of the parametrized function that was learnt."""
        return (
            name[: self._cut] == self._opening
            and item.parent is self._parent
            and item.fixturenames == self._names
            and item.own_markers == self._marks
            and self._marks_above == self._marks_above_then  # a test may add one
        )

    def _describe_anew(self, item: pytest.Item, facts: Record, definition: object) -> Record:
        record = self._describe(item, facts["nodeid"], definition)
        node: pytest.Item | pytest.Collector | None = item
        while node is not None:  # from the closest to the farthest, as `iter_markers` goes
            if node.own_markers:
                _add_markers(node.own_markers, record)
            node = node.parent
        if "param" in record and definition is not None:
            self._learn_case(item, definition, record)
        return {**record, **facts}

    def _describe(self, item: pytest.Item, nodeid: str, definition: object) -> Record:
        file, line, _ = item.location
        if file != self._raw_file:
            self._raw_file, self._file = file, file.replace("\\", "/")
        callspec = getattr(item, "callspec", None)
        function, param = nodeid, None
        if callspec is not None:
            param = str(callspec.id)
            function = nodeid.removesuffix(f"[{param}]")
        self._learn_parent(item, nodeid, function)
        record: Record = {
            "nodeid": nodeid,
            "file": self._file,
            "module": self._module,
            "function": function,
        }
        if line is not None:
            record["line"] = line + 1
        if param is not None:
            record["param"] = param
        if self._class is not None:
            record["class"] = self._class
        names = getattr(item, "fixturenames", None)
        if names:
            params = getattr(callspec, "params", None) or {}
            record["fixtures"] = self._fixtures(definition, names, params)
        return record

    def _learn_parent(self, item: pytest.Item, nodeid: str, function: str) -> None:
        """Take module and class from the node id, unless they are those of the item before."""
        name = item.name
        if item.parent is self._parent and nodeid == f"{self._head}::{name}" and "::" not in name:
            return
        self._parent = item.parent if "::" not in name else None
        self._head = nodeid.removesuffix(f"::{name}")
        self._module = nodeid.partition("::")[0]
        head = function.rpartition("::")[0]
        self._class = head if head and head != self._module else None

    def _learn_case(self, item: Any, definition: object, record: Record) -> None:  # noqa: ANN401 - as above
        """Keep what further cases of the same definition have in common with this one."""
        bracket = f"[{record['param']}]"
        name: str = item.name
        self._definition = definition
        # no name begins so where this one does not end in its parameters
        self._opening = name.removesuffix(bracket) + "[" if name.endswith(bracket) else "["
        self._cut = len(self._opening)
        self._names, self._marks = [*item.fixturenames], [*item.own_markers]
        self._marks_above = [node.own_markers for node in item.listchain()[:-1]]
        self._marks_above_then = [[*marks] for marks in self._marks_above]
        self._lists = [key for key, value in record.items() if isinstance(value, list)]
        self._case = {**record}

    def _fixtures(
        self, definition: object, names: list[str], params: Mapping[str, object]
    ) -> list[str]:
        """Return the fixtures without arguments of ``parametrize`` and what stands for nothing."""
        key = tuple(names)
        kept = self._plain.get(key)
        if kept is None:
            kept = self._plain[key] = [n for n in names if not n.startswith(NO_FIXTURES)]
        if not params:
            return [*kept]
        definitions = getattr(definition, "name2fixturedefs", None) or {}
        return [name for name in kept if name not in params or _is_fixture(definitions.get(name))]


def _is_fixture(known: Sequence[object] | None) -> bool:
    """Tell whether a name with a parameter is a fixture, and no argument of ``parametrize``."""
    return known is not None and len(known) > 0 and not is_direct_parameter(known[-1])


def _add_markers(marks: list[pytest.Mark], record: Record) -> None:
    for mark in marks:
        name = mark.name
        if name == "crackle":
            _add_crackle_mark(mark, record)
        elif name not in OWN_MARKERS:
            record["markers"] = sorted({*record.get("markers", ()), name})


def _add_crackle_mark(mark: pytest.Mark, record: Record) -> None:
    """Take over ``@pytest.mark.crackle(ignore=[...], budget=[...])`` of test, class or module."""
    for argument, key in (("ignore", "ignore"), ("budget", "budgets")):
        values = mark.kwargs.get(argument, ())
        texts = [values] if isinstance(values, str) else [v for v in values if isinstance(v, str)]
        if texts:
            record.setdefault(key, []).extend(texts)  # type: ignore[misc] # one of the two keys
