// Where the page is: the field of the frame, the time, and what a screen reader is told. The field
// takes a frame or a time.

import { $, clockText } from "../dom.js";

export function listenFrameField(viewer) {
  const field = $("v-frame");
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") goToText(viewer, field.value.trim());
    if (event.key === "Enter" || event.key === "Escape") field.blur();
  });
  field.addEventListener("blur", () => { if (viewer.session?.rows) field.value = viewer.seq; });
  field.addEventListener("focus", () => field.select());
}

/** Go to a frame (1234) or a time (1:23.4, or 83.4s). */
function goToText(viewer, text) {
  const time = /^(?:(\d+):)?(\d+(?:\.\d*)?)(s?)$/.exec(text);
  if (/^\d+$/.test(text)) viewer.goToFrame(Number(text));
  else if (time && (time[1] || time[3])) {
    const seconds = 60 * Number(time[1] || 0) + Number(time[2]);
    viewer.goToIndex(viewer.session.indexAtClock(seconds));
  } else viewer.say("Expected a frame, 1234, or a time, 1:23.4 or 83.4s.", true);
}

export function drawReadings({ session, player, seq, index }) {
  if (document.activeElement !== $("v-frame")) $("v-frame").value = seq;
  $("v-time").textContent = `${clockText(session.clock[index])} / ${clockText(session.length_s)}`;
  if (player.playing) $("v-fps").textContent = `${player.rate()} fps`;
  const slider = $("playhead");
  slider.setAttribute("aria-valuemin", session.seq[0]);
  slider.setAttribute("aria-valuemax", session.seq[session.rows - 1]);
  slider.setAttribute("aria-valuenow", seq);
  slider.setAttribute("aria-valuetext", `frame ${seq}, ${clockText(session.clock[index])}`);
}
