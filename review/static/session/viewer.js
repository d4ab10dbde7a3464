// A session's page: the picture with the joints, the player, the decisions.

import { $, clockText } from "../dom.js";
import { api, DELETED, REPLACED } from "../api.js";
import { remember, remembered } from "../guarded.js";
import { FrameStore } from "./frames.js";
import { Player } from "./player.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";
import { Timeline } from "./timeline.js";
import { drawFacts, drawPanel } from "./panel.js";

const AGAIN_MS = 1500;
const SOON_MS = 500; // while the checks are running
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const NEAR = [1, -1, 2, -2, 3, 4, 5, 6];
const TOAST_MS = 3500;

export class Viewer {
  constructor(skeleton) {
    this.skeleton = skeleton;
    this.stage = new Stage(skeleton);
    this.timeline = new Timeline(
      { lanes: $("lanes"), head: $("playhead"), tip: $("v-tip") },
      skeleton.keypoints,
      {
        drag: (seq) => this.goTo(seq, { dragging: true }),
        seek: (seq) => this.goTo(seq),
        range: (first, last) => this.setMarks(first, last),
      },
    );
    this.show = { joints: true, keypoints: true, names: false, unmirror: false, zoom: false, panel: true };
    Object.assign(this.show, JSON.parse(remembered("kincap-show") || "{}"));
    new ResizeObserver(() => this.resize()).observe($("stage"));
    window.addEventListener("resize", () => this.resize());
    $("v-speed").addEventListener("change", (event) => {
      this.setSpeed(Number(event.target.value));
      event.target.blur();
    });
    this.listenFrameField();
  }

