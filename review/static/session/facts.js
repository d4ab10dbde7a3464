// The facts in the head of a session's page, which change only with the session.

import { $, clockText, countText } from "../dom.js";

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
  const missing = (info.missing || []).map((what) => (typeof what === "string" ? what : what.text));
  $("v-missing").hidden = missing.length === 0;
  $("v-missing").textContent = missing.join("; ");
}
