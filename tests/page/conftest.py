"""A Chromium, and trace pages that were told stories: each started once, or missing by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from testproject.redis_server import RedisServer
from testproject.servers import STARLETTE
from tests.browser import foreign

from . import spans, stories
from .serving import PageServer, running_page

Look = Callable[..., Any]
SIZE = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def possible() -> None:
    """Skip what needs a Chromium where there is none, before anything is started for it."""
    try:
        foreign.find_chromium()
    except foreign.MissingError as missing:
        pytest.skip(str(missing))


# Not for the session: while playwright is at work, no other event loop can run in this thread.
@pytest.fixture(scope="module")
def chromium(possible: None) -> Iterator[Any]:
    with foreign.running_chromium() as browser:
        yield browser


@pytest.fixture
def look(chromium: Any) -> Iterator[Look]:
    """Return a function that opens a page and waits until it has everything.

    At the end nothing may have gone wrong in it, and nothing been refused by its policy.
    """
    wrong: list[str] = []
    with ExitStack() as stack:

        def look(page: PageServer, where: str = "", **options: Any) -> Any:
            opened = stack.enter_context(_window(chromium, SIZE, **options))
            opened.on("pageerror", lambda error: wrong.append(str(error)))
            opened.on("console", lambda line: wrong.append(line.text) if _is_bad(line) else None)
            opened.goto(f"{page.url}/{where}")
            opened.locator("#state.live").wait_for()
            return opened

        yield look
    assert wrong == []


def _is_bad(line: Any) -> bool:
    # That the server is away while it is away is what the browser says, and not what is wrong.
    return line.type in ("error", "warning") and "ERR_CONNECTION_REFUSED" not in line.text


@contextmanager
def _window(chromium: Any, size: dict[str, int], **options: Any) -> Iterator[Any]:
    window = chromium.new_context(**({"viewport": size} | options))
    try:
        page = window.new_page()
        page.set_default_timeout(15_000)
        yield page
    finally:
        window.close()


@pytest.fixture(scope="session")
def told(possible: None, redis_server: RedisServer) -> Iterator[PageServer]:
    """A page that has heard a chat on two servers, an assistant, and some that were refused."""
    with running_page() as page:
        stories.chat(STARLETTE, page, redis_server.url)
        stories.assist(page)
        stories.rhythm(page)
        stories.shout(page)
        yield page


@pytest.fixture(scope="session")
def attacked(possible: None) -> Iterator[PageServer]:
    """A page that was sent spans by an enemy."""
    with running_page() as page:
        spans.hostile(page)
        yield page
