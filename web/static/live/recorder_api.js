// What a page asks of the daemon: of itself, or of the server that passes it on.

import { guardedFetch } from "../guarded.js";
import { checked, getJson, postJson } from "../requests.js";

/** @param {string} base the path of the requests, "/api" in the daemon's own page */
export function recorderApi(base) {
  async function picture(after) {
    const answer = await checked(await guardedFetch(`${base}/picture?after=${after}`));
    if (answer.status === 204) return null;
    const about = JSON.parse(answer.headers.get("kincap-bodies"));
    return {
      number: Number(answer.headers.get("kincap-number")),
      bodies: about.bodies,
      mirrored: about.mirrored,
      image: await createImageBitmap(await answer.blob()),
    };
  }
  const post = (what) => (body) => postJson(`${base}/${what}`, body);
  return {
    status: () => getJson(`${base}/status`),
    picture,
    record: post("record"),
    start: post("start"),
    stop: post("stop"),
    pause: post("pause"),
    resume: post("resume"),
    mark: () => postJson(`${base}/mark`, { text: "" }),
    retake: post("retake"),
  };
}
