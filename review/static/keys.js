// Which key does what, in one table: the page acts by it, and `?` shows it.

import { el } from "./dom.js";
import { KEYS as RECORDER_KEYS } from "./live/recorder.js";

const VIEWER = [
  ["Move", [
    ["Space", "Play or pause", "play"],
    ["ArrowLeft", "One frame back", "left"],
    ["ArrowRight", "One frame on", "right"],
    ["Shift+ArrowLeft", "Ten frames back", "farLeft"],
    ["Shift+ArrowRight", "Ten frames on", "farRight"],
    ["PageUp", "One second back", "backSecond"],
    ["PageDown", "One second on", "nextSecond"],
    ["Home", "First frame", "first"],
    ["End", "Last frame", "last"],
    ["G", "Go to a frame (1234) or a time (0:12.5)", "goTo"],
    ["-", "Slower", "slower"],
    ["+", "Faster", "faster"],
  ]],
  ["Find", [
    ["S", "Next suspect, the worst first", "nextSuspect"],
    ["Shift+S", "The one before", "backSuspect"],
    ["H", "Next suspect in time", "nextHit"],
    ["Shift+H", "The one before", "backHit"],
    ["/", "Filter: reason:spike keypoint:l_wrist speed>5", "search"],
    ["Q", "Contact sheet of all suspects", "sheet"],
    ["E", "Next finding, loss, take or rejected range", "nextEvent"],
    ["Shift+E", "The one before", "backEvent"],
    ["F", "Next frame where the inferred keypoints change", "nextChange"],
    ["Shift+F", "The one before", "backChange"],
  ]],
  ["Decide", [
    ["[", "A range begins at this frame", "markIn"],
    ["]", "A range ends at this frame", "markOut"],
    ["X", "Reject the range, or this frame", "reject"],
    ["K", "Keep it: take a rejection back", "keep"],
    ["{", "Trim: the session begins here", "trimStart"],
    ["}", "Trim: the session ends here", "trimEnd"],
    ["T", "Tag the range, or the session", "tag"],
    ["A", "Write a note", "note"],
    ["U", "Undo the last decision", "undo"],
    ["Shift+U", "Redo", "redo"],
    ["Escape", "Forget the selection, the marks; else back to the sessions", "escape"],
  ]],
  ["Correct", [
    ["O", "Select the next keypoint; then the arrow keys move it", "nextKeypoint"],
    ["Shift+O", "The keypoint before", "backKeypoint"],
    ["V", "Its visibility: visible, occluded, not labelled", "visibility"],
    ["C", "Copy it, or all, from the frame before", "copyBefore"],
    ["L", "Interpolate between the corrected frames around this one", "interpolate"],
    ["W", "Swap left and right in the range, or this frame", "swapSides"],
  ]],
  ["Show", [
    ["J", "The sensor's 25 joints", "joints"],
    ["P", "The 13 keypoints", "keypoints"],
    ["N", "Names of the keypoints", "names"],
    ["B", "Boxes", "boxes"],
    ["Y", "Outlines of the bodies", "mask"],
    ["M", "Un-mirror: the room as it is", "unmirror"],
    ["5", "Predictions of the first checkpoint", "checkpoint1"],
    ["6", "Of the second one", "checkpoint2"],
    ["7", "Of the third one", "checkpoint3"],
    ["D", "The skeleton in space", "space"],
    ["R", "From the front, the side, the top, or turned", "nextSide"],
    ["<", "Turn it to the left", "turnLeft"],
    [">", "Turn it to the right", "turnRight"],
    ["I", "Side panel", "panel"],
    ["1", "Panel: this frame", "tab1"],
    ["2", "Panel: find", "tab2"],
    ["3", "Panel: what was decided", "tab3"],
    ["4", "Panel: what build would keep", "tab4"],
  ]],
  ["Zoom", [
    ["Z", "Follow the person", "zoom"],
    ["Shift+ArrowUp", "Zoom into the picture", "farUp"],
    ["Shift+ArrowDown", "Zoom out of it", "farDown"],
    ["Ctrl+ArrowLeft", "Move the picture; also right, up, down", "panLeft"],
    ["9", "The whole picture", "pictureAll"],
    ["ArrowUp", "Zoom into the time line", "up"],
    ["ArrowDown", "Zoom out of it", "down"],
    ["0", "The whole time line", "laneAll"],
  ]],
  ["Save", [
    ["Shift+P", "This frame as a PNG", "savePicture"],
    ["Shift+V", "The range as a video", "saveVideo"],
    ["?", "This list", "help"],
  ]],
];
const LIST = [["Sessions", [
  ["/", "Search", "search"],
  ["ArrowRight", "Next session", "nextCard"],
  ["ArrowLeft", "Session before", "backCard"],
  ["Enter", "Open it", null],
  ["?", "This list", "help"],
]], ["Record, while kincap daemon runs", [
  ...RECORDER_KEYS.map(([key, act, text]) => [key, text, act]),
  ["L", "Large, to be read from three metres", "large"],
  ["Escape", "Small again", "small"],
]]];
const ALSO = { "Ctrl+Z": "undo", "Ctrl+Shift+Z": "redo", "Ctrl+Y": "redo", "=": "faster", "Shift++": "faster", "Shift+?": "help", "Shift+/": "help", ",": "back", ".": "next",
  "Shift+{": "trimStart", "Shift+}": "trimEnd", "Ctrl+ArrowRight": "panRight", "Ctrl+ArrowUp": "panUp", "Ctrl+ArrowDown": "panDown" };
