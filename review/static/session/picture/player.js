// Playing at the recorded speed. The clock leads; a picture that comes late is left out, and when
// pictures come far too late the clock waits for them.

const AHEAD = 14;
const WAIT_S = 0.4;

export class Player {
  /**
   * @param {Object} session
   * @param {Object} frames the FrameStore
   * @param {(index: number) => void} show puts a frame on the screen
   * @param {(playing: boolean) => void} onChange
   */
  constructor(session, frames, show, onChange) {
    Object.assign(this, { session, frames, show, onChange });
    this.playing = false;
    this.speed = 1;
    this.index = 0;
    this.shownAt = [];
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.playing || this.session.rows === 0) return;
    if (this.index >= this.session.rows - 1) this.show(0);
    this.playing = true;
    this.clock = this.session.clock[this.index];
    this.last = null;
    this.late = 0;
    this.stride = 1;
    this.shownAt = [];
    this.onChange(true);
    requestAnimationFrame((now) => this.tick(now));
  }

  pause() {
    if (!this.playing) return;
    this.playing = false;
    this.onChange(false);
  }

  /** Frames shown in the last second. */
  rate(now = performance.now()) {
    this.shownAt = this.shownAt.filter((time) => now - time < 1000);
    return this.shownAt.length;
  }

  tick(now) {
    if (!this.playing) return;
    const elapsed = this.last === null ? 0 : Math.min(0.25, (now - this.last) / 1000);
    this.last = now;
    const { session, frames } = this;
    this.clock += elapsed * this.speed;
    const due = session.indexAtClock(this.clock);
    let next = due;
    while (next > this.index && !frames.has(session.seq[next])) next -= 1;
    if (next > this.index) {
      this.index = next;
      this.shownAt.push(now);
      this.show(next);
    }
    this.adapt(due);
    if (this.clock - session.clock[this.index] > WAIT_S * this.speed) {
      this.clock = session.clock[this.index] + WAIT_S * this.speed;
    }
    if (this.index >= session.rows - 1) {
      this.pause();
      return;
    }
    frames.want(this.ahead(due), { moving: true });
    requestAnimationFrame((later) => this.tick(later));
  }

  /** Ask for every second or third frame only where the machine can't keep up with all. */
  adapt(due) {
    this.late = 0.95 * this.late + (due > this.index ? 0.05 : 0);
    if (this.late > 0.6 && this.stride < 4) {
      this.stride += 1;
      this.late = 0.3;
    } else if (this.late < 0.05 && this.stride > Math.ceil(this.speed / 2)) {
      this.stride -= 1;
      this.late = 0.3;
    }
  }

  /** The frames that are wanted next, on a fixed grid so that no request is wasted. */
  ahead(due) {
    const { session } = this;
    const wanted = [];
    const first = Math.max(this.index + 1, due);
    for (let i = first - (first % this.stride); wanted.length < AHEAD; i += this.stride) {
      if (i >= session.rows) break;
      if (i >= first) wanted.push(session.seq[i]);
    }
    if (!wanted.length && first < session.rows) wanted.push(session.seq[session.rows - 1]);
    return wanted;
  }
}
