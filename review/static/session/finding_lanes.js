// What the checks found, as lanes of the time line: one for each kind, or for each group of kinds
// where there are many. Hovering says it in words, a click jumps to where it begins.

import { theme } from "../theme.js";

const HEIGHT = 8;
const MOST_LANES = 8; // more kinds than this share the lanes of their groups
const REACH_PX = 3; // around a short finding that a pointer may miss

export class FindingLanes {
  constructor() {
    this.set([]);
  }

  /** Take the findings of a session; return true if the number of lanes has changed. */
  set(findings) {
    const before = this.lanes?.length;
    // what was lost has a lane of its own
    this.findings = findings.filter(({ first, kind }) => first !== null && !kind.startsWith("drop_"));
    const kinds = [...new Set(this.findings.map(({ kind }) => kind))];
    const laneOf = kinds.length <= MOST_LANES ? ({ kind }) => kind : ({ group }) => group;
    const lanes = new Map();
    for (const finding of this.findings) {
      const name = laneOf(finding);
      if (!lanes.has(name)) lanes.set(name, { name: name.replaceAll("_", " "), group: finding.group, findings: [] });
      lanes.get(name).findings.push(finding);
    }
    this.lanes = [...lanes.values()].sort((a, b) => a.group.localeCompare(b.group) || a.name.localeCompare(b.name));
    return this.lanes.length !== before;
  }

  get height() {
    return this.lanes.length ? this.lanes.length * HEIGHT + 4 : 0;
  }

  /** The top of each lane, and its name, below a given y. */
  rows(top) {
    return this.lanes.map((lane, i) => ({ ...lane, y: top + i * HEIGHT, height: HEIGHT }));
  }

  /**
   * Draw the lanes.
   * @param {CanvasRenderingContext2D} ctx
   * @param {number} top
   * @param {[number, number]} across the left edge and the width of the lanes
   * @param {(first: number, last: number) => [number, number]} span seqs -> screen x
   */
  draw(ctx, top, [left, width], span) {
    const colors = theme();
    for (const { y, height, group, findings } of this.rows(top)) {
      ctx.fillStyle = colors.faint;
      ctx.fillRect(left, y, width, height - 1);
      ctx.fillStyle = colors.groups[group] || colors.muted;
      for (const { first, last } of findings) {
        const [x0, x1] = span(first, last);
        if (x1 > x0) ctx.fillRect(x0, y, Math.max(2, x1 - x0), height - 1);
      }
    }
  }

  /** The findings under a point of the screen; the one that begins last comes first. */
  at(x, y, top, span) {
    const lane = this.rows(top).find((row) => y >= row.y && y < row.y + row.height);
    if (!lane) return [];
    return lane.findings.filter(({ first, last }) => {
      const [x0, x1] = span(first, last);
      return x1 > x0 && x >= x0 - REACH_PX && x <= x1 + REACH_PX;
    }).reverse();
  }

  /** The findings that a frame is part of. */
  of(seq) {
    return this.findings.filter(({ first, last }) => first <= seq && seq <= last);
  }
}

/** A finding in one line of words. */
export function findingText({ kind, text, first, last }) {
  const where = first === last ? `frame ${first}` : `frames ${first} – ${last}`;
  return `${kind.replaceAll("_", " ")}: ${text} (${where})`;
}
