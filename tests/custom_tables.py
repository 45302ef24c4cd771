"""Small suites with custom metrics, written out by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_crackle.cooling.suite import Suite
from pytest_crackle.model.table import MetricTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def custom_suite(
    columns: Mapping[str, Sequence[float | None]],
    *,
    functions: int = 0,
    modules: int = 1,
    fixture: Sequence[int] = (),
    units: dict[str, list[str]] | None = None,
    **more: Any,
) -> Suite:
    """Tests with these columns, None where missing; `functions` of 0 gives each test its own.

    Functions are dealt to tests in turn, modules to functions in blocks of tests. The tests in
    `fixture` use the fixture ``api``.
    """
    n = len(next(iter(columns.values())))
    records = []
    for i in range(n):
        module = i * modules // n
        name = f"test_{i % functions:03}[{i}]" if functions else f"test_{i:04}"
        metrics = {key: float(x) for key, c in columns.items() if (x := c[i]) is not None}
        record = {
            "nodeid": f"t{module}.py::{name}",
            "fixtures": ["api"] if i in set(fixture) else [],
            "metrics": metrics,
            **{key: value[i] for key, value in more.items()},
        }
        if units:
            record["units"] = {k: v for k, v in units.items() if k in metrics}
        records.append(record)
    return Suite(MetricTable.from_records(records))
