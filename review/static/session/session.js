// One session as the page knows it: a row for each stored colour frame, what was found in them, and
// the decisions. Frames are addressed by seq (stored, permanent) and by index (row number here).

import { api, ApiError, REPLACED } from "../api.js";
import { clockText } from "../dom.js";
import { Bins } from "./lanes/bins.js";
import { IntervalIndex, lowerBound } from "./lanes/intervals.js";
import { People } from "./people.js";
import { Predictions } from "./picture/predictions.js";
import { NO_BODY, StateIndex } from "./lanes/state_index.js";

const OVERLAP = 90; // rows asked again while recording: bodies and late frames may still come in
const AXIS = ["seq", "take", "time_s"];
const COLUMNS = [...AXIS, "bodies", "residual_ms", "states"];
const MOST_KINDS_TOLD = 6;

export class Session {
  constructor(name, keypoints) {
    this.name = name;
    this.keypoints = keypoints;
    this.info = null;
    this.people = null;
    this.findingsProblem = null;
    this.findingsReady = false;
    this.rows = 0;
    this.setFindings([]);
    this.bins = new Bins(this);
    this.predictions = null;
  }

  /**
   * Load what a frame needs to be shown: what the session is and when its frames were taken.
   * @param {() => void} onInfo called when it is known what the session is
   */
  async load(onInfo) {
    // in this order: asking for the session makes the server look at the files again
    this.setInfo(await api.session(this.name));
    this.uuid = this.info.uuid;
    this.people = new People(this);
    if (this.info.predictions?.length) this.predictions = new Predictions(this);
    onInfo();
    this.take_(await api.axis(this.name, this.uuid, 0));
  }

  /** Load the states of the keypoints too, for which the server reads all bodies. */
  async loadStates() {
    this.take_(await api.timeline(this.name, this.uuid, 0));
  }

  /** What the server says of the session now; an error when another one has taken its name. */
  async look() {
    const info = await api.session(this.name);
    if (info.uuid !== this.uuid) throw new ApiError("deleted and recorded again", REPLACED);
    return info;
  }

  setInfo(info) {
    this.info = info;
    this.dropIndex = new IntervalIndex(info.drops);
    this.setEdits(info.edits);
  }

  /** Take the decisions; return true if they are not those that were known. */
  setEdits(edits) {
    const text = JSON.stringify(edits);
    if (text === this.editsText) return false;
    this.editsText = text;
    this.info.edits = edits;
    this.editIndex = new IntervalIndex(edits.ranges);
    this.events = null;
    return true;
  }

  setFindings(findings) {
    this.findings = findings;
    this.findingIndex = new IntervalIndex(findings.filter(({ first }) => first !== null));
    this.unplaced = findings.filter(({ first }) => first === null);
    this.events = null;
  }

  /** Load what was recorded since; return whether there was anything. */
  async refresh() {
    const from = this.states && this.rows > OVERLAP ? this.seq[this.rows - OVERLAP] : 0;
    const info = await this.look();
    const tail = await api.timeline(this.name, this.uuid, from);
    const before = this.rows;
    const keep = this.indexAtOrAfter(from);
    const merged = {};
    for (const key of COLUMNS) {
      const width = key === "states" ? this.keypoints : 1;
      const old = (this[key] ?? tail[key]).subarray(0, keep * width);
      merged[key] = new old.constructor(old.length + tail[key].length);
      merged[key].set(old);
      merged[key].set(tail[key], old.length);
    }
    this.setInfo(info);
    this.findingsReady = false;
    this.take_(merged);
    this.people.forget(from);
    return this.rows !== before;
  }

  /** Ask what the checks found, until they are ready; return true if there is something new. */
  async lookForFindings() {
    if (this.findingsReady && this.info.state !== "recording") return false;
    const report = await api.findings(this.name, this.uuid);
    this.findingsProblem = report.problem;
    this.findingsReady = report.ready;
    if (JSON.stringify(report.findings) === JSON.stringify(this.findings)) return false;
    this.setFindings(report.findings);
    return true;
  }

