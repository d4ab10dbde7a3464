// The words beside the picture: this frame, its people, the session, the decisions.

import { $, clockText, countText, el, facts } from "../dom.js";

const MOST_FINDINGS = 12;
const HANDS = ["unknown", "not tracked", "open", "closed", "lasso"];
const STATES = {
  recording: "recording", left: "not sealed", sealed: "sealed", empty: "empty", damaged: "damaged",
};

/** The facts in the head of the page, which change only with the session. */
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
}

/**
 * Fill the side panel.
 * @param {Object} session
 * @param {number} index the frame's row
 * @param {?Array} people null while they are on the way
 */
export function drawPanel(session, index, people, skeleton, goTo) {
  if ($("panel").hidden) return;
  $("panel").replaceChildren(
    el("section", {}, el("h2", {}, "Frame"), frameFacts(session, index)),
    ...findingSections(session, index),
    ...peopleSections(people, skeleton),
    decisions(session, goTo),
    el("section", {}, el("h2", {}, "Session"), sessionFacts(session.info)),
  );
}

function frameFacts(session, index) {
  const residual = session.residual_ms[index];
  return facts([
    ["seq", session.seq[index]],
    ["take", `${session.take[index]}, at ${session.time_s[index].toFixed(3)} s`],
    ["body", Number.isNaN(residual)
      ? "none paired"
      : `${residual >= 0 ? "+" : "−"}${Math.abs(residual).toFixed(1)} ms`],
  ]);
}

/** What the checks found in this frame, and what they found in no particular place. */
function findingSections(session, index) {
  const seq = session.seq[index];
  const here = session.findings.filter(({ first, last }) => first === null || (first <= seq && seq <= last));
  const words = here.slice(0, MOST_FINDINGS).map(({ kind, text, meaning }) =>
    el("li", { title: meaning }, el("b", {}, kind.replaceAll("_", " ")), ` ${text}`));
  if (here.length > MOST_FINDINGS) words.push(el("li", {}, `and ${here.length - MOST_FINDINGS} more`));
  if (session.findingsProblem) words.push(el("li", { className: "problem" }, `not checked: ${session.findingsProblem}`));
  if (words.length === 0) return [];
  return [el("section", {}, el("h2", {}, "Found here"), el("ul", { className: "found" }, ...words))];
}

function peopleSections(people, skeleton) {
  if (people === null) return [el("section", {}, el("h2", {}, "Person"), el("p", { className: "muted" }, "Loading…"))];
  if (people.length === 0) return [el("section", {}, el("h2", {}, "Person"), el("p", { className: "muted" }, "No one was seen."))];
  return people.map((person) => {
    const named = (state) => skeleton.joints.filter((_, joint) => person.states[joint] === state);
    const tracked = named(2);
    const inferred = named(1);
    const lost = named(0);
    return el("section", {},
      el("h2", {}, people.length > 1 ? `Person in slot ${person.slot}` : "Person"),
      facts([
        ["distance", Number.isFinite(person.distance_m) ? `${person.distance_m.toFixed(2)} m` : null],
        ["tracked", `${tracked.length} of ${skeleton.joints.length} joints`],
        ["inferred", inferred.length ? names(inferred, "inferred") : "none"],
        ["not tracked", lost.length ? names(lost, "lost") : null],
        ["hands", `${HANDS[person.hands[0]] || "?"} left, ${HANDS[person.hands[1]] || "?"} right`],
      ]));
  });
}

/** Long lists of joints, as small words that wrap. */
function names(list, className) {
  return el("span", { className: `names ${className}` }, ...list.map((name) => el("span", {}, name)));
}

function decisions(session, goTo) {
  const ranges = session.info.edits.ranges.filter(({ op }) => op === "reject");
  const section = el("section", {}, el("h2", {}, "Rejected"));
  if (ranges.length === 0) {
    section.append(el("p", { className: "muted" }, "Nothing. Mark a range with [ and ], reject it with X."));
    return section;
  }
  section.append(el("ul", { className: "ranges" }, ...ranges.map(({ first, last, frames }) => {
    const text = first === last ? `${first}` : `${first} – ${last}`;
    const button = el("button", { type: "button", title: "Go there" },
      el("b", {}, text), el("span", { className: "muted" }, countText(frames, "frame")));
    button.addEventListener("click", () => goTo(first));
    return el("li", {}, button);
  })));
  return section;
}

function sessionFacts(info) {
  const shown = info.pictures ? "color" : "bodies";
  const drops = info.drops.filter(({ stream }) => stream === shown).reduce((sum, drop) => sum + drop.count, 0);
  return facts([
    ["recorded", info.created_utc ? info.created_utc.replace("T", " ").replace(/(\.\d+)?(Z|\+00:00)$/, " UTC") : null],
    ["source", info.source],
    ["times", info.times],
    ["picture", info.pictures ? `${info.color_size_px.join(" x ")}${info.mirrored ? ", mirrored" : ""}` : "none"],
    ["bodies", info.bodies.toLocaleString("en")],
    ["dropped", drops ? countText(drops, "frame") : "none"],
    ["tags", info.tags.join(", ")],
    ["note", info.note],
  ]);
}
