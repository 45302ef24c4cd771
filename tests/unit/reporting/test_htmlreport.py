from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace

import pytest

from pytest_crackle.model.pattern import Pattern, RunValue
from pytest_crackle.model.report import BudgetBreach, Report
from pytest_crackle.reporting.page.htmlreport import render_html, render_html_folder
from tests.html_page import Element, Page
from tests.html_reports import HOSTILE, every_kind, hostile_report
from tests.sample_report import (
    MetricSummaries,
    breaching,
    quiet_report,
    sample_report,
    small_report,
    table_with,
)

TAGS = {
    *("html", "head", "meta", "title", "link", "style", "body", "header", "main", "footer"),
    *(
        "h1",
        "h2",
        "h3",
        "p",
        "a",
        "code",
        "wbr",
        "br",
        "strong",
        "span",
        "article",
        "div",
        "script",
    ),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary", "ol", "ul", "li"),
    *("dl", "dt", "dd", "figure", "svg", "g", "path", "rect", "circle", "text", "input", "label"),
    "button",
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "rel", "href", "class", "id", "type"),
    *("scope", "role", "hidden", "for", "placeholder", "open", "aria-label", "width", "height"),
    *("viewbox", "font-size", "font-family", "x", "y", "cx", "cy", "r", "d", "fill", "stroke"),
    *("stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-opacity", "stroke-dasharray"),
    *("fill-opacity", "text-anchor", "paint-order", "pointer-events", "transform"),
}


@pytest.fixture(scope="module")
def sample() -> Page:
    return Page(render_html(sample_report()))


@pytest.fixture(scope="module")
def every() -> Page:
    return Page(render_html(every_kind()))


@pytest.fixture(scope="module")
def hostile() -> Page:
    return Page(render_html(hostile_report()))


def card(page: Page, pattern: Pattern) -> Element:
    (found,) = page.find("article", id=pattern.id)
    return found


# ---------------------------------------------------------------------- safe


@pytest.mark.parametrize("name", ["sample", "every", "hostile"])
def test_holds_only_what_the_template_has(name: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(name)
    assert {element.tag for element in page.elements} <= TAGS
    assert {name for element in page.elements for name in element.attrs} <= ATTRIBUTES
    assert page.declared == ["DOCTYPE html"]
    # one that runs and one that is data, whatever the names of the tests are
    assert [s.attrs.get("type", "runs") for s in page.find("script")] == [
        "application/json",
        "runs",
    ]
    assert len(page.find("style")) == 1
    for link in page.find("a"):
        assert link.attrs["href"].startswith("#")


@pytest.mark.parametrize("report", [sample_report(), every_kind(), hostile_report()])
def test_needs_nothing_from_elsewhere(report: Report) -> None:
    text = render_html(report)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|@font-face|src=\"", _without_names(text))
    assert 'style="' not in text


def _without_names(text: str) -> str:
    """The hostile names speak of addresses, as text; what is left has none."""
    for name in ("img src=x", "javascript:alert"):
        text = text.replace(name, "")
    return text


def test_every_hostile_name_is_shown_as_text(hostile: Page) -> None:
    shown = " ".join(element.text for element in hostile.elements)
    for name in HOSTILE[:5]:
        assert name in hostile.names
    assert r"tests/a.py::test_x[\ud800\udfff lone]" in hostile.names
    assert r"test_x[\x00\x1b[31m\u202e\u2028\u2029\n]" in " ".join(hostile.names)
    assert "<script>alert(1)</script>" in shown
    for name in hostile.names:
        assert name.isprintable()
        assert len(name) <= 300


def test_the_data_has_no_markup_in_it() -> None:
    text = render_html(hostile_report())
    data = text.partition('id="data">')[2].partition("</script>")[0]
    assert data.isascii()
    assert not set("<>&") & set(data)


def test_can_be_written_as_utf8_whatever_the_names_are() -> None:
    render_html(hostile_report()).encode("utf-8")


def test_long_names_do_not_make_a_long_page() -> None:
    assert len(render_html(hostile_report())) < 250_000


