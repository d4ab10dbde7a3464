// The people of the frames, with the decisions about their joints applied.

import { api } from "../api.js";
import { Pieces } from "./pieces.js";

/**
 * The people of a session's frames. Those of a frame are a list of {slot, id, points, states, xyz,
 * moved, visibility, box, hands, distance_m}; the columns are views of what the server sent.
 */
export class People extends Pieces {
  constructor({ name, uuid }) {
    super(async (first) => bySeq(await api.bodies(name, uuid, first), personOf));
  }
}

function personOf(table, row) {
  const joints = table.joint_state.length / table.seq.length;
  const part = (column, width) => column?.subarray(row * width, (row + 1) * width) ?? null;
  return {
    slot: table.slot[row],
    id: table.tracking_id ? idOf(table.tracking_id, row) : null,
    points: part(table.joint_px, joints * 2),
    states: part(table.joint_state, joints),
    xyz: part(table.joint_xyz_m, joints * 3),
    moved: part(table.moved, joints),
    visibility: part(table.visibility, joints),
    box: part(table.box_px, 4),
    hands: part(table.hands, 2),
    distance_m: table.distance_m[row],
  };
}

/** Gather what each row of a table makes, by seq. */
export function bySeq(table, make) {
  const found = new Map();
  table.seq.forEach((seq, row) => {
    if (!found.has(seq)) found.set(seq, []);
    found.get(seq).push(make(table, row));
  });
  return found;
}

/** A tracking id as text: it has more digits than a number of JavaScript. */
export function idOf(column, row) {
  return String((BigInt(column[2 * row + 1]) << 32n) | BigInt(column[2 * row]));
}
