"""The script of the HTML report: search, sorting and names of points; the page works without it.

Kept as a string of the package: a test of the suite may have left `open` patched. Data reaches the
page through `textContent` only.
"""

from __future__ import annotations

from typing import Final

__all__ = ["SCRIPT"]

SCRIPT: Final = r"""
"use strict";
(function () {
  var get = function (id) { return document.getElementById(id); };
  var make = function (tag, text) {
    var node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    return node;
  };

  // numbers, as pytest_crackle.model.units writes them
  function group(x, decimals) {
    var parts = x.toFixed(decimals).split(".");
    parts[0] = parts[0].replace(/\B(?=(\d{3})+$)/g, ",");
    return parts.join(".");
  }
  function three(x) {
    var size = Number(x.toPrecision(3));
    return group(x, Math.max(0, 2 - Math.floor(Math.log10(size))));
  }
  function trim(text) {
    return text.indexOf(".") < 0 ? text : text.replace(/0+$/, "").replace(/\.$/, "");
  }
  function measured(x) {
    return x >= 1e15 || x < 0.01 ? String(Number(x.toPrecision(3))) : three(x).replace(/\.0$/, "");
  }
  function count(x) {
    if (x >= 1e15 || (x > 0 && x < 1e-4)) {
      var halves = x.toExponential(2).split("e");
      return trim(halves[0]) + "e" + halves[1].replace(/^([+-])(\d)$/, "$10$2");
    }
    return x === Math.floor(x) || x >= 999.5 ? group(x, 0) : trim(three(x));
  }
  var SCALES = {
    s: [[1e-6, "ns"], [1e-3, "us"], [1, "ms"], [1e3, "s"]],
    B: [[1 / 1024, "B"], [1, "KiB"], [1024, "MiB"], [1048576, "GiB"], [1073741824, "TiB"]]
  };
  function show(x, unit) {
    if (x === null) return "";
    if (x < 0) return "-" + show(-x, unit);
    var scale = SCALES[unit], i = 0;
    if (!scale) return count(x) + (unit === "" || unit === "1" ? "" : " " + unit);
    if (x === 0) return "0 " + unit;
    if (unit === "s" && x >= 7.2e6) return measured(x / 3.6e6) + " h";
    if (unit === "s" && x >= 599.5e3) return measured(x / 6e4) + " min";
    while (i < scale.length - 1 && x / scale[i][0] >= 999.5) i += 1;
    x /= scale[i][0];
    return (scale[i][1] === "B" ? count(x) : measured(x)) + " " + scale[i][1];
  }

  // points name themselves: at the pointer, and with the arrow keys
  document.querySelectorAll("figure > svg").forEach(function (svg) {
    var points = svg.querySelectorAll(".h circle"), at = -1, out = make("p");
    if (!points.length) return;
    out.className = "read";
    out.setAttribute("aria-live", "polite");
    svg.parentNode.insertBefore(out, svg.nextSibling);
    svg.setAttribute("tabindex", "0");
    svg.setAttribute("role", "application");
    svg.setAttribute("aria-roledescription", "chart");
    function choose(i) {
      if (at >= 0) points[at].classList.remove("on");
      at = i;
      if (at >= 0) {
        points[at].classList.add("on");
        out.textContent = points[at].textContent;
      }
    }
    svg.addEventListener("focus", function () {
      if (at < 0) out.textContent = "Arrow keys walk through " + points.length + " named points.";
    });
    svg.addEventListener("blur", function () { choose(-1); out.textContent = ""; });
    svg.addEventListener("keydown", function (event) {
      var last = points.length - 1, keys = {
        ArrowRight: Math.min(last, at + 1), ArrowLeft: Math.max(0, at - 1), Home: 0, End: last
      };
      if (keys[event.key] === undefined) return;
      event.preventDefault();
      choose(keys[event.key]);
    });
    svg.addEventListener("pointermove", function (event) {
      var box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
      var x = (event.clientX - box.left) * scale, y = (event.clientY - box.top) * scale;
      var best = -1, least = 400;
      points.forEach(function (point, i) {
        var dx = point.cx.baseVal.value - x, dy = point.cy.baseVal.value - y;
        if (dx * dx + dy * dy < least) { least = dx * dx + dy * dy; best = i; }
      });
      if (best >= 0) choose(best);
    });
  });

  // the table
  var source = get("data"), table = get("tests");
  if (!source || !table) return;
  var data = JSON.parse(source.textContent), names = [], before = "";
  for (var k = 0; k < data.names.length; k += 2) {
    before = before.slice(0, data.names[k]) + data.names[k + 1];
    names.push(before);
  }
  data.values = data.values.map(function (column) {
    if (!column.steps) return column;
    var full = names.map(function () { return null; }), place = 0;
    column.steps.forEach(function (step, i) {
      place += step;
      full[place] = column.values[i];
    });
    return full;
  });
  var lower = names.map(function (name) { return name.toLowerCase(); });
  var heads = table.tHead.rows[0].cells, body = table.tBodies[0];
  var column = data.sort, falling = true, limit = 25;
  var order = names.map(function (_, i) { return i; });

  function sort() {
    var values = data.values[column];
    order.sort(function (a, b) {
      var x, y;
      if (column < 0) return falling ? a - b : b - a;
      x = values[a];
      y = values[b];
      if (x === y) return a - b;
      if (x === null || y === null) return x === null ? 1 : -1;
      return falling ? y - x : x - y;
    });
    for (var i = 0; i < heads.length; i += 1) {
      if (i === column + 1) {
        heads[i].setAttribute("aria-sort", falling === (i > 0) ? "descending" : "ascending");
      } else heads[i].removeAttribute("aria-sort");
    }
  }
  function draw() {
    var words = get("q").value.toLowerCase().split(/\s+/), found = order.filter(function (i) {
      return words.every(function (word) { return lower[i].indexOf(word) >= 0; });
    });
    var rows = document.createDocumentFragment();
    found.slice(0, limit).forEach(function (i) {
      var row = make("tr"), head = make("th");
      head.setAttribute("scope", "row");
      head.appendChild(make("code", names[i]));
      row.appendChild(head);
      data.metrics.forEach(function (metric, m) {
        var cell = make("td", show(data.values[m][i], metric[1]));
        cell.className = "n";
        row.appendChild(cell);
      });
      rows.appendChild(row);
    });
    body.replaceChildren(rows);
    get("count").textContent = group(Math.min(limit, found.length), 0) + " of " +
      group(found.length, 0) + (found.length === 1 ? " test" : " tests") +
      (found.length < names.length ? " found" : "");
    get("more").hidden = found.length <= limit;
  }
  Array.prototype.forEach.call(heads, function (head, i) {
    var button = make("button", head.textContent);
    button.type = "button";
    button.addEventListener("click", function () {
      falling = column === i - 1 ? !falling : true;
      column = i - 1;
      limit = 25;
      sort();
      draw();
    });
    head.replaceChildren(button);
  });
  get("q").addEventListener("input", function () { limit = 25; draw(); });
  get("more").addEventListener("click", function () { limit += 200; draw(); });
  get("find").hidden = false;
  sort();
  draw();
}());
"""
