"""The style of the report: readable in light and dark, on paper, and without a network."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d232b; --soft: #5b6673; --paper: #ffffff;
  --card: #f4f6f8; --line: #d9dee4; --accent: #2468b4; --warn: #9a5b00; --warnpaper: #fff5e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa5b1; --paper: #14181d;
  --card: #1d232a; --line: #333c46; --accent: #6aa9ef; --warn: #f0b65a; --warnpaper: #33290f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 24px 64px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 0 0 6px; }
h3 { font-size: 15px; margin: 22px 0 6px; }
section { margin-top: 40px; }
.note, figcaption, .terms { color: var(--soft); }
.note { margin: 0 0 12px; max-width: 78ch; }
.scroll + .note, .figures + .scroll { margin-top: 12px; }
.figures + .note { margin-top: 12px; }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-top: 18px; font-size: 14px; }
a { color: var(--accent); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px;
  margin-top: 22px; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 10px 14px; }
.tile b { display: block; font-size: 22px; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: 13px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; min-width: 50%; }
th, td { text-align: left; vertical-align: top; padding: 5px 18px 5px 0;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); white-space: nowrap; }
td { max-width: 62ch; overflow-wrap: break-word; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.bar { width: 140px; height: 10px; margin-top: 6px; background: var(--card); border-radius: 3px;
  border: 1px solid var(--line); overflow: hidden; }
.bar div { height: 100%; background: var(--accent); }
.warnings { background: var(--warnpaper); border-left: 4px solid var(--warn); border-radius: 4px;
  padding: 8px 14px 8px 34px; margin: 22px 0 0; }
.warnings li { margin: 3px 0; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 14px; }
figure { margin: 0; }
figcaption { font-size: 12.5px; line-height: 1.35; margin-top: 4px; overflow-wrap: anywhere; }
.example { width: 202px; }
.example img { width: 202px; height: 202px; border-radius: 6px; display: block; background: #000; }
.heat { width: 126px; }
.heat.wide { width: 240px; }
.heat img { width: 100%; display: block; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; image-rendering: pixelated; }
.key { font-size: 13px; color: var(--soft); margin: 0 0 12px; }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 50%;
  margin: 0 5px -1px 14px; }
.key i.right { background: #ff8228; } .key i.left { background: #1ea5eb; }
.key i.hollow { border: 2px solid var(--soft); }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 12px 14px;
  font: 13px/1.45 ui-monospace, Consolas, Menlo, monospace; overflow: auto; max-height: 420px;
  white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin-top: 10px; } summary { cursor: pointer; color: var(--accent); }
code { font: 13px ui-monospace, Consolas, Menlo, monospace; overflow-wrap: anywhere; }
@media print { main { max-width: none; } section { break-inside: avoid-page; } }
"""