  listenFrameField() {
    const field = $("v-frame");
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && /^\d+$/.test(field.value.trim())) this.goTo(Number(field.value));
      if (event.key === "Enter" || event.key === "Escape") field.blur();
    });
    field.addEventListener("blur", () => { if (this.session?.rows) field.value = this.seq; });
    field.addEventListener("focus", () => field.select());
  }

  async open(name, seq) {
    if (this.session?.name === name && this.ready) {
      if (seq !== null && seq !== this.seq) this.goTo(seq);
      return;
    }
    this.close();
    const session = new Session(name, this.skeleton.keypoints.length);
    this.session = session;
    document.title = `${name} · kincap review`;
    $("v-name").textContent = name;
    this.stage.notice("Loading…");
    try {
      await session.load();
    } catch (error) {
      if (this.session === session) this.stage.notice(error.message);
      return;
    }
    if (this.session !== session) return;
    this.frames = new FrameStore(session, (ready) => this.pictureReady(ready), (error) => this.lost(error));
    this.player = new Player(session, this.frames, (index) => this.showIndex(index), () => this.drawPlaying());
    this.index = 0;
    this.ready = true;
    this.stage.begin(session);
    this.setMarks(null, null);
    this.setSpeed(1);
    this.drawToggles();
    this.resize();
    this.timeline.setSession(session);
    this.drawSession();
    if (session.rows) this.goTo(seq ?? session.seq[0]);
    else this.stage.notice("No frames in this session yet.");
    this.refresh();
  }

  close() {
    clearTimeout(this.timer);
    clearTimeout(this.hashTimer);
    this.player?.pause();
    this.frames?.close();
    this.stage.clear();
    this.session = this.frames = this.player = null;
    this.ready = false;
  }

  get seq() {
    return this.session.seq[this.index];
  }

  /** Look whether the session grew, and whether another window decided something. */
  async refresh() {
    const { session } = this;
    try {
      const wasLive = session.info.state === "recording";
      if (wasLive) await session.refresh();
      else {
        const info = await session.look();
        session.setEdits(info.edits);
        // repaired, or recorded into again
        if (info.state !== session.info.state || info.frames !== session.info.frames) {
          await session.refresh();
          if (this.session === session) this.timeline.grown();
        }
      }
      if (this.session !== session) return;
      if (wasLive) {
        const first = this.stage.shown === null && session.rows > 0;
        this.timeline.grown();
        if (first) this.goTo(session.seq[0]);
      }
      if (await session.lookForFindings() && this.session === session) {
        this.timeline.setFindings(session.findings);
      }
      if (this.session !== session) return;
      this.drawSession();
      if (this.isLost) this.found();
    } catch (error) {
      if (this.session !== session) return;
      this.lost(error);
      if (this.session !== session || !this.ready) return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), session.findingsReady ? AGAIN_MS : SOON_MS);
  }

  lost(error) {
    if (error.status === DELETED || error.status === REPLACED) {
      this.gone(error.status);
      return;
    }
    this.isLost = true;
    this.player.pause();
    this.say(error.status === undefined
      ? "The server doesn't answer. Is kincap review still running?"
      : error.status === 401
        ? "kincap review was started again: open the address that it printed."
        : error.message, true);
  }

  /** The session was deleted or replaced: nothing of it is shown, and nothing can be decided. */
  gone(status) {
    const { name } = this.session;
    this.close();
    this.say("");
    this.stage.notice(status === REPLACED
      ? `${name} was deleted and recorded again. Reload the page to see the new recording.`
      : `${name} was deleted.`);
    for (const id of ["panel", "v-marks", "v-facts"]) $(id).replaceChildren();
    this.timeline.setSession(null);
  }

  found() {
    this.isLost = false;
    this.say("The server answers again.");
    this.goTo(this.seq);
  }

  // ---- moving ----

  goTo(seq, { dragging = false } = {}) {
    if (!this.session?.rows) return;
    this.goToIndex(this.session.indexNear(seq), dragging);
  }

  goToIndex(index, dragging = false) {
    if (!this.session?.rows) return;
    this.player.pause();
    this.index = Math.max(0, Math.min(this.session.rows - 1, index));
    this.player.index = this.index;
    const near = dragging ? [] : NEAR.map((step) => this.index + step);
    this.frames.want([this.index, ...near]
      .filter((i) => i >= 0 && i < this.session.rows)
      .map((i) => this.session.seq[i]));
    this.drawFrame();
  }

  /** The player's way of putting a frame on the screen. */
  showIndex(index) {
    this.index = index;
    this.player.index = index;
    this.session.prefetchPeople(this.session.seq[Math.min(index + 60, this.session.rows - 1)], () => {});
    this.drawFrame();
  }

  pictureReady(seq) {
    if (seq === this.seq) this.drawFrame();
    else if (!this.player.playing) this.stage.showStale(seq, this.frames, this.seq);
  }

  // ---- deciding ----

  setMarks(first, last) {
    this.marks = { first, last };
    this.timeline.setMarks(first, last);
    const text = first === null && last === null
      ? "" : `range ${first ?? "…"} – ${last ?? "…"}`;
    $("v-marks").textContent = text;
  }

  mark(which) {
    if (!this.session.rows) return;
    let { first, last } = this.marks;
    if (which === "first") first = this.seq;
    else last = this.seq;
    // marks that are the wrong way round: the new one counts
    if (first !== null && last !== null && first > last) {
      if (which === "first") last = null;
      else first = null;
    }
    this.setMarks(first, last);
  }

  range() {
    const { first, last } = this.marks;
    if (first === null && last === null) return [this.seq, this.seq];
    const [low, high] = [first ?? this.seq, last ?? this.seq];
    return low <= high ? [low, high] : [high, low];
  }

  async decide(op) {
    if (!this.session.rows) return;
    const [first, last] = this.range();
    const what = first === last ? `frame ${first}` : `frames ${first} – ${last}`;
    await this.save(() => api.edit(this.session.name, this.session.uuid, op, first, last),
      `${op === "reject" ? "Rejected" : "Kept"} ${what}. Saved.`);
    this.setMarks(null, null);
  }

  async save(ask, done) {
    const { session } = this;
    try {
      const edits = await ask();
      if (this.session !== session) return;
      session.setEdits(edits);
      this.say(done);
      this.drawSession();
      this.drawFrame();
      this.timeline.draw();
    } catch (error) {
      if (this.session !== session) return;
      if (error.status === DELETED || error.status === REPLACED) this.gone(error.status);
      else this.say(`Not saved: ${error.message}`, true);
    }
  }

  undo() {
    if (!this.session.info.edits.can_undo) this.say("Nothing to undo.");
    else this.save(() => api.undo(this.session.name, this.session.uuid), "Undone. Saved.");
  }

  redo() {
    if (!this.session.info.edits.can_redo) this.say("Nothing to redo.");
    else this.save(() => api.redo(this.session.name, this.session.uuid), "Done again. Saved.");
  }

  // ---- acting on keys and buttons ----

  act(name) {
    if (name === "escape") {
      this.escape();
      return;
    }
    if (!this.ready) return;
    if (name in this.show) {
      this.toggle(name);
      return;
    }
    const { session, timeline, player } = this;
    const second = () => session.clock[this.index];
    const acts = {
      play: () => player.toggle(),
      back: () => this.goToIndex(this.index - 1),
      next: () => this.goToIndex(this.index + 1),
      back10: () => this.goToIndex(this.index - 10),
      next10: () => this.goToIndex(this.index + 10),
      backSecond: () => this.goToIndex(session.indexAtClock(second() - 1)),
      nextSecond: () => this.goToIndex(session.indexAtClock(second() + 1)),
      first: () => this.goToIndex(0),
      last: () => this.goToIndex(session.rows - 1),
      goTo: () => $("v-frame").focus(),
      slower: () => this.setSpeed(SPEEDS[Math.max(0, SPEEDS.indexOf(player.speed) - 1)]),
      faster: () => this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, SPEEDS.indexOf(player.speed) + 1)]),
      nextEvent: () => this.jump(session.eventIndices(), 1),
      backEvent: () => this.jump(session.eventIndices(), -1),
      nextChange: () => this.goToIndex(session.indexOfChange(this.index, 1)),
      backChange: () => this.goToIndex(session.indexOfChange(this.index, -1)),
      markIn: () => this.mark("first"),
      markOut: () => this.mark("last"),
      reject: () => this.decide("reject"),
      keep: () => this.decide("keep"),
      undo: () => this.undo(),
      redo: () => this.redo(),
      laneIn: () => timeline.zoom(0.6),
      laneOut: () => timeline.zoom(1 / 0.6),
      laneAll: () => timeline.showAll(),
    };
    acts[name]?.();
  }

  escape() {
    if (this.marks && (this.marks.first !== null || this.marks.last !== null)) this.setMarks(null, null);
    else location.hash = "";
  }

  jump(indices, direction) {
    const next = direction > 0
      ? indices.find((i) => i > this.index)
      : indices.findLast((i) => i < this.index);
    if (next === undefined) this.say(direction > 0 ? "Nothing further on." : "Nothing before.");
    else this.goToIndex(next);
  }

  toggle(name) {
    this.show[name] = !this.show[name];
    remember("kincap-show", JSON.stringify(this.show));
    this.drawToggles();
    this.resize();
  }

  setSpeed(speed) {
    this.player.speed = speed;
    $("v-speed").value = String(speed);
  }

  // ---- drawing ----

  resize() {
    if ($("viewer").hidden) return;
    $("panel").hidden = !this.show.panel;
    this.stage.resize();
    this.timeline.resize();
    if (this.ready) this.drawFrame();
  }

  drawToggles() {
    for (const button of document.querySelectorAll("[data-toggle]")) {
      button.setAttribute("aria-pressed", String(this.show[button.dataset.toggle]));
    }
  }

  drawPlaying() {
    const { playing } = this.player;
    $("v-play").setAttribute("aria-label", playing ? "Pause" : "Play");
    $("v-play").classList.toggle("playing", playing);
    $("v-fps").textContent = "";
    if (!playing) this.goToIndex(this.index);
  }

  drawSession() {
    const { session } = this;
    drawFacts(session);
    const { edits } = session.info;
    $("v-undo").disabled = !edits.can_undo;
    $("v-redo").disabled = !edits.can_redo;
    $("v-of").textContent = session.rows ? `of ${session.seq[session.rows - 1]}` : "";
    if (session.rows) drawPanel(session, this.index, this.people(), this.skeleton, (seq) => this.goTo(seq));
  }

  people() {
    return this.session.people(this.seq, () => this.ready && this.drawFrame());
  }

  drawFrame() {
    const { session, index } = this;
    if (!session?.rows) return;
    const { seq } = this;
    const people = this.people();
    this.stage.draw(seq, this.frames, people, this.show, this.player.playing);
    this.stage.verdict(session.verdict(seq));
    this.timeline.setPosition(seq);
    this.drawReadings(seq, index);
    // a panel of text sixty times a second costs more than the picture
    if (!this.player.playing || index % 5 === 0) {
      drawPanel(session, index, people, this.skeleton, (to) => this.goTo(to));
    }
    this.rememberPlace(seq);
  }

  drawReadings(seq, index) {
    const { session, player } = this;
    if (document.activeElement !== $("v-frame")) $("v-frame").value = seq;
    $("v-time").textContent = `${clockText(session.clock[index])} / ${clockText(session.length_s)}`;
    if (player.playing) $("v-fps").textContent = `${player.rate()} fps`;
    const slider = $("playhead");
    slider.setAttribute("aria-valuemin", session.seq[0]);
    slider.setAttribute("aria-valuemax", session.seq[session.rows - 1]);
    slider.setAttribute("aria-valuenow", seq);
    slider.setAttribute("aria-valuetext", `frame ${seq}, ${clockText(session.clock[index])}`);
  }

  /** Keep the address in step, but not sixty times a second: browsers refuse that. */
  rememberPlace(seq) {
    clearTimeout(this.hashTimer);
    this.hashTimer = setTimeout(() => {
      if (this.ready) history.replaceState(null, "", `#${this.session.name}/${seq}`);
    }, 200);
  }

  say(text, isProblem = false) {
    const toast = $("v-toast");
    toast.textContent = text;
    toast.classList.toggle("problem", isProblem);
    clearTimeout(this.toastTimer);
    if (!isProblem) this.toastTimer = setTimeout(() => { toast.textContent = ""; }, TOAST_MS);
  }
}
