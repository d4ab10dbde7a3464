// The marked range, and decisions about it. Each is saved at once by the server; undo and redo go
// through its journal, so they have no limit and take back what another window decided too.

import { $ } from "../../dom.js";
import { api, DELETED, REPLACED } from "../../api.js";
import { ask } from "./ask.js";

export class Deciding {
  /** @param {Object} viewer the session's page */
  constructor(viewer) {
    this.viewer = viewer;
    this.setMarks(null, null);
  }

  get session() {
    return this.viewer.session;
  }

  // ---- the range ----

  setMarks(first, last) {
    this.marks = { first, last };
    this.viewer.timeline.setMarks(first, last);
    $("v-marks").textContent = first === null && last === null
      ? "" : `range ${first ?? "…"} – ${last ?? "…"}`;
  }

  get isMarked() {
    return this.marks.first !== null || this.marks.last !== null;
  }

  mark(which) {
    if (!this.session.rows) return;
    const { seq } = this.viewer;
    let { first, last } = this.marks;
    if (which === "first") first = seq;
    else last = seq;
    // marks that are the wrong way round: the new one counts
    if (first !== null && last !== null && first > last) {
      if (which === "first") last = null;
      else first = null;
    }
    this.setMarks(first, last);
  }

  /** The marked range, or the frame on the screen. */
  range() {
    const { seq } = this.viewer;
    const { first, last } = this.marks;
    if (!this.isMarked) return [seq, seq];
    const [low, high] = [first ?? seq, last ?? seq];
    return low <= high ? [low, high] : [high, low];
  }

  // ---- decisions ----

  /** Reject or keep the range. */
  async decide(op) {
    if (!this.session.rows) return;
    const [first, last] = this.range();
    await this.store([{ op, seq_first: first, seq_last: last }],
      `${op === "reject" ? "Rejected" : "Kept"} ${rangeWords(first, last)}. Saved.`);
    this.setMarks(null, null);
  }

  /** Leave out what is before (or after) this frame. */
  async trim(end) {
    const { session } = this;
    if (!session.rows) return;
    const [from, to] = session.info.edits.trim || [session.seq[0], session.seq[session.rows - 1]];
    const { seq } = this.viewer;
    const [first, last] = end === "start" ? [seq, Math.max(seq, to)] : [Math.min(seq, from), seq];
    await this.store([{ op: "trim", seq_first: first, seq_last: last }],
      end === "start" ? `The session begins at frame ${first}. Saved.` : `The session ends at frame ${last}. Saved.`);
  }

  async tag() {
    const [first, last] = this.range();
    const where = this.isMarked ? rangeWords(first, last) : "the whole session";
    const known = [...new Set((this.session.info.edits.tags || []).map(({ tag }) => tag))];
    const found = await ask({ title: `Tag ${where}`, label: "Tag", most: 64, known });
    if (!found) return;
    const span = this.isMarked ? { seq_first: first, seq_last: last } : {};
    await this.store([{ op: "tag", tag: found, ...span }], `Tagged ${where}: ${found}. Saved.`);
    this.setMarks(null, null);
  }

  async note() {
    const [first, last] = this.range();
    const found = await ask({ title: `Note on ${rangeWords(first, last)}`, label: "Note", most: 1000 });
    if (!found) return;
    await this.store([{ op: "note", note: found, seq_first: first, seq_last: last }], "Noted. Saved.");
    this.setMarks(null, null);
  }

  untag({ tag, first, last }) {
    const span = first === null || first === undefined ? {} : { seq_first: first, seq_last: last };
    return this.store([{ op: "tag", tag, remove: true, ...span }], `Tag ${tag} taken away. Saved.`);
  }

  undo() {
    if (!this.session.info.edits.can_undo) this.viewer.say("Nothing to undo.");
    else this.save(() => api.undo(this.session.name, this.session.uuid), "Undone. Saved.");
  }

  redo() {
    if (!this.session.info.edits.can_redo) this.viewer.say("Nothing to redo.");
    else this.save(() => api.redo(this.session.name, this.session.uuid), "Done again. Saved.");
  }

  /** Store operations as one decision. */
  store(operations, done) {
    return this.save(() => api.decide(this.session.name, this.session.uuid, operations), done);
  }

  async save(request, done) {
    const { session, viewer } = this;
    try {
      const edits = await request();
      if (this.session !== session) return false;
      viewer.say(done);
      viewer.takeEdits(edits);
      return true;
    } catch (error) {
      if (this.session !== session) return false;
      if (error.status === DELETED || error.status === REPLACED) viewer.gone(error.status);
      else viewer.say(`Not saved: ${error.message}`, true);
      return false;
    }
  }
}

export function rangeWords(first, last) {
  return first === last ? `frame ${first}` : `frames ${first} – ${last}`;
}
