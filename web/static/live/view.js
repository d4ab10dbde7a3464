// The elements of a recorder: the live picture with state and cue card over it, and beside it the
// form that starts a recording, the buttons that steer it, and its figures.

import { el } from "../dom.js";

/** Fill an element with a recorder's elements. */
export function buildView(place) {
  place.append(stage(), panel());
}

function stage() {
  return el("section", { id: "live-stage", ariaLabel: "Live picture" },
    el("canvas", {
      id: "live-picture", role: "img", ariaLabel: "What the sensor sees, with the bodies that it tracks",
    }),
    el("div", { id: "headline", data: { state: "idle" } },
      el("span", { id: "d-light", ariaHidden: "true" }),
      el("span", { id: "d-state", role: "status" }, "Connecting"),
      el("span", { id: "d-session" }), el("span", { id: "d-time" })),
    el("p", { id: "d-blank" }),
    el("div", { id: "d-note", role: "alert", hidden: true }),
    card());
}

function card() {
  return el("section", { id: "card", ariaLabel: "Cue card", ariaLive: "polite", hidden: true },
    el("h2", { id: "card-name" }),
    el("p", { id: "card-text" }),
    el("p", { id: "card-rest" }, el("span", { id: "card-turn" }),
      el("span", { id: "card-left", ariaHidden: "true" }), el("span", { id: "card-next" })),
    el("progress", { id: "card-bar", max: 1, value: 0, ariaLabel: "Time left for this cue" }));
}

function panel() {
  return el("aside", { id: "live-panel", ariaLabel: "Recording" },
    el("div", { className: "asked" }, form(), steering(),
      el("p", { id: "d-said", role: "status", ariaLive: "polite" })),
    el("div", { className: "seen" },
      el("h2", {}, "Figures"), el("dl", { id: "figures" }),
      el("h2", { id: "lines-head", hidden: true }, "Noticed"), el("ul", { id: "lines" })));
}

function form() {
  const field = (label, id, more, unit = null) => el("label", {}, `${label} `,
    el("input", { id, autocomplete: "off", spellcheck: false, ...more }),
    unit && el("span", { className: "unit" }, unit));
  return el("form", { id: "start", ariaLabel: "Start a recording" },
    field("Session", "f-session", {
      required: true, maxLength: 64, placeholder: "clothing1", title: "Letters, digits, dot, dash and underscore",
    }),
    el("div", { className: "pair" },
      field("Outfit", "f-outfit", { maxLength: 200, placeholder: "as the session" }),
      field("Subject", "f-subject", { maxLength: 200 })),
    el("div", { className: "pair" },
      field("End after", "f-duration", { inputMode: "decimal", placeholder: "no limit" }, "seconds"),
      field("Start after", "f-delay", { inputMode: "numeric", placeholder: "at once" }, "seconds")),
    el("button", { type: "submit", className: "start", id: "d-start", title: "Start (S)" },
      "Start ", key("S")));
}

function steering() {
  const button = (act, text, sign, title, more = {}) =>
    el("button", { type: "button", data: { act }, title: `${title} (${sign})`, ...more }, `${text} `, key(sign));
  return el("div", { id: "steer", role: "group", ariaLabel: "Recording", hidden: true },
    button("pause", "Pause", "Space", "Pause or go on", { id: "d-pause" }),
    button("mark", "Mark", "M", "Mark this moment"),
    button("retake", "Retake", "R", "Reject this take and begin a new one; nothing is erased"),
    button("stop", "Stop", "Q", "End the recording", { className: "stop" }));
}

function key(sign) {
  return el("kbd", { ariaHidden: "true" }, sign);
}
