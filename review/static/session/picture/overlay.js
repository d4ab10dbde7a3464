// The 25 joints and the 13 keypoints over the picture. Solid and filled: tracked. Dashed and
// hollow: inferred. Sides are the person's own, in every view.

import { boxOf } from "./view_box.js";

export const COLORS = { left: "#3fbdf5", right: "#ff9a4a", middle: "#e8ecf2" };
const EDGE = "rgba(8, 10, 14, 0.85)";
const INFERRED = 1;

/** Find each joint's side once; a name such as "ElbowLeft" or "l_elbow" says it. */
export function prepareSkeleton(skeleton) {
  const side = (name) =>
    /Left$|^l_/.test(name) ? "left" : /Right$|^r_/.test(name) ? "right" : "middle";
  return {
    ...skeleton,
    jointSide: skeleton.joints.map(side),
    keypointSide: skeleton.keypoints.map(side),
  };
}

/**
 * Draw the people of one frame.
 * @param {CanvasRenderingContext2D} ctx in screen pixels
 * @param {Array} people see Session.people
 * @param {(x: number, y: number) => [number, number]} place stored pixels -> screen pixels
 * @param {{joints: boolean, keypoints: boolean, names: boolean}} show
 * @param {Object} skeleton from prepareSkeleton
 * @param {number} ratio canvas pixels for one of the page's
 */
export function drawPeople(ctx, people, place, show, skeleton, ratio) {
  for (const person of people) {
    const unit = ratio * unitOf(person, place, ratio);
    const at = (joint) => {
      const x = person.points[2 * joint];
      const y = person.points[2 * joint + 1];
      return Number.isFinite(x) && Number.isFinite(y) && person.states[joint] > 0
        ? place(x, y)
        : null;
    };
    if (show.joints) drawJoints(ctx, person, at, skeleton, unit);
    if (show.keypoints) drawKeypoints(ctx, person, at, skeleton, unit, !show.joints);
    if (show.names) drawNames(ctx, person, at, skeleton, unit);
  }
}

/** The thickness of lines: a person far away must not vanish behind the marks. */
function unitOf(person, place, ratio) {
  let [top, bottom] = [Infinity, -Infinity];
  for (let i = 0; i < person.states.length; i += 1) {
    const [x, y] = [person.points[2 * i], person.points[2 * i + 1]];
    if (!person.states[i] || !Number.isFinite(x) || !Number.isFinite(y)) continue;
    const down = place(x, y)[1];
    [top, bottom] = [Math.min(top, down), Math.max(bottom, down)];
  }
  const height = (bottom - top) / ratio;
  return Number.isFinite(height) ? Math.max(0.6, Math.min(1.3, height / 340)) : 1;
}

/** The box of each person that build cuts, with the person's slot. */
export function drawBoxes(ctx, people, place, ratio) {
  for (const person of people) {
    const box = person.box && Number.isFinite(person.box[0]) ? person.box : boxOf(person);
    if (!box) continue;
    const [a, b] = [place(box[0], box[1]), place(box[2], box[3])];
    const [x, y] = [Math.min(a[0], b[0]), Math.min(a[1], b[1])];
    const size = [Math.abs(b[0] - a[0]), Math.abs(b[1] - a[1])];
    for (const [color, width] of [[EDGE, 3], [COLORS.middle, 1.4]]) {
      ctx.strokeStyle = color;
      ctx.lineWidth = width * ratio;
      ctx.strokeRect(x, y, ...size);
    }
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textBaseline = "bottom";
    ctx.textAlign = "left";
    ctx.lineWidth = 3 * ratio;
    ctx.strokeStyle = EDGE;
    ctx.strokeText(`slot ${person.slot}`, x + 2, y - 2);
    ctx.fillStyle = COLORS.middle;
    ctx.fillText(`slot ${person.slot}`, x + 2, y - 2);
  }
}

/** The outlines of the bodies as the sensor saw them. */
export function drawMasks(ctx, masks, place, ratio) {
  ctx.setLineDash([]);
  for (const { outlines } of masks) {
    ctx.beginPath();
    for (const outline of outlines) {
      outline.forEach(([x, y], i) => (i ? ctx.lineTo(...place(x, y)) : ctx.moveTo(...place(x, y))));
      ctx.closePath();
    }
    ctx.fillStyle = "rgba(140, 90, 255, 0.28)";
    ctx.fill("evenodd");
    ctx.strokeStyle = "#b79bff";
    ctx.lineWidth = 1.5 * ratio;
    ctx.stroke();
  }
}

