// A session's page: the picture with the joints, the player, and the parts around them.

import { $, clockText } from "../dom.js";
import { remember, remembered } from "../guarded.js";
import { makeActs } from "./acts.js";
import { BuildPanel } from "./deciding/build_panel.js";
import { Corrections } from "./deciding/corrections.js";
import { Deciding } from "./deciding/deciding.js";
import { Finder } from "./finding/finder.js";
import { FrameStore } from "./picture/frames.js";
import { drawFacts } from "./facts.js";
import { drawReadings, listenFrameField } from "./frame_field.js";
import { Masks } from "./picture/masks.js";
import { Panel } from "./panel.js";
import { Player } from "./picture/player.js";
import { Session } from "./session.js";
import { SkeletonView } from "./picture/skeleton_view.js";
import { Stage } from "./picture/stage.js";
import { Timeline } from "./lanes/timeline.js";
import { Watching } from "./watching.js";

const AHEAD = 4; // pictures that are loaded in the direction of the last steps
const FAR = 60; // frames; a step farther than that says nothing about the next one
const FIRST_PICTURE_MS = 1000; // the rest of the page waits no longer for it
const STEADY_MS = 400; // steps that follow as soon are part of one movement
const SHARPEN_MS = 60;
const TOAST_MS = 3500;
const SHOWN = {
  joints: true, keypoints: true, names: false, boxes: false, space: false, unmirror: false,
  zoom: false, panel: true, mask: false, checkpoint1: true, checkpoint2: true, checkpoint3: true,
};

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

export class Viewer {
  constructor(skeleton) {
    this.skeleton = skeleton;
    this.stage = new Stage(skeleton, {
      grab: (point) => this.ready && this.corrections.select(point),
      move: (point, at) => this.corrections.move(point, at),
      drop: () => this.corrections.settle(),
      redraw: () => this.ready && this.drawFrame(),
    });
    this.timeline = new Timeline(
      { lanes: $("lanes"), head: $("playhead"), tip: $("v-tip") },
      skeleton.keypoints,
      {
        drag: (seq) => this.goTo(seq, { dragging: true }),
        seek: (seq) => this.goTo(seq),
        range: (first, last) => this.deciding.setMarks(first, last),
      },
    );
    this.space = new SkeletonView(skeleton);
    this.deciding = new Deciding(this);
    this.corrections = new Corrections(this);
    this.finder = new Finder(this);
    this.build = new BuildPanel(this);
    this.masks = new Masks(this);
    this.panel = new Panel(this);
    this.watching = new Watching(this);
    this.acts = makeActs(this);
    this.show = { ...SHOWN, ...JSON.parse(remembered("kincap-show") || "{}") };
    new ResizeObserver(() => this.resize()).observe($("stage"));
    window.addEventListener("resize", () => this.resize());
    $("v-speed").addEventListener("change", (event) => {
      this.setSpeed(Number(event.target.value));
      event.target.blur();
    });
    listenFrameField(this);
  }

  async open(name, seq) {
    if (this.session?.name === name && this.ready) {
      if (seq !== null && seq !== this.seq) this.goToFrame(seq);
      return;
    }
    this.close();
    const session = new Session(name, this.skeleton.keypoints.length);
    this.session = session;
    document.title = `${name} · kincap review`;
    $("v-name").textContent = name;
    this.stage.notice("Loading…");
    const picture = new Promise((resolve) => { this.onPicture = resolve; });
    try {
      await session.load(() => this.session === session && this.makeFrames(seq));
    } catch (error) {
      if (this.session === session) this.stage.notice(error.message);
      return;
    }
    if (this.session !== session) return;
    this.player = new Player(session, this.frames, (index) => this.showIndex(index), () => this.drawPlaying());
    this.index = 0;
    this.ready = true;
    this.deciding.setMarks(null, null);
    this.setSpeed(1);
    this.drawToggles();
    // the picture first: everything else waits for it
    if (session.rows) {
      this.goToFrame(seq ?? session.seq[0]);
      await Promise.race([picture, sleep(FIRST_PICTURE_MS)]);
      if (this.session !== session) return;
    } else this.stage.notice("No frames in this session yet.");
    this.timeline.begin();
    this.drawSession();
    this.panel.load();
    this.watching.start();
  }

  /** It is known what the session is: its first picture is asked for before anything else. */
  makeFrames(seq) {
    const { session } = this;
    this.stage.begin(session);
    this.timeline.setSession(session, true);
    this.resize();
    this.frames = new FrameStore(
      session, () => this.stage.pixelsAcross,
      (ready, order) => this.pictureReady(ready, order), (error) => this.lost(error),
    );
    const first = seq ?? session.info.takes[0]?.first;
    if (session.info.takes.some((take) => first >= take.first && first <= take.last)) this.frames.want([first]);
  }

  close() {
    this.watching.stop();
    clearTimeout(this.hashTimer);
    this.corrections.settle();
    this.corrections.forget();
    this.player?.pause();
    this.frames?.close();
    this.shownOrder = 0;
    this.stage.clear();
    this.session?.bins.close();
    this.session = this.frames = this.player = null;
    this.ready = false;
    this.finder.close();
    this.build.close();
    this.masks.forget();
    this.space.show(null);
  }

  get seq() {
    return this.session.seq[this.index];
  }

  /** Decisions were made, here or in another window. */
  takeEdits(edits, isKnown = false) {
    if (!isKnown && !this.session.setEdits(edits)) return;
    this.session.people.reload(() => this.ready && this.drawFrame());
    this.session.bins.refresh();
    this.timeline.setLanes();
    this.finder.refresh();
    this.build.refresh();
    this.drawSession();
    this.drawFrame();
  }

  lost(error) {
    this.watching.lost(error);
  }

