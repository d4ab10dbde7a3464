// The pictures of the session list: fetched with the secret when their card comes into view, a few
// at a time, and kept for as long as their session stays as it is.

import { api } from "./api.js";

const UNDER_WAY = 3;
const GROWN_FRAMES = 150; // a session that is being recorded gets a new picture now and then

export class Thumbnails {
  constructor() {
    this.known = new Map();
    this.queue = [];
    this.underWay = 0;
    this.seen = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        this.seen.unobserve(target);
        this.queue.push(target);
      }
      this.pump();
    }, { rootMargin: "300px" });
    this.wanted = new WeakMap();
  }

  /** Give an image element the picture of a session, now or when it comes into view. */
  fill(image, session) {
    const { name, uuid, state, frames } = session;
    const key = `${uuid} ${state === "recording" ? Math.floor(frames / GROWN_FRAMES) : frames}`;
    const known = this.known.get(name);
    if (known?.key === key) {
      image.src = known.url;
      return;
    }
    this.wanted.set(image, { name, uuid, key });
    this.seen.observe(image);
  }

  pump() {
    while (this.underWay < UNDER_WAY && this.queue.length) this.load(this.queue.shift());
  }

  async load(image) {
    const { name, uuid, key } = this.wanted.get(image);
    this.underWay += 1;
    try {
      const url = URL.createObjectURL(await api.thumbnail(name, uuid));
      const old = this.known.get(name);
      this.known.set(name, { key, url });
      image.src = url;
      if (old) URL.revokeObjectURL(old.url);
    } catch {
      image.dispatchEvent(new Event("error"));
    } finally {
      this.underWay -= 1;
      this.pump();
    }
  }
}
