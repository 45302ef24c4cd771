"""What a test is, told by its item: place, names, markers, fixtures. Only what every item has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

    from pytest_crackle.model.record import Record

__all__ = ["describe", "is_direct_parameter"]

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


def describe(item: pytest.Item) -> Record:
    """Return the part of a record that is known before the test runs.

    Parameters
    ----------
    item : pytest.Item
        Of any kind: function, unittest, doctest, custom.

    Returns
    -------
    Record
        With node id, place, module, class, function, param, fixtures and markers.
    """
    nodeid = item.nodeid
    file, line, _ = item.location
    parts = nodeid.partition("::")
    record: Record = {
        "nodeid": nodeid,
        "file": file.replace("\\", "/"),
        "module": parts[0],
    }
    if line is not None:
        record["line"] = line + 1
    callspec = getattr(item, "callspec", None)
    function = nodeid
    if callspec is not None:
        param = str(callspec.id)
        record["param"] = param
        function = nodeid.removesuffix(f"[{param}]")
    record["function"] = function
    head = function.rpartition("::")[0]
    if head and head != parts[0]:
        record["class"] = head
    fixtures = getattr(item, "fixturenames", None)
    if fixtures:
        record["fixtures"] = _fixtures(item, fixtures, getattr(callspec, "params", None) or {})
    _add_markers(item, record)
    return record


def _fixtures(item: pytest.Item, names: list[str], params: dict[str, object]) -> list[str]:
    names = [name for name in names if not name.startswith(NO_FIXTURES)]
    if not params:
        return names
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", None) or {}
    kept = []
    for name in names:
        if name in params:
            known = definitions.get(name)
            if not known or is_direct_parameter(known[-1]):
                continue
        kept.append(name)
    return kept


def _add_markers(item: pytest.Item, record: Record) -> None:
    names = set()
    for mark in item.iter_markers():
        if mark.name not in OWN_MARKERS:
            names.add(mark.name)
        elif mark.name == "crackle":
            _add_crackle_mark(mark, record)
    if names:
        record["markers"] = sorted(names)


def _add_crackle_mark(mark: pytest.Mark, record: Record) -> None:
    """Take over ``@pytest.mark.crackle(ignore=[...], budget=[...])`` of test, class or module."""
    for argument, key in (("ignore", "ignore"), ("budget", "budgets")):
        values = mark.kwargs.get(argument, ())
        texts = [values] if isinstance(values, str) else [v for v in values if isinstance(v, str)]
        if texts:
            record.setdefault(key, []).extend(texts)  # type: ignore[misc] # one of the two keys
