// The list of sessions: what was recorded, how much of it, and in which state it is.

import { $, el, clockText, countText, sizeText } from "./dom.js";
import { api } from "./api.js";
import { ChosenSessions } from "./list_chosen.js";
import { ListFilters } from "./list_filters.js";
import { ListRecorder } from "./list_recorder.js";
import { Thumbnails } from "./thumbnails.js";

const AGAIN_MS = 3000;
const STATES = {
  recording: ["recording", "being recorded right now"],
  left: ["not sealed", "the recorder ended without closing it; `kincap sessions repair` seals it"],
  empty: ["empty", "nothing was stored yet"],
  damaged: ["damaged", "something in it can't be read"],
  closed: ["not readable", "it belongs to another user"],
  reading: ["reading…", "its files are still being read"],
};

export class ListPage {
  constructor() {
    this.sessions = null;
    this.cards = new Map();
    this.thumbnails = new Thumbnails();
    this.filters = new ListFilters(() => this.draw());
    this.chosen = new ChosenSessions(() => this.load());
    this.recorder = new ListRecorder(() => this.load());
    $("list-search").addEventListener("input", () => this.draw());
    $("list-search").addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        event.target.value = "";
        event.target.blur();
        this.draw();
      } else if (event.key === "Enter") this.shown()[0]?.click();
      else if (event.key === "ArrowDown") this.step(1);
    });
  }

  open() {
    document.title = "kincap review";
    this.isOpen = true;
    if (!this.sessions) $("list-summary").textContent = "Reading the sessions…";
    this.load();
    this.recorder.open();
  }

  close() {
    this.isOpen = false;
    clearTimeout(this.timer);
    this.recorder.close();
  }

  /** True if an act means something now: Space scrolls where nothing can be paused. */
  takes(name) {
    return ["search", "nextCard", "backCard"].includes(name) || this.recorder.takes(name);
  }

  act(name) {
    if (this.recorder.takes(name)) this.recorder.act(name);
    if (name === "search") $("list-search").focus();
    if (name === "nextCard") this.step(1);
    if (name === "backCard") this.step(-1);
  }

  shown() {
    return [...$("list-body").querySelectorAll("a.card")];
  }

  step(by) {
    const cards = this.shown();
    const at = cards.indexOf(document.activeElement);
    cards[at < 0 ? 0 : Math.max(0, Math.min(cards.length - 1, at + by))]?.focus();
  }

  async load() {
    clearTimeout(this.timer);
    try {
      const report = await api.sessions();
      this.folder = report.folder;
      this.option = report.option;
      this.sessions = report.sessions;
      this.alike = report.alike;
      this.filters.offer(report.sessions);
      this.chosen.keepOnly(report.sessions);
      if (this.isOpen) this.draw();
    } catch (error) {
      $("list-summary").textContent = error.status === 401
        ? "kincap review was started again: open the address that it printed."
        : "The server doesn't answer. Is kincap review still running?";
    }
    if (this.isOpen) this.timer = setTimeout(() => this.load(), AGAIN_MS);
  }

  draw() {
    if (!this.sessions) return;
    const body = $("list-body");
    if (this.sessions.length === 0) {
      body.replaceChildren(nothingYet(this.folder, this.option));
      $("list-summary").textContent = "";
      return;
    }
    const words = $("list-search").value.toLowerCase().split(/\s+/).filter(Boolean);
    $("list-tools").hidden = this.sessions.length < 2;
    this.warn();
    const found = this.filters.apply(this.sessions).filter((session) => {
      const text = [session.name, session.subject, session.outfit, session.note, ...session.tags]
        .join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    this.summarise(found, found.length !== this.sessions.length);
    if (found.length === 0) {
      body.replaceChildren(el("p", { className: "nothing" }, "No session matches."));
      return;
    }
    // unchanged cards stay in place: the image does not flicker and the focus stays
    const cards = found.map((session) => this.cardOf(session));
    const now = this.shown();
    if (cards.length === now.length && cards.every((card, i) => card.firstChild === now[i])) return;
    const focused = document.activeElement?.dataset?.name;
    body.replaceChildren(el("div", { className: "cards" }, ...cards));
    if (focused) cards.find((card) => card.firstChild.dataset.name === focused)?.firstChild.focus();
  }

  /** Say which outfits look alike, or otherwise contradict their names. */
  warn() {
    const place = $("list-alike");
    place.hidden = !this.alike?.length;
    const key = JSON.stringify(this.alike);
    if (place.dataset.key === key) return;
    place.dataset.key = key;
    place.replaceChildren(...this.alike.map((one) => el("p", { className: "warning" },
      el("a", { href: `#${one.session}` }, one.session), " and ",
      el("a", { href: `#${one.other}` }, one.other), `: ${one.text}`)));
  }

  summarise(found, isPart) {
    const frames = found.reduce((sum, session) => sum + session.frames, 0);
    const rejected = found.reduce((sum, session) => sum + session.rejected, 0);
    const bytes = found.reduce((sum, session) => sum + session.bytes, 0);
    const of = isPart ? ` of ${this.sessions.length}` : "";
    $("list-summary").textContent =
      `${found.length}${of} ${this.sessions.length === 1 ? "session" : "sessions"} · ` +
      `${countText(frames, "frame")}, ${(frames - rejected).toLocaleString("en")} kept · ${sizeText(bytes)}`;
  }

  cardOf(session) {
    const key = JSON.stringify(session);
    const known = this.cards.get(session.name);
    if (known?.key === key) return known.card;
    const card = makeCard(session, this.thumbnails, this.chosen);
    this.cards.set(session.name, { key, card });
    return card;
  }
}

function makeCard(session, thumbnails, chosen) {
  const { name, state, problem } = session;
  const picture = el("div", { className: "thumb" });
  if (session.frames > 0) {
    const image = el("img", { alt: "", width: 384, height: 216 });
    image.addEventListener("error", () => image.replaceWith(el("span", {}, "no picture")));
    picture.append(image);
    thumbnails.fill(image, session);
  } else picture.append(el("span", {}, problem ? "can't be read" : "no frames"));
  if (STATES[state]) {
    picture.append(el("span", { className: `chip ${state}`, title: STATES[state][1] }, STATES[state][0]));
  }
  if (session.duration_s > 0) picture.append(el("span", { className: "length" }, clockText(session.duration_s, 0)));

  const people = [
    session.outfit && session.outfit !== name ? session.outfit : null,
    session.subject,
  ].filter(Boolean).join(" · ");
  const rejected = session.rejected
    ? el("span", { className: "rejected" }, `${session.rejected.toLocaleString("en")} rejected`)
    : null;
  const lost = Object.values(session.dropped).reduce((sum, count) => sum + count, 0);
  const reasons = Object.entries(session.dropped).map(([why, count]) => `${why.replaceAll("_", " ")} ${count}`).join(", ");
  const marks = [
    session.quality ? el("span", { className: `quality ${session.quality}`, title: session.verdict }, session.quality) : null,
    lost ? el("span", { className: "lost", title: reasons }, `${lost.toLocaleString("en")} lost`) : null,
    session.verified ? el("span", { className: `quality ${session.verified === "damaged" ? "damaged" : "good"}` }, `verified: ${session.verified}`) : null,
  ].filter(Boolean);
  const link = el("a", { className: "card", href: `#${name}`, data: { name } },
    picture,
    el("div", { className: "about" },
      el("h2", {}, name),
      problem ? el("p", { className: "problem" }, problem) : null,
      people ? el("p", {}, people) : null,
      session.created_utc ? el("p", { className: "muted" }, dayText(session.created_utc)) : null,
      el("p", { className: "muted" }, `${countText(session.frames, "frame")} · ${sizeText(session.bytes)}`, ...(rejected ? [" · ", rejected] : [])),
      marks.length ? el("p", { className: "marks" }, ...marks) : null,
      session.verdict && session.quality !== "good" ? el("p", { className: "verdict" }, adviceOf(session)) : null,
      session.tags.length ? el("p", { className: "tags" }, ...session.tags.map((tag) => el("span", {}, tag))) : null));
  return el("div", { className: "place" }, link, chosen.box(session));
}

/** The verdict without its first word, which the chip above it says. */
function adviceOf({ quality, verdict }) {
  return verdict.startsWith(`${quality}: `) ? verdict.slice(quality.length + 2) : verdict;
}

/** A date as the person's own clock said it. */
function dayText(utc) {
  const date = new Date(utc);
  return Number.isNaN(date.getTime())
    ? ""
    : date.toLocaleString(undefined, { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
}

function nothingYet(folder, option) {
  const line = (text) => el("code", {}, text);
  return el("div", { className: "nothing" },
    el("h2", {}, "Nothing recorded yet"),
    el("p", {}, "This page shows the sessions in ", line(folder), ". Record one, and it appears here by itself:"),
    el("pre", {}, `kincap record --session clothing1${option}`),
    el("p", {}, "No sensor at hand? A simulated person does for a first look:"),
    el("pre", {}, `kincap record --session try1 --source simulator:outfit=3 --frames 300${option}`),
    el("p", { className: "muted" }, "Recordings somewhere else? ", line("kincap review --recordings DIR")));
}
