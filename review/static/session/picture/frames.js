// The images of frames: at most three requests at a time, the most urgent first; a request that is
// no longer needed is dropped. The stored JPEG bytes are decoded by the browser, off this thread.
// While the mouse is dragged, small previews stand for the pictures.

import { api, ApiError, DELETED, REPLACED } from "../../api.js";

const UNDER_WAY = 3;
const BLOB_BYTES = 120e6;
const BITMAPS = 20;
const PREVIEWS = 60;
const PREVIEW_PX = 480; // narrower pictures are their own preview
const LOST = [401, 503, REPLACED]; // nothing is wrong with the frame itself

export class FrameStore {
  /**
   * @param {Object} session
   * @param {(seq: number) => void} onReady called when a picture (or its damage) is there
   * @param {(error: Error) => void} onLost called when the server doesn't answer any more
   */
  constructor({ name, uuid, info }, onReady, onLost) {
    Object.assign(this, { name, uuid, onReady, onLost });
    this.hasPreviews = info.pictures !== false && info.color_size_px[0] > PREVIEW_PX;
    this.damaged = new Map();
    this.bitmaps = new Map();
    this.previews = new Map();
    this.blobs = new Map();
    this.blobBytes = 0;
    this.underWay = new Map();
    this.queue = [];
    this.closed = false;
  }

  /** The decoded picture of a frame, or its preview, or null while neither is there. */
  get(seq) {
    return used(this.bitmaps, seq) || used(this.previews, seq);
  }

  /** True if the whole picture is there, or will never be. */
  has(seq) {
    return this.bitmaps.has(seq) || this.damaged.has(seq);
  }

  /**
   * Request frames, the most urgent first; this replaces the request before.
   * One request that is no longer wanted may finish: while the mouse is dragged fast, every
   * wish is stale by the time it is answered, and something must move on the screen.
   * @param {boolean} small previews will do
   */
  want(seqs, small = false) {
    this.small = small && this.hasPreviews;
    const wanted = new Set(seqs);
    let spared = false;
    for (const [key, { seq, abort, isSmall }] of this.underWay) {
      if (wanted.has(seq) && isSmall === this.small) continue;
      if (spared) {
        abort.abort();
        this.underWay.delete(key);
      } else spared = true;
    }
    this.queue = seqs.filter((seq) => !this.isThere(seq) && !this.underWay.has(this.keyOf(seq)));
    this.pump();
  }

  isThere(seq) {
    return this.has(seq) || (this.small && this.previews.has(seq));
  }

  keyOf(seq) {
    return this.small ? `small ${seq}` : seq;
  }

  pump() {
    while (this.underWay.size < UNDER_WAY && this.queue.length && !this.closed) {
      this.load(this.queue.shift());
    }
  }

  async load(seq) {
    const request = { seq, abort: new AbortController(), isSmall: this.small };
    const key = this.keyOf(seq);
    this.underWay.set(key, request);
    let problem = null;
    try {
      await this.fetchAndDecode(request);
    } catch (error) {
      problem = error;
    }
    if (this.underWay.get(key) === request) this.underWay.delete(key);
    this.pump();
    if (this.closed || request.abort.signal.aborted) return;
    if (problem && !this.explain(request, problem)) return;
    this.onReady(seq);
  }

  async fetchAndDecode({ seq, abort: { signal }, isSmall }) {
    const { name, uuid } = this;
    if (isSmall) {
      const blob = await api.preview(name, uuid, seq, signal);
      this.remember(this.previews, PREVIEWS, seq, await createImageBitmap(blob));
      return;
    }
    const blob = this.blobs.get(seq) || (await api.frame(name, uuid, seq, signal));
    this.rememberBlob(seq, blob);
    const bitmap = await createImageBitmap(blob).catch(() => null);
    if (bitmap) this.remember(this.bitmaps, BITMAPS, seq, bitmap);
    else this.damaged.set(seq, "its JPEG can't be decoded");
  }

  /** Take note of why a picture did not come; return false where that is not about the frame. */
  explain({ seq, isSmall }, problem) {
    const isAnswer = problem instanceof ApiError && !LOST.includes(problem.status);
    if (isSmall && (isAnswer || !(problem instanceof ApiError)) && problem.status !== undefined) {
      // the whole picture says what is wrong
      this.hasPreviews = this.hasPreviews && problem.status !== DELETED;
      this.want([seq]);
      return false;
    }
    if (isAnswer) {
      this.damaged.set(seq, problem.message);
      return true;
    }
    this.onLost(problem);
    return false;
  }

  rememberBlob(seq, blob) {
    if (this.blobs.has(seq)) this.blobBytes -= this.blobs.get(seq).size;
    this.blobs.delete(seq);
    this.blobs.set(seq, blob);
    this.blobBytes += blob.size;
    for (const [old, { size }] of this.blobs) {
      if (this.blobBytes <= BLOB_BYTES) break;
      this.blobs.delete(old);
      this.blobBytes -= size;
    }
  }

  remember(store, most, seq, bitmap) {
    if (this.closed) {
      bitmap.close();
      return;
    }
    store.get(seq)?.close();
    store.set(seq, bitmap);
    for (const [old, picture] of store) {
      if (store.size <= most) break;
      store.delete(old);
      picture.close();
    }
  }

  close() {
    this.closed = true;
    this.queue = [];
    for (const { abort } of this.underWay.values()) abort.abort();
    for (const store of [this.bitmaps, this.previews]) {
      for (const bitmap of store.values()) bitmap.close();
      store.clear();
    }
    this.blobs.clear();
  }
}

/** What a map has under a key; it becomes the one that was used last. */
function used(store, key) {
  const found = store.get(key);
  if (!found) return null;
  store.delete(key);
  store.set(key, found);
  return found;
}