const SHOWN = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc" };

const TABLES = { viewer: VIEWER, list: LIST };
const LOOKUP = Object.fromEntries(Object.entries(TABLES).map(([page, groups]) => [
  page,
  {
    ...ALSO,
    ...Object.fromEntries(groups.flatMap(([, keys]) => keys.map(([key, , act]) => [key, act]))),
  },
]));

// Signs by the key's place on the keyboard, for layouts whose own sign there is not one of ours.
const PLACES = {
  BracketLeft: "[", BracketRight: "]", Minus: "-", Equal: "=", Comma: ",", Period: ".", Slash: "/",
};

/** The sign at a key's place on a US keyboard, or null. */
function signAt(code) {
  const found = /^(?:Key|Digit)(.)$/.exec(code || "");
  return found ? found[1] : PLACES[code] || null;
}

/**
 * What a key press writes or is called, as the tables write it: the sign that was typed decides.
 * Where that is not an ASCII sign (ж, θ, à, a dead ^), the place of the key decides.
 */
function signOf(event) {
  const { key } = event;
  if (key === " ") return "Space";
  if (/^[!-~]$/.test(key)) return key.toUpperCase();
  if (key === "Dead" || [...key].length === 1) return signAt(event.code);
  return key;
}

/** The name of a key press as the tables write it, or null where it is for the browser. */
function nameOf(event) {
  const levels = event.getModifierState?.("AltGraph") || event.altKey;
  if (levels) {
    // AltGr and Option reach signs such as [ and ]; with the rest they belong to the browser
    return /^[!-~]$/.test(event.key) && !/^[a-z0-9]$/i.test(event.key) ? event.key : null;
  }
  const sign = signOf(event);
  if (sign === null) return null;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  // signs that need Shift on some keyboards are named by the sign alone
  const shift = event.shiftKey && /^([A-Z]|\w{2,})$/.test(sign) ? "Shift+" : "";
  return control + shift + sign;
}

/** What a key press means on a page, or null. Typing into a field means nothing here. */
export function actOf(event, page) {
  const { target } = event;
  const name = nameOf(event);
  const act = (name && LOOKUP[page][name]) || null;
  if (target.closest?.("input, textarea")) return null;
  if (target.closest?.("select") && !event.key.startsWith("Escape")) return null;
  // Space and Enter press the button that has the focus
  if (target.closest?.("button, a") && (event.key === " " || event.key === "Enter")) return null;
  return act;
}

export function fillHelp(dialog, page) {
  const close = el("button", { type: "button", className: "plain", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  const groups = TABLES[page].map(([title, keys]) => el("section", {}, el("h3", {}, title),
    el("dl", {}, ...keys.flatMap(([key, what]) => [
      el("dt", {}, ...key.split(/(?<=.)\+/).map((part) => el("kbd", {}, SHOWN[part] || part))),
      el("dd", {}, what),
    ]))));
  const note = page === "viewer"
    ? el("p", { className: "muted" }, "On the picture: wheel to zoom, drag to move it, drag a keypoint to correct it, double click for the whole. On the time line: click or drag to move, Shift and drag to mark a range, wheel to zoom, double click for the whole. Its rows show each keypoint of the nearest person: green tracked, amber inferred, red not tracked.")
    : null;
  dialog.replaceChildren(el("header", {}, el("h2", {}, "Keys"), close), el("div", { className: "groups" }, ...groups), ...(note ? [note] : []));
}
