// Ranges of frames that may overlap, found by a frame without looking at all of them.

export class IntervalIndex {
  /** @param {Array<{first: number, last: number}>} items in any order */
  constructor(items) {
    this.items = [...items].sort((a, b) => a.first - b.first || a.last - b.last);
    this.firsts = Float64Array.from(this.items, ({ first }) => first);
    // the greatest last of each node of an implicit tree over the sorted items
    this.size = 1;
    while (this.size < this.items.length) this.size *= 2;
    this.tree = new Float64Array(2 * this.size).fill(-Infinity);
    this.items.forEach(({ last }, i) => { this.tree[this.size + i] = last; });
    for (let i = this.size - 1; i > 0; i -= 1) {
      this.tree[i] = Math.max(this.tree[2 * i], this.tree[2 * i + 1]);
    }
  }

  get length() {
    return this.items.length;
  }

  /** The items that touch [first, last], in their order, at most as many as asked for. */
  within(first, last, most = Infinity) {
    const found = [];
    const end = lowerBound(this.firsts, last + 1, this.firsts.length);
    const look = (node, begin, width) => {
      if (begin >= end || this.tree[node] < first || found.length >= most) return;
      if (width === 1) {
        found.push(this.items[begin]);
        return;
      }
      look(2 * node, begin, width / 2);
      look(2 * node + 1, begin + width / 2, width / 2);
    };
    if (this.items.length) look(1, 0, this.size);
    return found;
  }

  /** The items that a frame is part of. */
  at(seq, most) {
    return this.within(seq, seq, most);
  }

  /** The first item that begins after a frame, or the last one that begins before it. */
  next(seq, direction) {
    if (direction > 0) return this.items[lowerBound(this.firsts, seq + 1, this.firsts.length)] ?? null;
    return this.items[lowerBound(this.firsts, seq, this.firsts.length) - 1] ?? null;
  }
}

/** The first place in a rising list whose value is at least the wanted one. */
export function lowerBound(values, wanted, length = values.length) {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
