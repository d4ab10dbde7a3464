// The page's side of the guard (web/guard.py): the secret that every request carries.
//
// The printed address holds a token. It is exchanged for the secret once, and leaves the address
// bar. The secret stays in this tab's session storage, so reloading works; a new tab asks the tabs
// of this page that are open. Browsers never send it by themselves: no link, picture or other port
// of this machine receives it.

const KEY = "kincap-secret";
const HEADER = "kincap-secret";
const OTHERS_MS = 400;

const channel = new BroadcastChannel(KEY);
let secret = remembered(KEY);

channel.addEventListener("message", ({ data }) => {
  // only pages of this very address and port can be on the channel
  if (data.wanted && secret && secret !== data.not) channel.postMessage({ secret });
});

/** What this tab remembers under a name, or null; a browser may refuse to remember anything. */
export function remembered(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(key, value) {
  try {
    sessionStorage.setItem(key, value);
  } catch {
    // the page works without; it only forgets when it is reloaded
  }
}

function keep(found) {
  secret = found;
  remember(KEY, found);
}

/** Ask the other tabs of this page for a secret other than ours; return true if one has it. */
function askOthers() {
  return new Promise((resolve) => {
    const end = (found) => {
      clearTimeout(timer);
      channel.removeEventListener("message", listen);
      if (found) keep(found);
      resolve(Boolean(found));
    };
    const listen = ({ data }) => {
      if (typeof data.secret === "string" && data.secret !== secret) end(data.secret);
    };
    const timer = setTimeout(() => end(null), OTHERS_MS);
    channel.addEventListener("message", listen);
    channel.postMessage({ wanted: true, not: secret });
  });
}

/** Exchange the token of the printed address, if this is it. */
async function redeemToken() {
  const address = new URL(location.href);
  const token = address.searchParams.get("token");
  if (token === null) return;
  const answer = await fetch("/open", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.ok) {
    keep((await answer.json()).secret);
    channel.postMessage({ secret });
  }
  // used or useless, it leaves the address bar; `#clothing3/1234` at the end stays
  address.search = "";
  history.replaceState(null, "", address);
}

/** Get the secret; return true if this tab may ask the server now. */
export async function openPage() {
  await redeemToken();
  return Boolean(secret) || askOthers();
}

/** Return the secret for the first message of a web socket, which takes no headers. */
export function currentSecret() {
  return secret;
}

/** Fetch with the secret. After a restart of the server, another tab may have the new one. */
export async function guardedFetch(path, options = {}) {
  const ask = () => fetch(path, {
    ...options,
    headers: { ...options.headers, [HEADER]: secret || "" },
  });
  const answer = await ask();
  return answer.status === 401 && (await askOthers()) ? ask() : answer;
}

/** Say in place of the page what to do when this tab has no secret that works. */
export function showClosed(command) {
  const notice = document.createElement("main");
  notice.id = "closed";
  const add = (tag, text, parent = notice) => {
    const node = document.createElement(tag);
    node.textContent = text;
    parent.append(node);
    return node;
  };
  add("h1", "Open the printed address");
  add("p", "This tab has no key to the recordings. Each start of the command makes a new one.");
  const steps = add("ol", "");
  add("li", `Go to the terminal where ${command} runs. If it has ended, start it again.`, steps);
  add("li", "Copy the whole address that it printed; it contains “token=”.", steps);
  add("li", "Open that address here.", steps);
  document.body.replaceChildren(notice);
  // the printed address was opened in another tab, or a link in this one
  channel.addEventListener("message", ({ data }) => {
    if (typeof data.secret !== "string" || data.secret === secret) return;
    keep(data.secret);
    location.reload();
  });
  window.addEventListener("hashchange", () => location.reload());
}
