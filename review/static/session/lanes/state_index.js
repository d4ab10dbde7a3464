// The tracking states of all frames, summed up once, so that a column of the time line counts any
// number of frames at once and no single bad frame is hidden between two samples.

import { lowerBound } from "./intervals.js";

export const NO_BODY = 255;

export class StateIndex {
  /**
   * @param {Uint8Array} states rows x keypoints: 0 not tracked, 1 inferred, 2 tracked, NO_BODY
   * @param {number} keypoints
   */
  constructor(states, keypoints) {
    const rows = states.length / keypoints;
    this.keypoints = keypoints;
    // sums up to each row: no one, then inferred and untracked of each keypoint
    this.width = 1 + 2 * keypoints;
    this.sums = new Uint32Array((rows + 1) * this.width);
    const changes = [];
    const { sums, width } = this;
    for (let row = 0; row < rows; row += 1) {
      const at = (row + 1) * width;
      const from = row * keypoints;
      sums.copyWithin(at, at - width, at);
      let changed = row === 0;
      if (states[from] === NO_BODY) sums[at] += 1;
      for (let k = 0; k < keypoints; k += 1) {
        const state = states[from + k];
        if (state === 1) sums[at + 1 + k] += 1;
        else if (state === 0) sums[at + 1 + keypoints + k] += 1;
        if (!changed && state !== states[from + k - keypoints]) changed = true;
      }
      if (changed && row > 0) changes.push(row);
    }
    this.changes = Int32Array.from(changes);
  }

  /** Count the states over rows [begin, end); null where there are no rows. */
  count(begin, end) {
    if (end <= begin) return null;
    const { sums, width, keypoints } = this;
    const [low, high] = [begin * width, end * width];
    const of = (i) => sums[high + i] - sums[low + i];
    const nobody = of(0);
    const inferred = new Uint32Array(keypoints);
    const untracked = new Uint32Array(keypoints);
    for (let k = 0; k < keypoints; k += 1) {
      inferred[k] = of(1 + k);
      untracked[k] = of(1 + keypoints + k);
    }
    return { seen: end - begin - nobody, nobody, inferred, untracked };
  }

  /** The nearest row after (or before) this one with other states; this one where there is none. */
  change(row, direction) {
    const after = lowerBound(this.changes, row + 1);
    if (direction > 0) return this.changes[after] ?? row;
    return after > 0 ? this.changes[after - 1] - 1 : row;
  }
}
