// The cue card: what the person in front of the sensor does now, readable from three metres.

import { $ } from "../dom.js";

let shown = { key: "", seconds: 0 };

/** A screen reader says a text once, not at every look. */
function set(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

/** Show a card as the daemon's status has it, or none. The elements are those of view.js. */
export function showCard(found) {
  const card = $("card");
  card.hidden = !found;
  if (!found) {
    shown = { key: "", seconds: 0 };
    return;
  }
  // the longest rest seen of this card is its length
  const key = [found.name, found.repetition, found.phase, found.number].join();
  const left = found.left_s ?? 0;
  shown = { key, seconds: key === shown.key ? Math.max(shown.seconds, left) : left };
  card.dataset.phase = found.phase;
  set("card-name", found.name);
  set("card-text", found.text);
  const turn = found.repetitions > 1 ? `${found.repetition} of ${found.repetitions}` : found.repetition || "";
  set("card-turn", String(found.repetitions === 1 ? "" : turn));
  const rest = Math.max(1, Math.ceil(left));
  set("card-left", found.left_s === null ? "" : found.phase === "on" ? `${rest} s` : `in ${rest}`);
  set("card-next", found.next && found.next !== found.name ? `then ${found.next}` : "");
  // it keeps its place, so that nothing moves when the card begins
  $("card-bar").dataset.off = String(found.left_s === null || found.phase !== "on");
  $("card-bar").value = shown.seconds ? left / shown.seconds : 0;
}
