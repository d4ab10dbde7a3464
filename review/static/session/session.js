// One session as the page knows it: a row for each stored colour frame, the bodies in pieces, and
// the decisions. Frames are addressed by seq (stored, permanent) and by index (row number here).

import { api, ApiError, REPLACED } from "../api.js";

const PIECE = 256; // frames by seq in one answer of bodies; the server's number
const PIECES_KEPT = 24;
const OVERLAP = 90; // rows asked again while recording: bodies and late frames may still come in

export const NO_BODY = 255;

export class Session {
  constructor(name, keypoints) {
    this.name = name;
    this.keypoints = keypoints;
    this.pieces = new Map();
    this.info = null;
    this.findings = [];
    this.findingsProblem = null;
    this.findingsReady = false;
    this.rows = 0;
  }

  /** Load everything but the pictures and the bodies. */
  async load() {
    // in this order: asking for the session makes the server look at the files again
    this.info = await api.session(this.name);
    this.uuid = this.info.uuid;
    this.take_(await api.timeline(this.name, this.uuid, 0));
  }

  /** What the server says of the session now; an error when another one has taken its name. */
  async look() {
    const info = await api.session(this.name);
    if (info.uuid !== this.uuid) throw new ApiError("deleted and recorded again", REPLACED);
    return info;
  }

  /** Load what was recorded since; return whether there was anything. */
  async refresh() {
    const from = this.rows > OVERLAP ? this.seq[this.rows - OVERLAP] : 0;
    const info = await this.look();
    const tail = await api.timeline(this.name, this.uuid, from);
    const before = this.rows;
    const keep = this.indexAtOrAfter(from);
    const merged = {};
    for (const key of ["seq", "take", "time_s", "bodies", "residual_ms", "states"]) {
      const width = key === "states" ? this.keypoints : 1;
      const old = this[key].subarray(0, keep * width);
      merged[key] = new old.constructor(old.length + tail[key].length);
      merged[key].set(old);
      merged[key].set(tail[key], old.length);
    }
    this.info = info;
    this.findingsReady = false;
    this.take_(merged);
    for (const id of [...this.pieces.keys()]) {
      if ((id + 1) * PIECE > from) this.pieces.delete(id);
    }
    return this.rows !== before;
  }

  /** Ask what the checks found, until they are ready; return true if there is something new. */
  async lookForFindings() {
    if (this.findingsReady && this.info.state !== "recording") return false;
    const report = await api.findings(this.name, this.uuid);
    const isNew = JSON.stringify(report.findings) !== JSON.stringify(this.findings);
    this.findings = report.findings;
    this.findingsProblem = report.problem;
    this.findingsReady = report.ready;
    return isNew;
  }

  take_(table) {
    Object.assign(this, {
      seq: table.seq,
      take: table.take,
      time_s: table.time_s,
      bodies: table.bodies,
      residual_ms: table.residual_ms,
      states: table.states,
      rows: table.seq.length,
    });
    this.clock = playClock(this.take, this.time_s);
    this.length_s = this.rows ? this.clock[this.rows - 1] : 0;
  }

  setEdits(edits) {
    this.info.edits = edits;
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
    for (const { op, first, last } of this.info.edits.ranges) {
      if (seq >= first && seq <= last) return op;
    }
    return null;
  }

  /** Where something begins that one may want to see: takes, losses, findings, rejected ranges. */
  eventIndices() {
    const { takes, drops, edits } = this.info;
    const seqs = [
      ...takes.map(({ first }) => first),
      ...drops.map(({ first }) => first),
      ...this.findings.filter(({ first }) => first !== null).map(({ first }) => first),
      ...edits.ranges.filter(({ op }) => op === "reject").map(({ first }) => first),
    ];
    const indices = new Set(seqs.map((seq) => Math.min(this.indexAtOrAfter(seq), this.rows - 1)));
    return [...indices].sort((a, b) => a - b);
  }

  /** The next frame (or the one before) whose keypoints aren't in the states of this one. */
  indexOfChange(index, direction) {
    const width = this.keypoints;
    for (let i = index + direction; i >= 0 && i < this.rows; i += direction) {
      for (let k = 0; k < width; k += 1) {
        if (this.states[i * width + k] !== this.states[index * width + k]) return i;
      }
    }
    return index;
  }

  /**
   * The people in a frame, or null while they are being loaded.
   * @returns {?Array<{slot: number, points: Float32Array, states: Uint8Array}>}
   */
  people(seq, onReady) {
    const id = Math.floor(seq / PIECE);
    const piece = this.pieces.get(id);
    if (piece === undefined) {
      this.loadPiece(id, onReady);
      return null;
    }
    return piece.get(seq) || (piece.loading ? null : []);
  }

  /** Make sure that the people of a frame will be there when they are wanted. */
  prefetchPeople(seq, onReady) {
    const id = Math.floor(seq / PIECE);
    if (!this.pieces.has(id)) this.loadPiece(id, onReady);
  }

  async loadPiece(id, onReady) {
    const piece = new Map();
    piece.loading = true;
    this.pieces.set(id, piece);
    try {
      const table = await api.bodies(this.name, this.uuid, id * PIECE);
      const joints = table.joint_state.length / Math.max(1, table.seq.length);
      table.seq.forEach((seq, row) => {
        const person = {
          slot: table.slot[row],
          points: table.joint_px.subarray(row * joints * 2, (row + 1) * joints * 2),
          states: table.joint_state.subarray(row * joints, (row + 1) * joints),
          hands: table.hands.subarray(row * 2, row * 2 + 2),
          distance_m: table.distance_m[row],
        };
        piece.set(seq, [...(piece.get(seq) || []), person]);
      });
      piece.loading = false;
    } catch {
      // asked again at the next look; that the server is away is said by whoever wants pictures
      if (this.pieces.get(id) === piece) this.pieces.delete(id);
      return;
    }
    for (const old of this.pieces.keys()) {
      if (this.pieces.size <= PIECES_KEPT) break;
      if (old !== id) this.pieces.delete(old);
    }
    onReady();
  }
}

function lowerBound(values, wanted, length) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
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
