// Watching a session that is open: it may grow, be deleted or be recorded anew, another window may
// decide something, and the server may be gone for a while.

import { $ } from "../dom.js";
import { DELETED, REPLACED } from "../api.js";

const AGAIN_MS = 1500;
const SOON_MS = 500; // while the checks are running

export class Watching {
  constructor(viewer) {
    this.viewer = viewer;
  }

  start() {
    this.isLost = false;
    this.refresh();
  }

  stop() {
    clearTimeout(this.timer);
  }

  async refresh() {
    const { viewer } = this;
    const { session } = viewer;
    try {
      await this.look(session);
      if (viewer.session !== session) return;
      if (this.isLost) this.found();
    } catch (error) {
      if (viewer.session !== session) return;
      this.lost(error);
      if (viewer.session !== session || !viewer.ready) return;
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), session.findingsReady ? AGAIN_MS : SOON_MS);
  }

  /** Look whether the session grew, and whether another window decided something. */
  async look(session) {
    const { viewer } = this;
    if (!session.stateIndex) {
      await session.loadStates();
      if (viewer.session !== session) return;
      viewer.timeline.draw();
      viewer.drawFrame();
    }
    const wasLive = session.info.state === "recording";
    const info = wasLive ? null : await session.look();
    if (viewer.session !== session) return;
    // repaired, or recorded into again
    if (wasLive || info.state !== session.info.state || info.frames !== session.info.frames) {
      await session.refresh();
      if (viewer.session !== session) return;
      session.bins.refresh();
      viewer.timeline.grown();
      if (viewer.stage.shown === null && session.rows > 0) viewer.goTo(session.seq[0]);
      viewer.drawSession();
    } else if (session.setEdits(info.edits)) viewer.takeEdits(info.edits, true);
    if (await session.lookForFindings() && viewer.session === session) {
      session.bins.refresh();
      viewer.timeline.setLanes();
      viewer.finder.refresh();
      viewer.drawSession();
    }
  }

  lost(error) {
    const { viewer } = this;
    if (error.status === DELETED || error.status === REPLACED) {
      this.gone(error.status);
      return;
    }
    this.isLost = true;
    viewer.player.pause();
    viewer.say(error.status === undefined
      ? "The server doesn't answer. Is kincap review still running?"
      : error.status === 401
        ? "kincap review was started again: open the address that it printed."
        : error.message, true);
  }

  gone(status) {
    const { viewer } = this;
    const { name } = viewer.session;
    viewer.close();
    viewer.say("");
    viewer.stage.notice(status === REPLACED
      ? `${name} was deleted and recorded again. Reload the page to see the new recording.`
      : `${name} was deleted.`);
    for (const id of ["panel-frame", "panel-decisions", "v-marks", "v-facts"]) $(id).replaceChildren();
    viewer.timeline.setSession(null);
  }

  found() {
    this.isLost = false;
    this.viewer.say("The server answers again.");
    this.viewer.goTo(this.viewer.seq);
  }
}
