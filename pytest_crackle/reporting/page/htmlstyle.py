"""The style sheet of the HTML report: light, dark, narrow, print; the page is readable without it.

Kept as a string of the package: a test of the suite may have left `open` patched. Contrasts are at
least 4.5 for text.
"""

from __future__ import annotations

from typing import Final

__all__ = ["STYLE"]

STYLE: Final = """
:root {
  color-scheme: light dark;
  --page: #ffffff; --card: #f6f8fa; --edge: #d8dee4; --ink: #1f2328; --dim: #57606a;
  --fail: #b42318; --warn: #8a5a00; --note: #1f5f99; --hint: #57606a; --ok: #1a6b3c;
  --o: #98a2ad; --m: #0072b2; --x: #c2410c; --grid: #d8dee4; --halo: #ffffff; --link: #0058a8;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #0f1419; --card: #171d24; --edge: #2d353e; --ink: #e6e9ec; --dim: #a7b0ba;
    --fail: #ff8a80; --warn: #f2c14e; --note: #7cc0ff; --hint: #a7b0ba; --ok: #6fd698;
    --o: #6d7884; --m: #56b4e9; --x: #ff9d5c; --grid: #2d353e; --halo: #171d24; --link: #7cc0ff;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 72rem;
  background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
h1 { margin: 0; font-size: 1.6rem; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.25rem; }
h3 { margin: 0; font-size: 1.05rem; line-height: 1.45; font-weight: 600; overflow-wrap: anywhere; }
p { margin: .4rem 0; }
p, li { overflow-wrap: anywhere; }
a { color: var(--link); }
code {
  font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  overflow-wrap: anywhere;
}
h3 code { font-weight: 500; }
h3 a { font-size: .85rem; font-weight: 400; text-decoration: none; white-space: nowrap; }
.dim, .read { color: var(--dim); }
.verdict {
  margin: .9rem 0; padding: .55rem .8rem; background: var(--card);
  border-left: .3rem solid var(--hint);
}
.verdict.fail { font-weight: 600; }
.verdict.fail { border-color: var(--fail); }
.verdict.warn { border-color: var(--warn); }
.verdict.ok { border-color: var(--ok); }
.badge {
  display: inline-block; padding: 0 .45em; border: 1px solid currentColor; border-radius: .3em;
  font: 600 .78rem/1.5 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  vertical-align: .08em; white-space: nowrap;
}
.badge.fail { color: var(--fail); }
.badge.warn { color: var(--warn); }
.badge.note { color: var(--note); }
.badge.notice, .badge.accepted { color: var(--hint); }
.card {
  margin: 0 0 1rem; padding: 1rem 1.1rem; background: var(--card);
  border: 1px solid var(--edge); border-radius: .6rem; scroll-margin-top: 1rem;
}
.card:target { border-color: var(--link); box-shadow: 0 0 0 1px var(--link); }
.card > .body {
  display: grid; grid-template-columns: minmax(0, 1fr); gap: .75rem 1.5rem; margin-top: .6rem;
}
@media (min-width: 64rem) {
  .card > .charted { grid-template-columns: minmax(0, 42.5rem) minmax(0, 1fr); }
}
.scroll + .card { margin-top: 1.25rem; }
figure { margin: 0 0 .5rem; overflow-x: auto; }
figure svg { display: block; max-width: 100%; height: auto; }
svg text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.read { min-height: 1.5em; margin: 0; font-size: .85rem; overflow-wrap: anywhere; }
dl {
  display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .2rem .8rem;
  margin: 0; font-size: .88rem;
}
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
dd ul { margin: 0; padding-left: 1rem; }
details { margin-top: .5rem; font-size: .9rem; }
summary { cursor: pointer; color: var(--link); }
details ol, details ul { margin: .4rem 0; padding-left: 2.4rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; width: 100%; }
table.facts { width: auto; }
th, td {
  padding: .28rem .6rem; border-bottom: 1px solid var(--edge);
  text-align: left; vertical-align: top;
}
.glance td:nth-child(-n+2) { white-space: nowrap; }
thead th { white-space: nowrap; vertical-align: bottom; color: var(--dim); font-weight: 600; }
tbody th { font-weight: 400; }
#tests tbody th { min-width: 30rem; position: sticky; left: 0; background: var(--page); }
#tests thead th:first-child { position: sticky; left: 0; background: var(--page); }
.metrics tbody th, .metrics td { vertical-align: middle; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
thead button { all: unset; cursor: pointer; border-bottom: 1px dotted currentColor; }
thead button:focus-visible, svg:focus-visible {
  outline: 2px solid var(--link); outline-offset: 2px;
}
[aria-sort=ascending] button::after { content: " \\25B2"; }
[aria-sort=descending] button::after { content: " \\25BC"; }
input, #more {
  font: inherit; color: inherit; background: var(--page); border: 1px solid var(--dim);
  border-radius: .35rem; padding: .3rem .6rem;
}
input { width: 24rem; max-width: 100%; }
#more { cursor: pointer; }
[hidden] { display: none; }
footer {
  margin-top: 2.5rem; padding-top: .8rem; border-top: 1px solid var(--edge);
  color: var(--dim); font-size: .85rem; overflow-wrap: anywhere;
}

.a { fill: var(--dim); }
.lg { stroke: var(--grid); }
.do, .lo { stroke: var(--o); } .dm, .lm { stroke: var(--m); } .dx, .lx, .r { stroke: var(--x); }
.fo { fill: var(--o); } .fm { fill: var(--m); } .fx { fill: var(--x); }
.tm { fill: var(--m); stroke: var(--halo); } .tx { fill: var(--x); stroke: var(--halo); }
.h circle.on { stroke: var(--ink); stroke-width: 2; }
@media screen and (prefers-color-scheme: dark) {
  .q0 { fill: #1d242c; } .q0t, .q1t, .q2t, .q3t, .p1t, .p2t, .p3t { fill: #ffffff; }
  .q1 { fill: #3a2718; } .q2 { fill: #6b3f14; } .q3 { fill: #a8550a; } .q4 { fill: #f0872b; }
  .p1 { fill: #16293a; } .p2 { fill: #1b4568; } .p3 { fill: #2a6ea6; } .p4 { fill: #6bb3e8; }
  .q4t, .p4t { fill: #111111; }
}
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 2rem; }
  .card { padding: .8rem; }
  figure svg { max-width: none; }
  .charted figure svg { width: 34rem; }
  #tests tbody th { min-width: 13rem; position: static; }
}
@media print {
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .card, figure { break-inside: avoid; }
  .card > .charted { grid-template-columns: 3fr 2fr; }
  h2, h3, h2 + p { break-after: avoid; }
  #find, #more, .read { display: none; }
  .scroll, figure { overflow: visible; }
  figure svg { max-width: 100%; }
  thead button { border: 0; }
}
"""
