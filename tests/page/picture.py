"""Take the pictures of the trace page from conversations that really take place.

scripts/pictures [folder]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from testproject.redis_server import running_redis
from testproject.servers import CHANNELS, ROOT
from tests.browser import foreign

from . import spans, stories
from .seen import choose, open_item, open_session, settle
from .serving import PageServer, running_page

SIZE = {"width": 1360, "height": 620}
SMALL = {"width": 390, "height": 780}
# Where this machine has the project is nobody's business.
SHORTENED = "(text, root) => (text.textContent = text.textContent.replaceAll(root, '~/project'))"
CHAT = "/ws/chat/<slug:room>"
VOICE = "/ws/voice"
LONG = "/ws/ticker"


def session(page: Any) -> None:
    """Ada's session: her messages, and what Grace said, from another process."""
    open_session(page, CHAT, 1)


def fan_out(page: Any) -> None:
    """A message of Ada's, as it is heard in both processes."""
    open_session(page, CHAT, 1)
    open_item(page, "message 2")
    choose(page, "group_send")


def voice(page: Any) -> None:
    """An utterance: from speech to speech."""
    open_session(page, VOICE)
    open_item(page, "message", 0)
    choose(page, "stream speech")


def cancelled(page: Any) -> None:
    """The user speaks into the answer."""
    open_session(page, VOICE)
    open_item(page, "message", 2)
    choose(page, "stream speech")


def conversation(page: Any) -> None:
    """The whole conversation with the assistant, on one line of time."""
    open_session(page, VOICE)


def error(page: Any) -> None:
    """What went wrong, and where."""
    open_session(page, "/talk")
    open_item(page, "message 5")
    choose(page, "asr")
    page.locator("#details pre .value").evaluate(SHORTENED, str(ROOT))


def many(page: Any) -> None:
    """A session of ten thousand spans, closer and closer, among two thousand others."""
    page.get_by_role("searchbox").fill(LONG)
    settle(page)
    open_session(page, LONG)
    page.get_by_role("searchbox").fill("")
    page.locator("#timeline").focus()
    page.keyboard.press("End")
    for _ in range(14):
        page.keyboard.press("+")
    page.locator("#list").evaluate("(list) => (list.scrollTop = 2000)")


PICTURES: dict[str, Callable[[Any], None]] = {
    "session": session,
    "fan-out": fan_out,
    "voice": voice,
    "conversation": conversation,
    "cancelled": cancelled,
    "error": error,
}
# Which of them, in which light, stand in the folder.
TAKEN = (
    ("session", "light"),
    ("fan-out", "light"),
    ("voice", "dark"),
    ("conversation", "light"),
    ("cancelled", "dark"),
    ("error", "light"),
)


@contextmanager
def looking(browser: Any, page: PageServer, scheme: str, size: dict[str, int]) -> Iterator[Any]:
    window = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    try:
        opened = window.new_page()
        opened.set_default_timeout(30_000)
        opened.goto(page.url)
        opened.locator("#state.live").wait_for()
        yield opened
    finally:
        window.close()


def take(
    browser: Any,
    page: PageServer,
    act: Callable[[Any], None],
    target: Path,
    scheme: str = "light",
    size: dict[str, int] = SIZE,
) -> Path:
    """Take a picture of the page after somebody has acted on it."""
    with looking(browser, page, scheme, size) as opened:
        act(opened)
        settle(opened)
        opened.mouse.move(0, 0)
        opened.screenshot(path=target)
    print(target.name, flush=True)
    return target


def tell(page: PageServer, redis_url: str) -> None:
    """Let the page hear what it is to show."""
    stories.chat(CHANNELS, page, redis_url, pause=0.6)
    stories.assist(page)
    stories.voice(page, redis_url)


def take_all(browser: Any, page: PageServer, full: PageServer, folder: Path) -> None:
    for name, scheme in TAKEN:
        take(browser, page, PICTURES[name], folder / f"page-{name}-{scheme}.png", scheme)
    take(browser, page, voice, folder / "page-small.png", "dark", SMALL)
    take(browser, full, many, folder / "page-many.png")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/pictures", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "docs" / "pictures")
    folder: Path = parser.parse_args(arguments).folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        foreign.find_chromium()
        with running_redis() as redis, running_page() as page, running_page() as full:
            tell(page, redis.url)  # while no browser runs: its driver lets no other loop run
            spans.many(full)
            spans.long_session(full, LONG)
            with foreign.running_chromium() as browser:
                take_all(browser, page, full, folder)
    except (foreign.MissingError, RuntimeError) as missing:
        print(missing, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