def test_policy_allows_its_own_style_and_script_by_hash_and_nothing_else() -> None:
    text = render_html(sample_report())
    page = Page(text)
    (meta,) = page.find("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(rule.strip().split(" ", 1) for rule in meta.attrs["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == _hash(page.find("script")[-1].text)
    assert rules["style-src"] == _hash(page.find("style")[0].text)
    assert rules.keys() == {
        *("default-src", "img-src", "style-src", "script-src", "base-uri", "form-action")
    }
    assert "unsafe" not in meta.attrs["content"]
    # the policy stands before what it is about
    assert text.index("Content-Security-Policy") < text.index("<style>")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_script_puts_data_into_text_only() -> None:
    script = Page(render_html(sample_report())).find("script")[-1].text
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval", "fetch"):
        assert word not in script
    assert len(script) < 9_000


# ---------------------------------------------------------------------- the same always


def test_is_the_same_each_time() -> None:
    assert render_html(sample_report()) == render_html(sample_report())


def test_folder_holds_the_same_page_with_the_style_beside_it() -> None:
    (index, page), (name, style) = render_html_folder(sample_report())
    assert (index, name) == ("index.html", "crackle.css")
    read = Page(page)
    assert not read.find("style")
    assert read.find("link", rel="stylesheet", href="crackle.css")
    (meta,) = read.find("meta", **{"http-equiv": "Content-Security-Policy"})
    assert "style-src 'self'" in meta.attrs["content"]
    single = render_html(sample_report())
    assert style in single
    assert page.partition("<body>")[2] == single.partition("<body>")[2]


# ---------------------------------------------------------------------- charts


@pytest.mark.parametrize("name", ["sample", "every", "hostile"])
def test_every_chart_has_a_size_and_a_text(name: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(name)
    drawings = page.find("svg")
    assert drawings
    for drawing in drawings:
        assert float(drawing.attrs["width"]) > 0
        assert float(drawing.attrs["height"]) > 0
        assert drawing.attrs["role"] == "img"
        assert len(drawing.attrs["aria-label"]) > 10
        assert drawing.attrs["viewbox"].split()[2:] == [
            drawing.attrs["width"],
            drawing.attrs["height"],
        ]


def test_coordinates_are_finite(every: Page, hostile: Page) -> None:
    for page in (every, hostile):
        for element in page.elements:
            for name in ("d", "x", "y", "cx", "cy", "width", "height", "transform"):
                assert not re.search("nan|inf|e[+-]", element.attrs.get(name, ""))


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (0, "pace of 120 tests of gw0 in run order; the pattern begins at test 61; median before"),
        (2, "threads of 120 tests of gw1 in run order; the pattern begins at test 51"),
        (3, "memory.rss of 120 tests of gw0 in run order"),
        (4, "memory.rss of 120 tests"),
        (5, "pace of 120 tests of gw0 in run order; the pattern begins at test 61; median before"),
        (6, "background of 120 tests"),
        (7, "CPU of fixture db of 120 tests of gw0 in run order; the pattern begins at test 61"),
        (8, "lesser of CPU and wall time of 120 tests"),
        (9, "lesser of CPU and wall time of 120 tests"),
        (10, "lesser of CPU and wall time of 120 tests"),
        (11, "lesser of CPU and wall time of 10 tests of test_cases of gw0 in run order"),
        (12, "duration.setup: this pattern, 160 tests"),
        (14, "duration (wall time), by module: tests/m0/test_m.py"),
        (15, "temperature: this pattern, 90 tests"),
        (16, "rows.out against rows.in in 240 tests"),
        (17, "duration.call: this pattern, 9 tests"),
        (18, "threads: this pattern, 100 tests, 3; other tests, 140 tests, 3 to 4"),
        (19, "threads: holding, 100 tests, 3; exceptions, 1 test, 4; other tests"),
        (20, "rows.in against rows.out + rejected in 240 tests"),
        (21, "rows.in against rows.out in 240 tests"),
        (22, "duration.call against rows.in in 240 tests, correlation 0.70"),
        (23, "temperature against rejected in 240 tests, correlation -0.61"),
        (24, "duration (wall time): this pattern, 240 tests"),
        (25, "duration of 120 tests of gw0 in run order"),
    ],
)
def test_draws_each_subkind(place: int, words: str, every: Page) -> None:
    report = every_kind()
    drawings = list(card(every, report.patterns[place]).inside[1].inside[0].inside)
    labels = [drawing.inside[0].attrs["aria-label"] for drawing in drawings]
    assert any(words in text for text in labels), labels


@pytest.mark.parametrize("place", [1, 26, 27, 28])
def test_tells_in_words_what_it_cannot_draw(place: int, every: Page) -> None:
    pattern = every_kind().patterns[place]
    article = card(every, pattern)
    assert not [e for e in every.find("svg") if e in _below(article)]
    assert pattern.subkind in article.all_text()
    for name, value in pattern.evidence.items():
        assert name in article.all_text()
        assert f"{value:.6g}" in article.all_text()
    if pattern.tests:
        assert f"{len(pattern.tests)} test" in article.all_text()


