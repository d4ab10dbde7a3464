// The picture and what is drawn over it, on two canvases, fitted into the available space. The wheel
// zooms at the pointer, dragging moves the view, or a keypoint that it begins at.

import { $, fitCanvas } from "../../dom.js";
import { drawBoxes, drawMasks, drawPeople, drawSelected } from "./overlay.js";
import { drawPredictions } from "./predictions.js";
import { ViewBox } from "./view_box.js";

const SHARP_ZOOM = 3; // screen pixels of one stored pixel: from here on pixels are squares
const REACH_PX = 12; // around a keypoint
const WHEEL = 1.2;

export class Stage {
  /**
   * @param {Object} skeleton
   * @param {{grab: Function, move: Function, drop: Function, redraw: Function}} on what is done to
   *   a keypoint, and when the view has changed
   */
  constructor(skeleton, on) {
    Object.assign(this, { skeleton, on });
    this.picture = $("picture");
    this.overlay = $("overlay");
    this.clear();
    this.listen();
  }

  clear() {
    this.shown = null;
    this.view = null;
    this.people = null;
    for (const canvas of [this.picture, this.overlay]) this.wipe(canvas);
    delete this.overlay.dataset.seq;
    this.notice(null);
    this.verdict(null);
  }

  begin(session) {
    this.clear();
    [this.width, this.height] = session.info.color_size_px;
    this.mirrored = session.info.mirrored;
    this.view = new ViewBox(this.width, this.height);
  }

  /** Fit the canvases into the stage, in the picture's proportions. */
  resize() {
    const stage = $("stage");
    const [width, height] = [this.width || 1920, this.height || 1080];
    const scale = Math.min(stage.clientWidth / width, stage.clientHeight / height);
    const [w, h] = [Math.floor(width * scale), Math.floor(height * scale)];
    if (w < 1 || h < 1) return;
    const changed = [fitCanvas(this.picture, w, h), fitCanvas(this.overlay, w, h)];
    if (changed.includes(true)) this.shown = null;
  }

  /**
   * Draw a frame; while its picture is on the way the one before stays, without joints over it.
   * @param {Object} frame {seq, bitmap, damage, people (null while they are on the way),
   *   predictions, masks, selected}
   * @param {Object} show the toggles
   * @param {boolean} moving whether the next one comes at once
   */
  draw(frame, show, moving) {
    const { seq, bitmap, damage, people } = frame;
    this.show = show;
    this.frame = frame;
    this.people = people;
    // scaling well costs more than decoding: it is for pictures that do not move
    this.quality = moving ? "low" : "high";
    this.notice(damage ? `Frame ${seq} is damaged: ${damage}` : null);
    if (!bitmap && !damage) {
      if (this.shown !== seq) this.wipe(this.overlay);
      return;
    }
    if (show.zoom) this.view.follow(people?.[0]);
    if (bitmap) this.drawPicture(bitmap);
    else this.wipe(this.picture);
    this.shown = seq;
    this.wipe(this.overlay);
    this.drawOverlay(frame, show);
    this.overlay.dataset.seq = seq;
  }

  /** While the mouse is dragged, any picture that arrives is better than none. */
  showStale(bitmap, wanted) {
    if (!bitmap || this.shown === wanted) return;
    this.drawPicture(bitmap);
    this.shown = null;
  }

  drawPicture(bitmap, canvas = this.picture) {
    const ctx = canvas.getContext("2d");
    const { x, y, w, h } = this.view;
    // a preview has fewer pixels than the picture that it stands for
    const share = bitmap.width / this.width;
    ctx.imageSmoothingEnabled = canvas.width / w < SHARP_ZOOM * (window.devicePixelRatio || 1) || share < 1;
    ctx.imageSmoothingQuality = this.quality || "low";
    const flip = this.isFlipped();
    ctx.setTransform(flip ? -1 : 1, 0, 0, 1, flip ? canvas.width : 0, 0);
    ctx.drawImage(bitmap, x * share, y * share, w * share, h * share, 0, 0, canvas.width, canvas.height);
    ctx.setTransform(1, 0, 0, 1, 0, 0);
  }

