"""Read records files and JSON reports, which may come from anybody: bounded and strict."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.record import check_record
from pytest_crackle.model.strictjson import parse_json
from pytest_crackle.storage.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from typing import BinaryIO

    from pytest_crackle.model.record import Record

__all__ = ["MAX_SIZE", "Shard", "read_json", "read_lines", "read_shard"]

MAX_SIZE: Final = 256 << 20
"""Bytes of a records file; a report, which must be held whole, may have a quarter of it."""
RECORDS: Final = "pytest-crackle/records/"
REPORT: Final = "pytest-crackle/report/"
VERSION: Final = "1"


@dataclass
class Shard:
    """What one file holds.

    Attributes
    ----------
    name : str
        As given.
    session : dict
        The facts of its header; {} without one.
    records : list of Record
    end : dict or None
        The last line; None if the session was cut off. A report counts as ended.
    refused : int
        Test lines that were not well formed.
    first_refusal : str or None
    torn : bool
        The last line was not whole.
    is_report : bool
        A JSON report, which says less of each test than records do.
    """

    name: str
    session: dict[str, object] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    end: dict[str, object] | None = None
    refused: int = 0
    first_refusal: str | None = None
    torn: bool = False
    is_report: bool = False


def _open(name: str, max_size: int) -> BinaryIO:
    if name != "-":
        return open_regular(name, max_size)
    if sys.stdin is None:
        raise CrackleError("<stdin>: closed")
    return sys.stdin.buffer


def read_json(name: str, *, max_size: int) -> object:
    """Read one JSON file whole.

    Raises
    ------
    CrackleError
        ``FILE:LINE: reason`` if it cannot be read or is not strict JSON.
    """
    shown = "<stdin>" if name == "-" else name
    file = _open(name, max_size)
    try:
        data = b"".join(line for _, line in _lines(file, shown, max_size))
    finally:
        if name != "-":
            file.close()
    return parse_json(_decode(data, shown), shown)


def read_lines(name: str, *, max_size: int = MAX_SIZE) -> Generator[tuple[str, str], None, None]:
    """Read a file line by line; give each with its place, ``FILE:LINE``.

    Parameters
    ----------
    name : str
        A path, or "-" for standard input.
    max_size : int
        Most bytes read.

    Raises
    ------
    CrackleError
        ``FILE:LINE: reason`` if it cannot be read or is not UTF-8.
    """
    shown = "<stdin>" if name == "-" else name
    file = _open(name, max_size)
    try:
        for number, line in _lines(file, shown, max_size):
            where = f"{shown}:{number}"
            yield where, _decode(line, where)
    finally:
        if name != "-":
            file.close()


def _lines(file: BinaryIO, name: str, max_size: int) -> Iterator[tuple[int, bytes]]:
    total, number = 0, 0
    while line := file.readline(max_size + 1):
        number += 1
        total += len(line)
        if total > max_size:
            raise CrackleError(f"{name}: at most {max_size} bytes are read")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        yield number, line


def _decode(line: bytes, where: str) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        raise CrackleError(f"{where}: not UTF-8") from None


def read_shard(name: str, *, max_size: int = MAX_SIZE) -> Shard:
    """Read one records file or JSON report.

    Parameters
    ----------
    name : str
        A path, or "-" for standard input.
    max_size : int
        Most bytes read.

    Returns
    -------
    Shard

    Raises
    ------
    CrackleError
        ``FILE:LINE: reason`` if the file cannot be read or is no such file. Single test lines that
        are JSON but not well formed are counted in `Shard.refused` instead.
    """
    shown = "<stdin>" if name == "-" else name
    shard = Shard(shown)
    file = _open(name, max_size)
    try:
        lines = _lines(file, shown, max_size)
        first = next(lines, None)
        if first is None:
            raise CrackleError(f"{shown}: empty")
        if _is_records_line(first[1]):
            _read_lines(shard, first, lines)
        else:
            _read_report(shard, first[1], lines, max_size // 4)
    finally:
        if name != "-":
            file.close()
    if not shard.records and shard.refused:
        why = shard.first_refusal
        raise CrackleError(f"{shown}: none of {shard.refused} tests is usable: {why}")
    return shard


def _is_records_line(line: bytes) -> bool:
    """Tell a line of a records file from the beginning of a report."""
    try:
        data = parse_json(line.decode("utf-8"), "")
    except ValueError:
        return b'"nodeid"' in line or RECORDS.encode() in line
    if not isinstance(data, dict):
        return False
    return "nodeid" in data or str(data.get("schema", "")).startswith(RECORDS) or "end" in data


def _read_lines(shard: Shard, first: tuple[int, bytes], lines: Iterator[tuple[int, bytes]]) -> None:
    pending: tuple[int, bytes] | None = first
    while pending is not None:
        number, line = pending
        pending = next(lines, None)
        where = f"{shard.name}:{number}"
        if not line.strip():
            continue
        try:
            data = parse_json(_decode(line, where), where)
        except CrackleError:
            if pending is None and number > 1 and not line.endswith(b"\n"):
                shard.torn = True  # the writer was killed in the middle of it
                return
            raise
        _take_line(shard, data, where, is_first=number == 1)


def _take_line(shard: Shard, data: object, where: str, *, is_first: bool) -> None:
    if isinstance(data, dict) and "nodeid" not in data:
        if is_first and "schema" in data:
            _check_schema(data["schema"], RECORDS, where)
            session = data.get("session", {})
            if not isinstance(session, dict):
                raise CrackleError(f"{where}: session must be an object")
            shard.session = session
            return
        if isinstance(data.get("end"), dict):
            shard.end = data["end"]
            return
    try:
        shard.records.append(check_record(data))
    except CrackleError as error:
        shard.refused += 1
        shard.first_refusal = shard.first_refusal or f"{where}: {error}"


def _check_schema(schema: object, wanted: str, where: str) -> None:
    if not isinstance(schema, str) or not schema.startswith(wanted):
        raise CrackleError(f"{where}: schema {schema!a} is not {wanted}{VERSION}")
    version = schema.removeprefix(wanted)
    if version.split(".")[0] != VERSION:
        raise CrackleError(
            f"{where}: schema {schema} was written by another version; this one reads {VERSION}"
        )


def _read_report(
    shard: Shard, first: bytes, lines: Iterator[tuple[int, bytes]], max_size: int
) -> None:
    parts, total = [first], len(first)
    for _, line in lines:
        total += len(line)
        if total > max_size:
            raise CrackleError(f"{shard.name}: a report of more than {max_size} bytes is not read")
        parts.append(line)
    data = parse_json(_decode(b"".join(parts), shard.name), shard.name)
    if not isinstance(data, dict) or "schema" not in data:
        raise CrackleError(f"{shard.name}: neither a records file nor a crackle report")
    _check_schema(data["schema"], REPORT, shard.name)
    session, tests = data.get("session", {}), data.get("tests")
    if not isinstance(tests, list) or not isinstance(session, dict):
        raise CrackleError(f"{shard.name}: tests must be a list, and session an object")
    shard.is_report = True
    shard.session = session
    shard.end = {"complete": session.get("complete", True)}
    for place, test in enumerate(tests):
        try:
            shard.records.append(check_record(test))
        except CrackleError as error:
            shard.refused += 1
            shard.first_refusal = shard.first_refusal or f"{shard.name}: tests[{place}]: {error}"
