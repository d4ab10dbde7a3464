// The live picture with the bodies that the sensor tracks. One request at a time, none while the
// page is hidden: the recording must not notice that someone looks.

import { fitCanvas } from "../dom.js";

const EVERY_MS = 150;
const AFTER_ERROR_MS = 1500;
const COLORS = { left: "#3fbdf5", right: "#ff9a4a", middle: "#e8ecf2" };
const EDGE = "rgba(8, 10, 14, 0.85)";
const [UNTRACKED, INFERRED] = [0, 1];

const sideOf = (name) =>
  /Left$|^l_/.test(name) ? "left" : /Right$|^r_/.test(name) ? "right" : "middle";

export class Preview {
  /**
   * @param {HTMLElement} stage filled by the canvas
   * @param {HTMLCanvasElement} canvas
   * @param {(after: number) => Promise<?Object>} picture asks for a picture newer than a number
   */
  constructor(stage, canvas, picture) {
    this.stage = stage;
    this.canvas = canvas;
    this.picture = picture;
    this.isWanted = true;
    this.shown = null;
    this.bones = [];
    this.sides = [];
    this.fps = 0;
    new ResizeObserver(() => this.draw()).observe(stage);
    document.addEventListener("visibilitychange", () => this.fetchNext());
    this.isBusy = false;
    this.fetchNext();
  }

  /** Ask for pictures, or not: no one sees them. */
  want(isWanted) {
    if (this.isWanted === isWanted) return;
    this.isWanted = isWanted;
    this.fetchNext();
  }

  /** Take the joints and bones of the sensor. */
  setSkeleton(skeleton) {
    this.bones = skeleton.bones;
    this.sides = skeleton.joints.map(sideOf);
  }

  async fetchNext() {
    if (this.isBusy || document.hidden || !this.isWanted) return;
    this.isBusy = true;
    clearTimeout(this.timer);
    let wait = EVERY_MS;
    try {
      const found = await this.picture(this.shown?.number ?? -1);
      if (found) {
        this.shown?.image.close();
        this.shown = found;
        this.draw();
      }
    } catch {
      wait = AFTER_ERROR_MS;
    }
    this.isBusy = false;
    this.timer = setTimeout(() => this.fetchNext(), wait);
  }

  /** Forget the picture: the sensor is gone. */
  clear() {
    if (!this.shown) return;
    this.shown.image.close();
    this.shown = null;
    this.canvas.getContext("2d").clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  draw() {
    fitCanvas(this.canvas, this.stage.clientWidth, this.stage.clientHeight);
    const ctx = this.canvas.getContext("2d");
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.shown) return;
    const { image, bodies } = this.shown;
    const scale = Math.min(this.canvas.width / image.width, this.canvas.height / image.height);
    const [width, height] = [image.width * scale, image.height * scale];
    const [left, top] = [(this.canvas.width - width) / 2, (this.canvas.height - height) / 2];
    ctx.drawImage(image, left, top, width, height);
    const place = ([x, y]) => [left + x * scale, top + y * scale];
    for (const body of bodies) this.drawBody(ctx, body, place);
    this.canvas.dataset.number = this.shown.number;
    this.canvas.dataset.bodies = bodies.length;
  }

  drawBody(ctx, body, place) {
    const unit = window.devicePixelRatio || 1;
    const at = (joint) => {
      const found = body[joint];
      return found?.length && found[2] !== UNTRACKED ? place(found) : null;
    };
    ctx.lineCap = "round";
    for (const [a, b] of this.bones) {
      const [from, to] = [at(a), at(b)];
      if (!from || !to) continue;
      const isInferred = body[a][2] === INFERRED || body[b][2] === INFERRED;
      for (const [color, width] of [[EDGE, 6], [COLORS[this.sides[b]], 3]]) {
        ctx.beginPath();
        ctx.setLineDash(isInferred ? [6 * unit, 7 * unit] : []);
        ctx.moveTo(...from);
        ctx.lineTo(...to);
        ctx.strokeStyle = color;
        ctx.lineWidth = width * unit;
        ctx.stroke();
      }
    }
    ctx.setLineDash([]);
    body.forEach((found, joint) => {
      const spot = at(joint);
      if (!spot) return;
      ctx.beginPath();
      ctx.arc(...spot, 3.5 * unit, 0, 2 * Math.PI);
      ctx.fillStyle = found[2] === INFERRED ? EDGE : COLORS[this.sides[joint]];
      ctx.strokeStyle = COLORS[this.sides[joint]];
      ctx.lineWidth = 1.5 * unit;
      ctx.fill();
      ctx.stroke();
    });
  }
}
