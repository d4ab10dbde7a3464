"""Other pages and other servers of this machine get nothing out of an open review page."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kincap.web.access import SECRET_HEADER
from tests.review.browser import Watched

ATTACK = """async (base) => {
  const got = {};
  const attempt = async (name, what) => {
    try { got[name] = await what(); } catch { got[name] = null; }
  };
  const read = async (path, options) => {
    const answer = await fetch(base + path, options);
    return answer.type === "opaque" ? null : answer.text();
  };
  const loaded = (tag, src) => new Promise((resolve) => {
    const node = document.createElement(tag);
    node.onload = () => resolve(`${tag} loaded`);
    node.onerror = () => resolve(null);
    node.src = src;
    document.body.append(node);
  });
  await attempt("cookie", () => document.cookie || null);
  await attempt("session", () => sessionStorage.getItem("kincap-secret"));
  await attempt("local", () => JSON.stringify(localStorage) === "{}" ? null : "stored");
  await attempt("fetch", () => read("/api/sessions", { credentials: "include" }));
  await attempt("header", () => read("/api/sessions", { headers: { "kincap-secret": "guess" } }));
  await attempt("opaque", () => read("/api/sessions", { mode: "no-cors", credentials: "include" }));
  await attempt("open", () => read("/open", { method: "POST", body: "{}", mode: "no-cors" }));
  await attempt("frame", () => loaded("img", base + "/api/sessions/one/frames/0"));
  await attempt("thumbnail", () => loaded("img", base + "/api/sessions/one/thumbnail"));
  await attempt("script", () => loaded("script", base + "/static/guarded.js"));
  await attempt("channel", () => new Promise((resolve) => {
    const channel = new BroadcastChannel("kincap-secret");
    channel.onmessage = ({ data }) => resolve(JSON.stringify(data));
    channel.postMessage({ wanted: true, not: null });
    setTimeout(() => resolve(null), 700);
  }));
  await attempt("inside", async () => {
    const frame = document.createElement("iframe");
    frame.src = base + "/";
    document.body.append(frame);
    await new Promise((resolve) => setTimeout(resolve, 700));
    return frame.contentWindow.sessionStorage.getItem("kincap-secret");
  });
  await attempt("window", async () => {
    const other = window.open(base + "/");
    await new Promise((resolve) => setTimeout(resolve, 900));
    return other.sessionStorage.getItem("kincap-secret");
  });
  return got;
}"""


@dataclass
class OtherServer:
    """Another program that serves a port of this machine."""

    port: int
    requests: list[dict[str, str]] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def other() -> Iterator[OtherServer]:
    """Serve a page on another port, and keep the headers of every request."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.requests.append({**self.headers, ":path": self.path})
            body = b"<!doctype html><title>other</title><body>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = OtherServer(server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_port_of_this_machine_receives_and_reads_nothing(
    watched: Watched, make_session: Any, serve: Any, other: OtherServer
):
    """Cookies know no ports: the one that this page had went to every server of 127.0.0.1."""
    make_session("one", frames=6, dropped=range(0))
    served = serve(make_session.recordings)
    page = watched.page
    page.goto(served.url)
    page.wait_for_selector("a.card:has-text('one')")
    secret = page.evaluate("sessionStorage.getItem('kincap-secret')")
    assert len(secret) > 30
    assert page.context.cookies() == []

    # by typing its address in the same tab and in another, and as a link from our page
    page.evaluate("(url) => { location.href = url; }", other.base)
    page.wait_for_url(f"{other.base}/")
    stranger = page.context.new_page()
    stranger.goto(other.base)
    page.go_back()
    page.wait_for_selector("a.card:has-text('one')")
    got = stranger.evaluate(ATTACK, served.base.rstrip("/"))
    assert set(got.values()) == {None}, got
    token = served.url.partition("token=")[2]
    assert len(other.requests) >= 2
    for request in other.requests:
        said = json.dumps(request)
        assert "cookie" not in said.lower()
        assert SECRET_HEADER not in said.lower()
        assert secret not in said
        assert token not in said
        assert served.base not in said


def test_reloading_a_new_tab_and_a_link_work_and_a_stranger_tab_says_what_to_do(
    watched: Watched, make_session: Any, serve: Any
):
    make_session("one", frames=6, dropped=range(0))
    served = serve(make_session.recordings)
    page = watched.page
    page.goto(served.url)
    page.wait_for_selector("a.card:has-text('one')")
    assert page.url == served.base
    page.reload()
    page.wait_for_selector("a.card:has-text('one')")
    # a link opened in a new tab, by the mouse and by its copied address
    with page.context.expect_page() as opened:
        page.click("a.card:has-text('one')", modifiers=["Control"])
    opened.value.wait_for_selector('#overlay[data-seq="0"]')
    typed = page.context.new_page()
    typed.goto(f"{served.base}#one/3")
    typed.wait_for_selector('#overlay[data-seq="3"]')
    typed.close()
    opened.value.close()
    # another browser has no tab to ask
    context = page.context.browser.new_context()
    lonely = context.new_page()
    lonely.goto(f"{served.base}#one/3")
    lonely.wait_for_selector("#closed:has-text('Copy the whole address that it printed')")
    assert "kincap review" in lonely.inner_text("#closed")
    lonely.goto(f"{served.url}#one/3")
    lonely.wait_for_selector('#overlay[data-seq="3"]')
    assert "token" not in lonely.url
    context.close()
    assert watched.complaints == []


def test_a_page_of_an_earlier_run_goes_on_when_the_new_address_is_opened(
    watched: Watched, make_session: Any, serve: Any
):
    make_session("one", frames=6, dropped=range(0))
    first = serve(make_session.recordings)
    page = watched.page
    page.goto(f"{first.url}#one/3")
    watched.at(3)
    assert first.stop()[0] == 0
    page.wait_for_selector('#v-toast:has-text("The server doesn\'t answer")')
    again = serve(make_session.recordings, "--port", str(first.port))
    page.wait_for_selector("#v-toast:has-text('open the address that it printed')")
    page.keyboard.press("x")
    page.wait_for_timeout(700)
    assert not (make_session.recordings / "one" / "edits.json").exists()
    fresh = page.context.new_page()
    fresh.goto(again.url)
    fresh.wait_for_selector("a.card:has-text('one')")
    page.wait_for_selector("#v-toast:has-text('The server answers again.')")
    page.keyboard.press("x")
    watched.says("Rejected frame 3. Saved.")


def test_a_broken_link_leads_to_the_list(watched: Watched, make_session: Any, serve: Any):
    make_session("one", frames=6, dropped=range(0))
    page = watched.page
    page.goto(f"{serve(make_session.recordings).url}#%E0%A4%A")
    page.wait_for_selector("a.card:has-text('one')")
    assert watched.complaints == []
