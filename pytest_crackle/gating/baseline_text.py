"""The text of a baseline file: strict JSON in, merge-friendly JSON out."""

from __future__ import annotations

import json
import math
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pytest_crackle.gating.baseline import MAX_TEXT, Baseline, Entry
from pytest_crackle.model.errors import CrackleError
from pytest_crackle.model.strictjson import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SCHEMA", "dump_baseline", "parse_baseline"]

SCHEMA: Final = "pytest-crackle/baseline/1"
_FAMILY: Final = "pytest-crackle/baseline/"
_MAX_ID: Final = 100
_DEEPEST: Final = 20


def parse_baseline(text: str, where: str = "baseline") -> Baseline:
    """Parse and check the text of a baseline file.

    Parameters
    ----------
    text : str
        JSON; an empty text is an empty baseline.
    where : str
        The file, for messages.

    Returns
    -------
    Baseline

    Raises
    ------
    CrackleError
        ``FILE:LINE: reason`` or ``FILE: accepted[N].key: reason``.

    Notes
    -----
    An entry names one pattern. There is no wildcard: what a file accepts can be read in it.
    """
    if not text.strip():
        return Baseline()
    data = parse_json(text.removeprefix("\ufeff"), where)
    if not isinstance(data, dict):
        raise CrackleError(f"{where}: a baseline must be an object")
    _check_schema(data.get("schema"), where)
    rows = data.get("accepted")
    if not isinstance(rows, list):
        raise CrackleError(f"{where}: accepted must be a list")
    entries: dict[str, Entry] = {}
    for place, row in enumerate(rows):
        entry = _entry(row, f"{where}: accepted[{place}]")
        if entry.id in entries:
            raise CrackleError(f"{where}: accepted[{place}].id: {entry.id} stands twice")
        entries[entry.id] = entry
    return Baseline(tuple(entries[name] for name in sorted(entries)))


def _check_schema(schema: object, where: str) -> None:
    if not isinstance(schema, str) or not schema.startswith(_FAMILY):
        raise CrackleError(f"{where}: schema must be {SCHEMA}, not {schema!a}"[:200])
    if schema.removeprefix(_FAMILY).partition(".")[0] != SCHEMA.removeprefix(_FAMILY):
        raise CrackleError(f"{where}: schema {schema!a} is of another version; this reads {SCHEMA}")


def _entry(row: object, where: str) -> Entry:
    if not isinstance(row, dict):
        raise CrackleError(f"{where}: an entry must be an object")
    known: dict[str, object] = row
    if not _is_shallow(row, _DEEPEST):
        raise CrackleError(f"{where}: nested too deeply")
    name = _text(known, "id", where, longest=_MAX_ID)
    if not (name.isascii() and name.isprintable()) or set(name) & set(" *?"):
        raise CrackleError(f"{where}.id: {name!a} must name one pattern, without blank, * or ?")
    return Entry(
        id=name,
        kind=_text(known, "kind", where, longest=_MAX_ID),
        summary=_text(known, "summary", where),
        reason=_text(known, "reason", where),
        who=_text(known, "who", where),
        day=_date(known, "date", where),
        subkind=_text(known, "subkind", where, longest=_MAX_ID) if "subkind" in known else "",
        metrics=_texts(known, "metrics", where),
        effect=_number(known, "effect", where),
        share=_number(known, "share", where),
        cooling=_text(known, "cooling", where, longest=_MAX_ID) if "cooling" in known else "",
        file=_text(known, "file", where) if "file" in known else "",
        expires=None if known.get("expires") is None else _date(known, "expires", where),
        extra=MappingProxyType({key: known[key] for key in known if key not in _KEYS}),
    )


def _is_shallow(value: object, levels: int) -> bool:
    """Whether it is nested so little that any writer can write it again."""
    if not isinstance(value, dict | list):
        return True
    parts = value.values() if isinstance(value, dict) else value
    return levels > 0 and all(_is_shallow(part, levels - 1) for part in parts)


_KEYS: Final = (
    "id",
    "kind",
    "subkind",
    "metrics",
    "summary",
    "effect",
    "share",
    "cooling",
    "file",
    "reason",
    "who",
    "date",
    "expires",
)


def _text(row: Mapping[str, object], key: str, where: str, longest: int = MAX_TEXT) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise CrackleError(f"{where}.{key}: must be a text that is not empty")
    if len(value) > longest:
        raise CrackleError(f"{where}.{key}: has {len(value)} characters, at most {longest}")
    return value


def _texts(row: Mapping[str, object], key: str, where: str) -> tuple[str, ...]:
    values = row.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise CrackleError(f"{where}.{key}: must be a list of texts")
    return tuple(values)


def _date(row: Mapping[str, object], key: str, where: str) -> date:
    value = row.get(key)
    try:
        if isinstance(value, str) and len(value) == len("2026-01-31"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise CrackleError(f"{where}.{key}: must be a date as 2026-01-31, not {value!a}"[:200])


def _number(row: Mapping[str, object], key: str, where: str) -> float | None:
    value = row.get(key)
    if value is None:
        return None
    try:
        number = float(value) if type(value) in (int, float) else -1.0  # type: ignore[arg-type] # a number
    except OverflowError:
        number = math.inf
    if not 0 <= number < math.inf:
        raise CrackleError(f"{where}.{key}: must be a finite number of at least 0, or null")
    if key == "share" and not 0 < number < 1:
        raise CrackleError(f"{where}.{key}: must be more than 0 and less than 1, or null")
    return number


def dump_baseline(baseline: Baseline) -> str:
    """Write a baseline as text: sorted by id, a line a key, so that merges stay small.

    Parameters
    ----------
    baseline : Baseline

    Returns
    -------
    str
        ASCII JSON that ends in a newline; `parse_baseline` reads it back as the same.
    """
    entries = sorted(baseline.entries, key=lambda entry: entry.id)
    data = {"schema": SCHEMA, "accepted": [_row(entry) for entry in entries]}
    return json.dumps(data, indent=2, allow_nan=False) + "\n"


def _row(entry: Entry) -> dict[str, object]:
    row: dict[str, object] = {
        "id": entry.id,
        "kind": entry.kind,
        "subkind": entry.subkind,
        "metrics": list(entry.metrics),
        "summary": entry.summary,
        "effect": entry.effect,
        "share": entry.share,
        "cooling": entry.cooling,
        "file": entry.file,
        "reason": entry.reason,
        "who": entry.who,
        "date": entry.day.isoformat(),
        "expires": entry.expires.isoformat() if entry.expires else None,
    }
    optional = ("subkind", "metrics", "effect", "share", "cooling", "file", "expires")
    empty = [key for key in optional if row[key] in ("", [], None)]
    for key in empty:
        del row[key]
    return {**row, **entry.extra}