def _below(element: Element) -> list[Element]:
    return [element, *(e for child in element.inside for e in _below(child))]


def test_medians_and_place_are_those_of_the_evidence(sample: Page) -> None:
    pattern = sample_report().patterns[0]
    texts = [e.text for e in _below(card(sample, pattern)) if e.tag == "text"]
    assert "median 118 MiB" in texts
    assert "median 430 MiB" in texts
    assert "tests/api/test_orders.py::test_refund" in texts


def test_levels_next_to_a_jump_are_drawn_rather_than_medians_of_all_before() -> None:
    report = sample_report()
    evidence = {**report.patterns[0].evidence, "level_before": 2.0**27, "level_after": 2.0**28}
    jump = replace(report.patterns[0], evidence=evidence)
    page = Page(render_html(replace(report, patterns=(jump,))))
    texts = page.text_of("text")
    assert "128 MiB" in texts
    assert "256 MiB" in texts
    assert not any("median" in text for text in texts)


def test_bar_of_a_group_is_what_its_sentence_says(sample: Page) -> None:
    pattern = sample_report().patterns[4]
    texts = [e.text for e in _below(card(sample, pattern)) if e.tag == "text"]
    assert "15 s, 250 tests" in texts
    assert "15 s =" in pattern.summary
    # tmp_path is used by nearly all tests and tells nothing
    assert "tmp_path" not in texts


def test_hot_spot_is_drawn_by_the_cost_that_its_sentence_names() -> None:
    report = every_kind()
    cpu = report.table.column("cpu")
    hot = replace(report.patterns[14], cost_seconds=sum(cpu[row] for row in range(60)))
    page = Page(render_html(replace(report, patterns=(hot,))))
    labels = [e.attrs["aria-label"] for e in page.find("svg")]
    assert any(text.startswith("CPU time, or wall time of tests that wait") for text in labels)


def _over_runs(values: list[float], first_bad: int) -> tuple[RunValue, ...]:
    last = len(values)
    return tuple(
        RunValue(None if run == last else run, value, run >= first_bad)
        for run, value in enumerate(values, 1)
    )


def test_what_comes_from_past_runs_is_drawn_over_the_runs() -> None:
    report = sample_report()
    slower = replace(
        report.patterns[0],
        subkind="slower",
        metrics=("duration",),
        over_runs=_over_runs([2.0, 2.1, 1.9, 4.0, 4.2], 4),
    )
    page = Page(render_html(replace(report, patterns=(slower,))))
    (chart,) = [e for e in page.find("svg") if " over 5 runs" in e.attrs["aria-label"]]
    assert "over 5 runs, from 2.00 s to 4.20 s." in chart.attrs["aria-label"]
    texts = [e.text for e in _below(chart)]
    assert "run 4" in texts
    assert {"run 3: 1.90 s", "run 4: 4.00 s", "this run: 4.20 s"} <= set(texts)
    assert not [e for e in page.find("svg") if "in run order" in e.attrs["aria-label"]]


@pytest.mark.parametrize(("values", "first_bad"), [([2.0], 1), ([2.0, 2.0], 1), ([0.0, 0.0], 9)])
def test_few_or_equal_runs_are_drawn_or_left_out(values: list[float], first_bad: int) -> None:
    report = sample_report()
    pattern = replace(report.patterns[0], over_runs=_over_runs(values, first_bad))
    page = Page(render_html(replace(report, patterns=(pattern,))))
    charts = [e for e in page.find("svg") if " over 2 runs" in e.attrs["aria-label"]]
    assert len(charts) == (len(values) > 1)


def test_points_name_themselves(sample: Page) -> None:
    titles = [e.text for e in sample.find("title") if "circle" in e.path]
    assert len(titles) > 300
    assert "tests/api/test_orders.py::test_refund: 430 MiB, test 441" in titles
    for drawing in sample.find("svg"):
        assert sum(e.tag == "circle" for e in _below(drawing)) <= 310


def test_what_breaks_a_law_is_ringed_and_named(sample: Page) -> None:
    article = card(sample, sample_report().patterns[2])
    rings = [e for e in _below(article) if e.attrs.get("class") == "r"]
    assert len(rings) == 1
    assert len(rings[0].inside) == 1
    titles = [e.text for e in _below(article) if e.tag == "title"]
    assert "tests/api/test_list_b.py::test_list[case57]: 212" in titles


# ---------------------------------------------------------------------- words


def test_says_what_the_gate_says(sample: Page) -> None:
    (verdict,) = sample.find("p", kind="verdict fail")
    assert verdict.text.startswith("FAIL crackle gate: 1 pattern of kind phase-transition")
    assert verdict.text.endswith("exit status 1")


