// What the page asks the server for. Addresses hold names and numbers only, never a path. `uuid`
// is the session's identity: an answer is about that very session, or an error says that it is gone.

import { guardedFetch } from "./guarded.js";
import { asPost, checked, getJson, postJson } from "./requests.js";

export { ApiError } from "./requests.js";

export const DELETED = 404; // no session of this name exists any more
export const REPLACED = 410; // another session has its name now

async function getBlob(path, signal) {
  return (await checked(await guardedFetch(path, { signal }))).blob();
}

async function postBlob(path, body) {
  return (await checked(await guardedFetch(path, asPost(body)))).blob();
}

const ARRAYS = { f8: Float64Array, f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };

/**
 * Fetch a table of columns: four bytes with the header's length, the header as JSON
 * ({columns: {name: [type, shape, offset]}, ...}), then the columns, each on a multiple of 8 bytes.
 * @returns {Promise<Object>} the header's other keys, and each column as a typed array
 */
async function getColumns(path) {
  const buffer = await (await checked(await guardedFetch(path))).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const table = { ...header };
  delete table.columns;
  for (const [name, [type, shape, offset]] of Object.entries(header.columns)) {
    const count = shape.reduce((a, b) => a * b, 1);
    table[name] = new ARRAYS[type](buffer, offset, count);
  }
  return table;
}

const base = (name) => `/api/sessions/${encodeURIComponent(name)}`;

/** A query with the session's identity and whatever else is asked for. */
function query(uuid, asked = {}) {
  return `?${new URLSearchParams({ uuid, ...asked })}`;
}

export const api = {
  skeleton: () => getJson("/api/skeleton"),
  sessions: () => getJson("/api/sessions"),
  batch: (sessions, op, more) => postJson("/api/batch", { sessions, op, ...more }),
  session: (name) => getJson(base(name)),
  timeline: (name, uuid, first) => getColumns(`${base(name)}/timeline/${first}${query(uuid)}`),
  axis: (name, uuid, first) => getColumns(`${base(name)}/timeline/${first}${query(uuid, { part: "axis" })}`),
  bodies: (name, uuid, first) => getColumns(`${base(name)}/bodies/${first}${query(uuid)}`),
  predictions: (name, uuid, first) => getColumns(`${base(name)}/predictions/${first}${query(uuid)}`),
  lanes: (name, uuid, asked) => getColumns(`${base(name)}/lanes${query(uuid, asked)}`),
  findings: (name, uuid) => getJson(`${base(name)}/findings${query(uuid)}`),
  suspects: (name, uuid, asked) => getJson(`${base(name)}/suspects${query(uuid, asked)}`),
  keep: (name, uuid, settings) => getJson(`${base(name)}/keep${query(uuid, settings)}`),
  about: (name, uuid, seq) => getJson(`${base(name)}/frames/${seq}/about${query(uuid)}`),
  masks: (name, uuid, seq) => getJson(`${base(name)}/frames/${seq}/masks${query(uuid)}`),
  frame: (name, uuid, seq, signal) => getBlob(`${base(name)}/frames/${seq}${query(uuid)}`, signal),
  preview: (name, uuid, seq, signal) => getBlob(`${base(name)}/previews/${seq}${query(uuid)}`, signal),
  coverage: (name, uuid) => getBlob(`${base(name)}/coverage${query(uuid)}`),
  thumbnail: (name, uuid) => getBlob(`${base(name)}/thumbnail${query(uuid)}`),
  decide: (name, uuid, operations) => postJson(`${base(name)}/edits`, { operations, uuid }),
  undo: (name, uuid) => postJson(`${base(name)}/undo`, { uuid }),
  redo: (name, uuid) => postJson(`${base(name)}/redo`, { uuid }),
  video: (name, uuid, asked) => postBlob(`${base(name)}/video`, { ...asked, uuid }),
};
