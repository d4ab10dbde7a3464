// The recorder on the page of sessions: there while `kincap daemon` records into the same folder.
// The server passes on what it asks for; the daemon's token never comes here.

import { $, el } from "./dom.js";
import { remember, remembered } from "./guarded.js";
import { KEYS, Recorder } from "./live/recorder.js";
import { recorderApi } from "./live/recorder_api.js";

const LOOK_MS = 500;
const LOOK_FOR_MS = 3000; // while there is none, or the page is hidden
const SHAPE = "kincap-recorder";
const ACTS = new Set([...KEYS.map(([, act]) => act), "large", "fold"]);

export class ListRecorder {
  /** @param {() => void} changed called when a recording has begun or ended */
  constructor(changed) {
    this.changed = changed;
    this.api = recorderApi("/api/daemon");
    this.recorder = null;
    this.isFolded = remembered(SHAPE) === "folded";
    this.isLarge = false;
    this.isOpen = false;
  }

  open() {
    this.isOpen = true;
    this.look();
  }

  close() {
    this.isOpen = false;
    clearTimeout(this.timer);
    this.setLarge(false);
    this.recorder?.preview.want(false);
  }

  /** True if an act is about the recorder, and there is one. */
  takes(name) {
    if (name === "small") return this.isLarge;
    return ACTS.has(name) && !$("live").hidden;
  }

  act(name) {
    if (name === "large") this.setLarge(!this.isLarge, true);
    else if (name === "small") this.setLarge(false, true);
    else if (name === "fold") this.fold(!this.isFolded);
    else {
      // what is asked, and what the daemon says to it, is seen
      if (this.isFolded) this.fold(false);
      this.recorder.act(name);
    }
  }

  async look() {
    clearTimeout(this.timer);
    const wait = () => (document.hidden || $("live").hidden ? LOOK_FOR_MS : LOOK_MS);
    try {
      const { daemon, problem } = await this.api.status();
      if (this.isOpen) this.show(daemon, problem);
    } catch {
      // the list says that the server is away
    }
    if (this.isOpen) this.timer = setTimeout(() => this.look(), wait());
  }

  show(daemon, problem) {
    const place = $("live");
    if (!daemon && !problem && !this.recorder?.status) {
      place.hidden = true;
      return;
    }
    if (!this.recorder) this.build(place);
    place.hidden = false;
    const { recording } = this.recorder.status ?? {};
    this.recorder.show(daemon);
    if (problem) $("d-blank").textContent = problem;
    if (!daemon && !problem) {
      // it was ended as it should be
      place.hidden = true;
      this.setLarge(false);
    }
    $("live-source").textContent = daemon?.source ?? "";
    this.followCard(daemon);
    this.drawShape();
    if (daemon && recording !== undefined && daemon.recording !== recording) this.changed();
  }

  build(place) {
    this.recorder = new Recorder(place, this.api, () => this.changed());
    $("live-panel").prepend(el("div", { className: "shape" },
      el("b", {}, "Recorder"), el("span", { id: "live-source", className: "muted" }),
      el("button", { type: "button", className: "plain", id: "live-large", data: { act: "large" }, title: "Large, to be read from three metres (L)" },
        "Large", el("kbd", { ariaHidden: "true" }, "L")),
      el("button", { type: "button", className: "plain", id: "live-fold", data: { act: "fold" } }, "Fold")));
  }

  /** A cue card is for the person who stands three metres away: it opens the large view by itself. */
  followCard(daemon) {
    const card = daemon?.card ?? null;
    if (!card && this.openedByCard && !this.recorder.isRunning) this.setLarge(false);
    if (!daemon || daemon.recording === null) this.isRefused = false;
    if (card && !this.isLarge && !this.isRefused) {
      this.setLarge(true);
      this.openedByCard = true;
    }
  }

  /** @param {boolean} isAsked by the person: a card does not open it again in this recording */
  setLarge(isLarge, isAsked = false) {
    if (isAsked && !isLarge) this.isRefused = true;
    this.openedByCard = false;
    this.isLarge = isLarge;
    if (this.recorder) this.drawShape();
  }

  fold(isFolded) {
    this.isFolded = isFolded;
    remember(SHAPE, isFolded ? "folded" : "open");
    this.drawShape();
  }

  drawShape() {
    const isFolded = this.isFolded && !this.isLarge;
    $("list").classList.toggle("live-large", this.isLarge && !$("live").hidden);
    $("live").classList.toggle("folded", isFolded);
    $("live-large").firstChild.textContent = this.isLarge ? "Small" : "Large";
    $("live-fold").hidden = this.isLarge;
    $("live-fold").setAttribute("aria-expanded", String(!isFolded));
    $("live-fold").textContent = isFolded ? "Unfold" : "Fold";
    this.recorder.preview.want(this.isOpen && !$("live").hidden && !isFolded);
  }
}
