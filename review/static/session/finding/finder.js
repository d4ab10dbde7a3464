// Finding bad frames: a filter box with live counts, the suspects that match it with the worst first,
// and the contact sheet of all of them.

import { $, clockText, countText, el } from "../../dom.js";
import { api } from "../../api.js";
import { ContactSheet } from "./contact_sheet.js";

const TYPING_MS = 150;
const AGAIN_MS = 1000; // while filters and findings are still being worked out
const MOST_HITS = 5000;
const MOST_LISTED = 80;
const MOST_CHIPS = 10;

export class Finder {
  constructor(viewer) {
    this.viewer = viewer;
    this.sheet = new ContactSheet(viewer);
    this.field = $("find-query");
    this.field.addEventListener("input", () => this.soon(TYPING_MS));
    this.field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        this.field.blur();
        this.load().then((isShown) => isShown && this.step(1, "score", true));
      } else if (event.key === "Escape") {
        if (this.field.value) this.setQuery("");
        else this.field.blur();
      }
    });
    this.close();
  }

  close() {
    clearTimeout(this.timer);
    this.field.value = "";
    this.suspects = null;
    this.report = null;
    this.sheet.close();
    $("find-list").replaceChildren();
    $("find-counts").replaceChildren();
    $("find-total").textContent = "";
  }

  get isSheetOpen() {
    return this.sheet.isOpen;
  }

  closeSheet() {
    this.sheet.close();
  }

  focus() {
    this.viewer.panel.open("find");
    this.field.focus();
    this.field.select();
  }

  setQuery(text) {
    this.field.value = text;
    this.load();
  }

  soon(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(), ms);
  }

  /** Something was found or decided: what is shown is out of date. */
  refresh() {
    if (this.suspects === null) return;
    this.soon(0);
  }

  /** Ask for what matches, and show it; return whether that went well. */
  async load() {
    clearTimeout(this.timer);
    const { session } = this.viewer;
    const query = this.field.value.trim();
    let report;
    try {
      report = await api.suspects(session.name, session.uuid, { query, limit: MOST_HITS });
    } catch (error) {
      // an answer to an older text comes too late
      if (this.viewer.session !== session || query !== this.field.value.trim()) return false;
      $("find-total").textContent = error.message;
      $("find-total").classList.add("problem");
      return false;
    }
    if (this.viewer.session !== session || query !== this.field.value.trim()) return false;
    this.report = report;
    this.suspects = report.hits;
    this.draw();
    this.sheet.update(this.suspects);
    if (!report.ready) this.soon(AGAIN_MS);
    return true;
  }

  draw() {
    const { report, suspects } = this;
    const total = $("find-total");
    total.classList.remove("problem");
    total.textContent = `${countText(report.total, "frame")} in ${countText(report.runs, "place")}`
      + `${report.runs > suspects.length ? `, the worst ${suspects.length}` : ""}${report.ready ? "" : "; still checking…"}`;
    $("find-counts").replaceChildren(...this.chips());
    $("find-list").replaceChildren(...suspects.slice(0, MOST_LISTED).map((suspect) => this.line(suspect)));
    this.markCurrent();
  }

  /** Words that can be added to the filter, with how many frames each would leave. */
  chips() {
    const found = Object.entries(this.report.counts).flatMap(([group, counts]) =>
      Object.entries(counts).map(([name, count]) => [`${group}:${name}`, count]));
    const query = this.field.value;
    return found.filter(([word]) => !query.includes(word))
      .sort((a, b) => b[1] - a[1]).slice(0, MOST_CHIPS)
      .map(([word, count]) => {
        const button = el("button", { type: "button", title: `Add ${word} to the filter` },
          word, el("span", { className: "muted" }, count.toLocaleString("en")));
        button.addEventListener("click", () => this.setQuery(`${query.trim()} ${word}`.trim()));
        return button;
      });
  }

  line(suspect) {
    const { seq, first, last, text, time_s } = suspect;
    const where = first === last ? `${seq}` : `${first} – ${last}`;
    const button = el("button", { type: "button", data: { seq }, title: text },
      el("b", {}, where), el("span", { className: "muted" }, clockText(time_s, 1)),
      el("span", { className: "why" }, text));
    button.addEventListener("click", () => this.viewer.goTo(seq));
    return el("li", {}, button);
  }

  markCurrent() {
    const at = this.current();
    [...$("find-list").children].forEach((item, i) => {
      const button = item.firstChild;
      if (i === at) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    });
  }

  /** The place of the suspect on the screen among the worst, or -1. */
  current() {
    const { seq } = this.viewer;
    return this.suspects?.findIndex(({ first, last }) => first <= seq && seq <= last) ?? -1;
  }

  /** Go to the next suspect (or the one before), by how bad it is or by time. */
  async step(direction, order, again = false) {
    if (this.suspects === null) await this.load();
    const { suspects, viewer } = this;
    if (!suspects?.length) {
      viewer.say(this.report?.ready === false ? "Still checking…" : "Nothing suspicious was found.");
      return;
    }
    const { seq } = viewer;
    let found;
    if (order === "seq") {
      const later = [...suspects].sort((a, b) => a.first - b.first);
      found = direction > 0 ? later.find(({ first }) => first > seq) : later.findLast(({ last }) => last < seq);
    } else {
      // who is at a suspect by chance begins with the worst one
      const at = again || viewer.seq !== this.visited ? -1 : this.current();
      found = suspects[at < 0 ? (direction > 0 ? 0 : suspects.length - 1) : at + direction];
    }
    if (!found) {
      viewer.say(direction > 0 ? "That was the last one." : "That was the first one.");
      return;
    }
    viewer.goTo(found.seq);
    this.visited = viewer.seq;
    this.markCurrent();
    viewer.say(`${order === "seq" ? "" : `${suspects.indexOf(found) + 1} of ${suspects.length}: `}${found.text}`);
  }

  async openSheet() {
    if (this.suspects === null) await this.load();
    if (this.suspects) this.sheet.open(this.suspects, this.field.value.trim());
  }
}
