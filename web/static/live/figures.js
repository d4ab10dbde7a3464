// The figures of a recording, each with a word on whether it is fine; never by colour alone.

import { el } from "../dom.js";

const [FINE, WATCH, BAD, QUIET] = ["fine", "watch", "bad", "quiet"];
const WORDS = { [FINE]: "good", [WATCH]: "look", [BAD]: "bad", [QUIET]: "" };
const DROPPED_BAD = 0.01;
const SLOW_FPS = 25;
const LOW_LIGHT_FPS = 13;
const INFERRED_WATCH = 0.2;
const INFERRED_BAD = 0.4;
const RESIDUAL_WATCH_MS = 17;
const DISK_WATCH_MIN = 30;
const DISK_BAD_MIN = 5;

const percent = (share) => (share === null ? "-" : `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`);

function fpsRow(name, fps, live) {
  const slow = live.low_light && name === "Colour" ? LOW_LIGHT_FPS : SLOW_FPS;
  return [name, `${fps.toFixed(1)} frames/s`, fps === 0 ? BAD : fps < slow ? WATCH : FINE];
}

function droppedRow(live) {
  const reasons = Object.entries(live.dropped).map(([reason, n]) => `${n} ${reason.replaceAll("_", " ")}`);
  const recent = live.dropped_share_10s;
  const text = reasons.length ? `${reasons.join(", ")}; last 10 s: ${percent(recent)}` : "none";
  return ["Dropped", text, recent > DROPPED_BAD ? BAD : reasons.length ? WATCH : FINE];
}

function inferredRow(live) {
  const share = live.inferred_share;
  if (share === null) return ["Joints", "no body", WATCH];
  const word = share > INFERRED_BAD ? BAD : share > INFERRED_WATCH ? WATCH : FINE;
  return ["Joints", `${percent(live.tracked_share)} tracked, ${percent(share)} inferred`, word];
}

function diskRow(live) {
  const minutes = live.disk_minutes_left;
  if (minutes === null) return null;
  const text = minutes > 180 ? `${(minutes / 60).toFixed(0)} hours` : `${minutes.toFixed(0)} minutes`;
  const word = minutes < DISK_BAD_MIN ? BAD : minutes < DISK_WATCH_MIN ? WATCH : FINE;
  return ["Disk", `${text} left`, word];
}

/** The rows: name, text, how good it is; null is left out. */
export function rowsOf(live) {
  const isRunning = live.state !== "idle";
  const residual = live.pair_residual_ms;
  return [
    fpsRow("Colour", live.color_fps, live),
    fpsRow("Bodies", live.body_fps, live),
    isRunning && ["Stored", `${live.color_frames} frames, ${live.body_frames} body rows`, QUIET],
    isRunning && droppedRow(live),
    ["People", live.bodies === 1 ? "1 body" : `${live.bodies} bodies`, live.bodies === 1 ? FINE : WATCH],
    inferredRow(live),
    residual !== null && ["Pairs", `${residual.toFixed(1)} ms apart`, residual > RESIDUAL_WATCH_MS ? WATCH : FINE],
    ["Light", live.low_light ? "low: colour at half its rate" : "enough", live.low_light ? WATCH : FINE],
    diskRow(live),
    live.not_stored > 0 && ["Not stored", `${live.not_stored} items between recordings or in pauses`, QUIET],
    live.coverage && ["Coverage", live.coverage, QUIET],
  ].filter(Boolean);
}

/** Show the figures in a definition list. */
export function showFigures(list, live) {
  list.replaceChildren(
    ...rowsOf(live).flatMap(([name, text, word]) => [
      el("dt", {}, name),
      el("dd", { data: { word } }, el("span", {}, text), WORDS[word] ? el("b", {}, WORDS[word]) : null),
    ]),
  );
}
