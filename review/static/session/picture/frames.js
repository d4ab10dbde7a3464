// The images of frames: at most three requests at a time, the most urgent first; a request that is
// no longer needed is dropped. The stored JPEG bytes are decoded off this thread, at the size that the
// screen shows. While the mouse is dragged, small previews stand for the pictures.

import { api, ApiError, DELETED, REPLACED } from "../../api.js";
import { decode, eighthsFor } from "./decoding.js";

const FETCHING = 3;
const DECODING = 3; // one for each core and one that waits
const BLOB_BYTES = 120e6;
const BITMAP_BYTES = 120e6;
const PREVIEW_BYTES = 40e6;
const MOST_KEPT = 600; // of each, however small they are
const PREVIEW_PX = 480; // narrower pictures are their own preview
const LOST = [401, 503, REPLACED]; // nothing is wrong with the frame itself

export class FrameStore {
  /**
   * @param {Object} session
   * @param {() => number} needed pixels across on which the whole picture is shown
   * @param {(seq: number, order: number) => void} onReady called when a picture (or its damage) is
   *   there; `order` rises with each request
   * @param {(error: Error) => void} onLost called when the server doesn't answer any more
   */
  constructor({ name, uuid, info }, needed, onReady, onLost) {
    Object.assign(this, { name, uuid, needed, onReady, onLost });
    this.size = info.color_size_px;
    this.hasPreviews = info.pictures !== false && this.size[0] > PREVIEW_PX;
    this.damaged = new Map();
    this.bitmaps = new Kept(BITMAP_BYTES, ({ width, height }) => 4 * width * height, (old) => old.close());
    this.previews = new Kept(PREVIEW_BYTES, ({ width, height }) => 4 * width * height, (old) => old.close());
    this.blobs = new Kept(BLOB_BYTES, ({ size }) => size);
    this.underWay = new Map();
    this.queue = [];
    this.order = 0;
    this.closed = false;
  }

  /** The decoded picture of a frame, or its preview, or null while neither is there. */
  get(seq) {
    return this.bitmaps.get(seq) || this.previews.get(seq);
  }

  /** True if the picture is there in the size that is shown, or will never be. */
  has(seq) {
    return this.isSharp(this.bitmaps.look(seq)) || this.damaged.has(seq);
  }

  isSharp(bitmap) {
    return bitmap !== undefined && bitmap.width >= this.widthOf(eighthsFor(this.size[0], this.needed()));
  }

  widthOf(eighths) {
    return Math.ceil((this.size[0] * eighths) / 8);
  }

  /**
   * Request frames, the most urgent first; this replaces the request before.
   * @param {boolean} small previews will do
   * @param {boolean} moving what is under way goes on: when frames go by faster than pictures come,
   *   every wish is stale by the time it is answered, and something must move on the screen
   */
  want(seqs, { small = false, moving = false } = {}) {
    this.small = small && this.hasPreviews;
    const wanted = new Set(seqs);
    for (const [key, { seq, abort, isSmall }] of this.underWay) {
      if (isSmall === this.small && (moving || wanted.has(seq))) continue;
      abort.abort();
      this.underWay.delete(key);
    }
    this.queue = seqs.filter((seq) => !this.isThere(seq) && !this.underWay.has(this.keyOf(seq)));
    this.pump();
  }

  isThere(seq) {
    return this.has(seq) || (this.small && (this.previews.has(seq) || this.bitmaps.has(seq)));
  }

  keyOf(seq) {
    return this.small ? `small ${seq}` : seq;
  }

  pump() {
    while (this.queue.length && !this.closed) {
      const decoding = [...this.underWay.values()].filter(({ isFetched }) => isFetched).length;
      if (decoding >= DECODING || this.underWay.size - decoding >= FETCHING) break;
      this.load(this.queue.shift());
    }
  }

  async load(seq) {
    this.order += 1;
    const request = { seq, abort: new AbortController(), isSmall: this.small, order: this.order };
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
    this.onReady(seq, request.order);
  }

  async fetchAndDecode(request) {
    const { name, uuid } = this;
    const { seq, abort: { signal }, isSmall } = request;
    if (isSmall) {
      const blob = await api.preview(name, uuid, seq, signal);
      this.fetched(request);
      this.remember(this.previews, seq, await createImageBitmap(blob));
      return;
    }
    const blob = this.blobs.get(seq) || (await api.frame(name, uuid, seq, signal));
    if (signal.aborted) return;
    this.blobs.set(seq, blob);
    this.fetched(request);
    const bitmap = await this.decode(blob).catch(() => null);
    if (bitmap) this.remember(this.bitmaps, seq, bitmap);
    else this.damaged.set(seq, "its JPEG can't be decoded");
  }

  /** A request has its answer: the next one may be sent while it is decoded. */
  fetched(request) {
    request.isFetched = true;
    this.pump();
  }

  decode(blob, eighths = eighthsFor(this.size[0], this.needed())) {
    return decode(blob, this.size, eighths);
  }

  /** The picture of a frame with all its pixels; whoever gets it closes it. */
  async whole(seq) {
    return createImageBitmap(this.blobs.get(seq) || (await api.frame(this.name, this.uuid, seq)));
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

  remember(store, seq, bitmap) {
    if (this.closed) bitmap.close();
    else store.set(seq, bitmap);
  }

  close() {
    this.closed = true;
    this.queue = [];
    for (const { abort } of this.underWay.values()) abort.abort();
    for (const store of [this.bitmaps, this.previews, this.blobs]) store.clear();
  }
}

/** What was used last, up to a number of bytes and of things. */
class Kept {
  /**
   * @param {number} most bytes
   * @param {(value: Object) => number} sizeOf bytes of a value
   * @param {(value: Object) => void} release called when a value is forgotten
   */
  constructor(most, sizeOf, release = () => {}) {
    Object.assign(this, { most, sizeOf, release });
    this.values = new Map();
    this.bytes = 0;
  }

  has(key) {
    return this.values.has(key);
  }

  /** A value, which is not used by that. */
  look(key) {
    return this.values.get(key);
  }

  /** A value, or null; it becomes the one that was used last. */
  get(key) {
    const found = this.values.get(key);
    if (found === undefined) return null;
    this.values.delete(key);
    this.values.set(key, found);
    return found;
  }

  set(key, value) {
    if (this.values.get(key) === value) return;
    this.forget(key);
    this.values.set(key, value);
    this.bytes += this.sizeOf(value);
    for (const old of this.values.keys()) {
      if ((this.bytes <= this.most && this.values.size <= MOST_KEPT) || old === key) break;
      this.forget(old);
    }
  }

  forget(key) {
    const old = this.values.get(key);
    if (old === undefined) return;
    this.values.delete(key);
    this.bytes -= this.sizeOf(old);
    this.release(old);
  }

  clear() {
    for (const key of [...this.values.keys()]) this.forget(key);
  }
}
