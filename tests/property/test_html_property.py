from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_crackle.model.pattern import Explanation, Pattern
from pytest_crackle.reporting.page.htmlreport import render_html
from tests.html_page import Page
from tests.sample_report import MetricSummaries, sample_report, table_with

pytestmark = pytest.mark.property

PARTS = st.sampled_from(["</script>", "<!--", "'", '"', "&", "<", ">", "::", "/", "[", "]", "\n"])
NAMES = (
    st.lists(st.one_of(PARTS, st.text(max_size=8)), min_size=1, max_size=6)
    .map("".join)
    .filter(bool)
)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
KINDS = ("phase-transition", "clustering", "conservation", "correlation")
SUBKINDS = ("jump", "leak", "state", "cases", "fixture", "hot", "group", "regime", "relation", "x")


@st.composite
def _patterns(draw: st.DrawFn, names: list[str]) -> Pattern:
    some = st.lists(st.sampled_from(names), max_size=4).map(tuple)
    keys = st.sampled_from(
        ["before_median", "after_median", "level_before", "level_after", "slope", "value", "setups"]
    )
    return Pattern(
        kind=draw(st.one_of(st.sampled_from(KINDS), NAMES)),
        subkind=draw(st.one_of(st.sampled_from(SUBKINDS), NAMES)),
        summary=draw(NAMES) + names[0],
        metrics=draw(st.lists(st.sampled_from(["a", "b", "no"]), max_size=3).map(tuple)),
        tests=draw(some),
        confidence=draw(st.floats(0, 1)),
        id=draw(NAMES),
        at=draw(st.one_of(st.none(), st.sampled_from(names))),
        exceptions=draw(some),
        evidence=draw(st.dictionaries(st.one_of(keys, NAMES), NUMBERS, max_size=4)),
        details=(draw(NAMES),),
        cost_seconds=draw(st.one_of(st.none(), NUMBERS)),
        explained_by=draw(
            st.one_of(
                st.none(),
                st.builds(Explanation, st.sampled_from(["fixture", "module", "x"]), NAMES),
            )
        ),
    )


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_any_report_makes_a_page_of_our_own_elements(data: st.DataObject) -> None:
    names = data.draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    values = st.dictionaries(st.sampled_from(["a", "b"]), NUMBERS, max_size=2)
    unit = data.draw(st.sampled_from(["s", "B", "1", "</b>"]))
    kind = data.draw(st.sampled_from(["time", "count", "level", "value"]))
    records = [
        {"nodeid": name, "metrics": data.draw(values), "units": {"a": [unit, kind]}}
        for name in names
    ]
    table = table_with(records)
    patterns = tuple(data.draw(st.lists(_patterns(names), max_size=3)))
    report = replace(
        sample_report(), table=table, metrics=MetricSummaries(table), patterns=patterns
    )
    text = render_html(report)
    text.encode("utf-8")
    page = Page(text)
    assert len(page.find("article")) == len(patterns)
    assert len(page.find("script")) == 2
    assert len(page.names) == len(names)
    for element in page.elements:
        assert not any(name.startswith("on") or name in ("style", "src") for name in element.attrs)