  /** The session was deleted or replaced: nothing of it is shown, and nothing can be decided. */
  gone(status) {
    this.watching.gone(status);
  }

  // ---- moving ----

  goTo(seq, { dragging = false } = {}) {
    if (!this.session?.rows) return;
    this.goToIndex(this.session.indexNear(seq), dragging);
  }

  /** Go to a frame that a person named; say so where there is no such frame. */
  goToFrame(seq) {
    if (!this.session?.rows) return;
    this.goTo(seq);
    if (this.seq !== seq) this.say(`There is no frame ${seq}; this is the nearest one, ${this.seq}.`);
  }

  goToIndex(index, dragging = false) {
    if (!this.session?.rows) return;
    this.player.pause();
    this.corrections.settle();
    const { rows, seq } = this.session;
    const before = this.index;
    this.index = Math.max(0, Math.min(rows - 1, index));
    this.player.index = this.index;
    const by = this.index - before;
    const moving = dragging || this.isMoving(by);
    const shown = [this.index, ...this.next(by, moving, dragging)].filter((i) => i >= 0 && i < rows);
    this.frames.want(shown.map((i) => seq[i]), { small: dragging, moving });
    this.drawFrame();
  }

  /** True if a step by some rows is part of a movement. */
  isMoving(by) {
    const now = performance.now();
    const isSoon = now - (this.movedAt ?? -Infinity) < STEADY_MS;
    this.movedAt = now;
    return by !== 0 && Math.abs(by) <= FAR && isSoon;
  }

  /** The rows that are likely to be looked at after this one, which is some rows from the last one. */
  next(by, moving, dragging) {
    if (!moving) return [1, -1, 2, -2, 3].map((step) => this.index + step);
    const ahead = Array.from({ length: AHEAD }, (_, i) => this.index + (i + 1) * by);
    return dragging ? ahead.slice(0, 2) : [...ahead, this.index - by];
  }

  /** The player's way of putting a frame on the screen. */
  showIndex(index) {
    this.index = index;
    this.player.index = index;
    this.session.people.prefetch(this.session.seq[Math.min(index + 60, this.session.rows - 1)]);
    this.drawFrame();
  }

  pictureReady(seq, order) {
    if (!this.ready) return;
    if (seq === this.seq) {
      this.shownOrder = order;
      this.drawFrame();
    } else if (!this.player.playing && !this.frames.get(this.seq) && order > this.shownOrder) {
      this.shownOrder = order;
      this.stage.showStale(this.frames.get(seq), this.seq);
    }
  }

  // ---- acting on keys and buttons ----

  act(name) {
    if (name === "escape") this.escape();
    else if (!this.ready) return;
    else if (name in this.show) this.toggle(name);
    else this.acts[name]?.();
  }

  escape() {
    if (this.finder.isSheetOpen) this.finder.closeSheet();
    else if (this.corrections.selected) this.corrections.select(null);
    else if (this.deciding.isMarked) this.deciding.setMarks(null, null);
    else location.hash = "";
  }

  toggle(name) {
    this.show[name] = !this.show[name];
    remember("kincap-show", JSON.stringify(this.show));
    this.drawToggles();
    this.resize();
    if (name === "panel") this.panel.load();
    if (this.ready) this.drawFrame();
  }

  setSpeed(speed) {
    this.player.speed = speed;
    $("v-speed").value = String(speed);
  }

  // ---- drawing ----

  resize() {
    if ($("viewer").hidden) return;
    $("panel").hidden = !this.show.panel;
    $("space-box").hidden = !this.show.space;
    this.stage.resize();
    this.timeline.resize();
    this.space.resize();
    if (this.ready && this.stage.shown === null) this.drawFrame();
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
    this.drawToggles();
    const { edits } = session.info;
    $("v-undo").disabled = !edits.can_undo;
    $("v-redo").disabled = !edits.can_redo;
    $("v-of").textContent = session.rows ? `of ${session.seq[session.rows - 1]}` : "";
    if (session.rows) this.panel.draw();
  }

  people() {
    return this.session.people.of(this.seq, () => this.ready && this.drawFrame());
  }

  /** What the checkpoints that are shown predict in a frame. */
  predictions(seq) {
    const found = this.session.predictions?.of(seq, () => this.ready && this.drawFrame()) || [];
    return found.filter(({ checkpoint }) => this.show[`checkpoint${checkpoint + 1}`]);
  }

  drawFrame() {
    const { session, index, frames } = this;
    if (!session?.rows) return;
    const { seq } = this;
    const { playing } = this.player;
    const people = this.people();
    this.stage.draw({
      seq, people, bitmap: frames.get(seq), damage: frames.damaged.get(seq),
      predictions: this.predictions(seq), masks: this.masks.of(seq), selected: this.corrections.selected,
    }, this.show, playing);
    if (this.onPicture && this.stage.shown === seq) {
      // what was put off begins when the picture is on the screen
      const { onPicture } = this;
      this.onPicture = null;
      requestAnimationFrame(() => setTimeout(onPicture));
    }
    this.stage.verdict(session.verdict(seq));
    this.space.show(people);
    this.timeline.setPosition(seq);
    drawReadings(this);
    // a panel of text sixty times a second costs more than the picture
    this.panel.drawSoon();
    this.sharpen();
    this.rememberPlace(seq);
  }

  /** Ask for more pixels where the view has come closer than the picture that is shown allows. */
  sharpen() {
    clearTimeout(this.sharpTimer);
    const isBlurred = () => this.ready && !this.player.playing && !this.timeline.dragging
      && this.frames.get(this.seq) && !this.frames.has(this.seq);
    if (isBlurred()) this.sharpTimer = setTimeout(() => isBlurred() && this.frames.want([this.seq]), SHARPEN_MS);
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
