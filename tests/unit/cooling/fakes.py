"""Detectors and findings made up for the tests of the cooling itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_crackle.cooling.detectors.base import Detection, Finding
from pytest_crackle.model.table import MetricTable


def table_of_tests(
    n: int, columns: dict[str, list[float]] | None = None, **more: Any
) -> MetricTable:
    """n tests in two modules, ten to a function; columns default to a duration of 10 ms."""
    columns = {"duration.call": [0.01] * n} if columns is None else columns
    return MetricTable.from_records(
        {
            "nodeid": f"tests/test_{'ab'[2 * i // n]}.py::test_{i // 10}[{i}]",
            "line": i + 1,
            "metrics": {k: v[i] for k, v in columns.items() if v[i] == v[i]},
        }
        | {key: values[i] for key, values in more.items()}
        for i in range(n)
    )


def finding(kind: str = "clustering", subkind: str = "group", **more: Any) -> Finding:
    """A significant finding about the first ten tests, changed as asked."""
    facts: dict[str, Any] = {
        "summary": f"a {subkind}.",
        "metrics": ("duration.call",),
        "rows": tuple(range(10)),
        "anchor": "fixture warehouse",
        "log_p": -50.0,
    }
    return Finding(kind=kind, subkind=subkind, **(facts | more))


@dataclass
class Fake:
    """Gives what it was given, or raises it."""

    gives: Any
    name: str = "fake"
    seen: list[Any] = field(default_factory=list)

    def detect(self, suite: Any, profile: Any) -> Detection:
        self.seen.append((suite, profile))
        if isinstance(self.gives, BaseException):
            raise self.gives
        detection: Detection = self.gives
        return detection


def giving(*findings: Finding, hypotheses: int = 0, name: str = "fake", **more: Any) -> Fake:
    """A detector that finds these."""
    return Fake(Detection(findings, hypotheses, **more), name)
