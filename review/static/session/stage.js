// The picture and the joints over it, on two canvases, fitted into the available space.

import { $, fitCanvas } from "../dom.js";
import { drawPeople } from "./overlay.js";

const ZOOM_MARGIN = 0.18; // of the person's height, around the joints
const ZOOM_EASE = 0.25; // how much of the way the view follows a moving person in one frame

export class Stage {
  constructor(skeleton) {
    this.skeleton = skeleton;
    this.picture = $("picture");
    this.overlay = $("overlay");
    this.clear();
  }

  clear() {
    this.shown = null;
    this.view = null;
    for (const canvas of [this.picture, this.overlay]) {
      canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    }
    this.notice(null);
    this.verdict(null);
  }

  begin(session) {
    this.clear();
    [this.width, this.height] = session.info.color_size_px;
    this.mirrored = session.info.mirrored;
  }

  /** Fit the canvases into the stage, in the picture's proportions. */
  resize() {
    const stage = $("stage");
    const [width, height] = [this.width || 1920, this.height || 1080];
    const scale = Math.min(stage.clientWidth / width, stage.clientHeight / height);
    const [w, h] = [Math.floor(width * scale), Math.floor(height * scale)];
    if (w < 1 || h < 1) return;
    fitCanvas(this.picture, w, h);
    fitCanvas(this.overlay, w, h);
    this.shown = null;
  }

  /**
   * Draw a frame; while its picture is on the way the one before stays, without joints over it.
   * @param {number} seq
   * @param {Object} frames the FrameStore
   * @param {?Array} people null while they are on the way
   * @param {Object} show the toggles
   * @param {boolean} moving whether the next one comes at once
   */
  draw(seq, frames, people, show, moving) {
    this.show = show;
    // scaling well costs more than decoding: it is for pictures that do not move
    this.quality = moving ? "low" : "high";
    const bitmap = frames.get(seq);
    const damage = frames.damaged.get(seq);
    this.notice(damage ? `Frame ${seq} is damaged: ${damage}` : null);
    if (!bitmap && !damage) {
      if (this.shown !== seq) this.wipe(this.overlay);
      return;
    }
    this.follow(people, show);
    if (bitmap) this.drawPicture(bitmap);
    else this.wipe(this.picture);
    this.shown = seq;
    this.drawOverlay(people, show);
    this.overlay.dataset.seq = seq;
  }

  /** While the mouse is dragged, any picture that arrives is better than none. */
  showStale(seq, frames, wanted) {
    const bitmap = frames.get(seq);
    if (!bitmap || frames.has(wanted) || this.shown === wanted) return;
    this.drawPicture(bitmap);
    this.shown = null;
  }

  drawPicture(bitmap) {
    const ctx = this.picture.getContext("2d");
    const { x, y, w, h } = this.area();
    ctx.imageSmoothingQuality = this.quality;
    const flip = this.isFlipped();
    ctx.setTransform(flip ? -1 : 1, 0, 0, 1, flip ? this.picture.width : 0, 0);
    ctx.drawImage(bitmap, x, y, w, h, 0, 0, this.picture.width, this.picture.height);
  }

  drawOverlay(people, show) {
    const ctx = this.wipe(this.overlay);
    if (!people) return;
    const ratio = window.devicePixelRatio || 1;
    const { x, y, w, h } = this.area();
    const scale = this.overlay.width / w;
    const flip = this.isFlipped();
    // pixel centres are at integers: the picture begins at -0.5
    const place = (px, py) => {
      const across = (px + 0.5 - x) * scale;
      return [flip ? this.overlay.width - across : across, (py + 0.5 - y) * (this.overlay.height / h)];
    };
    drawPeople(ctx, people, place, show, this.skeleton, ratio);
  }

  wipe(canvas) {
    const ctx = canvas.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    return ctx;
  }

  /** The room can be shown as it is only where the stored picture is a mirror image. */
  isFlipped() {
    return Boolean(this.show?.unmirror && this.mirrored);
  }

  /** The part of the stored picture that is on view. */
  area() {
    return this.view || { x: 0, y: 0, w: this.width, h: this.height };
  }

  /** Move the view along with the person. */
  follow(people, show) {
    if (!show.zoom) {
      this.view = null;
      return;
    }
    const wanted = people?.length ? this.around(people[0]) : null;
    if (!wanted) return;
    const from = this.view;
    this.view = from
      ? Object.fromEntries(Object.keys(wanted).map((k) => [k, from[k] + ZOOM_EASE * (wanted[k] - from[k])]))
      : wanted;
  }

  around(person) {
    let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let joint = 0; joint < person.states.length; joint += 1) {
      const [x, y] = [person.points[2 * joint], person.points[2 * joint + 1]];
      if (!Number.isFinite(x) || !Number.isFinite(y) || !person.states[joint]) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
    if (!(right > left)) return null;
    const aspect = this.width / this.height;
    const h = Math.min(this.height, Math.max(bottom - top, (right - left) / aspect) * (1 + 2 * ZOOM_MARGIN));
    const w = h * aspect;
    const x = Math.max(0, Math.min(this.width - w, (left + right - w) / 2));
    const y = Math.max(0, Math.min(this.height - h, (top + bottom - h) / 2));
    return { x, y, w, h };
  }

  notice(text) {
    const node = $("v-notice");
    node.hidden = !text;
    node.textContent = text || "";
  }

  verdict(op) {
    const node = $("v-verdict");
    node.hidden = op !== "reject";
    node.textContent = op === "reject" ? "rejected" : "";
    $("stage").classList.toggle("rejected", op === "reject");
  }
}