def test_says_that_nothing_was_found() -> None:
    text = Page(render_html(quiet_report())).find("main")[0].all_text()
    assert "No patterns." in text


def test_says_why_a_run_is_no_whole_run() -> None:
    report = quiet_report(30)
    session = replace(report.session, complete=False, incomplete_because="gw1 died")
    texts = Page(render_html(replace(report, session=session))).text_of("p")
    assert "Incomplete run: gw1 died." in texts


def test_lists_what_was_not_tested_and_notes(sample: Page) -> None:
    items = sample.text_of("li")
    assert "phase-transition of pace: 12 readings, needs 20" in items
    assert (
        "the machine was busier from 14:02 on: run-queue wait 30 → 80\N{NO-BREAK SPACE}%" in items
    )


def test_number_and_unit_stay_on_one_line(sample: Page) -> None:
    heads = " ".join(element.all_text() for element in sample.find("h3"))
    assert "312\N{NO-BREAK SPACE}MiB" in heads
    assert "2.00\N{NO-BREAK SPACE}s ± 0.13\N{NO-BREAK SPACE}%" in heads
    assert "250 tests" in heads


def test_bins_of_whole_numbers_hold_equally_many() -> None:
    records = [{"nodeid": f"a.py::t{i}", "metrics": {"size": float(i)}} for i in range(40)]
    table = table_with(records)
    report = replace(sample_report(), table=table, metrics=MetricSummaries(table), patterns=())
    heights = [e.attrs["height"] for e in Page(render_html(report)).find("rect", kind="fm")]
    assert len(heights) == 20
    assert len(set(heights)) == 1


def test_lists_budgets() -> None:
    page = Page(render_html(breaching(sample_report(), 300)))
    assert "Over budget" in page.text_of("h2")
    assert "and 100 more" in page.text_of("p")
    assert "9.00 s" in page.text_of("td")


def test_confidence_is_rounded_down_and_capped(sample: Page) -> None:
    facts = sample.text_of("dd")
    assert "75 %, in a rerun" in facts  # .78
    assert "95 %, in a rerun" in facts  # .99
    assert not any(text.startswith("99 %, in") for text in facts)


def test_counts_patterns_that_are_left_out() -> None:
    report = sample_report()
    many = tuple(replace(report.patterns[1], id=f"CR-{i:06x}") for i in range(230))
    page = Page(render_html(replace(report, patterns=many)))
    assert len(page.find("article")) == 200
    assert "30 more patterns in the JSON report." in page.text_of("p")
    assert len(page.find("figure")) <= 81


def test_no_tests_at_all() -> None:
    page = Page(render_html(small_report([])))
    assert not page.find("table", id="tests")
    assert "0 tests" in page.find("header")[0].all_text()


@pytest.mark.parametrize(
    "values",
    [
        [1e308, -1e308, 0.0],
        [5e-324, 0.0, 5e-324],
        [1e-300, 1e300, 1.0],
        [0.0, 0.0, 0.0],
        [-1.0, -2.0, -3.0],
        [1e15, 1e16, 1e15 + 2],
        [1.0],
    ],
)
@pytest.mark.parametrize("unit", ["s", "B", "1", "rows"])
def test_any_numbers(values: list[float], unit: str) -> None:
    names = [f"a.py::test_{i}" for i in range(len(values))]
    kind = "time" if unit == "s" else "value"
    records = [
        {"nodeid": n, "metrics": {"m": v, "n": v}, "units": {"m": [unit, kind], "n": [unit, kind]}}
        for n, v in zip(names, values, strict=True)
    ]
    table = table_with(records)
    report = sample_report()
    kinds = ("phase-transition", "clustering", "conservation", "correlation")
    patterns = tuple(
        Pattern(
            kind=kind,
            subkind="any",
            summary="s",
            metrics=("m", "n"),
            tests=tuple(names),
            confidence=0.5,
            id=f"CR-{kind}",
            at=names[-1],
            evidence={"value": values[0], "slope": values[0], "before_median": values[0]},
        )
        for kind in kinds
    )
    changed = replace(report, table=table, metrics=MetricSummaries(table), patterns=patterns)
    page = Page(render_html(changed))
    assert len(page.find("article")) == 4
    for element in page.elements:
        for name in ("d", "x", "y", "cx", "cy"):
            assert not re.search("nan|inf", element.attrs.get(name, ""))


# ---------------------------------------------------------------------- the table of tests


