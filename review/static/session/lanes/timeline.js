// The time line under the picture: a ruler, and lanes over all frames or a part of them. Hovering says
// in words what is there, a click jumps to where it begins, the wheel zooms.

import { clockText, fitCanvas } from "../../dom.js";
import { onThemeChange, theme } from "../../theme.js";
import { Axis, GUTTER } from "./axis.js";
import { makeLanes } from "./lane_list.js";

const OVERVIEW = [2, 6];
const RULER = [10, 14];
const LANES_TOP = 26;
const GAP = 2;
const MOST_TOLD = 5; // lines in one tip
const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];

export class Timeline {
  /**
   * @param {{lanes: HTMLCanvasElement, head: HTMLCanvasElement, tip: HTMLElement}} parts
   * @param {string[]} names of the keypoints
   * @param {{seek: Function, drag: Function, range: Function}} on what the user does here
   */
  constructor(parts, names, on) {
    Object.assign(this, { ...parts, names, on });
    this.axis = new Axis();
    this.lanesShown = [];
    this.session = null;
    this.position = 0;
    this.marks = { first: null, last: null };
    this.listen();
    onThemeChange(() => this.draw());
  }

  /**
   * Show a session.
   * @param {boolean} later take the room that it needs, but draw nothing before `begin`: the first
   *   picture is waited for
   */
  setSession(session, later = false) {
    this.session = session;
    this.isWaiting = later;
    this.axis.setSession(session);
    this.setLanes();
  }

  /** Draw the session that was set before. */
  begin() {
    this.isWaiting = false;
    this.axis.showAll();
    this.draw();
  }

  /** Make the lanes anew: something was found, decided or asked for. */
  setLanes() {
    this.lanesShown = this.session?.info.frames ? makeLanes(this.session, this.names) : [];
    this.resize();
  }

  /** The session has grown. */
  grown() {
    this.axis.grown();
    this.setLanes();
  }

  showAll() {
    this.axis.showAll();
    this.draw();
  }

  zoom(factor, around = this.position) {
    this.axis.zoom(factor, around);
    this.draw();
  }

  pan(share) {
    const width = this.axis.to - this.axis.from;
    this.axis.lookAt(this.axis.from + share * width, width);
    this.draw();
  }

  setPosition(seq) {
    this.position = seq;
    if (!this.dragging && this.axis.reveal(seq)) this.draw();
    else this.drawHead();
  }

  setMarks(first, last) {
    this.marks = { first, last };
    this.drawHead();
  }

  resize() {
    const width = this.head.parentElement.clientWidth;
    if (!width) return;
    this.height = this.lanesShown.reduce((sum, { height }) => sum + height + GAP, LANES_TOP) + 2;
    fitCanvas(this.lanes, width, this.height);
    fitCanvas(this.head, width, this.height);
    this.width = width;
    this.axis.setWidth(width);
    this.draw();
  }

  clear(canvas) {
    const ctx = canvas.getContext("2d");
    const ratio = canvas.width / this.width;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    return ctx;
  }

  /** Each lane with the y of its top. */
  *placed() {
    let y = LANES_TOP;
    for (const lane of this.lanesShown) {
      yield [lane, y];
      y += lane.height + GAP;
    }
  }

  draw() {
    if (!this.width) return;
    const ctx = this.clear(this.lanes);
    if (this.session?.rows && !this.isWaiting) {
      this.session.bins.want(this.axis, (isNew) => (isNew ? this.setLanes() : this.draw()));
      this.drawRuler(ctx);
      for (const [lane, y] of this.placed()) {
        ctx.textBaseline = "middle";
        lane.draw(ctx, y, this.axis);
        ctx.font = "10px system-ui, sans-serif";
        ctx.textAlign = "right";
        ctx.textBaseline = "middle";
        ctx.fillStyle = theme().muted;
        ctx.fillText(lane.name, GUTTER - 8, y + lane.height / 2, GUTTER - 12);
      }
      this.drawTakeBorders(ctx);
      this.drawRejected(ctx);
      this.drawOverview(ctx);
    }
    this.drawHead();
  }

  drawRuler(ctx) {
    const { session, axis } = this;
    const [y, h] = RULER;
    const low = session.clock[session.indexNear(axis.from)];
    const high = session.clock[session.indexNear(axis.to)];
    if (high <= low) return;
    const step = STEPS_S.find((s) => ((high - low) / s) * 64 < axis.width) || 7200;
    ctx.font = "10px system-ui, sans-serif";
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillStyle = theme().muted;
    for (let t = Math.ceil(low / step) * step; t <= high; t += step) {
      const x = axis.x(session.seqAtClock(t));
      if (x < GUTTER + 14 || x > this.width - 26) continue;
      ctx.fillText(clockText(t, step < 1 ? 1 : 0), x, y + h / 2);
      ctx.fillRect(Math.round(x), y + h - 2, 1, 3);
    }
  }

  drawTakeBorders(ctx) {
    ctx.fillStyle = theme().muted;
    for (const { first } of this.session.info.takes.slice(1)) {
      const x = this.axis.x(first);
      if (x > GUTTER && x < this.width - 12) ctx.fillRect(Math.round(x), LANES_TOP - 3, 1, this.height);
    }
  }

