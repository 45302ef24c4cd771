"""Reports for the tests of the HTML page: one pattern of each sub-kind, and hostile names."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from pytest_crackle.model.pattern import Explanation, Pattern, pattern_id
from tests.sample_report import MetricSummaries, sample_report, table_with

if TYPE_CHECKING:
    from pytest_crackle.model.report import Report

__all__ = ["HOSTILE", "every_kind", "hostile_report"]

N = 240
HOSTILE = (
    'tests/a.py::test_x[</script><script>alert("1")</script>]',
    "tests/a.py::test_x[<!--<script>]",
    "tests/a.py::test_x[' onmouseover='alert(1)]",
    'tests/a.py::test_x["><img src=x onerror=alert(1)>]',
    "tests/a.py::test_x[&lt;b&gt;]",
    "tests/a.py::test_x[\ud800\udfff lone]",
    "tests/a.py::test_x[\U0001f525 é 中文]",
    "tests/a.py::test_x[\x00\x1b[31m\u202e\u2028\u2029\n]",
    "tests/a.py::test_x[]]>{{7*7}}${x}]",
    "javascript:alert(1)",
    "tests/a.py::test_x[" + "y" * 100_000 + "]",
    "z" * 100_000,
    "tests/" + "d/" * 5_000 + "a.py::test_x",
)


def _records(rng: random.Random) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for place in range(N):
        function = f"test_{place % 6}" if place % 6 else "test_cases"
        setup = 0.02 if place < N // 2 else 0.05
        rows = float(rng.randrange(10, 5000))
        rejected = float(rng.randrange(0, 40))
        wall = rng.lognormvariate(-4, 1) + (0.3 if place >= 150 and place % 6 == 0 else 0)
        records.append(
            {
                "nodeid": f"tests/m{place // 60}/test_m.py::{function}[{place}]",
                "function": f"tests/m{place // 60}/test_m.py::{function}",
                "line": place + 1,
                "seq": place // 2,
                "worker": f"gw{place % 2}",
                "fixtures": ["db"] if place % 3 else ["db", "api"],
                "markers": ["slow"] if wall > 0.1 else [],
                "setups": [["db", "function", setup * 1.1, setup * rng.lognormvariate(0, 0.02)]],
                "metrics": {
                    "duration": wall,
                    "duration.setup": setup,
                    "duration.call": wall,
                    "cpu": 0.9 * wall,
                    "memory.rss": 1e8 + 1e5 * place,
                    "threads": 3.0 + (place > 100),
                    "pace": 3e-5 * (1 if place < 120 else 3) * rng.lognormvariate(0, 0.05),
                    "background": 0.02 if place < 90 else 0.42,
                    "rows.in": rows + rejected,
                    "rows.out": rows if place != 77 else rows + 5,
                    "rejected": rejected,
                    "temperature": rng.gauss(-3, 2),
                },
                "units": {"rows.in": ["rows", "count"], "temperature": ["K", "value"]},
            }
        )
    return records


def every_kind() -> Report:
    """Return a report of two workers with a pattern of each sub-kind, known or not."""
    table = table_with(_records(random.Random(7)))
    names = table.nodeids
    half = tuple(names[120:])
    at = names[120]
    cases = [row for row, name in enumerate(table.functions) if name.endswith("::test_cases")]
    late = [row for row in cases if row >= 150]
    workers = table.run_orders()
    mine = next(rows for rows in workers.values() if 120 in rows)
    after = [row for row in mine if row >= 120]
    cpu = {row: setups[0].cpu for row, setups in table.setups.items()}
    pace = table.column("pace")
    levels = {
        "before_median": median(pace[row] for row in mine if row < 120),
        "after_median": median(pace[row] for row in after),
    }
    made = (
        _made("phase-transition", "state", ("state",), names[120:121], at=at,
              evidence={"tests_after": 119.0, **{f"pace.{k}": v for k, v in levels.items()}}),
        _made("phase-transition", "state", ("state",), names[5:6], at=names[5]),
        _made("phase-transition", "jump", ("threads",), names[101:102], at=names[101]),
        _made("phase-transition", "leak", ("memory.rss",), half, at=at, evidence={"kept": 1.2e7}),
        _made("phase-transition", "growth", ("memory.rss",), names[:5], evidence={"kept": 2.4e7}),
        _made("phase-transition", "pace", ("pace",), [names[r] for r in after], at=at,
              evidence=levels),
        _made("phase-transition", "background", ("background",), names[90:], at=names[90]),
        _made("phase-transition", "fixture", ("duration.setup",), [names[r] for r in after], at=at,
              evidence={"before_median": 0.02, "after_median": median(cpu[r] for r in after)}),
        _made("phase-transition", "step", ("duration",), half, at=at),
        _made("phase-transition", "slope", ("duration",), half, at=at),
        _made("phase-transition", "drift", ("duration",), names),
        _made("phase-transition", "cases", ("duration",), [names[r] for r in late],
              at=names[late[0]], level="notice"),
        _made("clustering", "group", ("duration.setup",), [n for i, n in enumerate(names) if i % 3],
              explained_by=Explanation("fixture", "api")),
        _made("clustering", "group", ("duration.setup",), names[:50], evidence={"setups": 50.0},
              explained_by=Explanation("fixture", "db")),
        _made("clustering", "hot", ("duration",), names[:60],
              explained_by=Explanation("module", "tests/m0/test_m.py")),
        _made("clustering", "regime", ("temperature",), names[:90]),
        _made("clustering", "regime", ("rows.in", "rows.out"), names[:90]),
        _made("conservation", "plateau", ("duration.call",), names[:9],
              evidence={"value": 0.02, "spread": 0.1}),
        _made("conservation", "law", ("threads",), names[:100], evidence={"value": 3.0}),
        _made("conservation", "broken", ("threads",), names[:100], exceptions=(names[200],),
              evidence={"value": 3.0}),
        _made("conservation", "relation", ("rows.in", "rows.out", "rejected"),
              [n for i, n in enumerate(names) if i != 77], exceptions=(names[77],),
              evidence={"slope": 1.0, "intercept": 0.0}),
        _made("conservation", "relation", ("rows.in", "rows.out"), names,
              evidence={"slope": 1.01, "intercept": 3.0}),
        _made("correlation", "driver", ("rows.in", "duration.call"), names,
              exceptions=(names[3], names[4]), evidence={"slope": 1e-5, "correlation": 0.7}),
        _made("correlation", "pair", ("rejected", "temperature"), names,
              evidence={"correlation": -0.61}),
        _made("clustering", "classic", ("duration", "cpu"), names),
        _made("phase-transition", "classic", ("duration",), names),
        _made("moon-phase", "full", ("temperature",), names[:9], evidence={"phase": 0.5}),
        _made("moon-phase", "new", (), ()),
        _made("clustering", "group", ("nobody.knows",), ("no/such.py::test",)),
    )  # fmt: skip
    return replace(
        sample_report(),
        table=table,
        metrics=MetricSummaries(table),
        patterns=made,
        faults=("a fault",),
    )


def _made(kind: str, subkind: str, metrics: tuple[str, ...], tests: Any, **changes: Any) -> Pattern:
    count = f"{len(tests)} tests" if len(tests) != 1 else "1 test"
    place = f" from {changes['at']} on" if "at" in changes else ""
    pattern = Pattern(
        kind=kind,
        subkind=subkind,
        summary=f"{' and '.join(metrics) or 'nothing'}: {subkind} in {count}{place} (1 -> 2).",
        metrics=metrics,
        tests=tuple(tests),
        confidence=0.8,
        id=pattern_id(kind, subkind, metrics, str(tests[:1])),
        log_p_value=-math.inf,
        level="warn",
    )
    return replace(pattern, **changes)


def hostile_report() -> Report:
    """Return a report in which every foreign string attacks the page."""
    names = list(dict.fromkeys(HOSTILE))
    evil = "<script>alert(1)</script>"
    records = [
        {
            "nodeid": name,
            "file": evil,
            "fixtures": [evil],
            "markers": ['"><b>'],
            "metrics": {"duration": 0.1 * (i + 1), "<i>metric": i * 1e3, "big": 1e308 * (-1) ** i},
            "units": {"<i>metric": ["</script>", "value"], "big": ["1", "value"]},
        }
        for i, name in enumerate(names)
    ]
    table = table_with(records)
    kinds = ["phase-transition", "clustering", "conservation", "correlation", evil] * 3
    patterns = [
        _made(kind, evil, ("<i>metric", "duration"), names, at=name, exceptions=tuple(names[:2]),
              id=f'CR-"><script>{i}', details=(name, evil), evidence={evil: 1e308, "slope": 2.0},
              summary=f"{name} is {evil} on {name}",
              explained_by=Explanation("fixture", evil))
        for i, (kind, name) in enumerate(zip(kinds, names, strict=False))
    ]  # fmt: skip
    report = sample_report()
    return replace(
        report,
        version=evil,
        session=replace(report.session, started=evil, platform=evil, complete=False,
                        incomplete_because=evil, partial_because=evil),
        cooling=replace(report.cooling, notes=(evil, *names), rate=evil),
        table=table,
        metrics=MetricSummaries(table),
        patterns=tuple(patterns),
        faults=(evil, *names),
        gate=replace(report.gate, reason=evil, rules=(evil,)),
        removable=(evil,),
    )  # fmt: skip
