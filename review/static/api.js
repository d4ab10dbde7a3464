// What the page asks the server for. Names and numbers only: no path ever stands in an address.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function checked(answer) {
  if (answer.ok) return answer;
  const type = answer.headers.get("content-type") || "";
  const message = type.startsWith("application/json")
    ? (await answer.json()).error
    : (await answer.text()).trim();
  throw new ApiError(message || `the server answered ${answer.status}`, answer.status);
}

export async function getJson(path) {
  return (await checked(await fetch(path))).json();
}

export async function postJson(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await checked(answer)).json();
}

const ARRAYS = { f8: Float64Array, f4: Float32Array, u4: Uint32Array, u2: Uint16Array, u1: Uint8Array };

/**
 * Fetch a table of columns: four bytes with the header's length, the header as JSON
 * ({columns: {name: [type, shape, offset]}, ...}), then the columns, each on a multiple of 8 bytes.
 * @returns {Promise<Object>} the header's other keys, and each column as a typed array
 */
export async function getColumns(path, signal) {
  const buffer = await (await checked(await fetch(path, { signal }))).arrayBuffer();
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

export const api = {
  skeleton: () => getJson("/api/skeleton"),
  sessions: () => getJson("/api/sessions"),
  session: (name) => getJson(base(name)),
  timeline: (name, first) => getColumns(`${base(name)}/timeline/${first}`),
  bodies: (name, first) => getColumns(`${base(name)}/bodies/${first}`),
  frame: async (name, seq, signal) =>
    (await checked(await fetch(`${base(name)}/frames/${seq}`, { signal }))).blob(),
  thumbnail: (name) => `${base(name)}/thumbnail`,
  edit: (name, op, first, last) => postJson(`${base(name)}/edits`, { op, first, last }),
  undo: (name) => postJson(`${base(name)}/undo`, {}),
  redo: (name) => postJson(`${base(name)}/redo`, {}),
};