def test_slowest_tests_stand_there_without_script(sample: Page) -> None:
    (table,) = sample.find("table", id="tests")
    rows = [e for e in _below(table) if e.tag == "tr"]
    assert len(rows) == 26
    assert "test_import[10k-rows|utf-8]" in rows[1].all_text()
    assert "2.81 s" in rows[1].all_text()
    assert "The 25 slowest of 2,000 tests." in sample.text_of("p")


def test_data_holds_all_tests_and_values(sample: Page) -> None:
    report = sample_report()
    data = sample.data
    assert sample.names == report.table.nodeids
    by_name = dict(zip([name for name, _ in data["metrics"]], data["values"], strict=True))
    milliseconds = by_name["duration"]
    for mine, value in zip(milliseconds, report.table.column("duration"), strict=True):
        assert mine == pytest.approx(value * 1e3, rel=0.005)
    for mine, value in zip(by_name["memory.rss"], report.table.column("memory.rss"), strict=True):
        assert mine == pytest.approx(value / 1024, rel=1e-6)
    sparse = by_name["payload"]
    assert len(sparse["steps"]) == len(sparse["values"]) == 250
    first = report.table.nodeids[sparse["steps"][0]]
    assert report.table.column("payload")[sparse["steps"][0]] > 0, first


def test_duration_is_the_sum_of_its_phases_where_only_these_were_recorded() -> None:
    records = [
        {"nodeid": f"a.py::t{i}", "metrics": {"duration.setup": 1.0, "duration.call": float(i)}}
        for i in range(3)
    ]
    table = table_with(records)
    report = replace(sample_report(), table=table, metrics=MetricSummaries(table), patterns=())
    page = Page(render_html(report))
    assert page.data["metrics"][0] == ["duration", "s"]
    assert page.data["values"][0] == [1000, 2000, 3000]
    (table_element,) = page.find("table", id="tests")
    first_row = [e for e in _below(table_element) if e.tag == "tr"][1]
    assert "3.00 s" in first_row.all_text()


def large(n_tests: int, n_metrics: int = 14) -> Report:
    report = sample_report()
    files = [f"tests/part{i // 100:03}/test_module_{i // 20:05}.py" for i in range(n_tests)]
    records = [
        {
            "nodeid": f"{file}::TestSomething::test_case[{i % 20}-{i * 7919 % 1009}]",
            "metrics": {f"m{k:02}": ((i * 31 + k * 17) % 9973) / 7 for k in range(n_metrics)}
            | {"duration": ((i * 131) % 7919 + 1) / 1e4},
        }
        for i, file in enumerate(files)
    ]
    table = table_with(records)
    return replace(report, table=table, metrics=MetricSummaries(table), patterns=())


def test_size_of_2000_tests() -> None:
    assert len(render_html(sample_report()).encode()) <= 300 * 1024


def test_says_which_metrics_were_cut_from_a_large_table() -> None:
    report = large(2000)
    text = render_html(report)
    assert len(text.encode()) <= 300 * 1024
    page = Page(text)
    (note,) = [t for t in page.text_of("p") if t.startswith("Left out here")]
    shown = {name for name, _ in page.data["metrics"]}
    cut = {summary.name for summary in report.metrics} - shown
    assert cut
    for name in cut:
        assert name in note
    assert len(page.names) == 2000


def test_says_how_many_tests_were_cut_where_names_are_long() -> None:
    names = [f"tests/test_{i}.py::test[{i * 7919:0>280}]" for i in range(900)]
    names = ["".join(reversed(name)) for name in names]  # nothing shared at the beginning
    page = Page(render_html(small_report(names)))
    (note,) = [t for t in page.text_of("p") if t.startswith("Left out here")]
    kept = len(page.names)
    assert 0 < kept < 900
    assert f"the {900 - kept} tests that took the least time" in note
    assert all(len(column) == kept for column in page.data["values"])


@pytest.mark.calibration
def test_size_of_50000_tests() -> None:
    report = large(50_000)
    patterns = tuple(
        replace(pattern, metrics=("m00", "m01"), tests=tuple(report.table.nodeids[:20_000]))
        for pattern in sample_report().patterns
    )
    text = render_html(replace(report, patterns=patterns))
    assert len(text.encode()) <= 4 * 1024 * 1024
    assert len(Page(text).names) == 50_000


def test_breach_of_a_stranger() -> None:
    breach = BudgetBreach("duration <= 1s", "all tests", "duration", "s", 5.0, 1.0)
    report = quiet_report(5)
    gate = replace(report.gate, verdict="fail", breaches=(breach,), fails_session=True)
    assert "5.00 s" in Page(render_html(replace(report, gate=gate))).text_of("td")
