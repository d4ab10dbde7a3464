// What each act of the keys and buttons does on a session's page.

import { $ } from "../dom.js";
import { savePicture, saveVideo } from "./picture/exports.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4];
const ZOOM = 1.4;
const PAN = 0.2; // of what is on view
const FAR = 10; // frames, or pixels of a keypoint

/** @param {Object} viewer the session's page */
export function makeActs(viewer) {
  return {
    ...moving(viewer),
    ...looking(viewer),
    ...finding(viewer),
    ...deciding(viewer),
    savePicture: () => savePicture(viewer),
    saveVideo: () => saveVideo(viewer),
  };
}

function moving(viewer) {
  const step = (by) => () => viewer.goToIndex(viewer.index + by);
  const second = (by) => () => {
    const { session, index } = viewer;
    viewer.goToIndex(session.indexAtClock(session.clock[index] + by));
  };
  const speed = (by) => () => {
    const at = SPEEDS.indexOf(viewer.player.speed) + by;
    viewer.setSpeed(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at))]);
  };
  // while a keypoint is selected the arrow keys move it
  const arrow = (dx, dy, far, otherwise) => () => {
    if (viewer.corrections.selected) viewer.corrections.nudge(dx * far, dy * far);
    else otherwise();
  };
  return {
    play: () => viewer.player.toggle(),
    back: step(-1),
    next: step(1),
    left: arrow(-1, 0, 1, step(-1)),
    right: arrow(1, 0, 1, step(1)),
    up: arrow(0, -1, 1, () => viewer.timeline.zoom(0.6)),
    down: arrow(0, 1, 1, () => viewer.timeline.zoom(1 / 0.6)),
    farLeft: arrow(-1, 0, FAR, step(-FAR)),
    farRight: arrow(1, 0, FAR, step(FAR)),
    farUp: arrow(0, -1, FAR, () => viewer.stage.zoomBy(ZOOM)),
    farDown: arrow(0, 1, FAR, () => viewer.stage.zoomBy(1 / ZOOM)),
    backSecond: second(-1),
    nextSecond: second(1),
    first: () => viewer.goToIndex(0),
    last: () => viewer.goToIndex(viewer.session.rows - 1),
    goTo: () => $("v-frame").focus(),
    slower: speed(-1),
    faster: speed(1),
  };
}

function looking({ stage, timeline, space, panel }) {
  return {
    laneIn: () => timeline.zoom(0.6),
    laneOut: () => timeline.zoom(1 / 0.6),
    laneAll: () => timeline.showAll(),
    pictureAll: () => stage.whole(),
    panLeft: () => stage.panBy(-PAN, 0),
    panRight: () => stage.panBy(PAN, 0),
    panUp: () => stage.panBy(0, -PAN),
    panDown: () => stage.panBy(0, PAN),
    nextSide: () => space.look(),
    turnLeft: () => space.turn(-1),
    turnRight: () => space.turn(1),
    tab1: () => panel.open("frame"),
    tab2: () => panel.open("find"),
    tab3: () => panel.open("decisions"),
    tab4: () => panel.open("build"),
  };
}

function finding(viewer) {
  const { finder } = viewer;
  const jump = (to) => {
    if (to === undefined) viewer.say("Nothing further.");
    else viewer.goToIndex(to);
  };
  const change = (by) => {
    const { session, index } = viewer;
    if (session.stateIndex) viewer.goToIndex(session.stateIndex.change(index, by));
    else viewer.say("The bodies are still being read.");
  };
  return {
    search: () => finder.focus(),
    nextSuspect: () => finder.step(1, "score"),
    backSuspect: () => finder.step(-1, "score"),
    nextHit: () => finder.step(1, "seq"),
    backHit: () => finder.step(-1, "seq"),
    sheet: () => finder.openSheet(),
    nextEvent: () => jump(viewer.session.nextEvent(viewer.index, 1)),
    backEvent: () => jump(viewer.session.nextEvent(viewer.index, -1)),
    nextChange: () => change(1),
    backChange: () => change(-1),
  };
}

function deciding({ deciding: decisions, corrections }) {
  return {
    markIn: () => decisions.mark("first"),
    markOut: () => decisions.mark("last"),
    reject: () => decisions.decide("reject"),
    keep: () => decisions.decide("keep"),
    trimStart: () => decisions.trim("start"),
    trimEnd: () => decisions.trim("end"),
    tag: () => decisions.tag(),
    note: () => decisions.note(),
    undo: () => decisions.undo(),
    redo: () => decisions.redo(),
    nextKeypoint: () => corrections.selectNext(1),
    backKeypoint: () => corrections.selectNext(-1),
    visibility: () => corrections.changeVisibility(),
    swapSides: () => corrections.swapSides(),
    copyBefore: () => corrections.copyFromBefore(),
    interpolate: () => corrections.interpolate(),
  };
}
