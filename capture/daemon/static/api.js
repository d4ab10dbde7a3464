// What the page asks the daemon for.

import { guardedFetch } from "./guarded.js";
import { checked, getJson, postJson } from "./requests.js";

export { ApiError } from "./requests.js";

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
  record: (asked) => postJson("/api/record", asked),
  start: () => postJson("/api/start"),
  stop: () => postJson("/api/stop"),
  pause: () => postJson("/api/pause"),
  resume: () => postJson("/api/resume"),
  mark: () => postJson("/api/mark", { text: "" }),
  retake: () => postJson("/api/retake"),
};
