// The lanes of the time line, each with a name and a height. A lane draws itself between two x, says
// in words what is at a place, and names the ranges there so that a click can jump to them.

import { theme } from "../../theme.js";
import { IntervalIndex } from "./intervals.js";

const THIN = 8;
const CURVE = 22;
const LEAST_PX = 2; // a single bad frame among 20,000 is still two pixels wide
const REACH_PX = 3; // around a short range that a pointer may miss
const MOST_AT_PLACE = 40;

/** Ranges of one kind: what the checks found, a filter's verdict, cues, suggestions. */
export class RangeLane {
  /**
   * @param {string} name
   * @param {Array<{first: number, last: number, text: string}>} ranges
   * @param {(range: Object) => string} color
   * @param {{height?: number, labels?: boolean, over?: boolean}} options `labels`: write the text
   *   where it fits; `over`: drawn over another lane
   */
  constructor(name, ranges, color, { height = THIN, labels = false, over = false } = {}) {
    Object.assign(this, { name, color, height, labels, over });
    this.index = ranges instanceof IntervalIndex ? ranges : new IntervalIndex(ranges);
  }

  draw(ctx, y, view) {
    if (!this.over) {
      ctx.fillStyle = theme().faint;
      ctx.fillRect(view.left, y, view.width, this.height - 1);
    }
    // ranges that share a pixel are drawn once: thousands of them cost no more than the pixels
    let drawn = -1;
    for (const range of this.index.within(Math.floor(view.from), Math.ceil(view.to))) {
      const [x0, x1] = view.span(range.first, range.last);
      if (x1 <= x0) continue;
      const right = Math.max(x1, x0 + LEAST_PX);
      if (right <= drawn && !this.labels) continue;
      ctx.fillStyle = this.color(range);
      ctx.fillRect(x0, y, right - x0, this.height - 1);
      drawn = right;
      if (this.labels) this.label(ctx, range, x0, x1, y);
    }
  }

  label(ctx, { text, op }, x0, x1, y) {
    const style = theme();
    ctx.font = "10px system-ui, sans-serif";
    if (x1 - x0 < ctx.measureText(text).width + 8) return;
    ctx.fillStyle = op ? style["on-reject"] : style.text;
    ctx.textAlign = "left";
    ctx.fillText(text, x0 + 4, y + this.height / 2);
  }

  /** The ranges near a place; the shortest comes first, as the others are easier to hit. */
  at(seq, view) {
    const reach = REACH_PX * view.perPixel;
    return this.index.within(Math.floor(seq - reach), Math.ceil(seq + reach), MOST_AT_PLACE)
      .sort((a, b) => (a.last - a.first) - (b.last - b.first));
  }

  tip(seq, view) {
    return this.at(seq, view).map((range) => rangeText(range));
  }
}

/** A range in one line of words. */
export function rangeText({ kind, text, first, last }) {
  const where = first === last ? `frame ${first}` : `frames ${first} – ${last}`;
  const what = kind ? `${kind.replaceAll("_", " ")}: ` : "";
  return `${what}${text} (${where})`;
}

const WORDS = {
  filter: ["", "some keypoints get no weight", "the frame is left out"],
  severity: ["", "note", "odd", "bad"],
};
const UNITS = { lag: (value) => `${value} ms`, error: (value) => `${value / 100} of a torso` };

/** A lane that the server works out, in bins: see Bins. */
export class BinLane {
  /**
   * @param {Object} bins
   * @param {{key: string, title: string, kind: string, meaning: string}} about
   * @param {string[]} names of the values of an index, from 1
   */
  constructor(bins, { key, title, kind, meaning }, names = []) {
    Object.assign(this, { bins, key, kind, meaning, names, name: title });
    this.isCurve = kind === "level";
    this.height = this.isCurve ? CURVE : kind === "index" ? 13 : THIN;
    // errors of all keypoints have one scale: that of the worst of them
    const scale = key.startsWith("error:") ? "error" : key;
    this.full = this.isCurve ? bins.table[scale].reduce((a, b) => Math.max(a, b), 1) : 1;
  }

  draw(ctx, y, view) {
    const style = theme();
    ctx.fillStyle = style.faint;
    ctx.fillRect(view.left, y, view.width, this.height - 1);
    let [label, end] = [0, view.left];
    this.bins.each(this.key, view, (x0, x1, value) => {
      ctx.fillStyle = this.colorOf(value, style);
      const height = this.isCurve ? Math.max(2, (this.height - 2) * Math.min(1, value / this.full)) : this.height - 1;
      ctx.fillRect(x0, y + this.height - 1 - height, Math.max(x1 - x0, LEAST_PX), height);
      if (this.kind !== "index" || (value === label && x0 - end < 1.5)) {
        end = x1;
        return;
      }
      [label, end] = [value, x1];
      this.starts = this.starts || [];
      this.starts.push([x0, value]);
    });
    this.drawNames(ctx, y, view, style);
  }

  /** Write the name of each value where its run has room for it. */
  drawNames(ctx, y, view, style) {
    const starts = this.starts || [];
    this.starts = [];
    ctx.font = "10px system-ui, sans-serif";
    ctx.textAlign = "left";
    ctx.fillStyle = style.text;
    starts.forEach(([x, value], i) => {
      const text = this.names[value - 1] || "";
      const room = (starts[i + 1]?.[0] ?? view.left + view.width) - x;
      if (text && ctx.measureText(text).width + 6 < room) ctx.fillText(text, x + 3, y + this.height / 2);
    });
  }

  colorOf(value, style) {
    if (this.kind === "filter") return value > 1 ? style.reject : style.inferred;
    if (this.kind === "index") {
      if (this.key === "build") return style.untracked;
      return value % 2 ? style["index-odd"] : style["index-even"];
    }
    const { groups } = style;
    return { low_light: groups.light, mark: style.mark, pause: style.muted, lag: groups["times and pairs"],
      audit: groups.pose, gap: style.drop }[this.key] || groups["lost or damaged"];
  }

  /** The run of bins with the same value at a place. */
  at(seq) {
    const value = this.bins.at(this.key, seq);
    if (!value) return [];
    const { table } = this.bins;
    const values = table[this.key];
    let first = this.bins.indexOf(seq);
    let last = first;
    while (first > 0 && values[first - 1] === value) first -= 1;
    while (values[last + 1] === value) last += 1;
    return [{ first: table.first_seq[first], last: table.last_seq[last] }];
  }

  tip(seq) {
    const value = this.bins.at(this.key, seq);
    if (!value) return [];
    if (this.kind === "flag") return [rangeText({ kind: this.name, text: this.meaning, ...this.at(seq)[0] })];
    const words = this.kind === "index" ? this.names[value - 1]
      : WORDS[this.kind]?.[value] ?? (this.isCurve ? (UNITS[this.key.split(":")[0]] || String)(value) : "");
    const meaning = this.meaning ? ` (${this.meaning})` : "";
    return [`${this.name}${words ? `: ${words}` : ""}${meaning}`];
  }
}
