// The outlines of the bodies in the frame on the screen, where they are shown and the session has any.

import { api } from "../../api.js";

const KEPT = 60;
const SETTLE_MS = 60;

export class Masks {
  constructor(viewer) {
    this.viewer = viewer;
    this.forget();
  }

  forget() {
    clearTimeout(this.timer);
    this.known = new Map();
  }

  /** The outlines in a frame; null while they are on the way, or not shown. */
  of(seq) {
    const { viewer } = this;
    if (!viewer.show.mask) return null;
    const found = this.known.get(seq);
    if (found) return found;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(seq), SETTLE_MS);
    return null;
  }

  async load(seq) {
    const { viewer } = this;
    const { session } = viewer;
    if (!session) return;
    let found = [];
    try {
      const answer = await api.masks(session.name, session.uuid, seq);
      found = answer.bodies || answer.masks || [];
    } catch (error) {
      if (viewer.session === session && error.status !== undefined) viewer.say(`No masks: ${error.message}`);
    }
    if (viewer.session !== session) return;
    this.known.set(seq, found);
    if (this.known.size > KEPT) this.known.delete(this.known.keys().next().value);
    if (viewer.seq === seq) viewer.drawFrame();
  }
}
