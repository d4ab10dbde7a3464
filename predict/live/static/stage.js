// The picture with the people in it.

import { $, fitCanvas } from "./dom.js";

const COLORS = { left: "#ff9a4a", right: "#58b4ff" };
const MIDDLE = "#e8ecf2";
const EDGE = "rgba(8, 10, 14, 0.85)";
const SENSOR = "rgba(70, 205, 70, 0.75)";
const FAINT = 0.3;

export class Stage {
  constructor() {
    this.canvas = $("picture");
    this.line = null;
    this.image = null;
    this.limbs = [];
    this.sides = [];
    new ResizeObserver(() => this.draw()).observe($("stage"));
    for (const id of ["show-picture", "show-smoothed", "show-boxes"]) {
      $(id).addEventListener("change", () => this.draw());
    }
  }

  /** Take the limbs and sides of the net's keypoints. */
  setSkeleton(hello) {
    this.limbs = hello.limbs;
    this.sides = hello.sides;
  }

  /** Show a frame: its line and its picture, a JPEG. */
  async show(line, blob) {
    const image = blob.size ? await createImageBitmap(blob) : null;
    this.image?.close();
    this.image = image;
    this.line = line;
    this.draw();
  }

  draw() {
    const box = $("stage");
    fitCanvas(this.canvas, box.clientWidth, box.clientHeight);
    const ctx = this.canvas.getContext("2d");
    ctx.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.line) return;
    const [width, height] = this.line.size;
    const scale = Math.min(this.canvas.width / width, this.canvas.height / height);
    const left = (this.canvas.width - width * scale) / 2;
    const top = (this.canvas.height - height * scale) / 2;
    if (this.image && $("show-picture").checked) {
      ctx.drawImage(this.image, left, top, width * scale, height * scale);
    }
    // pixel centres are at integers
    const place = ([x, y]) => [left + (x + 0.5) * scale, top + (y + 0.5) * scale];
    for (const points of this.line.sensor || []) this.drawSensor(ctx, points, place, scale * width);
    for (const person of this.line.people) this.drawPerson(ctx, person, place, scale * width);
  }

  /** Draw what the sensor says, in green below the net's pose. */
  drawSensor(ctx, points, place, shownWidth) {
    ctx.strokeStyle = SENSOR;
    ctx.lineWidth = Math.max(3, shownWidth / 200);
    ctx.lineCap = "round";
    for (const [a, b] of this.limbs) {
      if (!points[a] || !points[b]) continue;
      ctx.beginPath();
      ctx.moveTo(...place(points[a]));
      ctx.lineTo(...place(points[b]));
      ctx.stroke();
    }
  }

  drawPerson(ctx, person, place, shownWidth) {
    const smooth = $("show-smoothed").checked && person.smoothed;
    const points = (smooth ? person.smoothed : person.keypoints).map((at) => at && place(at));
    const size = Math.max(2, shownWidth / 330);
    const color = (k) => COLORS[this.sides[k]] || MIDDLE;
    ctx.lineCap = "round";
    for (const [dark, more] of [[true, 2], [false, 0]]) {
      for (const [a, b] of this.limbs) {
        if (!points[a] || !points[b]) continue;
        const sure = person.confidence[a] >= FAINT && person.confidence[b] >= FAINT;
        ctx.strokeStyle = dark ? EDGE : color(b);
        ctx.lineWidth = size * (sure ? 1 : 0.5) + more;
        ctx.beginPath();
        ctx.moveTo(...points[a]);
        ctx.lineTo(...points[b]);
        ctx.stroke();
      }
    }
    points.forEach((at, k) => {
      if (!at) return; // a net of several people may not find every keypoint
      const [x, y] = at;
      ctx.beginPath();
      ctx.arc(x, y, size * 1.5, 0, 2 * Math.PI);
      ctx.fillStyle = person.confidence[k] >= FAINT ? color(k) : EDGE;
      ctx.strokeStyle = person.confidence[k] >= FAINT ? EDGE : color(k);
      ctx.lineWidth = 1.5;
      ctx.fill();
      ctx.stroke();
    });
    this.drawLabel(ctx, person, points, place, size);
  }

  drawLabel(ctx, person, points, place, size) {
    const top = points.filter(Boolean).reduce((best, point) => (point[1] < best[1] ? point : best));
    ctx.font = `600 ${Math.max(13, size * 4)}px system-ui, "DejaVu Sans", sans-serif`;
    ctx.textAlign = "center";
    ctx.lineWidth = 4;
    ctx.lineJoin = "round";
    ctx.strokeStyle = EDGE;
    ctx.fillStyle = MIDDLE;
    const text = `${person.id} · ${Math.round(100 * person.score)} %`;
    const at = [top[0], Math.max(18, top[1] - size * 5)];
    ctx.strokeText(text, ...at);
    ctx.fillText(text, ...at);
    if (!$("show-boxes").checked) return;
    const [x0, y0, x1, y1] = person.bbox_xyxy;
    const [left, upper] = place([x0, y0]);
    const [right, lower] = place([x1, y1]);
    ctx.strokeStyle = person.box_from === "detector" ? "#ffd24a" : "#9fe0a8";
    ctx.lineWidth = 2;
    ctx.strokeRect(left, upper, right - left, lower - upper);
  }
}
