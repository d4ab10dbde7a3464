// The daemon's page: look, start, steer. It asks the daemon twice a second and never waits for it.

import { $, clockText, countText, el } from "./dom.js";
import { api, ApiError } from "./api.js";
import { showCard } from "./card.js";
import { showFigures } from "./figures.js";
import { openPage, showClosed } from "./guarded.js";
import { Preview } from "./preview.js";

const COMMAND = "kincap daemon";
const LOOK_MS = 500;
const SESSIONS_MS = 5000;
const SAID_MS = 6000;

const STATES = {
  idle: "Ready",
  waiting: "Waiting",
  countdown: "Get ready",
  recording: "Recording",
  paused: "Paused",
  ending: "Saving",
  lost: "Sensor lost",
  gone: "No daemon",
};
const KEYS = [
  ["S", "start", "Start the session named in the form"],
  [" ", "pause", "Pause, or go on with a new take"],
  ["M", "mark", "Mark this moment"],
  ["R", "retake", "Reject this take and begin a new one; nothing is erased"],
  ["Q", "stop", "End the recording"],
  ["?", "help", "Show the keys"],
];

let status = null;
let preview = null;
let saidTimer = null;

function say(text) {
  $("d-said").textContent = text;
  clearTimeout(saidTimer);
  saidTimer = setTimeout(() => { $("d-said").textContent = ""; }, SAID_MS);
}

function stateOf() {
  if (!status) return "gone";
  if (status.sensor.state === "lost") return "lost";
  return status.live.state;
}

function showHeadline() {
  const state = stateOf();
  $("headline").dataset.state = state;
  // said aloud when it changes, not at every look
  if ($("d-state").textContent !== STATES[state]) $("d-state").textContent = STATES[state];
  const live = status?.live;
  const isRunning = Boolean(status) && status.recording !== null;
  $("d-session").textContent = isRunning ? `${live.session}${live.take > 0 ? `, take ${live.take}` : ""}` : "";
  const waits = state === "waiting" || state === "countdown";
  $("d-time").textContent = waits ? live.note : isRunning ? clockText(live.elapsed_s, 0) : "";
  document.title = isRunning ? `${STATES[state]} ${live.session}` : COMMAND;
  $("start").hidden = isRunning;
  $("steer").hidden = !isRunning;
  $("d-start").disabled = !status || state === "lost";
  $("d-pause").firstChild.textContent = state === "paused" ? "Go on " : "Pause ";
  $("d-blank").textContent = { lost: status?.sensor.text, gone: "The daemon does not answer. Start it: kincap daemon start" }[state] || "";
}

function showLines() {
  const lines = status.lines.slice(-4).reverse();
  $("lines-head").hidden = lines.length === 0;
  $("lines").replaceChildren(...lines.map((line) => el("li", {}, line)));
  const waits = ["waiting", "countdown"].includes(status.live.state);
  const note = waits ? "" : status.live.note;
  $("d-note").hidden = !note;
  if ($("d-note").textContent !== note) $("d-note").textContent = note;
}

async function look() {
  let found = null;
  try {
    found = await api.status();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      showClosed(COMMAND);
      return;
    }
  }
  const before = status;
  status = found;
  if (found) show(found, before);
  else showGone();
  showHeadline();
  setTimeout(look, LOOK_MS);
}

function show(found, before) {
  preview.setSkeleton(found.skeleton);
  $("d-sensor").textContent = found.source;
  $("d-folder").textContent = found.recordings;
  if (found.sensor.state === "lost") preview.clear();
  showFigures($("figures"), found.live);
  showLines();
  showCard(found.card);
  if (before && before.recording !== null && found.recording === null) showEnd(found.last);
}

function showGone() {
  showCard(null);
  preview.clear();
}

function showEnd(last) {
  if (!last) return;
  say(last.error || `${last.session}: ${countText(last.color_frames, "colour frame")} stored.`);
  lookAtSessions();
}

async function lookAtSessions() {
  try {
    const sessions = await api.sessions();
    $("sessions").replaceChildren(
      el("ul", {}, ...sessions.map((session) => el(
        "li",
        {},
        el("b", {}, session.name),
        el("span", {}, `${session.state}, ${clockText(session.duration_s, 0)}`),
        el("span", {}, countText(session.color_frames, "frame")),
      ))),
    );
    if (!sessions.length) $("sessions").textContent = "None yet.";
  } catch {
    // the next look says what is wrong
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

async function start() {
  if (!$("f-session").value.trim()) {
    $("f-session").focus();
    say("Give the session a name first.");
    return;
  }
  const body = asked();
  await tell(() => api.record(body), `Recording ${body.session}.`);
}

async function tell(ask, text) {
  try {
    await ask();
    say(text);
  } catch (error) {
    say(error instanceof ApiError ? error.message : "The daemon does not answer.");
  }
}

function act(name) {
  const isRunning = Boolean(status) && status.recording !== null;
  if (name === "help") {
    if ($("keys").open) $("keys").close();
    else $("keys").showModal();
  } else if (name === "start") {
    if (!isRunning) start();
  } else if (!isRunning) {
    say("Nothing is being recorded.");
  } else if (name === "pause") {
    const [ask, text] = {
      paused: [api.resume, "Goes on with a new take."],
      waiting: [api.start, "Starts."],
      countdown: [api.start, "Starts."],
    }[status.live.state] || [api.pause, "Paused."];
    tell(ask, text);
  } else if (name === "mark") {
    tell(api.mark, "Marked.");
  } else if (name === "retake") {
    tell(api.retake, "Take rejected; a new one begins. Nothing is erased.");
  } else if (name === "stop") {
    tell(api.stop, "Ends.");
  }
}

function keyOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return null;
  const isTyping = event.target.matches?.("input, textarea, select");
  // a button that has the focus is pressed by Space itself
  const isPressed = event.key === " " && event.target.matches?.("button");
  if (isTyping || isPressed) return null;
  return KEYS.find(([key]) => key === event.key || key === event.key.toUpperCase()) || null;
}

function listen() {
  document.addEventListener("keydown", (event) => {
    const key = keyOf(event);
    if (!key || ($("keys").open && key[1] !== "help")) return;
    event.preventDefault();
    act(key[1]);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act]");
    if (!button) return;
    if (event.detail > 0) button.blur();
    act(button.dataset.act);
  });
  $("start").addEventListener("submit", (event) => {
    event.preventDefault();
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    start();
  });
  $("keys-list").replaceChildren(...KEYS.flatMap(([key, , text]) => [
    el("dt", {}, el("kbd", {}, key === " " ? "Space" : key)), el("dd", {}, text),
  ]));
}

async function showPage() {
  listen();
  if (!(await openPage())) {
    showClosed(COMMAND);
    return;
  }
  preview = new Preview();
  await look();
  await lookAtSessions();
  setInterval(() => { if (!document.hidden) lookAtSessions(); }, SESSIONS_MS);
}

showPage();
