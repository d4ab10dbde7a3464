// Which frames are on view on the time line, and where. The axis is seq, so a dropped frame takes as
// much space as a stored one.

export const GUTTER = 112;
const RIGHT = 12;
const SMALLEST_VIEW = 20; // frames

export class Axis {
  constructor() {
    this.left = GUTTER;
    this.session = null;
    this.total = 0;
    [this.from, this.to] = [0, 1];
  }

  setSession(session) {
    this.session = session;
    this.showAll();
  }

  setWidth(total) {
    this.total = total;
    this.width = Math.max(1, total - GUTTER - RIGHT);
  }

  bounds() {
    const { session } = this;
    if (!session || session.rows === 0) return [0, 1];
    return [session.seq[0], session.seq[session.rows - 1] + 1];
  }

  showAll() {
    [this.from, this.to] = this.bounds();
    this.whole = true;
  }

  /** The session has grown: follow it where the whole of it was on view. */
  grown() {
    if (this.whole) this.showAll();
  }

  /** Zoom by a factor around a seq, which stays where it is. */
  zoom(factor, around) {
    const [first, last] = this.bounds();
    const width = Math.max(SMALLEST_VIEW, Math.min(last - first, (this.to - this.from) * factor));
    const share = (around - this.from) / (this.to - this.from);
    this.lookAt(around - Math.max(0, Math.min(1, share)) * width, width);
  }

  lookAt(from, width) {
    const [first, last] = this.bounds();
    this.from = Math.max(first, Math.min(last - width, from));
    this.to = Math.min(last, this.from + width);
    this.whole = this.from <= first && this.to >= last;
  }

  /** Bring a seq into view; return true if the view moved. */
  reveal(seq) {
    const width = this.to - this.from;
    if (this.whole || (seq >= this.from && seq <= this.to - width * 0.02)) return false;
    this.lookAt(seq - width * 0.1, width);
    return true;
  }

  /** Frames in a pixel. */
  get perPixel() {
    return (this.to - this.from) / this.width;
  }

  x(seq) {
    return this.left + (seq - this.from) / this.perPixel;
  }

  /** The place on the axis at an x; between frames too. */
  at(x) {
    const seq = this.from + (x - this.left) * this.perPixel;
    return Math.max(this.from, Math.min(this.to - 1e-6, seq));
  }

  isOnView(seq) {
    return seq >= this.from - 1 && seq <= this.to;
  }

  /** Screen x of the beginning and the end of a range, cut to what is on view. */
  span(first, last) {
    const x0 = Math.max(this.left, this.x(first));
    const x1 = Math.min(this.left + this.width, this.x(last + 1));
    return [x0, x1 > x0 ? Math.max(x1, x0 + 1) : x1];
  }

  /** The rows that share the pixel of a seq. */
  rows(seq) {
    const half = Math.max(0.5, this.perPixel / 2);
    const begin = this.session.indexAtOrAfter(Math.floor(seq + 0.5 - half));
    const end = this.session.indexAtOrAfter(Math.max(Math.floor(seq) + 1, Math.floor(seq + 0.5 + half)));
    return [begin, end];
  }

  /** The states of the keypoints in each column, {x, width, counts}; none while they are on the way. */
  counts() {
    const { session, from, to, width } = this;
    const known = this.counted;
    const states = session.stateIndex;
    if (known && known.states === states && known.from === from && known.to === to && known.width === width) {
      return known.columns;
    }
    const columns = [];
    if (states) {
      this.columns((x, across, begin, end) => {
        const counts = states.count(begin, end);
        if (counts) columns.push({ x, width: across, counts });
      });
    }
    // kept for all lanes of a drawing, and for the next one of the same part
    this.counted = { states, from, to, width, columns };
    return columns;
  }

  /** Call draw(x, width, begin, end) for each column: rows [begin, end) belong to it. */
  columns(draw) {
    const { session } = this;
    if (this.perPixel <= 1) {
      const end = session.indexAtOrAfter(this.to);
      const wide = this.perPixel < 0.2;
      for (let i = session.indexAtOrAfter(Math.floor(this.from)); i < end; i += 1) {
        // on whole pixels: else the seams between frames shine through
        const [x0, x1] = this.span(session.seq[i], session.seq[i]).map(Math.round);
        draw(x0, Math.max(1, x1 - x0 - (wide ? 1 : 0)), i, i + 1);
      }
      return;
    }
    let begin = session.indexAtOrAfter(this.at(this.left));
    for (let x = 0; x < this.width; x += 1) {
      const end = x + 1 >= this.width
        ? session.indexAtOrAfter(this.to) : session.indexAtOrAfter(this.at(this.left + x + 1));
      if (end > begin) draw(this.left + x, 1, begin, end);
      begin = end;
    }
  }
}
