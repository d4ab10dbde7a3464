// Which lanes the time line of a session has: those that have something to show.

import { theme } from "../../theme.js";
import { BinLane, RangeLane } from "./lane.js";
import { InferredLane, KeypointLane } from "./state_lanes.js";

const MOST_KINDS = 8; // more kinds of findings than this share the lanes of their groups
const ROOMY = { window: 860, row: 10, tight: 8 }; // on a tall screen keypoints get more room
const SPLITS = ["train", "val", "test"];
const LANE_OF = { low_light: "low_light", mark: "mark", cue: "cue", pause: "pause", resume: "pause" };
const OWN = /^(tracking$|state:|finding:|edits$)/; // drawn from what the page has itself

/**
 * @param {Object} session
 * @param {string[]} keypoints their names
 */
export function makeLanes(session, keypoints) {
  const row = window.innerHeight >= ROOMY.window ? ROOMY.row : ROOMY.tight;
  const bins = binLanes(session.bins);
  return [
    takesLane(session),
    ...bins.filter(({ kind }) => kind === "index"),
    new InferredLane(session),
    ...bins.filter(({ kind, key }) => kind === "level" && !key.startsWith("error:")),
    lostLane(session),
    ...bins.filter(({ kind }) => kind === "flag"),
    ...findingLanes(withoutLane(session.findings, bins)),
    ...bins.filter(({ kind }) => kind === "filter"),
    ...keypoints.map((name, k) => new KeypointLane(session, k, name, row)),
    ...bins.filter(({ key }) => key.startsWith("error:")),
  ];
}

/** The lanes that the server works out: filters, cues, light, lag, split, audit, errors. */
function binLanes(bins) {
  if (!bins.table) return [];
  const { lanes, cues = [], reasons = [] } = bins.table;
  const names = { cue: cues, build: reasons, split: SPLITS };
  return lanes.filter(({ key }) => !OWN.test(key) && bins.table[key])
    .map((about) => new BinLane(bins, about, (names[about.key] || []).map(wordsOf)));
}

function wordsOf(name) {
  return (typeof name === "string" ? name : name.name ?? name.text ?? "").replaceAll("_", " ");
}

/** The takes, and over them what was rejected. */
function takesLane(session) {
  const takes = session.info.takes.map((take) => ({ ...take, text: `take ${take.take}` }));
  const rejected = session.info.edits.ranges
    .filter(({ op }) => op === "reject").map((range) => ({ ...range, text: "rejected" }));
  const color = ({ op, take }) => theme()[op ? "reject" : take % 2 ? "take-odd" : "take-even"];
  const lane = new RangeLane("take", takes, color, { height: 15, labels: true });
  const over = new RangeLane("", rejected, color, { height: 15, labels: true, over: true });
  const below = lane.draw.bind(lane);
  lane.draw = (ctx, y, view) => {
    below(ctx, y, view);
    over.draw(ctx, y, view);
  };
  lane.isLink = false;
  lane.tip = () => [];
  return lane;
}

function lostLane({ info }) {
  const lost = info.drops.map((drop) => ({
    ...drop, kind: drop.stream === "color" ? "lost" : `lost ${drop.stream}`, text: drop.reason,
  }));
  return new RangeLane("lost", lost, () => theme().drop);
}

/** Findings that no other lane shows: light and cues are not drawn twice. */
function withoutLane(findings, bins) {
  const keys = new Set(bins.map(({ key }) => key));
  return findings.filter(({ kind }) => !keys.has(LANE_OF[kind]));
}

/** A lane for each kind of finding, or for each group of kinds where there are many. */
function findingLanes(findings) {
  // what was lost has a lane of its own
  const placed = findings.filter(({ first, kind }) => first !== null && !kind.startsWith("drop_"));
  const kinds = new Set(placed.map(({ kind }) => kind));
  const nameOf = kinds.size <= MOST_KINDS ? ({ kind }) => kind : ({ group }) => group;
  const lanes = new Map();
  for (const finding of placed) {
    const name = nameOf(finding);
    if (!lanes.has(name)) lanes.set(name, []);
    lanes.get(name).push(finding);
  }
  const color = ({ group }) => theme().groups[group] || theme().muted;
  return [...lanes].map(([name, found]) => [found[0].group, name, found])
    .sort((a, b) => a[0].localeCompare(b[0]) || a[1].localeCompare(b[1]))
    .map(([, name, found]) => new RangeLane(name.replaceAll("_", " "), found, color));
}
