"""Keys of the review page on the keyboards that people have."""

from typing import Any

import pytest

from kincap.sessions.edits.journal import load_edits
from tests.review.browser import Watched

ALT, CTRL, META, SHIFT, ALTGR = "altKey", "ctrlKey", "metaKey", "shiftKey", "AltGraph"

PRESSES = [
    ("US [", "[", "BracketLeft", (), "markIn"),
    ("US X", "x", "KeyX", (), "reject"),
    ("US ?", "?", "Slash", (SHIFT,), "help"),
    ("German on Windows: AltGr+8", "[", "Digit8", (ALT, CTRL, ALTGR), "markIn"),
    ("German on Windows: AltGr+9", "]", "Digit9", (ALT, CTRL, ALTGR), "markOut"),
    ("German on Windows: Ctrl+Alt+8", "[", "Digit8", (ALT, CTRL), "markIn"),
    ("German on Linux: AltGr+8", "[", "Digit8", (ALTGR,), "markIn"),
    ("German on macOS: Option+5", "[", "Digit5", (ALT,), "markIn"),
    ("German on macOS: Option+6", "]", "Digit6", (ALT,), "markOut"),
    ("German ü, at the place of [", "ü", "BracketLeft", (), "markIn"),
    ("German Z is where US Y is", "z", "KeyY", (), "zoom"),
    ("German Ctrl+Z", "z", "KeyY", (CTRL,), "undo"),
    ("German Ctrl+Y", "y", "KeyZ", (CTRL,), "redo"),
    ("German ?", "?", "Minus", (SHIFT,), "help"),
    ("German 0", "0", "Digit0", (), "laneAll"),
    ("French K", "k", "KeyK", (), "keep"),
    ("French M is where US ; is", "m", "Semicolon", (), "unmirror"),
    ("French Z is where US W is", "z", "KeyW", (), "zoom"),
    ("French 0 without Shift", "à", "Digit0", (), "laneAll"),
    ("French 0 with Shift", "0", "Digit0", (SHIFT,), "laneAll"),
    ("French on Linux: AltGr+5", "[", "Digit5", (ALTGR,), "markIn"),
    ("French on macOS: Option+Shift+5", "[", "Digit5", (ALT, SHIFT), "markIn"),
    ("French dead ^, at the place of [", "Dead", "BracketLeft", (), "markIn"),
    ("French - is where US 6 is", "-", "Digit6", (), "slower"),
    ("Russian X", "ч", "KeyX", (), "reject"),
    ("Russian K", "л", "KeyK", (), "keep"),
    ("Russian Shift+U", "Г", "KeyU", (SHIFT,), "redo"),
    ("Russian [", "х", "BracketLeft", (), "markIn"),
    ("Russian ]", "ъ", "BracketRight", (), "markOut"),
    ("Russian Ctrl+Z", "я", "KeyZ", (CTRL,), "undo"),
    ("Russian Ctrl+Shift+Z", "Я", "KeyZ", (CTRL, SHIFT), "redo"),
    ("Russian on macOS: Cmd+Z", "я", "KeyZ", (META,), "undo"),
    ("Russian Ctrl+F", "а", "KeyF", (CTRL,), None),
    ("Greek U", "θ", "KeyU", (), "undo"),
    ("Greek Shift+U", "Θ", "KeyU", (SHIFT,), "redo"),
    ("Greek E", "ε", "KeyE", (), "nextEvent"),
    ("Greek Shift+E", "Ε", "KeyE", (SHIFT,), "backEvent"),
    ("Turkish I without a dot", "ı", "KeyI", (), "panel"),
    ("Turkish I with a dot", "i", "Quote", (), "panel"),
    ("Turkish ğ, at the place of [", "ğ", "BracketLeft", (), "markIn"),
    ("Turkish AltGr+8", "[", "Digit8", (ALTGR,), "markIn"),
    ("CapsLock X", "X", "KeyX", (), "reject"),
    ("CapsLock U", "U", "KeyU", (), "undo"),
    ("CapsLock Shift+U", "u", "KeyU", (SHIFT,), "redo"),
    ("Arrow with Shift", "ArrowLeft", "ArrowLeft", (SHIFT,), "farLeft"),
    ("German { is AltGr+7", "{", "Digit7", (ALT, CTRL, ALTGR), "trimStart"),
    ("US {", "{", "BracketLeft", (SHIFT,), "trimStart"),
    ("keypad +", "+", "NumpadAdd", (), "faster"),
    # for the browser, the system or an input method
    ("Ctrl+F", "f", "KeyF", (CTRL,), None),
    ("Ctrl+0", "0", "Digit0", (CTRL,), None),
    ("Alt+Left", "ArrowLeft", "ArrowLeft", (ALT,), None),
    ("Alt+E", "e", "KeyE", (ALT,), None),
    ("Alt+0", "0", "Digit0", (ALT,), None),
    ("Option+X on macOS", "≈", "KeyX", (ALT,), None),
    ("AltGr+E", "€", "KeyE", (ALTGR,), None),
    ("an input method", "Process", "KeyX", (), None),
    ("unnamed", "Unidentified", "", (), None),
]

ACT = """async ([key, code, held]) => {
  const { actOf } = await import("/static/keys.js");
  const holds = (name) => held.includes(name);
  const event = { key, code, target: document.body, getModifierState: holds };
  for (const name of ["altKey", "ctrlKey", "metaKey", "shiftKey"]) event[name] = holds(name);
  return actOf(event, "viewer");
}"""


@pytest.fixture
def opened(watched: Watched, make_session: Any, serve: Any) -> Watched:
    """Return the page of a session."""
    make_session("one", frames=12, dropped=range(0))
    watched.page.goto(f"{serve(make_session.recordings).url}#one/3")
    watched.at(3)
    return watched


def test_each_key_does_what_its_label_says(opened: Watched):
    found = {
        what: opened.page.evaluate(ACT, [key, code, list(held)])
        for what, key, code, held, _ in PRESSES
    }
    assert found == {what: act for what, _, _, _, act in PRESSES}


def test_a_range_is_rejected_on_other_keyboards(opened: Watched, make_session: Any):
    """Real key events, as the browser's own input gives them."""
    folder = make_session.recordings / "one"
    keyboard = opened.page.context.new_cdp_session(opened.page)

    def press(key: str, code: str, modifiers: int = 0) -> None:
        event = {"key": key, "code": code, "modifiers": modifiers}
        keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **event})
        keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    alt_ctrl = 3
    press("[", "Digit8", alt_ctrl)  # German on Windows
    press("ArrowRight", "ArrowRight")
    opened.at(4)
    press("]", "Digit9", alt_ctrl)
    press("ч", "KeyX")  # Russian
    opened.says("Rejected frames 3 – 4. Saved.")
    assert load_edits(folder).ranges() == [(3, 4, "reject")]
    press("θ", "KeyU")  # Greek
    opened.says("Undone. Saved.")
    assert load_edits(folder).ranges() == []
    assert opened.complaints == []
