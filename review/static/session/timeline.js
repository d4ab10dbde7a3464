// The lanes under the picture, over all frames or a part of them: takes and decisions, the share
// of inferred keypoints, what was lost, what the checks found, and a row for each keypoint. The x
// axis is seq, so a dropped frame takes as much space as a stored one.

import { fitCanvas, clockText } from "../dom.js";
import { FindingLanes, findingText } from "./finding_lanes.js";
import { NO_BODY } from "./session.js";
import { onThemeChange, theme } from "../theme.js";

const GUTTER = 104;
const RIGHT = 12;
const ROWS = { overview: [2, 6], ruler: [10, 14], takes: [25, 15], share: [44, 30], drops: [78, 8], findings: [90, 8] };
const KEYPOINT_ROW = 8;
const ROOMY = { window: 860, row: 10 }; // on a tall screen the rows of keypoints get more room
const FULL_SHARE = 8; // keypoints: from here on the share's lane is full
const SAMPLES = 48; // frames looked at for one column of the screen when many fall into it
const SMALLEST_VIEW = 20;
const MOST_TOLD = 4; // findings in one tip

export class Timeline {
  /**
   * @param {{lanes: HTMLCanvasElement, head: HTMLCanvasElement, tip: HTMLElement}} parts
   * @param {{seek: Function, drag: Function, range: Function}} on what the user does here
   */
  constructor(parts, names, on) {
    Object.assign(this, { ...parts, names, on });
    this.rowHeight = KEYPOINT_ROW;
    this.findings = new FindingLanes();
    this.session = null;
    this.position = 0;
    this.marks = { first: null, last: null };
    this.listen();
    onThemeChange(() => this.draw());
  }

  setSession(session) {
    this.session = session;
    [this.from, this.to] = this.bounds();
    this.setFindings(session?.findings || []);
    this.showAll();
  }

  /** Show what the checks found; return true if the lanes need another height. */
  setFindings(findings) {
    if (this.findings.set(findings)) this.resize();
    else this.draw();
  }

  /** Where the rows of keypoints begin. */
  get keypointsTop() {
    return ROWS.findings[0] + this.findings.height;
  }

  /** The session has grown: follow it if the whole of it was on view. */
  grown() {
    const [first, last] = this.bounds();
    if (this.whole) [this.from, this.to] = [first, last];
    this.draw();
  }

  bounds() {
    const { session } = this;
    if (!session || session.rows === 0) return [0, 1];
    return [session.seq[0], session.seq[session.rows - 1] + 1];
  }

  showAll() {
    [this.from, this.to] = this.bounds();
    this.whole = true;
    this.draw();
  }

  /** Zoom by a factor around a seq, which stays where it is. */
  zoom(factor, around = this.position) {
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
    this.draw();
  }

  setPosition(seq) {
    this.position = seq;
    const width = this.to - this.from;
    if (!this.whole && !this.dragging && (seq < this.from || seq > this.to - width * 0.02)) {
      this.lookAt(seq - width * 0.1, width);
      return;
    }
    this.drawHead();
  }

  setMarks(first, last) {
    this.marks = { first, last };
    this.drawHead();
  }

  x(seq) {
    return GUTTER + ((seq - this.from) / (this.to - this.from)) * this.inner;
  }

  seqAt(x) {
    const seq = this.from + ((x - GUTTER) / this.inner) * (this.to - this.from);
    return Math.max(this.from, Math.min(this.to - 1e-6, seq));
  }

  resize() {
    const width = this.head.parentElement.clientWidth;
    this.rowHeight = window.innerHeight >= ROOMY.window ? ROOMY.row : KEYPOINT_ROW;
    this.height = this.keypointsTop + this.names.length * this.rowHeight + 2;
    fitCanvas(this.lanes, width, this.height);
    fitCanvas(this.head, width, this.height);
    this.width = width;
    this.inner = width - GUTTER - RIGHT;
    this.draw();
  }

