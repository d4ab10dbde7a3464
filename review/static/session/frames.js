// The images of frames: at most three requests at a time, the most urgent first; a request that is
// no longer needed is dropped. The stored JPEG bytes are decoded by the browser, off this thread.

import { api, ApiError, REPLACED } from "../api.js";

const UNDER_WAY = 3;
const BLOB_BYTES = 160e6;
const BITMAPS = 20;
const LOST = [401, 503, REPLACED]; // nothing is wrong with the frame itself

export class FrameStore {
  /**
   * @param {{name: string, uuid: string}} session
   * @param {(seq: number) => void} onReady called when a picture (or its damage) is there
   * @param {(error: Error) => void} onLost called when the server doesn't answer any more
   */
  constructor({ name, uuid }, onReady, onLost) {
    this.name = name;
    this.uuid = uuid;
    this.onReady = onReady;
    this.onLost = onLost;
    this.damaged = new Map();
    this.bitmaps = new Map();
    this.blobs = new Map();
    this.blobBytes = 0;
    this.underWay = new Map();
    this.queue = [];
    this.closed = false;
  }

  /** The decoded picture of a frame, or null while it isn't there. */
  get(seq) {
    const bitmap = this.bitmaps.get(seq);
    if (!bitmap) return null;
    this.bitmaps.delete(seq);
    this.bitmaps.set(seq, bitmap);
    return bitmap;
  }

  has(seq) {
    return this.bitmaps.has(seq) || this.damaged.has(seq);
  }

  /**
   * Request frames, the most urgent first; this replaces the request before.
   * One request that is no longer wanted may finish: while the mouse is dragged fast, every
   * wish is stale by the time it is answered, and something must move on the screen.
   */
  want(seqs) {
    const wanted = new Set(seqs);
    let spared = false;
    for (const [seq, abort] of this.underWay) {
      if (wanted.has(seq)) continue;
      if (spared) {
        abort.abort();
        this.underWay.delete(seq);
      } else spared = true;
    }
    this.queue = seqs.filter((seq) => !this.has(seq) && !this.underWay.has(seq));
    this.pump();
  }

  pump() {
    while (this.underWay.size < UNDER_WAY && this.queue.length && !this.closed) {
      this.load(this.queue.shift());
    }
  }

  async load(seq) {
    const abort = new AbortController();
    this.underWay.set(seq, abort);
    let problem = null;
    try {
      const blob = this.blobs.get(seq) || (await api.frame(this.name, this.uuid, seq, abort.signal));
      this.rememberBlob(seq, blob);
      const bitmap = await createImageBitmap(blob).catch(() => null);
      if (bitmap) this.rememberBitmap(seq, bitmap);
      else this.damaged.set(seq, "its JPEG can't be decoded");
    } catch (error) {
      problem = error;
    }
    if (this.underWay.get(seq) === abort) this.underWay.delete(seq);
    this.pump();
    if (this.closed || abort.signal.aborted) return;
    if (problem instanceof ApiError && !LOST.includes(problem.status)) {
      this.damaged.set(seq, problem.message);
    } else if (problem) {
      this.onLost(problem);
      return;
    }
    this.onReady(seq);
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

  rememberBitmap(seq, bitmap) {
    if (this.closed) {
      bitmap.close();
      return;
    }
    this.bitmaps.set(seq, bitmap);
    for (const [old, picture] of this.bitmaps) {
      if (this.bitmaps.size <= BITMAPS) break;
      this.bitmaps.delete(old);
      picture.close();
    }
  }

  /** Forget what failed, so that it is asked for again. */
  retry() {
    this.damaged.clear();
  }

  close() {
    this.closed = true;
    this.queue = [];
    for (const abort of this.underWay.values()) abort.abort();
    for (const bitmap of this.bitmaps.values()) bitmap.close();
    this.bitmaps.clear();
    this.blobs.clear();
  }
}
