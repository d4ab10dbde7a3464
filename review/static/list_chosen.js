// Several sessions chosen at once: tag, note, verify, report.

import { $, countText, el } from "./dom.js";
import { api } from "./api.js";

export class ChosenSessions {
  constructor(changed) {
    this.uuids = new Map();
    this.changed = changed;
    $("list-chosen").addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(event.submitter?.value || "tag");
    });
    $("list-none").addEventListener("click", () => this.clear());
  }

  /** The box that chooses a session. */
  box(session) {
    const box = el("input", { type: "checkbox", title: "Choose", "aria-label": `Choose ${session.name}` });
    box.checked = this.uuids.has(session.name);
    box.addEventListener("change", () => {
      if (box.checked) this.uuids.set(session.name, session.uuid);
      else this.uuids.delete(session.name);
      this.show();
    });
    return box;
  }

  /** Forget sessions that are gone, or replaced. */
  keepOnly(sessions) {
    const known = new Map(sessions.map((session) => [session.name, session.uuid]));
    for (const [name, uuid] of this.uuids) if (known.get(name) !== uuid) this.uuids.delete(name);
    this.show();
  }

  clear() {
    this.uuids.clear();
    for (const box of document.querySelectorAll("#list-body input[type=checkbox]")) box.checked = false;
    this.show();
  }

  show() {
    $("list-chosen").hidden = this.uuids.size === 0;
    $("list-chosen-count").textContent = `${countText(this.uuids.size, "session")} chosen`;
  }

  async act(op) {
    const words = $("list-words").value.trim();
    if ((op === "tag" || op === "note") && !words) {
      $("list-words").focus();
      return;
    }
    if (op === "coverage") {
      await this.coverage();
      return;
    }
    const more = op === "tag" || op === "note" ? { [op]: words } : {};
    say([el("p", {}, op === "verify" || op === "report" ? "Reading the sessions…" : "Saving…")]);
    try {
      const { sessions } = await api.batch(Object.fromEntries(this.uuids), op, more);
      say(Object.entries(sessions).map(([name, one]) =>
        el("p", { className: one.ok ? "" : "problem" }, `${name}: ${one.text}`)));
      if (op === "tag" || op === "note") $("list-words").value = "";
    } catch (error) {
      say([el("p", { className: "problem" }, error.message)]);
    }
    this.changed();
  }

  /** Show the coverage picture of each session. */
  async coverage() {
    say([el("p", {}, "Drawing…")]);
    const lines = [];
    for (const [name, uuid] of this.uuids) {
      try {
        const image = el("img", { alt: `Coverage of ${name}` });
        image.src = URL.createObjectURL(await api.coverage(name, uuid));
        image.addEventListener("load", () => URL.revokeObjectURL(image.src));
        lines.push(image);
      } catch (error) {
        lines.push(el("p", { className: "problem" }, error.message));
      }
    }
    say(lines);
  }
}

function say(lines) {
  $("list-result").hidden = false;
  const close = el("button", { type: "button", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => ($("list-result").hidden = true));
  $("list-result").replaceChildren(el("div", {}, ...lines), close);
}
