// The daemon's page: look, start, steer. It asks the daemon twice a second and never waits for it.

import { $, clockText, countText, el } from "./dom.js";
import { openPage, showClosed } from "./guarded.js";
import { KEYS, Recorder, STATES } from "./live/recorder.js";
import { recorderApi } from "./live/recorder_api.js";
import { ApiError, getJson } from "./requests.js";

const COMMAND = "kincap daemon";
const LOOK_MS = 500;
const SESSIONS_MS = 5000;
const HELP = ["?", "help", "Show the keys"];

const api = recorderApi("/api");
let recorder = null;

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
  recorder.show(found);
  if (found) {
    $("d-sensor").textContent = found.source;
    $("d-folder").textContent = found.recordings;
  }
  document.title = recorder.isRunning ? `${STATES[recorder.state]} ${found.live.session}` : COMMAND;
  setTimeout(look, LOOK_MS);
}

async function lookAtSessions() {
  try {
    const { sessions } = await getJson("/api/sessions");
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

function act(name) {
  if (name !== "help") recorder.act(name);
  else if ($("keys").open) $("keys").close();
  else $("keys").showModal();
}

function keyOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return null;
  const isTyping = event.target.matches?.("input, textarea, select");
  // a button that has the focus is pressed by Space itself
  const isPressed = event.key === " " && event.target.matches?.("button");
  if (isTyping || isPressed) return null;
  const sign = event.key === " " ? "Space" : event.key;
  return [...KEYS, HELP].find(([key]) => key === sign || key === sign.toUpperCase()) || null;
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
  $("keys-list").replaceChildren(...[...KEYS, HELP].flatMap(([key, , text]) => [
    el("dt", {}, el("kbd", {}, key)), el("dd", {}, text),
  ]));
}

async function showPage() {
  if (!(await openPage())) {
    showClosed(COMMAND);
    return;
  }
  recorder = new Recorder($("live"), api, lookAtSessions);
  $("live-panel").append(
    el("h2", {}, "Sessions"),
    el("div", { id: "sessions", tabIndex: 0, role: "region", ariaLabel: "Sessions" }),
  );
  listen();
  await look();
  await lookAtSessions();
  setInterval(() => { if (!document.hidden) lookAtSessions(); }, SESSIONS_MS);
}

showPage();
