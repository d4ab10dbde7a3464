// What `kincap build` would keep of this session, with thresholds that can be tried out. Nothing here
// changes anything: the line at the end is what to give to build.

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
    const { kept, frames, reasons, settings } = this.report;
    $("build-total").textContent = this.report.ready === false
      ? "Working it out…" : `${kept.toLocaleString("en")} of ${countText(frames, "frame")} kept`;
    const most = Math.max(1, ...Object.values(reasons));
    $("build-counts").replaceChildren(...Object.entries(reasons)
      .filter(([, count]) => count)
      .sort((a, b) => b[1] - a[1])
      .map(([name, count]) => this.reasonLine(name, count, most)));
    if (!$("build-sliders").firstChild) this.drawSliders(settings);
    const options = Object.entries(this.tried).map(([name, value]) => `--set ${name}=${value}`);
    $("build-options").textContent = options.length ? `kincap build ${options.join(" ")}` : "the settings of kincap build";
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
    $("build-sliders").replaceChildren(...settings.map((setting) => this.slider(setting)));
  }

  slider({ name, value, default: usual = value, low, high, step, unit = "", meaning = "" }) {
    const shown = el("output", {}, `${value} ${unit}`);
    const field = el("input", {
      type: "range", min: low, max: high, step, value, title: meaning, ariaLabel: name.replaceAll("_", " "),
    });
    field.addEventListener("input", () => {
      shown.textContent = `${field.value} ${unit}`;
      if (Number(field.value) === usual) delete this.tried[name];
      else this.tried[name] = field.value;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.load(), SETTLE_MS);
    });
    return el("label", {}, el("span", {}, name.replaceAll("_", " ")), shown, field);
  }
}