  take_(table) {
    for (const key of COLUMNS) this[key] = table[key] ?? null;
    this.rows = table.seq.length;
    this.clock = playClock(this.take, this.time_s);
    this.length_s = this.rows ? this.clock[this.rows - 1] : 0;
    this.stateIndex = this.states && new StateIndex(this.states, this.keypoints);
    this.events = null;
  }

  /** The first index whose seq is at least this one (rows if there is none). */
  indexAtOrAfter(seq) {
    return lowerBound(this.seq, seq, this.rows);
  }

  /** The index of the stored frame nearest to a seq, which may have been dropped. */
  indexNear(seq) {
    const after = Math.min(this.indexAtOrAfter(seq), this.rows - 1);
    if (after > 0 && seq - this.seq[after - 1] < this.seq[after] - seq) return after - 1;
    return after;
  }

  /** The index of the last frame that is due at a time of the play clock. */
  indexAtClock(seconds) {
    return Math.max(0, lowerBound(this.clock, seconds + 1e-6, this.rows) - 1);
  }

  /** The place of a time of the play clock on the axis of seqs, between frames too. */
  seqAtClock(seconds) {
    const i = this.indexAtClock(seconds);
    if (i + 1 >= this.rows) return this.seq[i];
    const step = this.clock[i + 1] - this.clock[i];
    const share = step > 0 ? (seconds - this.clock[i]) / step : 0;
    return this.seq[i] + share * (this.seq[i + 1] - this.seq[i]);
  }

  /** "reject", "keep" or null. */
  verdict(seq) {
    return this.editIndex.at(seq, 1)[0]?.op ?? null;
  }

  /** Where something begins that one may want to see: takes, losses, findings, rejected ranges. */
  eventIndices() {
    if (!this.events) {
      const { takes, drops, edits } = this.info;
      const rejected = edits.ranges.filter(({ op }) => op === "reject");
      const seqs = [takes, drops, this.findingIndex.items, rejected].flat().map(({ first }) => first);
      const indices = new Set(seqs.map((seq) => Math.min(this.indexAtOrAfter(seq), this.rows - 1)));
      this.events = [...indices].sort((a, b) => a - b);
    }
    return this.events;
  }

  /** The event after (or before) a row, undefined where there is none. */
  nextEvent(index, direction) {
    const events = this.eventIndices();
    const at = lowerBound(events, direction > 0 ? index + 1 : index);
    return events[direction > 0 ? at : at - 1];
  }

  /** A frame in one line of words, for the time line. */
  words(seq, names) {
    const row = this.indexAtOrAfter(seq);
    if (this.seq[row] !== seq) {
      const lost = this.dropIndex.at(seq).find(({ stream }) => stream === "color");
      return `frame ${seq}: ${lost ? lost.reason : "not stored"}`;
    }
    const states = this.states?.subarray(row * this.keypoints, (row + 1) * this.keypoints);
    const inferred = names.filter((_, k) => states?.[k] === 1);
    const body = states?.[0] === NO_BODY
      ? "no body"
      : inferred.length ? `inferred: ${inferred.join(", ")}` : "all 13 tracked";
    const kinds = new Set(this.findingIndex.at(seq).map(({ kind }) => kind.replaceAll("_", " ")));
    return [
      `frame ${seq}`, `take ${this.take[row]}`, clockText(this.time_s[row]), ...(states ? [body] : []),
      ...(this.verdict(seq) === "reject" ? ["rejected"] : []),
      ...[...kinds].slice(0, MOST_KINDS_TOLD),
    ].join(" · ");
  }
}

/** Seconds at which each frame is due when the session is played through; takes follow at once. */
function playClock(take, time_s) {
  const clock = new Float64Array(take.length);
  let start = 0;
  for (let i = 1; i < take.length; i += 1) {
    if (take[i] !== take[i - 1]) start = clock[i - 1] + 1 / 30 - time_s[i];
    clock[i] = Math.max(clock[i - 1], start + time_s[i]);
  }
  return clock;
}
