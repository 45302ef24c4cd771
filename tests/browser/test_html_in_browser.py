"""The HTML report in Chromium; skipped with a reason where no browser is."""

from __future__ import annotations

import base64
import json
import math
import struct
from typing import TYPE_CHECKING, Any

import pytest

from pytest_crackle.model.units import format_value
from pytest_crackle.reporting.page.htmlreport import render_html, render_html_folder
from tests.html_page import Page
from tests.html_reports import every_kind, hostile_report
from tests.sample_report import sample_report

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_crackle.model.report import Report

pytestmark = pytest.mark.browser

JENKINS = "sandbox; default-src 'none'; img-src 'self'; style-src 'self';"
"""The policy under which Jenkins serves archived files by default."""


def opened(window: Any, folder: Path, report: Report) -> Any:
    """Open the report as a file, as by double click."""
    path = folder / "report.html"
    path.write_text(render_html(report), "utf-8")
    window.get(path.as_uri())
    return window


def texts(window: Any, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
    return list(window.execute_script(script, selector))


def media(window: Any, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def width(window: Any, pixels: int) -> None:
    view = {"width": pixels, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", view)


def rows(window: Any) -> list[list[str]]:
    script = """return [...document.querySelectorAll("#tests tbody tr")]
        .map(row => [...row.cells].map(cell => cell.textContent))"""
    return [list(row) for row in window.execute_script(script)]


def search(window: Any, words: str) -> None:
    script = """const q = document.getElementById("q"); q.value = arguments[0];
        q.dispatchEvent(new Event("input"))"""
    window.execute_script(script, words)


def head(window: Any, name: str) -> Any:
    (found,) = [
        button
        for button in window.find_elements("css selector", "#tests thead button")
        if button.get_attribute("textContent") == name
    ]
    return found


# ---------------------------------------------------------------------- quiet and alone


@pytest.mark.parametrize("report", [sample_report(), every_kind(), hostile_report()])
def test_no_word_in_the_console_and_no_request(window: Any, tmp_path: Path, report: Report) -> None:
    opened(window, tmp_path, report)
    search(window, "test")
    assert window.get_log("browser") == []
    assert requests(window) == [(tmp_path / "report.html").as_uri()]


def requests(window: Any) -> list[str]:
    """What the page asked for, but for what it carries itself."""
    messages = [json.loads(entry["message"])["message"] for entry in window.get_log("performance")]
    urls = [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]
    return [url for url in urls if not url.startswith("data:")]


def test_served_page_asks_the_server_for_nothing_else(window: Any, served: Any) -> None:
    (served.folder / "report.html").write_text(render_html(sample_report()), "utf-8")
    window.get(served.url("report.html"))
    search(window, "test")
    assert served.asked == ["/report.html"]
    assert window.get_log("browser") == []


def test_hostile_names_run_nothing(window: Any, tmp_path: Path) -> None:
    opened(window, tmp_path, hostile_report())
    counts = "return ['img', 'b', 'i', 'script'].map(t => document.querySelectorAll(t).length)"
    assert window.execute_script(counts) == [0, 0, 0, 2]
    shown = [row[0] for row in rows(window)]
    assert sorted(shown) == sorted(Page(render_html(hostile_report())).names)


# ---------------------------------------------------------------------- points


def test_pointer_over_a_point_names_it(window: Any, tmp_path: Path) -> None:
    from selenium.webdriver import ActionChains

    opened(window, tmp_path, sample_report())
    drawing = window.find_element("css selector", "article svg")
    name = "tests/api/test_orders.py::test_refund: 430 MiB, test 441"
    circles = drawing.find_elements("css selector", ".h circle")
    (point,) = [c for c in circles if c.get_attribute("textContent") == name]
    ActionChains(window).move_to_element(point).perform()
    assert texts(window, "article .read")[0] == name
    assert "on" in point.get_attribute("class")


def test_arrow_keys_walk_through_the_points(window: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    opened(window, tmp_path, sample_report())
    drawing = window.find_element("css selector", "article svg")
    names = texts(window, "article:first-of-type svg title")
    window.execute_script("arguments[0].focus()", drawing)
    assert texts(window, ".read")[0] == f"Arrow keys walk through {len(names)} named points."
    for key, expected in (
        (Keys.ARROW_RIGHT, names[0]),
        (Keys.ARROW_RIGHT, names[1]),
        (Keys.END, names[-1]),
        (Keys.ARROW_LEFT, names[-2]),
        (Keys.HOME, names[0]),
    ):
        drawing.send_keys(key)
        assert texts(window, ".read")[0] == expected
        assert len(drawing.find_elements("css selector", "circle.on")) == 1


def test_everything_that_can_be_clicked_can_be_reached_by_key(window: Any, tmp_path: Path) -> None:
    opened(window, tmp_path, sample_report())
    reached = window.execute_script(
        """return [...document.querySelectorAll("svg:has(.h), summary, button, input, a")]
            .filter(e => e.checkVisibility()).map(e => e.tabIndex)"""
    )
    assert len(reached) > 40
    assert set(reached) == {0}


# ---------------------------------------------------------------------- the table


def test_search_finds_all_words_in_any_case(window: Any, tmp_path: Path) -> None:
    opened(window, tmp_path, sample_report())
    names = sample_report().table.nodeids
    search(window, "ORDERS test_1")
    expected = [n for n in names if "orders" in n and "test_1" in n]
    found = [row[0] for row in rows(window)]
    assert set(found) <= set(expected)
    assert len(found) == min(25, len(expected))
    assert texts(window, "#count") == [f"25 of {len(expected)} tests found"]
    search(window, "no such test")
    assert rows(window) == []
    assert texts(window, "#count") == ["0 of 0 tests found"]
    search(window, "")
    assert texts(window, "#count") == ["25 of 2,000 tests"]


def test_sorting_is_by_number_and_turns_round(window: Any, tmp_path: Path) -> None:
    opened(window, tmp_path, sample_report())
    table = sample_report().table
    queries = sorted(v for v in table.column("db.queries") if not math.isnan(v))
    place = texts(window, "#tests thead button").index("db.queries")
    head(window, "db.queries").click()
    shown = [row[place] for row in rows(window)]
    assert shown == [format_value(v) for v in reversed(queries[-25:])]
    assert sorted_by(window) == {"db.queries": "descending"}
    head(window, "db.queries").click()
    assert [row[place] for row in rows(window)] == [format_value(v) for v in queries[:25]]
    assert sorted_by(window) == {"db.queries": "ascending"}
    head(window, "test").click()
    assert [row[0] for row in rows(window)] == table.nodeids[:25]


def sorted_by(window: Any) -> dict[str, str]:
    script = """return Object.fromEntries([...document.querySelectorAll("#tests [aria-sort]")]
        .map(e => [e.textContent, e.getAttribute("aria-sort")]))"""
    return dict(window.execute_script(script))


def test_show_more(window: Any, tmp_path: Path) -> None:
    opened(window, tmp_path, sample_report())
    more = window.find_element("id", "more")
    more.click()
    assert len(rows(window)) == 225
    search(window, "test_refund")
    assert not more.is_displayed()


def test_script_starts_with_the_rows_of_the_page(window: Any, tmp_path: Path) -> None:
    opened(window, tmp_path, sample_report())
    page = Page(render_html(sample_report()))
    (table,) = page.find("table", id="tests")
    body = next(e for e in table.inside if e.tag == "tbody")
    expected = [
        [(cell.text or cell.all_text()).strip() for cell in row.inside] for row in body.inside
    ]
    assert rows(window) == expected


@pytest.mark.parametrize("report", [sample_report(), every_kind()])
def test_script_writes_numbers_as_python_does(window: Any, tmp_path: Path, report: Report) -> None:
    opened(window, tmp_path, report)
    for _ in range(math.ceil(report.table.n_tests / 200)):
        window.execute_script('document.getElementById("more").click()')
    shown = rows(window)
    assert len(shown) == report.table.n_tests
    metrics = texts(window, "#tests thead button")[1:]
    by_name = {name: row for row, name in enumerate(report.table.nodeids)}
    wrong = []
    for name, *cells in shown:
        for metric, cell in zip(metrics, cells, strict=True):
            value = report.table.column(metric)[by_name[name]]
            unit = report.table.info(metric).unit
            expected = "" if math.isnan(value) else format_value(value, unit)
            if cell != expected:
                wrong.append((metric, value, cell, expected))
    assert wrong == []


# ---------------------------------------------------------------------- looks

CONTRASTS = """
const light = c => c <= 10.3 ? c / 255 / 12.92 : ((c / 255 + .055) / 1.055) ** 2.4;
const parse = t => (t.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
const lum = ([r, g, b]) => .2126 * light(r) + .7152 * light(g) + .0722 * light(b);
const behind = e => {
  for (; e; e = e.parentElement) {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (c.length < 4 || c[3] > 0) return c;
  }
  return [255, 255, 255];
};
const out = [];
for (const e of document.querySelectorAll("body *")) {
  const own = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  if (!own || !e.checkVisibility() || ["SCRIPT", "STYLE", "title"].includes(e.tagName)) continue;
  const style = getComputedStyle(e), isSvg = e instanceof SVGElement;
  const ink = parse(isSvg ? style.fill : style.color);
  const cell = isSvg && /^[pq]/.test(e.getAttribute("class") || "") && e.previousElementSibling;
  const page = cell ? parse(getComputedStyle(cell).fill) : behind(e);
  const [a, b] = [lum(ink), lum(page)].sort((x, y) => y - x);
  out.push([(a + .05) / (b + .05), e.tagName, e.getAttribute("class"), e.textContent.slice(0, 40)]);
}
return [out.length, out.sort((x, y) => x[0] - y[0]).slice(0, 5)];
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("report", [sample_report(), every_kind()])
def test_texts_have_contrast(window: Any, tmp_path: Path, scheme: str, report: Report) -> None:
    media(window, scheme)
    opened(window, tmp_path, report)
    count, weakest = window.execute_script(CONTRASTS)
    assert count > 400
    assert weakest[0][0] >= 4.5, weakest


def test_dark_is_dark(window: Any, tmp_path: Path) -> None:
    opened(window, tmp_path, sample_report())
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = window.execute_script(colour)
    media(window, "dark")
    assert window.execute_script(colour) != light == "rgb(255, 255, 255)"


CLIPPED = """
const out = [];
for (const svg of document.querySelectorAll("svg")) {
  const box = svg.viewBox.baseVal, frame = svg.getBoundingClientRect(), k = box.width / frame.width;
  for (const text of svg.querySelectorAll("text")) {
    const r = text.getBoundingClientRect();
    const left = (r.left - frame.left) * k, right = (r.right - frame.left) * k;
    const top = (r.top - frame.top) * k, bottom = (r.bottom - frame.top) * k;
    if (left < -1 || top < -3 || right > box.width + 1 || bottom > box.height + 3)
      out.push([text.textContent, left, top, right, bottom, box.width, box.height]);
  }
}
return out;
"""


@pytest.mark.parametrize("report", [sample_report(), every_kind(), hostile_report()])
def test_no_text_of_a_chart_is_cut_off(window: Any, tmp_path: Path, report: Report) -> None:
    opened(window, tmp_path, report)
    assert window.execute_script(CLIPPED) == []


@pytest.mark.parametrize("pixels", [360, 400, 800, 1200, 2400])
@pytest.mark.parametrize("report", [every_kind(), hostile_report()])
def test_page_does_not_scroll_sideways(
    window: Any, tmp_path: Path, pixels: int, report: Report
) -> None:
    width(window, pixels)
    opened(window, tmp_path, report)
    wide = window.execute_script("return document.documentElement.scrollWidth")
    assert wide <= pixels


def test_picture_has_the_parts_that_matter(window: Any, tmp_path: Path) -> None:
    opened(window, tmp_path, sample_report())
    for selector, least in (
        ("h1", (100, 20)),
        (".verdict.fail", (600, 30)),
        ("article svg", (500, 180)),
        (".metrics svg", (100, 20)),
        ("main > figure svg", (200, 150)),
        ("#tests", (600, 500)),
        ("#q", (200, 25)),
    ):
        size = window.find_element("css selector", selector).size
        assert size["width"] >= least[0], selector
        assert size["height"] >= least[1], selector
    high = window.execute_script("return document.documentElement.scrollHeight")
    assert 3000 < high < 8000
    picture = base64.b64decode(
        window.execute_cdp_cmd(
            "Page.captureScreenshot",
            {
                "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, "width": 1200, "height": high, "scale": 1},
            },
        )["data"]
    )
    assert struct.unpack(">II", picture[16:24]) == (1200, high)
    assert len(picture) > 100_000  # a blank page of this size takes less than 30 kB


def test_prints(window: Any, tmp_path: Path) -> None:
    media(window, "dark")
    opened(window, tmp_path, sample_report())
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    dark = "return getComputedStyle(document.body).backgroundColor"
    assert window.execute_script(dark) == "rgb(255, 255, 255)"
    assert not window.find_element("id", "find").is_displayed()
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    document = base64.b64decode(window.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert document.startswith(b"%PDF")
    assert 3 <= document.count(b"/Type /Page\n") <= 9


# ---------------------------------------------------------------------- under a strict policy


def test_readable_with_script_and_style_blocked(window: Any, served: Any) -> None:
    (served.folder / "report.html").write_text(render_html(sample_report()), "utf-8")
    served.headers["Content-Security-Policy"] = JENKINS
    window.get(served.url("report.html"))
    assert window.execute_script("return document.styleSheets.length") == 0
    assert not window.find_elements("css selector", "#tests button")
    assert not window.find_element("id", "find").is_displayed()
    assert len(rows(window)) == 25
    body = window.find_element("tag name", "body").text.replace("\N{NO-BREAK SPACE}", " ")
    for pattern in sample_report().patterns:
        assert pattern.id in body
    assert "leaves 312 MiB for good (118 → 430 MiB)." in body
    for drawing in window.find_elements("tag name", "svg"):
        given = (drawing.get_attribute("width"), drawing.get_attribute("height"))
        size = drawing.size
        assert (size["width"], size["height"]) == pytest.approx(tuple(map(float, given)), abs=1)
    messages = [entry["message"] for entry in window.get_log("browser")]
    assert messages
    assert all("Content Security Policy" in m or "sandboxed" in m for m in messages)


def test_folder_is_styled_where_inline_style_is_refused(window: Any, served: Any) -> None:
    for name, text in render_html_folder(sample_report()):
        (served.folder / name).write_text(text, "utf-8")
    served.headers["Content-Security-Policy"] = JENKINS
    window.get(served.url("index.html"))
    assert served.asked == ["/index.html", "/crackle.css"]
    colour = "return getComputedStyle(document.querySelector('.card')).backgroundColor"
    assert window.execute_script(colour) == "rgb(246, 248, 250)"


def test_folder_works_from_a_disk(window: Any, tmp_path: Path) -> None:
    for name, text in render_html_folder(sample_report()):
        (tmp_path / name).write_text(text, "utf-8")
    window.get((tmp_path / "index.html").as_uri())
    colour = "return getComputedStyle(document.querySelector('.card')).backgroundColor"
    assert window.execute_script(colour) == "rgb(246, 248, 250)"
    assert window.find_element("id", "find").is_displayed()
    assert window.get_log("browser") == []
