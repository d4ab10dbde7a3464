// The words beside the picture, in four tabs: this frame and its people, finding, the decisions, and
// what build would keep.

import { $, countText, el, facts } from "../dom.js";

const MOST_FINDINGS = 12;
const MOST_RANGES = 200;
const HANDS = ["unknown", "not tracked", "open", "closed", "lasso"];
const PAUSE_MS = 90; // words that change more often than that can't be read
const TABS = ["frame", "find", "decisions", "build"];

export class Panel {
  constructor(viewer) {
    this.viewer = viewer;
    for (const button of document.querySelectorAll("#panel [role=tab]")) {
      button.addEventListener("click", () => this.open(button.dataset.tab));
    }
    $("panel-tabs").addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.stopPropagation();
      event.preventDefault();
      this.open(TABS[(TABS.indexOf(this.tab) + by + TABS.length) % TABS.length]);
      $(`tab-${this.tab}`).focus();
    });
    this.select("frame");
  }

  select(tab) {
    this.tab = tab;
    for (const name of TABS) {
      const isOpen = name === tab;
      $(`tab-${name}`).setAttribute("aria-selected", String(isOpen));
      $(`tab-${name}`).tabIndex = isOpen ? 0 : -1;
      $(`panel-${name}`).hidden = !isOpen;
    }
  }

  /** Open a tab, and the panel where it is closed. */
  open(tab) {
    const { viewer } = this;
    this.select(tab);
    if (!viewer.show.panel) viewer.toggle("panel");
    else this.load();
  }

  /** Show what the open tab has: it was opened, the panel was, or a session. */
  load() {
    const { viewer, tab } = this;
    if (!viewer.ready || !viewer.show.panel) return;
    if (tab === "find" && viewer.finder.suspects === null) viewer.finder.load();
    if (tab === "build") viewer.build.load();
    this.draw();
  }

  /** Write what belongs to the frame on the screen, not for each one while many go by. */
  drawSoon() {
    const wait = (this.drawnAt ?? -Infinity) + PAUSE_MS - performance.now();
    clearTimeout(this.timer);
    if (wait <= 0) this.draw();
    else this.timer = setTimeout(() => this.draw(), wait);
  }

  /** Write what belongs to the frame on the screen. */
  draw() {
    clearTimeout(this.timer);
    this.drawnAt = performance.now();
    const { viewer, tab } = this;
    const { session } = viewer;
    if ($("panel").hidden || !session?.rows) return;
    if (tab === "frame") {
      $("panel-frame").replaceChildren(
        el("section", {}, el("h2", {}, "Frame"), frameFacts(session, viewer.index)),
        ...findingSections(session, viewer.index),
        ...peopleSections(viewer.people(), viewer.skeleton),
        el("section", {}, el("h2", {}, "Session"), sessionFacts(session.info)),
      );
    } else if (tab === "find") viewer.finder.markCurrent();
    else if (tab === "decisions" && this.drawn !== session.editsText) {
      this.drawn = session.editsText;
      $("panel-decisions").replaceChildren(...decisions(viewer));
    }
  }
}

function frameFacts(session, index) {
  const residual = session.residual_ms?.[index];
  return facts([
    ["seq", session.seq[index]],
    ["take", `${session.take[index]}, at ${session.time_s[index].toFixed(3)} s`],
    ["body", residual === undefined ? null : Number.isNaN(residual)
      ? "none paired"
      : `${residual >= 0 ? "+" : "−"}${Math.abs(residual).toFixed(1)} ms`],
  ]);
}

/** What the checks found in this frame, and what they found in no particular place. */
function findingSections(session, index) {
  const seq = session.seq[index];
  const here = [...session.findingIndex.at(seq), ...session.unplaced];
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

/** What was decided: rejected ranges, tags, notes and corrected keypoints, each a way there. */
function decisions(viewer) {
  const { edits } = viewer.session.info;
  const { ranges, trim, tags = [], notes = [], moves = [] } = edits;
  const rejected = ranges.filter(({ op }) => op === "reject");
  return [
    listOf("Rejected", rejected.slice(0, MOST_RANGES).map(({ first, last, frames }) =>
      placeLine(viewer, first, spanText(first, last), countText(frames, "frame"), "reject")),
    "Nothing. Mark a range with [ and ], reject it with X."),
    ...(trim ? [listOf("Trimmed", [placeLine(viewer, trim[0], `keeps ${spanText(...trim)}`, "")])] : []),
    listOf("Tags", tags.map((tag) => tagLine(viewer, tag)), "None. T tags the range, or the session."),
    listOf("Notes", notes.map(({ note, first, last }) =>
      placeLine(viewer, first, note, first === null ? "session" : spanText(first, last))), "None. A writes one."),
    listOf("Corrected keypoints", moves.slice(-MOST_RANGES).reverse().map((move) =>
      placeLine(viewer, move.seq ?? move.seq_first, moveText(move), "")),
    "None. Drag a keypoint, or select one with O."),
  ];
}

function spanText(first, last) {
  return first === last ? `${first}` : `${first} – ${last}`;
}

function moveText({ op, seq, seq_first, seq_last, keypoint, joint, value }) {
  if (op === "swap_sides") return `sides exchanged ${spanText(seq_first, seq_last)}`;
  const what = keypoint || joint;
  if (op === "visibility") return `${what} ${["not labelled", "occluded", "visible"][value]} in ${seq}`;
  return `${what} moved in ${seq}`;
}

function listOf(title, items, nothing) {
  return el("section", {}, el("h2", {}, title), items.length
    ? el("ul", { className: "ranges" }, ...items)
    : el("p", { className: "muted" }, nothing));
}

function placeLine(viewer, first, text, about, className = "") {
  const button = el("button", { type: "button", title: "Go there", className },
    el("b", {}, text), el("span", { className: "muted" }, about));
  if (first === null || first === undefined) button.disabled = true;
  else button.addEventListener("click", () => viewer.goTo(first));
  return el("li", {}, button);
}

function tagLine(viewer, tag) {
  const { first, last } = tag;
  const isAll = first === null || first === undefined;
  const line = placeLine(viewer, first, tag.tag, isAll ? "session" : spanText(first, last));
  const remove = el("button", { type: "button", className: "plain remove", ariaLabel: `Take the tag ${tag.tag} away` }, "×");
  remove.addEventListener("click", () => viewer.deciding.untag(tag));
  line.append(remove);
  return line;
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
