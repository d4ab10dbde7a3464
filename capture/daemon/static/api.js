// What the page asks the daemon for.

import { guardedFetch } from "./guarded.js";

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
  throw new ApiError(message || `the daemon answered ${answer.status}`, answer.status);
}

async function getJson(path) {
  return (await checked(await guardedFetch(path))).json();
}

async function post(path, body = {}) {
  const answer = await guardedFetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await checked(answer)).json();
}

/** The newest picture that differs from number `after`, or null. */
async function picture(after) {
  const answer = await checked(await guardedFetch(`/api/picture?after=${after}`));
  if (answer.status === 204) return null;
  const about = JSON.parse(answer.headers.get("kincap-bodies"));
  return {
    number: Number(answer.headers.get("kincap-number")),
    bodies: about.bodies,
    mirrored: about.mirrored,
    image: await createImageBitmap(await answer.blob()),
  };
}

export const api = {
  status: () => getJson("/api/status"),
  sessions: async () => (await getJson("/api/sessions")).sessions,
  picture,
  record: (asked) => post("/api/record", asked),
  start: () => post("/api/start"),
  stop: () => post("/api/stop"),
  pause: () => post("/api/pause"),
  resume: () => post("/api/resume"),
  mark: () => post("/api/mark", { text: "" }),
  retake: () => post("/api/retake"),
};
