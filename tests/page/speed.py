"""How fluid the page is with ten thousand spans, in a real browser on this machine.

python -m tests.page.speed
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any

from tests.browser import foreign

from . import spans
from .serving import PageServer, running_page

SIZE = {"width": 1440, "height": 900}
_SECONDS = 3

# Do something in each frame, and return how long each was, in milliseconds.
FRAMES = """async ([seconds, act]) => {
  const step = new Function("frame", act);
  const took = [];
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; took.reduce((sum, each) => sum + each, 0) < seconds * 1000; frame++) {
    step(frame);
    const now = await new Promise(requestAnimationFrame);
    took.push(now - last);
    last = now;
  }
  return took;
}"""
DRAWN = """() => new Promise((done) =>
  requestAnimationFrame(() => setTimeout(() => done(performance.now()))))"""
SCROLL = """
  const list = document.getElementById("%s");
  const most = list.scrollHeight - list.clientHeight;
  list.scrollTop = (frame * 173) %% most;
"""
ZOOM = """
  const at = document.getElementById("timeline");
  const { left, top } = at.getBoundingClientRect();
  at.dispatchEvent(new WheelEvent("wheel", {
    deltaY: frame % 60 < 30 ? -60 : 60, clientX: left + 500, clientY: top + 40, cancelable: true,
  }));
"""


@dataclass(frozen=True)
class Frames:
    """How long frames took, in milliseconds."""

    median: float
    slow: float
    """Of a hundred, five were slower."""
    worst: float

    def __str__(self) -> str:
        known = {"median": self.median, "95 %": self.slow, "worst": self.worst}
        return "   ".join(f"{name} {figure:5.1f} ms" for name, figure in known.items())


def frames(page: Any, act: str) -> Frames:
    """Measure the frames of a page that does something in each of them."""
    took = sorted(page.evaluate(FRAMES, [_SECONDS, act]))
    return Frames(took[len(took) // 2], took[int(len(took) * 0.95)], took[-1])


def load(browser: Any, page: PageServer, where: str = "") -> tuple[Any, float]:
    """Open a page; return it, and how many milliseconds it took until everything was drawn."""
    window = browser.new_context(viewport=SIZE, bypass_csp=True)  # to measure, not to serve
    opened = window.new_page()
    opened.set_default_timeout(30_000)
    opened.goto(f"{page.url}/{where}")
    opened.locator("#state.live").wait_for()
    return opened, float(opened.evaluate(DRAWN))


@contextmanager
def pouring(page: PageServer, per_second: int = 2000) -> Iterator[None]:
    """Send spans for as long as the block lasts, a new session with each twenty."""
    stopped = Event()

    def pour() -> None:
        with spans.provider(page, "pour", "1") as made:
            maker, number = spans.Maker(made), 0
            while not stopped.wait(0.1):
                for _ in range(per_second // 10):
                    number += 1
                    about = {spans.SESSION: f"pour-{number // 20}"}
                    maker.span("websocket.receive /pour", -number / per_second, 0.01, about)

    thread = Thread(target=pour)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def measure(browser: Any, told: Callable[[str, Any], None]) -> None:
    """Measure everything, and tell each figure as it comes."""
    with running_page() as page:
        spans.many(page)
        opened, took = load(browser, page)
        told("load, 10,000 spans of 2,000 sessions", f"{took:.0f} ms")
        told("scroll the sessions", frames(opened, SCROLL % "list"))
        with pouring(page):
            told("the same while 2,000 spans a second come", frames(opened, SCROLL % "list"))
    with running_page() as page:
        session = spans.long_session(page)
        opened, took = load(browser, page, f"#/session/{session}")
        told("load, a session of 10,000 spans", f"{took:.0f} ms")
        told("zoom its timeline", frames(opened, ZOOM))
        told("scroll its table", frames(opened, SCROLL % "items"))
    with running_page() as page:
        trace = spans.wide_trace(page)
        opened, took = load(browser, page, f"#/trace/{trace}")
        told("load, a trace of 10,000 spans", f"{took:.0f} ms")
        told("scroll its waterfall", frames(opened, SCROLL % "rows"))


def main() -> int:
    try:
        with foreign.running_chromium() as browser:
            measure(browser, lambda what, figure: print(f"{what:<42} {figure}", flush=True))
    except foreign.MissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
