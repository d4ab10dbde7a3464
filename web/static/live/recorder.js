// A recorder on a page: what the daemon says is shown, what the person wants is asked of it.

import { $, clockText, countText, el } from "../dom.js";
import { ApiError } from "../requests.js";
import { showCard } from "./card.js";
import { showFigures } from "./figures.js";
import { Preview } from "./preview.js";
import { buildView } from "./view.js";

const SAID_MS = 6000;
const MOST_LINES = 4;

export const STATES = {
  idle: "Ready",
  waiting: "Waiting",
  countdown: "Get ready",
  recording: "Recording",
  paused: "Paused",
  ending: "Saving",
  lost: "Sensor lost",
  gone: "No daemon",
};
/** The keys of a recorder: sign, act, words. */
export const KEYS = [
  ["S", "start", "Start the session named in the form"],
  ["Space", "pause", "Pause, or go on with a new take"],
  ["M", "mark", "Mark this moment"],
  ["R", "retake", "Reject this take and begin a new one; nothing is erased"],
  ["Q", "stop", "End the recording"],
];

/** A screen reader says a text once, not at every look. */
function set(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

export class Recorder {
  /**
   * @param {HTMLElement} place is filled
   * @param {Object} api as recorderApi makes it
   * @param {() => void} onEnd called when a recording has ended
   */
  constructor(place, api, onEnd) {
    buildView(place);
    this.api = api;
    this.onEnd = onEnd;
    this.status = null;
    this.preview = new Preview($("live-stage"), $("live-picture"), api.picture);
    $("start").addEventListener("submit", (event) => {
      event.preventDefault();
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      this.start();
    });
  }

  /** True while something is recorded, or about to be. */
  get isRunning() {
    return Boolean(this.status) && this.status.recording !== null;
  }

  get state() {
    if (!this.status) return "gone";
    return this.status.sensor.state === "lost" ? "lost" : this.status.live.state;
  }

  /** Show the daemon's status; null: it does not answer. */
  show(found) {
    const before = this.status;
    this.status = found;
    if (found) {
      this.preview.setSkeleton(found.skeleton);
      showFigures($("figures"), found.live);
      this.showLines();
    }
    if (!found || found.sensor.state === "lost") this.preview.clear();
    showCard(found?.card ?? null);
    this.showHeadline();
    if (before && before.recording !== null && found && found.recording === null) this.end(found.last);
  }

  showHeadline() {
    const { state, isRunning, status } = this;
    const live = status?.live;
    $("headline").dataset.state = state;
    set("d-state", STATES[state]);
    $("d-session").textContent = isRunning ? `${live.session}${live.take > 0 ? `, take ${live.take}` : ""}` : "";
    const waits = state === "waiting" || state === "countdown";
    $("d-time").textContent = waits ? live.note : isRunning ? clockText(live.elapsed_s, 0) : "";
    $("start").hidden = isRunning;
    $("steer").hidden = !isRunning;
    $("d-start").disabled = !status || state === "lost";
    $("d-pause").firstChild.textContent = state === "paused" ? "Go on " : "Pause ";
    $("d-blank").textContent = {
      lost: status?.sensor.text, gone: "The daemon does not answer. Start it: kincap daemon start",
    }[state] || "";
  }

  showLines() {
    const { lines, live } = this.status;
    const shown = lines.slice(-MOST_LINES).reverse();
    $("lines-head").hidden = shown.length === 0;
    $("lines").replaceChildren(...shown.map((line) => el("li", {}, line)));
    const waits = ["waiting", "countdown"].includes(live.state);
    const note = waits ? "" : live.note;
    $("d-note").hidden = !note;
    set("d-note", note);
  }

  end(last) {
    if (!last) return;
    this.say(last.error || `${last.session}: ${countText(last.color_frames, "colour frame")} stored.`);
    this.onEnd();
  }

  say(text) {
    $("d-said").textContent = text;
    clearTimeout(this.saidTimer);
    this.saidTimer = setTimeout(() => { $("d-said").textContent = ""; }, SAID_MS);
  }

  async tell(ask, text) {
    try {
      await ask();
      this.say(text);
    } catch (error) {
      this.say(error instanceof ApiError ? error.message : "The daemon does not answer.");
    }
  }

  async start() {
    if (!$("f-session").value.trim()) {
      $("f-session").focus();
      this.say("Give the session a name first.");
      return;
    }
    const body = asked();
    await this.tell(() => this.api.record(body), `Recording ${body.session}.`);
  }

  /** Do what a key or a button says. */
  act(name) {
    const { api } = this;
    if (name === "start") {
      if (!this.isRunning) this.start();
    } else if (!this.isRunning) {
      this.say("Nothing is being recorded.");
    } else if (name === "pause") {
      const [ask, text] = {
        paused: [api.resume, "Goes on with a new take."],
        waiting: [api.start, "Starts."],
        countdown: [api.start, "Starts."],
      }[this.status.live.state] || [api.pause, "Paused."];
      this.tell(ask, text);
    } else if (name === "mark") {
      this.tell(api.mark, "Marked.");
    } else if (name === "retake") {
      this.tell(api.retake, "Take rejected; a new one begins. Nothing is erased.");
    } else if (name === "stop") {
      this.tell(api.stop, "Ends.");
    }
  }
}

/** The number in a field; text that is not one goes to the daemon, which says what is wrong. */
function numberIn(id) {
  const text = $(id).value.trim();
  const number = Number(text.replace(",", "."));
  return text === "" ? null : Number.isFinite(number) ? number : text;
}

function asked() {
  const text = (id) => $(id).value.trim() || null;
  return {
    session: text("f-session"),
    outfit: text("f-outfit"),
    subject: text("f-subject"),
    duration_s: numberIn("f-duration"),
    countdown_s: numberIn("f-delay"),
  };
}