  begin(canvas) {
    const ctx = canvas.getContext("2d");
    const ratio = canvas.width / this.width;
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, this.width, this.height);
    return ctx;
  }

  draw() {
    if (!this.inner) return;
    const ctx = this.begin(this.lanes);
    if (!this.session) {
      this.begin(this.head);
      return;
    }
    this.drawLabels(ctx);
    if (this.session.rows > 0) {
      this.drawRuler(ctx);
      this.drawTakes(ctx);
      this.drawStates(ctx);
      this.drawDrops(ctx);
      this.findings.draw(ctx, ROWS.findings[0], [GUTTER, this.inner], (...range) => this.span(...range));
      this.drawEdits(ctx);
      this.drawOverview(ctx);
    }
    this.drawHead();
  }

  drawLabels(ctx) {
    ctx.font = "10px system-ui, sans-serif";
    ctx.textBaseline = "middle";
    ctx.textAlign = "right";
    ctx.fillStyle = theme().muted;
    const label = (text, [y, h]) => ctx.fillText(text, GUTTER - 8, y + h / 2);
    label("take", ROWS.takes);
    label("inferred", ROWS.share);
    label("lost", ROWS.drops);
    const height = this.rowHeight;
    ctx.font = `${Math.min(10, height + 1)}px system-ui, sans-serif`;
    for (const row of this.findings.rows(ROWS.findings[0])) label(row.name, [row.y - 0.5, row.height]);
    this.names.forEach((name, k) => label(name.replace("_", " "), [this.keypointsTop + k * height - 0.5, height]));
  }

  drawRuler(ctx) {
    const { session } = this;
    const [y, h] = ROWS.ruler;
    const low = session.clock[session.indexNear(this.from)];
    const high = session.clock[session.indexNear(this.to)];
    if (high <= low) return;
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find(
      (s) => ((high - low) / s) * 64 < this.inner,
    ) || 7200;
    ctx.font = "10px system-ui, sans-serif";
    ctx.textAlign = "center";
    ctx.fillStyle = theme().muted;
    for (let t = Math.ceil(low / step) * step; t <= high; t += step) {
      const x = this.x(session.seqAtClock(t));
      if (x < GUTTER + 14 || x > this.width - RIGHT - 14) continue;
      ctx.fillText(clockText(t, step < 1 ? 1 : 0), x, y + h / 2);
      ctx.fillRect(Math.round(x), y + h - 2, 1, 3);
    }
  }

  drawTakes(ctx) {
    const [y, h] = ROWS.takes;
    for (const { take, first, last } of this.session.info.takes) {
      const [x0, x1] = this.span(first, last);
      if (x1 <= x0) continue;
      ctx.fillStyle = take % 2 ? theme()["take-odd"] : theme()["take-even"];
      ctx.fillRect(x0, y, x1 - x0, h);
      if (x0 > GUTTER) {
        ctx.fillStyle = theme().muted;
        ctx.fillRect(Math.round(x0), y - 3, 1, this.height - y);
      }
      if (x1 - x0 > 44) {
        ctx.fillStyle = theme().muted;
        ctx.font = "10px system-ui, sans-serif";
        ctx.textAlign = "left";
        ctx.fillText(`take ${take}`, x0 + 5, y + h / 2 + 0.5);
      }
    }
  }

  /** Screen x of the beginning and the end of a range, cut to what is on view. */
  span(first, last) {
    const x0 = Math.max(GUTTER, this.x(first));
    const x1 = Math.min(GUTTER + this.inner, this.x(last + 1));
    return [x0, x1 > x0 ? Math.max(x1, x0 + 1) : x1];
  }

  drawStates(ctx) {
    const { session } = this;
    const [shareY, shareH] = ROWS.share;
    ctx.fillStyle = theme().faint;
    ctx.fillRect(GUTTER, shareY, this.inner, shareH);
    const perFrame = this.inner / (this.to - this.from);
    if (perFrame >= 1) {
      const end = session.indexAtOrAfter(this.to);
      for (let i = session.indexAtOrAfter(Math.floor(this.from)); i < end; i += 1) {
        // on whole pixels: else the seams between frames shine through
        const [x0, x1] = this.span(session.seq[i], session.seq[i]).map(Math.round);
        this.drawColumn(ctx, x0, Math.max(1, x1 - x0 - (perFrame > 5 ? 1 : 0)), i, i + 1);
      }
      return;
    }
    for (let x = 0; x < this.inner; x += 1) {
      const begin = session.indexAtOrAfter(this.seqAt(GUTTER + x));
      this.drawColumn(ctx, GUTTER + x, 1, begin, session.indexAtOrAfter(this.seqAt(GUTTER + x + 1)));
    }
  }

  /** Draw the rows [begin, end) as one column of the lanes. */
  drawColumn(ctx, x, width, begin, end) {
    const counts = this.countStates(begin, end);
    if (!counts) return;
    const [shareY, shareH] = ROWS.share;
    const top = this.keypointsTop;
    const inferred = counts.inferred.reduce((a, b) => a + b, 0) / counts.frames;
    const share = Math.min(1, inferred / FULL_SHARE);
    ctx.fillStyle = theme().inferred;
    ctx.fillRect(x, shareY + shareH * (1 - share), width, shareH * share);
    this.names.forEach((_, k) => {
      ctx.fillStyle = mix(counts, k);
      ctx.fillRect(x, top + k * this.rowHeight, width, this.rowHeight - 1);
    });
    if (counts.nobody > 0) {
      ctx.globalAlpha = (0.45 * counts.nobody) / (counts.seen + counts.nobody);
      ctx.fillStyle = theme().nobody;
      ctx.fillRect(x, shareY, width, shareH);
      ctx.globalAlpha = 1;
    }
  }

  /** Count the keypoints' states over rows [begin, end), looking at a sample where they are many. */
  countStates(begin, end) {
    const { states, keypoints } = this.session;
    const step = Math.max(1, Math.floor((end - begin) / SAMPLES));
    const inferred = new Array(keypoints).fill(0);
    const untracked = new Array(keypoints).fill(0);
    let frames = 0;
    let nobody = 0;
    for (let i = begin; i < end; i += step) {
      if (states[i * keypoints] === NO_BODY) {
        nobody += 1;
        continue;
      }
      frames += 1;
      for (let k = 0; k < keypoints; k += 1) {
        const state = states[i * keypoints + k];
        if (state === 1) inferred[k] += 1;
        else if (state === 0) untracked[k] += 1;
      }
    }
    if (frames + nobody === 0) return null;
    return { frames: frames || 1, seen: frames, nobody, inferred, untracked };
  }

  drawDrops(ctx) {
    const [y, h] = ROWS.drops;
    ctx.fillStyle = theme().faint;
    ctx.fillRect(GUTTER, y, this.inner, h);
    for (const { stream, first, last } of this.session.info.drops) {
      const [x0, x1] = this.span(first, last);
      if (x1 <= x0) continue;
      ctx.fillStyle = theme().drop;
      // a lost body leaves its picture: half the height
      const height = stream === "color" ? h : h / 2;
      ctx.fillRect(x0, y + h - height, Math.max(x1 - x0, 2), height);
    }
  }

  drawEdits(ctx) {
    const [y, h] = ROWS.takes;
    for (const { op, first, last } of this.session.info.edits.ranges) {
      if (op !== "reject") continue;
      const [x0, x1] = this.span(first, last);
      if (x1 <= x0) continue;
      ctx.fillStyle = theme().reject;
      ctx.fillRect(x0, y, Math.max(x1 - x0, 2), h);
      ctx.fillStyle = theme()["reject-tint"];
      ctx.fillRect(x0, y + h, Math.max(x1 - x0, 2), this.height - y - h);
      if (x1 - x0 > 58) {
        ctx.fillStyle = theme()["on-reject"];
        ctx.font = "600 10px system-ui, sans-serif";
        ctx.textAlign = "left";
        ctx.fillText("rejected", x0 + 5, y + h / 2 + 0.5);
      }
    }
  }

  drawOverview(ctx) {
    const [y, h] = ROWS.overview;
    const [first, last] = this.bounds();
    const at = (seq) => GUTTER + ((seq - first) / (last - first)) * this.inner;
    if (this.whole) return;
    ctx.fillStyle = theme().faint;
    ctx.fillRect(GUTTER, y, this.inner, h);
    ctx.fillStyle = theme().line;
    ctx.fillRect(at(this.from), y, Math.max(3, at(this.to) - at(this.from)), h);
    for (const range of this.session.info.edits.ranges) {
      ctx.fillStyle = theme().reject;
      if (range.op === "reject") {
        ctx.fillRect(at(range.first), y + 2, Math.max(1, at(range.last + 1) - at(range.first)), h - 4);
      }
    }
  }

  drawHead() {
    if (!this.session || !this.inner) return;
    const ctx = this.begin(this.head);
    const top = ROWS.takes[0] - 4;
    const { first, last } = this.marks;
    if (first !== null || last !== null) {
      const [x0, x1] = this.span(first ?? last, last ?? first);
      ctx.fillStyle = theme()["mark-tint"];
      if (x1 > x0) ctx.fillRect(x0, top, Math.max(2, x1 - x0), this.height - top);
      ctx.fillStyle = theme().mark;
      if (first !== null && this.isOnView(first)) ctx.fillRect(this.x(first) - 1, top, 2, this.height - top);
      if (last !== null && this.isOnView(last)) ctx.fillRect(this.x(last + 1) - 1, top, 2, this.height - top);
    }
    if (!this.isOnView(this.position)) return;
    const x = this.x(this.position + 0.5);
    ctx.fillStyle = theme().head;
    ctx.fillRect(Math.round(x) - 0.5, top, 1.5, this.height - top);
    ctx.beginPath();
    ctx.moveTo(x - 5, top - 5);
    ctx.lineTo(x + 5.5, top - 5);
    ctx.lineTo(x + 0.25, top + 2);
    ctx.fill();
  }

  isOnView(seq) {
    return seq >= this.from - 1 && seq <= this.to;
  }

  listen() {
    const { head } = this;
    const local = (event) => event.clientX - head.getBoundingClientRect().left;
    const move = (event) => {
      const seq = Math.floor(this.seqAt(local(event)));
      if (this.dragging === "range") this.on.range(Math.min(this.anchor, seq), Math.max(this.anchor, seq));
      if (this.dragging === "overview") this.lookAtOverview(local(event));
      else if (this.dragging) this.on.drag(seq);
    };
    head.addEventListener("pointerdown", (event) => {
      if (!this.session?.rows || event.button !== 0) return;
      head.setPointerCapture(event.pointerId);
      const y = event.clientY - head.getBoundingClientRect().top;
      this.anchor = Math.floor(this.seqAt(local(event)));
      const [finding] = event.shiftKey ? [] : this.findingsAt(local(event), y);
      if (finding) {
        this.on.seek(finding.first);
        return;
      }
      this.dragging = y < ROWS.ruler[0] && !this.whole ? "overview" : event.shiftKey ? "range" : "seek";
      move(event);
    });
    head.addEventListener("pointermove", (event) => {
      if (this.dragging) move(event);
      this.showTip(local(event), event.clientY - head.getBoundingClientRect().top);
    });
    const end = () => {
      if (this.dragging && this.dragging !== "overview") this.on.seek(this.position);
      this.dragging = null;
    };
    head.addEventListener("pointerup", end);
    head.addEventListener("pointercancel", end);
    head.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    head.addEventListener("dblclick", () => this.showAll());
    head.addEventListener("wheel", (event) => {
      if (!this.session?.rows) return;
      event.preventDefault();
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
        this.lookAt(this.from + (sideways / this.inner) * (this.to - this.from), this.to - this.from);
      } else this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.seqAt(local(event)));
    }, { passive: false });
  }

  lookAtOverview(x) {
    const [first, last] = this.bounds();
    const width = this.to - this.from;
    this.lookAt(first + ((x - GUTTER) / this.inner) * (last - first) - width / 2, width);
  }

  findingsAt(x, y) {
    return this.findings.at(x, y, ROWS.findings[0], (...range) => this.span(...range));
  }

  showTip(x, y) {
    const { session, tip } = this;
    const found = session?.rows && !this.dragging ? this.findingsAt(x, y) : [];
    this.head.classList.toggle("link", found.length > 0);
    if (!session?.rows || x < GUTTER || x > GUTTER + this.inner) {
      tip.hidden = true;
      return;
    }
    tip.textContent = found.length
      ? found.slice(0, MOST_TOLD).map(findingText).join("\n") + (found.length > MOST_TOLD ? `\nand ${found.length - MOST_TOLD} more` : "")
      : this.tipText(Math.floor(this.seqAt(x)));
    tip.hidden = false;
    const half = tip.offsetWidth / 2;
    tip.style.left = `${Math.max(half + 4, Math.min(this.width - half - 4, x))}px`;
  }

  tipText(seq) {
    const { session } = this;
    const row = session.indexAtOrAfter(seq);
    const lost = session.info.drops.find((d) => d.stream === "color" && seq >= d.first && seq <= d.last);
    if (session.seq[row] !== seq) return `frame ${seq}: ${lost ? lost.reason : "not stored"}`;
    const states = session.states.subarray(row * session.keypoints, (row + 1) * session.keypoints);
    const inferred = this.names.filter((_, k) => states[k] === 1);
    const body = states[0] === NO_BODY
      ? "no body"
      : inferred.length ? `inferred: ${inferred.join(", ")}` : "all 13 tracked";
    const verdict = session.verdict(seq) === "reject" ? " · rejected" : "";
    const kinds = this.findings.of(seq).map(({ kind }) => kind.replaceAll("_", " "));
    const found = [...new Set(kinds)].map((kind) => ` · ${kind}`).join("");
    return `frame ${seq} · take ${session.take[row]} · ${clockText(session.time_s[row])} · ${body}${verdict}${found}`;
  }
}

/** The colour of a keypoint's row: tracked, inferred and untracked in their shares. */
function mix({ frames, seen, inferred, untracked }, k) {
  if (seen === 0) return theme().faint;
  const shares = [
    [theme().tracked, frames - inferred[k] - untracked[k]],
    [theme().inferred, inferred[k]],
    [theme().untracked, untracked[k]],
  ];
  const sum = [0, 0, 0];
  for (const [color, count] of shares) {
    for (let c = 0; c < 3; c += 1) {
      sum[c] += (parseInt(color.slice(1 + 2 * c, 3 + 2 * c), 16) * count) / frames;
    }
  }
  return `rgb(${sum.map(Math.round).join(",")})`;
}
