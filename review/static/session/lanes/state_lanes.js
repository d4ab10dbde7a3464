// The keypoints of the nearest person: how many of them are inferred, and a row for each of them.

import { theme } from "../../theme.js";

const FULL_SHARE = 8; // keypoints: from here on the share's lane is full
const LEAST_SHARE = 0.3; // of a bad state's colour where only one of many frames has it

/** How many keypoints are inferred; drawn for the worst frames too, as each column sums up all. */
export class InferredLane {
  constructor(session) {
    Object.assign(this, { session, name: "inferred", height: 26 });
  }

  draw(ctx, y, view) {
    const style = theme();
    const height = this.height - 2;
    ctx.fillStyle = style.faint;
    ctx.fillRect(view.left, y, view.width, height);
    for (const { x, width, counts } of view.counts()) {
      let inferred = 0;
      for (const count of counts.inferred) inferred += count;
      const share = counts.seen ? Math.min(1, inferred / counts.seen / FULL_SHARE) : 0;
      ctx.fillStyle = style.inferred;
      ctx.fillRect(x, y + height * (1 - share), width, height * share);
      if (counts.nobody > 0) {
        ctx.globalAlpha = Math.max(0.2, (0.45 * counts.nobody) / (counts.seen + counts.nobody));
        ctx.fillStyle = style.nobody;
        ctx.fillRect(x, y, width, height);
        ctx.globalAlpha = 1;
      }
    }
  }

  at() {
    return [];
  }

  tip() {
    return [];
  }
}

/** One keypoint: tracked, inferred and not tracked in their shares. */
export class KeypointLane {
  constructor(session, keypoint, name, height) {
    Object.assign(this, { session, keypoint, name: name.replace("_", " "), height });
  }

  draw(ctx, y, view) {
    const style = theme();
    const colors = [style.tracked, style.inferred, style.untracked].map(rgb);
    ctx.fillStyle = style.faint;
    ctx.fillRect(view.left, y, view.width, this.height - 1);
    // neighbours of one colour are drawn together
    let [start, end, shown] = [0, 0, null];
    const flush = () => {
      if (shown === null) return;
      ctx.fillStyle = shown;
      ctx.fillRect(start, y, end - start, this.height - 1);
    };
    for (const { x, width, counts } of view.counts()) {
      const color = counts.seen ? mix(counts, this.keypoint, colors) : style.faint;
      if (color !== shown || x !== end) {
        flush();
        [start, shown] = [x, color];
      }
      end = x + width;
    }
    flush();
  }

  at() {
    return [];
  }

  tip() {
    return [];
  }
}

function rgb(color) {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

function mix({ seen, inferred, untracked }, k, colors) {
  if (!inferred[k] && !untracked[k]) return `rgb(${colors[0].join(",")})`;
  // a single inferred frame among hundreds must be visible
  const least = (count) => (count ? Math.max(LEAST_SHARE, count / seen) : 0);
  const bad = [least(inferred[k]), least(untracked[k])];
  const all = bad[0] + bad[1];
  const shares = all > 1 ? [0, bad[0] / all, bad[1] / all] : [1 - all, ...bad];
  const sum = [0, 1, 2].map((c) => Math.round(shares.reduce((s, share, i) => s + share * colors[i][c], 0)));
  return `rgb(${sum.join(",")})`;
}
