// The facts in the head of a session's page, which change only with the session.

import { $, clockText, countText, el } from "../dom.js";
import { CHECKPOINT_COLORS } from "./picture/predictions.js";

const FIRST_KEY = 5; // of the predictions

const STATES = {
  recording: "recording", left: "not sealed", sealed: "sealed", empty: "empty", damaged: "damaged",
};

export function drawFacts(session) {
  const { info } = session;
  const chip = $("v-state");
  chip.textContent = STATES[info.state] || info.state;
  chip.className = `chip ${info.state}`;
  const rejected = info.edits.ranges
    .filter(({ op }) => op === "reject")
    .reduce((sum, { frames }) => sum + frames, 0);
  const who = [info.outfit && info.outfit !== info.name ? info.outfit : null, info.subject];
  $("v-facts").textContent = [
    ...who.filter(Boolean),
    countText(info.frames, "frame"),
    info.pictures ? null : "bodies alone, no pictures",
    clockText(info.duration_s, 0),
    info.takes.length > 1 ? countText(info.takes.length, "take") : null,
    rejected ? `${rejected.toLocaleString("en")} rejected` : null,
  ].filter(Boolean).join(" · ");
  const missing = (info.missing || []).map(({ shard, problem }) => `${shard}: ${problem}`);
  $("v-missing").hidden = missing.length === 0;
  $("v-missing").textContent = missing.join("; ");
  $("v-missing").title = missing.join("\n");
  drawCheckpoints(info.predictions || [], info.predicted || []);
}

/** A button for each file of predictions, in the colour of its crosses; it says if it has none here. */
function drawCheckpoints(names, counts) {
  const place = $("v-checkpoints");
  place.hidden = names.length === 0;
  const key = JSON.stringify([names, counts]);
  if (place.dataset.key === key) return;
  place.dataset.key = key;
  place.replaceChildren(...names.map((name, i) => {
    const title = counts[i] === 0
      ? `${name} predicts no frame of this session.` : `Predictions of ${name} (${FIRST_KEY + i})`;
    const button = el("button", {
      type: "button", data: { toggle: `checkpoint${i + 1}` }, title,
    }, counts[i] === 0 ? `${name}: none here` : name);
    button.style.borderLeftColor = CHECKPOINT_COLORS[i];
    return button;
  }));
}
