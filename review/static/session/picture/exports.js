// Saving what is on the screen: the frame as a PNG, the marked range as a video.

import { api } from "../../api.js";

const JOINTS_MS = 5000;
const AGAIN_MS = 50;

/** Save the part of the picture that is on view, pixel by pixel, with what is drawn over it. */
export async function savePicture(viewer) {
  const { stage, session, seq, frames } = viewer;
  const frame = await withJoints(viewer);
  const bitmap = await frames.whole(seq).catch(() => null);
  if (viewer.session !== session) return;
  const canvas = stage.snapshot(bitmap, frame);
  bitmap?.close();
  const blob = await canvas.convertToBlob({ type: "image/png" });
  save(blob, `${session.name}-${seq}.png`);
  viewer.say(`Saved ${session.name}-${seq}.png.`);
}

/** The frame on the screen, once its joints have come: a picture is there before them. */
async function withJoints({ stage }) {
  let { frame } = stage;
  for (let waited = 0; frame.people === null && waited < JOINTS_MS; waited += AGAIN_MS) {
    await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
    if (stage.frame?.seq === frame.seq) frame = stage.frame;
  }
  return frame;
}

/** Ask for the marked range as a video, and save it. */
export async function saveVideo(viewer) {
  const { session, deciding } = viewer;
  if (!deciding.isMarked) {
    viewer.say("Mark a range first, with [ and ].");
    return;
  }
  const [first, last] = deciding.range();
  viewer.say(`Making a video of frames ${first} – ${last}…`);
  try {
    const blob = await api.video(session.name, session.uuid, { first, last });
    if (viewer.session !== session) return;
    save(blob, `${session.name}-${first}-${last}.mp4`);
    viewer.say(`Saved ${session.name}-${first}-${last}.mp4.`);
  } catch (error) {
    if (viewer.session === session) viewer.say(`No video: ${error.message}`, true);
  }
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
