// The colours of app.css for what is drawn on canvases; they change with the light or dark theme.

const NAMES = [
  "tracked", "inferred", "untracked", "reject", "drop", "take-even", "take-odd", "mark", "muted",
  "faint", "line", "head", "on-reject", "reject-tint", "mark-tint", "nobody", "text",
  "left", "right", "index-even", "index-odd",
];
const GROUPS = {
  "sensor and clock": "sensor", "times and pairs": "times", light: "light", people: "people",
  pose: "pose", "lost or damaged": "lost",
};

let colors = null;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = [];

dark.addEventListener("change", () => {
  colors = null;
  for (const listener of listeners) listener();
});

/** Call a function when the theme changes. */
export function onThemeChange(listener) {
  listeners.push(listener);
}

/** The colours by name, as CSS has them. */
export function theme() {
  if (!colors) {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(`--${name}`).trim();
    colors = Object.fromEntries(NAMES.map((name) => [name, read(name)]));
    colors.groups = Object.fromEntries(
      Object.entries(GROUPS).map(([group, name]) => [group, read(`group-${name}`)]),
    );
  }
  return colors;
}
