// A small dialog that asks for one line of text.

import { $, el } from "../../dom.js";

/**
 * @param {{title: string, label: string, most: number, known?: string[], value?: string}} what
 * @returns {Promise<?string>} null where it was closed without an answer
 */
export function ask({ title, label, most, known = [], value = "" }) {
  const dialog = $("ask");
  const field = el("input", { id: "ask-field", maxLength: most, value, autocomplete: "off" });
  if (known.length) {
    field.setAttribute("list", "ask-known");
  }
  const form = el("form", { method: "dialog" },
    el("header", {}, el("h2", {}, title)),
    el("label", {}, el("span", {}, label), field),
    el("datalist", { id: "ask-known" }, ...known.map((text) => el("option", { value: text }))),
    el("footer", {},
      el("button", { type: "button", className: "plain", id: "ask-no" }, "Cancel"),
      el("button", { type: "submit", className: "main" }, "Save")));
  dialog.setAttribute("aria-label", title);
  dialog.replaceChildren(form);
  return new Promise((resolve) => {
    let answer = null;
    form.addEventListener("submit", () => { answer = field.value.trim() || null; });
    form.querySelector("#ask-no").addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => resolve(answer), { once: true });
    dialog.showModal();
    field.focus();
  });
}
