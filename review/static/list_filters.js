// Which sessions the list shows, and in which order.

import { $, el } from "./dom.js";

const FIELDS = {
  subject: (session) => [session.subject],
  outfit: (session) => [session.outfit],
  tag: (session) => session.tags,
  quality: (session) => [session.quality],
};
const ORDERS = {
  newest: (a, b) => b.created_utc.localeCompare(a.created_utc),
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  length: (a, b) => b.duration_s - a.duration_s,
  size: (a, b) => b.bytes - a.bytes,
  "most lost": (a, b) => lost(b) - lost(a),
  "most rejected": (a, b) => b.rejected - a.rejected,
  quality: (a, b) => RANK.indexOf(a.quality) - RANK.indexOf(b.quality),
};
const RANK = ["damaged", "poor", "empty", "", "usable", "good"]; // the worst first

function lost(session) {
  return Object.values(session.dropped).reduce((sum, count) => sum + count, 0);
}

export class ListFilters {
  constructor(changed) {
    fill($("list-sort"), Object.keys(ORDERS), null);
    for (const name of [...Object.keys(FIELDS), "sort"]) $(`list-${name}`).addEventListener("change", changed);
  }

  /** Offer the values that the sessions have; what is chosen stays. */
  offer(sessions) {
    for (const [name, values] of Object.entries(FIELDS)) {
      const found = [...new Set(sessions.flatMap(values))].filter(Boolean).sort();
      fill($(`list-${name}`), found, "any");
      $(`list-${name}`).parentElement.hidden = found.length === 0;
    }
  }

  apply(sessions) {
    const shown = sessions.filter((session) =>
      Object.entries(FIELDS).every(([name, values]) => {
        const wanted = $(`list-${name}`).value;
        return !wanted || values(session).includes(wanted);
      }));
    return shown.sort(ORDERS[$("list-sort").value]);
  }
}

function fill(select, values, none) {
  const key = JSON.stringify(values);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const chosen = select.value;
  const options = values.map((value) => el("option", { value }, value));
  if (none) options.unshift(el("option", { value: "" }, none));
  select.replaceChildren(...options);
  if (values.includes(chosen)) select.value = chosen;
}