  drawOverlay({ people, predictions, masks, selected }, show, canvas = this.overlay) {
    const ctx = canvas.getContext("2d");
    const ratio = canvas === this.overlay ? window.devicePixelRatio || 1 : canvas.width / 1280;
    const place = (px, py) => this.toCanvas(px, py, canvas);
    if (masks) drawMasks(ctx, masks, place, ratio);
    if (people) {
      if (show.boxes) drawBoxes(ctx, people, place, ratio);
      drawPeople(ctx, people, place, show, this.skeleton, ratio);
    }
    if (predictions?.length) drawPredictions(ctx, predictions, people, place, this.skeleton, ratio);
    if (people && selected) drawSelected(ctx, people, selected, place, ratio);
  }

  /** What is on view, a pixel for each stored one, with what is drawn over it. */
  snapshot(bitmap, frame) {
    const canvas = new OffscreenCanvas(Math.round(this.view.w), Math.round(this.view.h));
    if (bitmap) this.drawPicture(bitmap, canvas);
    this.drawOverlay({ ...frame, selected: null }, this.show, canvas);
    return canvas;
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

  /** Canvas pixels on which the whole picture, part of which is on view, is shown. */
  get pixelsAcross() {
    return this.view ? (this.picture.width * this.width) / this.view.w : this.width;
  }

  /** Canvas pixels of one stored pixel. */
  get scale() {
    return this.overlay.width / this.view.w;
  }

  /** Stored pixels -> canvas pixels. Pixel centres are at integers: the picture begins at -0.5. */
  toCanvas(px, py, { width, height }) {
    const across = (px + 0.5 - this.view.x) * (width / this.view.w);
    return [
      this.isFlipped() ? width - across : across,
      (py + 0.5 - this.view.y) * (height / this.view.h),
    ];
  }

  /** A place of the page -> stored pixels. */
  toPicture(event) {
    const box = this.overlay.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    return [
      this.view.x + (this.isFlipped() ? 1 - share : share) * this.view.w - 0.5,
      this.view.y + ((event.clientY - box.top) / box.height) * this.view.h - 0.5,
    ];
  }

  /** The keypoint near a place of the page, or null. */
  keypointNear(event) {
    const [x, y] = this.toPicture(event);
    const reach = (REACH_PX * (window.devicePixelRatio || 1)) / this.scale;
    let best = null;
    for (const person of this.people || []) {
      if (person.id === null) continue;
      this.skeleton.keypoint_joint.forEach((joint, keypoint) => {
        const away = Math.hypot(person.points[2 * joint] - x, person.points[2 * joint + 1] - y);
        if (away <= (best?.away ?? reach)) best = { away, id: person.id, keypoint };
      });
    }
    return best && { id: best.id, keypoint: best.keypoint };
  }

  zoomBy(factor, at = null) {
    if (!this.view) return;
    const { x, y, w, h } = this.view;
    this.view.zoomAt(factor, at || [x + w / 2, y + h / 2]);
    this.on.redraw();
  }

  panBy(across, down) {
    if (!this.view) return;
    this.view.pan(this.isFlipped() ? -across : across, down);
    this.on.redraw();
  }

  whole() {
    this.view?.whole();
    this.on.redraw();
  }

  listen() {
    const { overlay } = this;
    let drag = null;
    overlay.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.view) return;
      overlay.setPointerCapture(event.pointerId);
      const point = this.keypointNear(event);
      drag = { point, x: event.clientX, y: event.clientY, moved: false };
      this.on.grab(point);
    });
    overlay.addEventListener("pointermove", (event) => {
      if (!this.view) return;
      if (!drag) {
        overlay.classList.toggle("grab", this.keypointNear(event) !== null);
        return;
      }
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      // a click that trembles moves nothing
      if (!drag.moved && Math.hypot(dx, dy) < 3) return;
      drag.moved = true;
      if (drag.point) this.on.move(drag.point, this.toPicture(event));
      else this.panBy(-dx / overlay.clientWidth, -dy / overlay.clientHeight);
      [drag.x, drag.y] = [event.clientX, event.clientY];
    });
    const end = () => {
      if (drag?.moved && drag.point) this.on.drop(drag.point);
      drag = null;
    };
    overlay.addEventListener("pointerup", end);
    overlay.addEventListener("pointercancel", end);
    overlay.addEventListener("dblclick", () => this.whole());
    overlay.addEventListener("wheel", (event) => {
      if (!this.view || event.ctrlKey) return;
      event.preventDefault();
      this.zoomBy(event.deltaY > 0 ? 1 / WHEEL : WHEEL, this.toPicture(event));
    }, { passive: false });
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
