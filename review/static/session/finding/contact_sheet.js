// The contact sheet: all suspects as small pictures, of which several can be chosen and rejected at
// once. Pictures are fetched when they come into view, a few at a time.

import { $, clockText, countText, el } from "../../dom.js";
import { api } from "../../api.js";

const UNDER_WAY = 3;
const MOST_TILES = 400;

export class ContactSheet {
  constructor(viewer) {
    this.viewer = viewer;
    this.dialog = $("sheet");
    this.chosen = new Set();
    this.urls = [];
    this.dialog.addEventListener("close", () => this.forget());
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    $("sheet-close").addEventListener("click", () => this.close());
    $("sheet-all").addEventListener("click", () => this.chooseAll());
    $("sheet-reject").addEventListener("click", () => this.reject());
  }

  get isOpen() {
    return this.dialog.open;
  }

  open(suspects, query) {
    this.query = query;
    this.show(suspects);
    if (!this.isOpen) this.dialog.showModal();
    this.tiles[0]?.focus();
  }

  close() {
    if (this.isOpen) this.dialog.close();
  }

  forget() {
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.urls = [];
    this.queue = [];
    this.seen?.disconnect();
    $("sheet-tiles").replaceChildren();
    this.chosen.clear();
  }

  /** What matches has changed while the sheet is open: choice and focus stay with the frames. */
  update(suspects) {
    if (!this.isOpen) return;
    const shown = suspects.slice(0, MOST_TILES).map(placeOf);
    if (shown.join() === this.suspects.map(placeOf).join()) return;
    const chosen = new Set([...this.chosen].map((i) => placeOf(this.suspects[i])));
    const focused = this.suspects[this.tiles.indexOf(document.activeElement)];
    this.show(suspects);
    this.suspects.forEach((suspect, i) => {
      if (chosen.has(placeOf(suspect))) this.choose(i, true);
    });
    // a key pressed outside of the dialog would not reach it
    (this.tiles[focused ? shown.indexOf(placeOf(focused)) : 0] ?? this.tiles[0] ?? $("sheet-close")).focus();
  }

  show(suspects) {
    this.forget();
    this.suspects = suspects.slice(0, MOST_TILES);
    this.underWay = 0;
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        this.seen.unobserve(target);
        this.queue.push(target);
      }
      this.pump();
    }, { root: $("sheet-tiles"), rootMargin: "200px" });
    this.tiles = this.suspects.map((suspect, i) => this.tile(suspect, i));
    $("sheet-tiles").replaceChildren(...this.tiles);
    $("sheet-title").textContent = `${countText(suspects.length, "suspect")}${this.query ? `: ${this.query}` : ""}`
      + `${suspects.length > MOST_TILES ? `, the worst ${MOST_TILES}` : ""}`;
    this.drawChosen();
  }

  tile({ seq, first, last, text, time_s }, i) {
    const image = el("img", { alt: "", width: 240, height: 135 });
    const tile = el("button", { type: "button", className: "tile", ariaPressed: "false", title: text },
      image,
      el("b", {}, first === last ? `${first}` : `${first} – ${last}`),
      el("span", { className: "muted" }, clockText(time_s, 1)),
      el("span", { className: "why" }, text));
    tile.suspect = { seq, image };
    tile.addEventListener("click", () => this.choose(i));
    tile.addEventListener("dblclick", () => this.look(i));
    this.seen.observe(tile);
    return tile;
  }

  pump() {
    while (this.underWay < UNDER_WAY && this.queue.length) this.load(this.queue.shift());
  }

  async load({ suspect: { seq, image } }) {
    const { session } = this.viewer;
    this.underWay += 1;
    try {
      const url = URL.createObjectURL(await api.preview(session.name, session.uuid, seq));
      if (!image.isConnected) URL.revokeObjectURL(url);
      else {
        this.urls.push(url);
        image.src = url;
      }
    } catch {
      image.replaceWith(el("span", { className: "no-picture" }, "no picture"));
    } finally {
      this.underWay -= 1;
      this.pump();
    }
  }

  choose(i, isChosen = !this.chosen.has(i)) {
    if (isChosen) this.chosen.add(i);
    else this.chosen.delete(i);
    this.tiles[i].setAttribute("aria-pressed", String(isChosen));
    this.drawChosen();
  }

  chooseAll() {
    const all = this.chosen.size < this.tiles.length;
    this.tiles.forEach((_, i) => this.choose(i, all));
  }

  drawChosen() {
    const frames = [...this.chosen].reduce((sum, i) => sum + framesOf(this.suspects[i]), 0);
    $("sheet-chosen").textContent = this.chosen.size
      ? `${this.chosen.size} chosen, ${countText(frames, "frame")}` : "Click to choose, double click to look";
    $("sheet-reject").disabled = this.chosen.size === 0;
  }

  /** Reject what is chosen; one undo takes it back. */
  async reject() {
    const runs = [...this.chosen].map((i) => this.suspects[i]);
    if (!runs.length) return;
    const operations = runs.map(({ first, last }) => ({ op: "reject", seq_first: first, seq_last: last }));
    const frames = runs.reduce((sum, run) => sum + framesOf(run), 0);
    this.close();
    await this.viewer.deciding.store(operations, `Rejected ${countText(frames, "frame")}. Saved.`);
  }

  look(i) {
    const { seq } = this.suspects[i];
    this.close();
    this.viewer.goTo(seq);
  }

  key(event) {
    const at = this.tiles.indexOf(document.activeElement);
    const across = Math.max(1, Math.floor($("sheet-tiles").clientWidth / (this.tiles[0]?.offsetWidth + 8 || 1)));
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across };
    if (event.key in steps) {
      event.preventDefault();
      this.tiles[Math.max(0, Math.min(this.tiles.length - 1, at + steps[event.key]))]?.focus();
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      this.look(at);
    } else if (/^x$/i.test(event.key)) this.reject();
    else if (/^a$/i.test(event.key) && !event.ctrlKey) this.chooseAll();
  }
}

function placeOf({ first, last }) {
  return `${first}-${last}`;
}

function framesOf({ first, last }) {
  return last - first + 1;
}
