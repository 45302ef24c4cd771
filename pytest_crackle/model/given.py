"""Rows and columns that a script gives, made records: any real numbers, holes left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.metrics import real_number
from pytest_crackle.model.record import check_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_crackle.model.record import Record

__all__ = ["given_columns", "given_record"]

ONE_GROUP: Final = "rows"
"""The module of rows whose names say nothing of a group."""
_CHECKED: Final = (int, float, str, bool)
"""What `check_record` takes or refuses by itself."""


def given_record(number: int, given: object) -> Record:
    """Make a record of what a script gives as one; `given` itself is not changed.

    Parameters
    ----------
    number : int
        Which record it is, from 0, for the message.
    given : object
        As `check_record` takes it; values of metrics may be of any real type, numpy's too.

    Returns
    -------
    Record

    Raises
    ------
    CrackleError
        Naming the record and the key that is wrong.
    """
    if not isinstance(given, Mapping):
        raise CrackleError(f"record {number} must be a mapping, not {type(given).__name__}")
    own: dict[str, object] = dict(given)
    try:
        if isinstance(metrics := own.get("metrics"), Mapping):
            own["metrics"] = {name: _number(name, value) for name, value in metrics.items()}
        return check_record(own)
    except (CrackleError, TypeError) as error:
        named = f" ({own['nodeid']!a})" if own.get("nodeid") else ""
        raise CrackleError(f"record {number}{named}: {error}") from None


def _number(name: object, value: object) -> object:
    if _is_hole(value):
        raise CrackleError(f"metric {name!a} is {value!a}: leave out what is missing")
    return value if type(value) in _CHECKED else real_number("metric {!a}", name, value)


def _is_hole(value: object) -> bool:
    """Whether a value stands for a missing one: None, NaN of any type, NA of pandas."""
    try:
        return value is None or bool(value != value)  # noqa: PLR0124 - NaN
    except TypeError:  # NA will not say whether it is itself
        return True


def given_columns(
    columns: Mapping[str, Iterable[object]],
    nodeids: Iterable[str] | None,
    units: Mapping[str, tuple[str, str]],
    markers: Iterable[Iterable[str]] | None,
) -> Iterator[dict[str, object]]:
    """Give the rows of columns as what `given_record` takes.

    Raises
    ------
    CrackleError
        If the columns are not of one length, an id stands twice, or a unit belongs to no column.
    """
    cells = {name: list(values) for name, values in columns.items()}
    lengths = {f"column {name!a}": len(values) for name, values in cells.items()}
    n_rows = max(lengths.values(), default=0)
    ids = [f"row-{row}" for row in range(n_rows)] if nodeids is None else list(nodeids)
    tags = [[]] * n_rows if markers is None else [list(some) for some in markers]
    lengths |= {"nodeids": len(ids), "markers": len(tags)}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise CrackleError(f"columns must be of one length, not {told}")
    if len(set(ids)) < len(ids):
        twice = next(nodeid for row, nodeid in enumerate(ids) if nodeid in ids[:row])
        raise CrackleError(f"nodeids must differ, but {twice!a} stands twice")
    if unknown := [name for name in units if name not in cells]:
        raise CrackleError(f"units: there is no column {unknown[0]!a}")
    declared = {name: list(pair) for name, pair in units.items()}
    for row, (nodeid, some) in enumerate(zip(ids, tags, strict=True)):
        values = {name: column[row] for name, column in cells.items()}
        metrics = {name: value for name, value in values.items() if not _is_hole(value)}
        record: dict[str, object] = {"nodeid": nodeid, "metrics": metrics}
        record |= {"units": declared, "markers": some}
        if "::" not in str(nodeid):
            record["module"] = ONE_GROUP  # else each row would be a group of its own
        yield record
