// The lanes that the server works out, in as many bins as the time line has pixels: the worst of each
// bin, so that a single bad frame among thousands is still seen. Asked for anew for each part that is
// looked at; until the answer is there the one before is drawn.

import { api } from "../../api.js";
import { lowerBound } from "./intervals.js";

const SETTLE_MS = 120;
const AGAIN_MS = 1500; // while the server is still working them out

export class Bins {
  constructor(session) {
    this.session = session;
    this.table = null;
    this.asked = "";
  }

  /**
   * See to it that a part of the axis will be there.
   * @param {Object} axis see Axis
   * @param {() => void} onReady called when it is
   */
  want(axis, onReady) {
    const bins = Math.min(Math.round(axis.width), Math.ceil(axis.to - axis.from));
    const asked = { first: Math.floor(axis.from), last: Math.ceil(axis.to) - 1, bins: Math.max(1, bins) };
    const text = JSON.stringify([asked, this.stamp]);
    if (text === this.asked) return;
    this.asked = text;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(asked, text, onReady), this.table ? SETTLE_MS : 0);
  }

  /** Something was decided or found: the bins are out of date. */
  refresh() {
    this.asked = "";
  }

  close() {
    clearTimeout(this.timer);
    this.asked = "";
    this.session = null;
  }

  async load(asked, text, onReady) {
    const { session } = this;
    if (!session) return;
    try {
      const table = await api.lanes(session.name, session.uuid, asked);
      if (this.session !== session || this.asked !== text) return;
      const isNew = this.table === null || this.table.lanes.length !== table.lanes.length;
      this.table = table;
      if (!table.ready) this.timer = setTimeout(() => this.load(asked, text, onReady), AGAIN_MS);
      onReady(isNew);
    } catch {
      // asked again with the next look
      if (this.asked === text) this.asked = "";
    }
  }

  /** Call draw(x0, x1, value, index) for each bin that is on view and has a value. */
  each(key, axis, draw) {
    const { table } = this;
    const values = table[key];
    for (let i = 0; i < values.length; i += 1) {
      if (!values[i] || table.last_seq[i] < axis.from || table.first_seq[i] > axis.to) continue;
      const [x0, x1] = axis.span(table.first_seq[i], table.last_seq[i]);
      if (x1 > x0) draw(x0, Math.max(x1, x0 + 1), values[i], i);
    }
  }

  /** The bin of a place. */
  indexOf(seq) {
    return Math.max(0, lowerBound(this.table.first_seq, seq + 1) - 1);
  }

  /** The value of a lane at a place. */
  at(key, seq) {
    return this.table[key][this.indexOf(seq)] || 0;
  }
}
