// The part of the picture that is on view: the whole of it, a part that was zoomed to, or the
// surroundings of a person that it follows.

const MOST_ZOOM = 24;
const MARGIN = 0.18; // of the person's height, around the joints
const EASE = 0.25; // how much of the way the view follows a moving person in one frame

export class ViewBox {
  constructor(width, height) {
    Object.assign(this, { width, height });
    this.whole();
  }

  /** Show the whole picture. */
  whole() {
    Object.assign(this, { x: 0, y: 0, w: this.width, h: this.height });
  }

  get isWhole() {
    return this.w >= this.width;
  }

  get zoom() {
    return this.width / this.w;
  }

  /** Zoom by a factor around a place of the picture, which stays where it is. */
  zoomAt(factor, [px, py]) {
    const zoom = Math.max(1, Math.min(MOST_ZOOM, this.zoom * factor));
    const [w, h] = [this.width / zoom, this.height / zoom];
    this.place(px - ((px - this.x) / this.w) * w, py - ((py - this.y) / this.h) * h, w, h);
  }

  /** Move by shares of what is on view. */
  pan(across, down) {
    this.place(this.x + across * this.w, this.y + down * this.h, this.w, this.h);
  }

  place(x, y, w, h) {
    this.x = Math.max(0, Math.min(this.width - w, x));
    this.y = Math.max(0, Math.min(this.height - h, y));
    [this.w, this.h] = [w, h];
  }

  /** Move some of the way to a person, all of it where the view was the whole picture. */
  follow(person) {
    const wanted = person && this.around(person);
    if (!wanted) return;
    const ease = this.isWhole ? 1 : EASE;
    const [x, y, w, h] = ["x", "y", "w", "h"].map((k) => this[k] + ease * (wanted[k] - this[k]));
    this.place(x, y, w, h);
  }

  /** The part of the picture around a person's joints, in the picture's proportions. */
  around(person) {
    const box = boxOf(person);
    if (!box) return null;
    const [left, top, right, bottom] = box;
    const aspect = this.width / this.height;
    const size = Math.max(bottom - top, (right - left) / aspect) * (1 + 2 * MARGIN);
    const h = Math.max(this.height / MOST_ZOOM, Math.min(this.height, size));
    const w = h * aspect;
    return { x: (left + right - w) / 2, y: (top + bottom - h) / 2, w, h };
  }
}

/** The box around the joints of a person: left, top, right, bottom; null where there are none. */
export function boxOf(person) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let joint = 0; joint < person.states.length; joint += 1) {
    const [x, y] = [person.points[2 * joint], person.points[2 * joint + 1]];
    if (!Number.isFinite(x) || !Number.isFinite(y) || !person.states[joint]) continue;
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  return right > left ? [left, top, right, bottom] : null;
}
