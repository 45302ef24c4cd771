"""The sub-kinds that the analysis makes and their names of evidence, read from its source."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import pytest_crackle
from pytest_crackle.cooling.shifts.telling import shift_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

COOLING = Path(pytest_crackle.__file__ or "").parent / "cooling"


def evidence_of_subkinds(computed: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Return the names of evidence in the files that make each sub-kind.

    Parameters
    ----------
    computed : mapping of str to sequence of str
        Sub-kinds that are no literal where a finding is made, by file.
    """
    found: dict[str, set[str]] = {}
    for file in sorted(COOLING.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        name = file.relative_to(COOLING).as_posix()
        subkinds = set(_literal_subkinds(tree)) | set(computed.get(name, ()))
        keys = set(_evidence_keys(tree))
        for subkind in subkinds:
            found.setdefault(subkind, set()).update(keys)
    return found


def _literal_subkinds(tree: ast.AST) -> Iterator[str]:
    constants = {
        node.target.id: node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    for value in _subkind_values(tree):
        for part in ast.walk(value):
            name = part.value if isinstance(part, ast.Constant) else None
            if isinstance(part, ast.Name):
                name = constants.get(part.id)
            if isinstance(name, str):
                yield name


def _subkind_values(tree: ast.AST) -> Iterator[ast.expr]:
    """Give what stands for the sub-kind: the second argument of a finding, or the one so named."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "subkind":
            yield node.value
        elif _calls(node, "Finding") and len(node.args) > 1:
            yield node.args[1]


def _calls(node: ast.AST, name: str) -> TypeGuard[ast.Call]:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


SHIFT_EVIDENCE = "shift_evidence"
"""The function of `shifts.telling` that gives what all shifts have."""


def _evidence_keys(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "evidence":
            yield from _keys(node.value)
        elif isinstance(node, ast.AugAssign):  # evidence |= {...}
            if isinstance(node.target, ast.Name) and node.target.id == "evidence":
                yield from _keys(node.value)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id == "evidence" and node.value:
                    yield from _keys(node.value)
                elif isinstance(target, ast.Tuple):
                    yield from _subscripts(target.elts)
                yield from _subscripts([target])
        elif isinstance(node, ast.FunctionDef) and node.name in {"_evidence", "_finite"}:
            for part in ast.walk(node):
                if isinstance(part, ast.Dict):
                    yield from _keys(part)


def _subscripts(targets: Sequence[ast.expr]) -> Iterator[str]:
    for target in targets:
        if (
            isinstance(target, ast.Subscript)
            and isinstance(target.value, ast.Name)
            and target.value.id == "evidence"
        ):
            yield from _key(target.slice)


def _keys(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Dict):
        for key in value.keys:
            if key is not None:
                yield from _key(key)
    elif _calls(value, "MappingProxyType"):
        yield from _keys(value.args[0])
    elif _calls(value, SHIFT_EVIDENCE):
        yield from shift_keys()
        yield from (keyword.arg for keyword in value.keywords if keyword.arg)
    elif _calls(value, "_finite"):
        yield from (keyword.arg for keyword in value.keywords if keyword.arg)


def _key(key: ast.expr) -> Iterator[str]:
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        yield key.value
    elif isinstance(key, ast.JoinedStr):  # f"slope_per_{unit}"
        yield "".join(str(p.value) if isinstance(p, ast.Constant) else "UNIT" for p in key.values)


def shift_keys() -> list[str]:
    """Return the names that `shift_evidence` always gives."""
    return list(shift_evidence([1.0, 1.0, 2.0, 2.0], 2))
