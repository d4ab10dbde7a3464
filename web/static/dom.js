// Building and finding elements. Data only ever becomes text (textContent), never markup.

export const $ = (id) => document.getElementById(id);

/**
 * Make an element.
 * @param {string} tag
 * @param {Object} props properties such as className, title, ariaLabel; `data` sets data-* attributes
 * @param {...(Node|string|null)} children strings become text nodes, null is left out
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("aria") || key === "role") node.setAttribute(attributeOf(key), value);
    else node[key] = value;
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** The attribute that a property such as ariaLabel is for. */
function attributeOf(key) {
  return key.replace(/^aria[A-Z]\w*$/, (name) => `aria-${name.slice(4).toLowerCase()}`);
}

/** A definition list of [name, value] pairs; pairs whose value is null or empty are left out. */
export function facts(pairs) {
  const list = el("dl");
  for (const [name, value] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    list.append(el("dt", {}, name), el("dd", {}, value instanceof Node ? value : String(value)));
  }
  return list;
}

/** Give a canvas as many pixels as the screen has under it; return true if that changed anything. */
export function fitCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.max(1, Math.round(width * ratio));
  const h = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  if (canvas.width === w && canvas.height === h) return false;
  canvas.width = w;
  canvas.height = h;
  return true;
}

export function clockText(seconds, digits = 2) {
  // rounded before it is split: 59.97 s is 1:00, not 0:60
  const total = Math.round(Math.max(0, seconds) * 10 ** digits) / 10 ** digits;
  const minutes = Math.floor(total / 60);
  return `${minutes}:${(total - minutes * 60).toFixed(digits).padStart(digits ? digits + 3 : 2, "0")}`;
}

export function sizeText(bytes) {
  // as size_text in core/sizes.py
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(unit < units.length - 1 ? 0 : 1)} ${units[unit]}`;
}

export function countText(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}