  drawRejected(ctx) {
    ctx.fillStyle = theme()["reject-tint"];
    for (const { op, first, last } of this.session.editIndex.within(Math.floor(this.axis.from), Math.ceil(this.axis.to))) {
      if (op !== "reject") continue;
      const [x0, x1] = this.axis.span(first, last);
      if (x1 > x0) ctx.fillRect(x0, LANES_TOP, Math.max(x1 - x0, 2), this.height);
    }
  }

  drawOverview(ctx) {
    const { axis } = this;
    if (axis.whole) return;
    const [y, h] = OVERVIEW;
    const [first, last] = axis.bounds();
    const at = (seq) => GUTTER + ((seq - first) / (last - first)) * axis.width;
    ctx.fillStyle = theme().faint;
    ctx.fillRect(GUTTER, y, axis.width, h);
    ctx.fillStyle = theme().line;
    ctx.fillRect(at(axis.from), y, Math.max(3, at(axis.to) - at(axis.from)), h);
    ctx.fillStyle = theme().head;
    ctx.fillRect(at(this.position), y, 1, h);
  }

  drawHead() {
    if (!this.width) return;
    const ctx = this.clear(this.head);
    if (!this.session?.rows || this.isWaiting) return;
    const { axis } = this;
    const top = LANES_TOP - 4;
    const { first, last } = this.marks;
    if (first !== null || last !== null) {
      const [x0, x1] = axis.span(first ?? last, last ?? first);
      ctx.fillStyle = theme()["mark-tint"];
      if (x1 > x0) ctx.fillRect(x0, top, Math.max(2, x1 - x0), this.height - top);
      ctx.fillStyle = theme().mark;
      if (first !== null && axis.isOnView(first)) ctx.fillRect(axis.x(first) - 1, top, 2, this.height - top);
      if (last !== null && axis.isOnView(last)) ctx.fillRect(axis.x(last + 1) - 1, top, 2, this.height - top);
    }
    if (!axis.isOnView(this.position)) return;
    const x = axis.x(this.position + 0.5);
    ctx.fillStyle = theme().head;
    ctx.fillRect(Math.round(x) - 0.5, top, 1.5, this.height - top);
    ctx.beginPath();
    ctx.moveTo(x - 5, top - 5);
    ctx.lineTo(x + 5.5, top - 5);
    ctx.lineTo(x + 0.25, top + 2);
    ctx.fill();
  }

  listen() {
    const { head } = this;
    const local = (event) => {
      const box = head.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    head.addEventListener("pointerdown", (event) => {
      if (!this.session?.rows || event.button !== 0) return;
      head.setPointerCapture(event.pointerId);
      this.press(local(event), event.shiftKey);
    });
    head.addEventListener("pointermove", (event) => {
      if (this.dragging) this.drag(local(event));
      this.showTip(...local(event));
    });
    const end = () => {
      if (this.dragging && this.dragging !== "overview") this.on.seek(this.position);
      this.dragging = null;
    };
    head.addEventListener("pointerup", end);
    head.addEventListener("pointercancel", end);
    head.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    head.addEventListener("dblclick", () => this.showAll());
    head.addEventListener("wheel", (event) => this.wheel(event, local(event)[0]), { passive: false });
  }

  press([x, y], shift) {
    this.anchor = Math.floor(this.axis.at(x));
    const [range] = shift ? [] : this.rangesAt(x, y);
    if (range) {
      this.on.seek(range.first);
      return;
    }
    this.dragging = y < RULER[0] && !this.axis.whole ? "overview" : shift ? "range" : "seek";
    this.drag([x, y]);
  }

  drag([x]) {
    const seq = Math.floor(this.axis.at(x));
    if (this.dragging === "overview") {
      const [first, last] = this.axis.bounds();
      const width = this.axis.to - this.axis.from;
      this.axis.lookAt(first + ((x - GUTTER) / this.axis.width) * (last - first) - width / 2, width);
      this.draw();
      return;
    }
    if (this.dragging === "range") this.on.range(Math.min(this.anchor, seq), Math.max(this.anchor, seq));
    this.on.drag(seq);
  }

  wheel(event, x) {
    if (!this.session?.rows || event.ctrlKey) return;
    event.preventDefault();
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) this.pan(sideways / this.axis.width);
    else this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.axis.at(x));
  }

  laneAt(y) {
    for (const [lane, top] of this.placed()) if (y >= top && y < top + lane.height + GAP) return lane;
    return null;
  }

  rangesAt(x, y) {
    const lane = x >= GUTTER ? this.laneAt(y) : null;
    return lane?.isLink === false ? [] : lane?.at(this.axis.at(x), this.axis) || [];
  }

  showTip(x, y) {
    const { session, tip, axis } = this;
    if (!session?.rows || x < GUTTER || x > GUTTER + axis.width) {
      tip.hidden = true;
      return;
    }
    this.head.classList.toggle("link", !this.dragging && this.rangesAt(x, y).length > 0);
    const told = this.dragging ? [] : this.laneAt(y)?.tip(axis.at(x), axis) || [];
    const more = told.length > MOST_TOLD ? [`and ${told.length - MOST_TOLD} more`] : [];
    tip.textContent = [...told.slice(0, MOST_TOLD), ...more, session.words(Math.floor(axis.at(x)), this.names)].join("\n");
    tip.hidden = false;
    const half = tip.offsetWidth / 2;
    tip.style.left = `${Math.max(half + 4, Math.min(this.width - half - 4, x))}px`;
    // above the time line, whose lanes may be scrolled
    tip.style.bottom = `${window.innerHeight - this.head.parentElement.getBoundingClientRect().top + 4}px`;
  }
}
