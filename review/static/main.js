// Which page is shown: `#` is the list, `#clothing3/1234` is a frame of a session.

import { $ } from "./dom.js";
import { api } from "./api.js";
import { actOf, fillHelp } from "./keys.js";
import { ListPage } from "./list.js";
import { prepareSkeleton } from "./overlay.js";
import { Viewer } from "./viewer.js";

const skeleton = prepareSkeleton(await api.skeleton());
const list = new ListPage();
const viewer = new Viewer(skeleton);
let page = list;

function route() {
  const [name, seq] = decodeURIComponent(location.hash.slice(1)).split("/");
  const wanted = name ? viewer : list;
  if (page !== wanted) page.close();
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

window.addEventListener("hashchange", route);
document.addEventListener("keydown", (event) => {
  if ($("keys").open) {
    if (event.key === "?") help();
    return;
  }
  const name = actOf(event, page === viewer ? "viewer" : "list");
  if (!name) return;
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

route();
