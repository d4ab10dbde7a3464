// What `kincap build` would keep of this session, with thresholds that can be tried out. Nothing here
// changes anything.

import { $, countText, el } from "../../dom.js";
import { api } from "../../api.js";

const SETTLE_MS = 150;
const AGAIN_MS = 1000;

export class BuildPanel {
  constructor(viewer) {
    this.viewer = viewer;
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    this.tried = {};
    this.report = null;
    $("build-sliders").replaceChildren();
    $("build-counts").replaceChildren();
    $("build-total").textContent = "";
    $("build-options").textContent = "";
  }

  /** Decisions have changed. */
  refresh() {
    if (this.report) this.load();
  }

  async load() {
    clearTimeout(this.timer);
    const { session } = this.viewer;
    const tried = JSON.stringify(this.tried);
    try {
      const report = await api.keep(session.name, session.uuid, this.tried);
      if (this.viewer.session !== session || tried !== JSON.stringify(this.tried)) return;
      this.report = report;
      this.draw();
      if (report.ready === false) this.timer = setTimeout(() => this.load(), AGAIN_MS);
    } catch (error) {
      if (this.viewer.session === session) $("build-total").textContent = error.message;
    }
  }

  draw() {
    const { kept, candidates, rejected, settings, problem } = this.report;
    if (kept === null || kept === undefined) {
      $("build-total").textContent = problem || "Working it out…";
      return;
    }
    $("build-total").textContent = `${kept.toLocaleString("en")} of ${countText(candidates, "candidate")} kept`;
    const reasons = Object.entries(rejected).filter(([, { first }]) => first);
    const most = Math.max(1, ...reasons.map(([, { first }]) => first));
    $("build-counts").replaceChildren(...reasons
      .sort((a, b) => b[1].first - a[1].first)
      .map(([name, { first }]) => this.reasonLine(name, first, most)));
    if (!$("build-sliders").firstChild) this.drawSliders(settings);
    const tried = Object.entries(this.tried).map(([name, value]) => `${name} = ${value}`);
    $("build-options").textContent = tried.join(", ") || "the usual settings";
  }

  reasonLine(name, count, most) {
    const meter = el("meter", { min: 0, max: most, value: count, ariaLabel: `${name}: ${count}` });
    const button = el("button", { type: "button", title: `Find reason:${name}` },
      el("b", {}, name.replaceAll("_", " ")), el("span", { className: "muted" }, count.toLocaleString("en")), meter);
    button.addEventListener("click", () => {
      this.viewer.panel.open("find");
      this.viewer.finder.setQuery(`reason:${name}`);
    });
    return el("li", {}, button);
  }

  drawSliders(settings) {
    const numbers = Object.entries(settings).filter(([, value]) => typeof value === "number");
    $("build-sliders").replaceChildren(...numbers.map(([name, value]) => this.slider(name, value)));
  }

  /** A slider from 0 to three times the usual value, in steps that suit it. */
  slider(name, usual) {
    const shown = el("output", {}, String(usual));
    const field = el("input", {
      type: "range", min: 0, max: usual ? 3 * usual : 1, ariaLabel: name.replaceAll("_", " "),
      step: Number.isInteger(usual) && usual > 1 ? 1 : Math.max(1e-4, usual / 20),
    });
    field.value = usual;
    field.addEventListener("input", () => {
      shown.textContent = String(Number(Number(field.value).toPrecision(4)));
      if (Number(field.value) === usual) delete this.tried[name];
      else this.tried[name] = field.value;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load(), SETTLE_MS);
    });
    return el("label", {}, el("span", {}, name.replaceAll("_", " ")), shown, field);
  }
}