/** A ring around the keypoint that is being corrected. */
export function drawSelected(ctx, people, { id, joint }, place, ratio) {
  const person = people.find((one) => one.id === id);
  if (!person || !Number.isFinite(person.points[2 * joint])) return;
  const spot = place(person.points[2 * joint], person.points[2 * joint + 1]);
  for (const [color, width] of [[EDGE, 5], ["#ffffff", 2]]) {
    ctx.beginPath();
    ctx.arc(...spot, 11 * ratio, 0, 2 * Math.PI);
    ctx.strokeStyle = color;
    ctx.lineWidth = width * ratio;
    ctx.stroke();
  }
}

function drawJoints(ctx, person, at, skeleton, unit) {
  for (const [a, b] of skeleton.bones) {
    const inferred = person.states[a] === INFERRED || person.states[b] === INFERRED;
    line(ctx, at(a), at(b), COLORS[skeleton.jointSide[b]], 2 * unit, inferred, unit);
  }
  for (let joint = 0; joint < skeleton.joints.length; joint += 1) {
    const color = COLORS[skeleton.jointSide[joint]];
    dot(ctx, at(joint), 2.6 * unit, color, person.states[joint] === INFERRED, unit);
  }
}

function drawKeypoints(ctx, person, at, skeleton, unit, withLimbs) {
  const joint = (keypoint) => skeleton.keypoint_joint[keypoint];
  if (withLimbs) {
    for (const [a, b] of skeleton.limbs) {
      const inferred = [a, b].some((k) => person.states[joint(k)] === INFERRED);
      const color = COLORS[skeleton.keypointSide[b]];
      line(ctx, at(joint(a)), at(joint(b)), color, 2.5 * unit, inferred, unit);
    }
  }
  skeleton.keypoints.forEach((name, keypoint) => {
    const inferred = person.states[joint(keypoint)] === INFERRED;
    dot(ctx, at(joint(keypoint)), 5.5 * unit, COLORS[skeleton.keypointSide[keypoint]], inferred, unit);
  });
}

function drawNames(ctx, person, at, skeleton, unit) {
  ctx.font = `${Math.max(10, Math.round(11 * unit))}px system-ui, sans-serif`;
  ctx.textBaseline = "middle";
  ctx.lineJoin = "round";
  skeleton.keypoints.forEach((name, keypoint) => {
    const joint = skeleton.keypoint_joint[keypoint];
    const place = at(joint);
    if (!place) return;
    const text = person.states[joint] === INFERRED ? `${name} (inferred)` : name;
    // names are on the outer side of the body, so that they don't cover each other
    const outward = outwardOf(person, joint, skeleton, at);
    ctx.textAlign = outward < 0 ? "right" : "left";
    const x = place[0] + outward * 9 * unit;
    ctx.lineWidth = 3 * unit;
    ctx.strokeStyle = EDGE;
    ctx.strokeText(text, x, place[1]);
    ctx.fillStyle = COLORS[skeleton.keypointSide[keypoint]];
    ctx.fillText(text, x, place[1]);
  });
}

function outwardOf(person, joint, skeleton, at) {
  const middle = at(skeleton.joints.indexOf("SpineMid"));
  return middle && at(joint)[0] < middle[0] ? -1 : 1;
}

function line(ctx, from, to, color, width, inferred, unit) {
  if (!from || !to) return;
  ctx.beginPath();
  ctx.moveTo(...from);
  ctx.lineTo(...to);
  ctx.lineCap = inferred ? "butt" : "round";
  ctx.setLineDash([]);
  ctx.strokeStyle = EDGE;
  ctx.lineWidth = width + 2 * unit;
  if (!inferred) ctx.stroke();
  ctx.setLineDash(inferred ? [5 * unit, 4 * unit] : []);
  if (inferred) ctx.stroke();
  ctx.strokeStyle = color;
  ctx.lineWidth = width;
  ctx.stroke();
  ctx.setLineDash([]);
}

function dot(ctx, place, radius, color, inferred, unit) {
  if (!place) return;
  ctx.beginPath();
  ctx.arc(...place, radius, 0, 2 * Math.PI);
  ctx.lineWidth = 3 * unit;
  ctx.strokeStyle = EDGE;
  ctx.stroke();
  ctx.lineWidth = 1.6 * unit;
  ctx.strokeStyle = inferred ? color : EDGE;
  ctx.fillStyle = color;
  if (!inferred) ctx.fill();
  ctx.stroke();
}
