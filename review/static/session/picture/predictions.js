// What up to three checkpoints predict, against the Kinect: a cross for each keypoint and a line from
// where the Kinect has it.

import { api } from "../../api.js";
import { bySeq, idOf } from "../people.js";
import { Pieces } from "../pieces.js";

export const CHECKPOINT_COLORS = ["#ff4fd8", "#c6ff3d", "#ffe14a"];
const EDGE = "rgba(8, 10, 14, 0.85)";

/** What the checkpoints predict, in pieces. */
export class Predictions extends Pieces {
  constructor({ name, uuid, keypoints }) {
    super(async (first) => bySeq(await api.predictions(name, uuid, first), (table, row) => ({
      checkpoint: table.source[row],
      id: idOf(table.tracking_id, row),
      points: table.keypoint_px.subarray(row * 2 * keypoints, (row + 1) * 2 * keypoints),
      error: table.error.subarray(row * keypoints, (row + 1) * keypoints),
    })));
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx in canvas pixels
 * @param {Array<{checkpoint: number, id: string, points: Float32Array}>} predictions of this frame
 * @param {?Array} people see People.of
 * @param {(x: number, y: number) => [number, number]} place stored pixels -> canvas pixels
 */
export function drawPredictions(ctx, predictions, people, place, skeleton, ratio) {
  for (const { checkpoint, id, points } of predictions) {
    const color = CHECKPOINT_COLORS[checkpoint % CHECKPOINT_COLORS.length];
    const person = people?.find((one) => one.id === id);
    skeleton.keypoint_joint.forEach((joint, keypoint) => {
      const [x, y] = [points[2 * keypoint], points[2 * keypoint + 1]];
      if (!Number.isFinite(x) || !Number.isFinite(y)) return;
      const spot = place(x, y);
      const truth = person?.states[joint] && place(person.points[2 * joint], person.points[2 * joint + 1]);
      if (truth && Number.isFinite(truth[0])) stroke(ctx, [[truth, spot]], color, 1.6 * ratio, ratio);
      const r = 4 * ratio;
      stroke(ctx, [
        [[spot[0] - r, spot[1] - r], [spot[0] + r, spot[1] + r]],
        [[spot[0] - r, spot[1] + r], [spot[0] + r, spot[1] - r]],
      ], color, 2 * ratio, ratio);
    });
  }
}

function stroke(ctx, lines, color, width, ratio) {
  ctx.beginPath();
  for (const [from, to] of lines) {
    ctx.moveTo(...from);
    ctx.lineTo(...to);
  }
  ctx.setLineDash([]);
  ctx.strokeStyle = EDGE;
  ctx.lineWidth = width + 2 * ratio;
  ctx.stroke();
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.stroke();
}
