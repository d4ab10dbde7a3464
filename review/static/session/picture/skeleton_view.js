// The skeleton in space beside the picture: a fault in depth is invisible in the picture. It can be
// turned with the mouse or the keys, or looked at from the front, the side or the top.

import { $, fitCanvas } from "../../dom.js";
import { onThemeChange, theme } from "../../theme.js";

export const SIDES = {
  front: [0, 0], side: [Math.PI / 2, 0], top: [0, Math.PI / 2], free: [0.6, 0.25],
};
const STEP = Math.PI / 12;
const HALF_M = 1.15; // metres from the middle to the edge of the view
const INFERRED = 1;

export class SkeletonView {
  constructor(skeleton) {
    this.skeleton = skeleton;
    this.canvas = $("space");
    this.people = null;
    this.mirrored = false;
    this.look("free");
    this.listen();
    onThemeChange(() => this.draw());
  }

  /** Look from one of the sides; without a name, from the next one. */
  look(name) {
    const names = Object.keys(SIDES);
    this.side = name || names[(names.indexOf(this.side) + 1) % names.length];
    [this.yaw, this.pitch] = SIDES[this.side];
    for (const button of document.querySelectorAll("[data-side]")) {
      button.setAttribute("aria-pressed", String(button.dataset.side === this.side));
    }
    this.draw();
  }

  /** Turn by steps around the upright, and up or down. */
  turn(across, down = 0) {
    this.yaw += across * STEP;
    this.pitch = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, this.pitch + down * STEP));
    this.draw();
  }

  resize() {
    const box = this.canvas.parentElement;
    if (box.hidden || !box.clientWidth) return;
    fitCanvas(this.canvas, box.clientWidth, Math.max(120, box.clientHeight - 34));
    this.draw();
  }

  /**
   * Show the people of a frame.
   * @param {?Array} people see Session.people; null while they are on the way
   */
  show(people) {
    this.people = people;
    this.draw();
  }

  draw() {
    const { canvas } = this;
    if (canvas.parentElement.hidden) return;
    const ctx = canvas.getContext("2d");
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.clearRect(0, 0, canvas.width, canvas.height);
    const person = this.people?.find(({ xyz }) => xyz);
    canvas.setAttribute("aria-label", person
      ? `The skeleton in space, seen from: ${this.side}`
      : "The skeleton in space: no one was seen");
    if (!person) return;
    const ratio = window.devicePixelRatio || 1;
    const place = this.placing(person);
    this.drawFloor(ctx, person, place, ratio);
    for (const other of this.people) if (other.xyz) this.drawPerson(ctx, other, place, ratio);
    this.drawSensor(ctx, place, ratio);
  }

  /** The way from metres in the sensor's frame to pixels of the canvas, around a person. */
  placing(person) {
    const { canvas, yaw, pitch } = this;
    const middle = [0, 1, 2].map((axis) => person.xyz[axis] || 0);
    const scale = Math.min(canvas.width, canvas.height) / (2 * HALF_M);
    const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
    return (x, y, z) => {
      const [dx, dy, dz] = [x - middle[0], y - middle[1], z - middle[2]];
      const across = dx * cy + dz * sy;
      const away = -dx * sy + dz * cy;
      const up = dy * cp + away * sp;
      return [canvas.width / 2 - across * scale, canvas.height / 2 - up * scale];
    };
  }

  drawFloor(ctx, person, place, ratio) {
    let low = Infinity;
    for (let joint = 0; joint < person.states.length; joint += 1) {
      if (person.states[joint] && person.xyz[3 * joint + 1] < low) low = person.xyz[3 * joint + 1];
    }
    if (!Number.isFinite(low)) return;
    ctx.strokeStyle = theme().line;
    ctx.lineWidth = ratio;
    const [x0, z0] = [Math.round(person.xyz[0] * 2) / 2, Math.round(person.xyz[2] * 2) / 2];
    ctx.beginPath();
    for (let i = -2; i <= 2; i += 1) {
      ctx.moveTo(...place(x0 + i / 2, low, z0 - 1));
      ctx.lineTo(...place(x0 + i / 2, low, z0 + 1));
      ctx.moveTo(...place(x0 - 1, low, z0 + i / 2));
      ctx.lineTo(...place(x0 + 1, low, z0 + i / 2));
    }
    ctx.stroke();
  }

  /** An arrow on the floor that says where the sensor is. */
  drawSensor(ctx, place, ratio) {
    const [x, y] = place(0, 0, 0);
    const [w, h] = [this.canvas.width, this.canvas.height];
    const [dx, dy] = [x - w / 2, y - h / 2];
    const far = Math.hypot(dx, dy);
    if (far < 20 * ratio) return;
    const reach = Math.min(w, h) / 2 - 14 * ratio;
    ctx.fillStyle = theme().muted;
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText("sensor", w / 2 + (dx / far) * Math.max(0, reach - 14 * ratio), h / 2 + (dy / far) * reach);
  }

  drawPerson(ctx, person, place, ratio) {
    const { skeleton } = this;
    const colors = theme();
    const sides = { left: colors.left, right: colors.right, middle: colors.head };
    const at = (joint) => {
      const [x, y, z] = person.xyz.subarray(3 * joint, 3 * joint + 3);
      return person.states[joint] && Number.isFinite(x + y + z) ? place(x, y, z) : null;
    };
    for (const [a, b] of skeleton.bones) {
      const [from, to] = [at(a), at(b)];
      if (!from || !to) continue;
      const inferred = person.states[a] === INFERRED || person.states[b] === INFERRED;
      ctx.setLineDash(inferred ? [4 * ratio, 4 * ratio] : []);
      ctx.strokeStyle = sides[skeleton.jointSide[b]];
      ctx.lineWidth = 2.4 * ratio;
      ctx.lineCap = inferred ? "butt" : "round";
      ctx.beginPath();
      ctx.moveTo(...from);
      ctx.lineTo(...to);
      ctx.stroke();
    }
    ctx.setLineDash([]);
    skeleton.joints.forEach((_, joint) => {
      const spot = at(joint);
      if (!spot) return;
      ctx.beginPath();
      ctx.arc(...spot, 2.8 * ratio, 0, 2 * Math.PI);
      ctx.fillStyle = sides[skeleton.jointSide[joint]];
      ctx.fill();
    });
  }

  listen() {
    const { canvas } = this;
    for (const button of document.querySelectorAll("[data-side]")) {
      button.addEventListener("click", () => this.look(button.dataset.side));
    }
    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      from = [event.clientX, event.clientY];
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      this.turn((event.clientX - from[0]) / 30, (event.clientY - from[1]) / 30);
      from = [event.clientX, event.clientY];
    });
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => { from = null; });
    }
  }
}
