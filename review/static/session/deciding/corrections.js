// Correcting keypoints: moving one, its visibility, sides exchanged over a range, copying from the
// frame before, and interpolating between two corrected frames.

import { rangeWords } from "./deciding.js";

const VISIBILITY = ["not labelled", "occluded", "visible"];
const NOT_DECIDED = 255;
const SETTLE_MS = 350; // arrow keys that follow each other are one decision

export class Corrections {
  constructor(viewer) {
    this.viewer = viewer;
    this.forget();
  }

  /** Nothing is selected. */
  forget() {
    clearTimeout(this.timer);
    this.selected = null;
    this.pending = null;
  }

  /** Select a keypoint of a person: {id, keypoint}, or null. */
  select(point) {
    this.settle();
    const { skeleton } = this.viewer;
    this.selected = point && { ...point, joint: skeleton.keypoint_joint[point.keypoint] };
    this.viewer.drawFrame();
    if (point) this.viewer.say(`${this.name}: drag it or press the arrow keys; V: visibility`);
  }

  get name() {
    return this.viewer.skeleton.keypoints[this.selected.keypoint];
  }

  /** Select the next keypoint of the nearest person, or the one before. */
  selectNext(direction) {
    const { viewer } = this;
    const person = this.person() || viewer.people()?.find(({ id }) => id !== null);
    if (!person) {
      viewer.say("There is no one to correct in this frame.");
      return;
    }
    const count = viewer.skeleton.keypoints.length;
    const from = this.selected ? this.selected.keypoint : direction > 0 ? -1 : 0;
    this.select({ id: person.id, keypoint: (from + direction + count) % count });
  }

  person(people = this.viewer.people()) {
    return this.selected && people?.find(({ id }) => id === this.selected.id);
  }

  // ---- moving ----

  /** Show a keypoint at another place; it is stored by settle. */
  move(point, [x, y]) {
    const { viewer } = this;
    viewer.player.pause();
    const person = this.person();
    if (!person || !this.selected) return;
    const joint = this.selected.joint;
    person.points[2 * joint] = x;
    person.points[2 * joint + 1] = y;
    if (person.states[joint] === 0) person.states[joint] = 2;
    this.pending = { seq: viewer.seq, id: person.id, name: this.name, xy: [x, y] };
    viewer.drawFrame();
  }

  nudge(dx, dy) {
    const person = this.person();
    if (!person) return;
    const { joint } = this.selected;
    const flip = this.viewer.stage.isFlipped() ? -1 : 1;
    const at = [person.points[2 * joint] + flip * dx, person.points[2 * joint + 1] + dy];
    if (!at.every(Number.isFinite)) return;
    this.move(this.selected, at);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.settle(), SETTLE_MS);
  }

  /** Store the place that a keypoint was moved to. */
  settle() {
    clearTimeout(this.timer);
    const { pending } = this;
    this.pending = null;
    if (!pending) return;
    const { seq, id, name, xy } = pending;
    this.viewer.deciding.store([moveOf(seq, id, name, xy)], `Moved ${name} in frame ${seq}. Saved.`);
  }

  // ---- the rest ----

  /** The next visibility of the selected keypoint: visible, occluded, not labelled. */
  changeVisibility() {
    const person = this.person();
    if (!person) {
      this.viewer.say("Select a keypoint first: click it, or press O.");
      return;
    }
    const decided = person.visibility[this.selected.joint];
    const tracked = person.states[this.selected.joint] === 2;
    const value = ((decided === NOT_DECIDED ? (tracked ? 2 : 1) : decided) + 2) % 3;
    this.viewer.deciding.store(
      [{ op: "visibility", seq: this.viewer.seq, tracking_id: person.id, keypoint: this.name, value }],
      `${this.name} is ${VISIBILITY[value]} in frame ${this.viewer.seq}. Saved.`);
  }

  /** Exchange left and right of a person over the range. */
  swapSides() {
    const { viewer } = this;
    const person = this.person() || viewer.people()?.[0];
    if (!person || person.id === null) {
      viewer.say("There is no one in this frame.");
      return;
    }
    const [first, last] = viewer.deciding.range();
    viewer.deciding.store(
      [{ op: "swap_sides", seq_first: first, seq_last: last, tracking_id: person.id }],
      `Exchanged left and right in ${rangeWords(first, last)}. Saved.`);
    viewer.deciding.setMarks(null, null);
  }

  /** Put the selected keypoint, or all of them, where they are in the frame before. */
  copyFromBefore() {
    const { viewer } = this;
    const person = this.person() || viewer.people()?.[0];
    if (!person) {
      viewer.say("There is no one in this frame.");
      return;
    }
    const keypoints = this.selected ? { keypoints: [this.name] } : {};
    viewer.deciding.store(
      [{ op: "copy_previous", seq: viewer.seq, tracking_id: person.id, ...keypoints }],
      `Copied ${this.selected ? this.name : "all keypoints"} from the frame before. Saved.`);
  }

  /** Interpolate the selected keypoint, or all, between the corrected frames around this one. */
  interpolate() {
    const { viewer } = this;
    const person = this.person() || viewer.people()?.[0];
    if (!person) {
      viewer.say("There is no one in this frame.");
      return;
    }
    const [first, last] = viewer.deciding.isMarked ? viewer.deciding.range() : this.corrected(person.id);
    if (!(last > first + 1)) {
      viewer.say("Correct a frame before and one after this; or mark the range between them.");
      return;
    }
    const keypoints = this.selected ? { keypoints: [this.name] } : {};
    viewer.deciding.store(
      [{ op: "interpolate", seq_first: first, seq_last: last, tracking_id: person.id, ...keypoints }],
      `Interpolated ${this.selected ? this.name : "all keypoints"} in ${rangeWords(first + 1, last - 1)}. Saved.`);
    viewer.deciding.setMarks(null, null);
  }

  /** The nearest frames before and after this one in which the person was corrected. */
  corrected(id) {
    const { seq, session } = this.viewer;
    let [first, last] = [-Infinity, Infinity];
    for (const move of session.info.edits.moves || []) {
      const here = move.op === "move" && move.tracking_id === id
        && (!this.selected || move.keypoint === this.name);
      if (!here) continue;
      if (move.seq <= seq && move.seq > first) first = move.seq;
      if (move.seq > seq && move.seq < last) last = move.seq;
    }
    return Number.isFinite(first) && Number.isFinite(last) ? [first, last] : [0, 0];
  }
}

function moveOf(seq, id, keypoint, xy) {
  return { op: "move", seq, tracking_id: id, keypoint, xy_px: xy.map((v) => Math.round(v * 10) / 10) };
}
