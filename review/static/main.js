// Which page is shown: `#` is the list, `#clothing3/1234` is a frame of a session.

import { $ } from "./dom.js";
import { api, ApiError } from "./api.js";
import { openPage, showClosed } from "./guarded.js";
import { actOf, fillHelp } from "./keys.js";
import { ListPage } from "./list.js";
import { prepareSkeleton } from "./session/picture/overlay.js";
import { Viewer } from "./session/viewer.js";

const COMMAND = "kincap review";

let list = null;
let viewer = null;
let page = null;

/** The parts of the address after `#`; one that can't be read leads to the list. */
function place() {
  try {
    return decodeURIComponent(location.hash.slice(1)).split("/");
  } catch {
    return [""];
  }
}

function route() {
  const [name, seq] = place();
  const wanted = name ? viewer : list;
  if (page !== wanted) page?.close();
  page = wanted;
  $("list").hidden = page !== list;
  $("viewer").hidden = page !== viewer;
  if (page === viewer) viewer.open(name, /^\d+$/.test(seq || "") ? Number(seq) : null);
  else list.open();
}

function help() {
  const dialog = $("keys");
  if (dialog.open) {
    dialog.close();
    return;
  }
  fillHelp(dialog, page === viewer ? "viewer" : "list");
  dialog.showModal();
}

function act(name) {
  if (name === "help") help();
  else page.act(name);
}

function listen() {
  window.addEventListener("hashchange", route);
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) {
      if (event.key === "?" && $("keys").open) help();
      return;
    }
    const name = actOf(event, page === viewer ? "viewer" : "list");
    if (!name || (page === list && name !== "help" && !list.takes(name))) return;
    event.preventDefault();
    act(name);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-act], [data-toggle]");
    if (!button) return;
    // after a click the keys mean what they always mean: Space plays, it doesn't press this again
    if (event.detail > 0) button.blur();
    act(button.dataset.act || button.dataset.toggle);
  });
  $("keys").addEventListener("click", (event) => {
    // a click beside the list lands on the dialog itself
    if (event.target === $("keys")) $("keys").close();
  });
}

/** Begin with the secret; without one the page says how to get it. */
async function begin() {
  let skeleton;
  try {
    if (!(await openPage())) throw new ApiError("no secret", 401);
    skeleton = await api.skeleton();
  } catch (error) {
    if (error.status !== 401) throw error;
    showClosed(COMMAND);
    return;
  }
  list = new ListPage();
  viewer = new Viewer(prepareSkeleton(skeleton));
  page = list;
  listen();
  route();
}

await begin();
