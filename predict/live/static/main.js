// The live page: frames from the web socket, drawn as they come.

import { $, el, facts } from "./dom.js";
import { currentSecret, openPage, showClosed } from "./guarded.js";
import { Stage } from "./stage.js";

const COMMAND = "kincap predict";
const REFUSED = 1008;
const AGAIN_MS = 1500;

let stage = null;
let hasEnded = false;
let missed = 0;

function setState(text) {
  if ($("state").textContent !== text) $("state").textContent = text;
}

function showFrame(line) {
  const rate = line.fps === null ? "-" : `${line.fps.toFixed(1)} frames/s`;
  $("figures").replaceChildren(...facts([
    ["Rate", rate],
    ["Frame", line.frame.toLocaleString("en")],
    ["Time", line.time_s === null ? null : `${line.time_s.toFixed(2)} s`],
    ["Image", `${line.size[0]} × ${line.size[1]}`],
    ["Dropped", line.dropped ? line.dropped.toLocaleString("en") : null],
    ["Agreement", line.agreement?.replace("against the sensor", "") || null],
    ["Not shown here", missed ? missed.toLocaleString("en") : null],
  ]).children);
  const people = line.people.map((one) =>
    el("li", {}, `Person ${one.id}`, el("span", {}, `${Math.round(100 * one.score)} % sure`)));
  $("people").replaceChildren(...(people.length ? people : [el("li", {}, "No one in the picture")]));
}

function connect() {
  const socket = new WebSocket(`ws://${location.host}/live`);
  socket.binaryType = "blob";
  let line = null;
  socket.addEventListener("open", () => {
    socket.send(JSON.stringify({ secret: currentSecret() || "", pictures: true }));
  });
  socket.addEventListener("message", async ({ data }) => {
    if (typeof data !== "string") {
      if (line !== null) await stage.show(line, data);
      return;
    }
    const message = JSON.parse(data);
    if (message.keypoints) {
      stage.setSkeleton(message);
      $("source").textContent = message.source;
      setState("Live");
    } else if (message.ended) {
      hasEnded = true;
      setState("The run has ended");
    } else if (message.missed) {
      missed += message.missed;
    } else {
      line = message;
      showFrame(line);
    }
  });
  socket.addEventListener("close", ({ code }) => {
    if (hasEnded) return;
    if (code === REFUSED) {
      showClosed(COMMAND);
      return;
    }
    setState("kincap predict does not answer");
    setTimeout(connect, AGAIN_MS);
  });
}

async function showPage() {
  if (!(await openPage())) {
    showClosed(COMMAND);
    return;
  }
  stage = new Stage();
  connect();
}

showPage();
