"""From a click in one browser to what another one shows: two servers, a Redis, and every span."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from testproject.redis_server import RedisServer
from testproject.servers import APPS, CHANNELS, STARLETTE, App

from . import foreign
from .chat import TRUSTED, WITH_CODEC, Click, click
from .conftest import HERE
from .picture import compose, draw

Clicked = Callable[..., Click]

# Found by what the servers are told of contexts in messages: that they are trusted, that there are
# some, or nothing.
CHANNELS_TREES = {
    "trusted": """\
click {at=Ada's page}
  websocket.send {at=Ada's page}
    websocket.receive /ws/chat/<slug:room> -> GET /ws/chat/<slug:room> {at=server 1}
      group_send chat.message {at=server 1}
        process chat.message -> GET /ws/chat/<slug:room> {at=server 1}
          websocket.send /ws/chat/<slug:room> {at=server 1}
            websocket.receive {at=Ada's page}
              show {at=Ada's page}
        process chat.message -> GET /ws/chat/<slug:room> {at=server 2}
          websocket.send /ws/chat/<slug:room> {at=server 2}
            websocket.receive {at=Grace's page}
              show {at=Grace's page}""",
    "linked": """\
click {at=Ada's page}
  websocket.send {at=Ada's page}
websocket.receive /ws/chat/<slug:room> -> websocket.send -> GET /ws/chat/<slug:room> {at=server 1}
  group_send chat.message {at=server 1}
    process chat.message -> GET /ws/chat/<slug:room> {at=server 1}
      websocket.send /ws/chat/<slug:room> {at=server 1}
        websocket.receive {at=Ada's page}
          show {at=Ada's page}
    process chat.message -> GET /ws/chat/<slug:room> {at=server 2}
      websocket.send /ws/chat/<slug:room> {at=server 2}
        websocket.receive {at=Grace's page}
          show {at=Grace's page}""",
    "apart": """\
click {at=Ada's page}
  websocket.send {at=Ada's page}
show {at=Ada's page}
websocket.receive /ws/chat/<slug:room> -> GET /ws/chat/<slug:room> {at=server 1}
  group_send chat.message {at=server 1}
    process chat.message -> GET /ws/chat/<slug:room> {at=server 1}
      websocket.send /ws/chat/<slug:room> {at=server 1}
    process chat.message -> GET /ws/chat/<slug:room> {at=server 2}
      websocket.send /ws/chat/<slug:room> {at=server 2}
show {at=Grace's page}""",
}
STARLETTE_TREES = {
    "trusted": """\
click {at=Ada's page}
  websocket.send {at=Ada's page}
    websocket.receive /ws/chat/{room} -> GET /ws/chat/{room} {at=server 1}
      publish chat.message {at=server 1}
        process chat.message {at=server 1}
          websocket.send /ws/chat/{room} {at=server 1}
            websocket.receive {at=Ada's page}
              show {at=Ada's page}
        process chat.message {at=server 2}
          websocket.send /ws/chat/{room} {at=server 2}
            websocket.receive {at=Grace's page}
              show {at=Grace's page}""",
    "linked": """\
click {at=Ada's page}
  websocket.send {at=Ada's page}
websocket.receive /ws/chat/{room} -> websocket.send -> GET /ws/chat/{room} {at=server 1}
  publish chat.message {at=server 1}
    process chat.message {at=server 1}
      websocket.send /ws/chat/{room} {at=server 1}
        websocket.receive {at=Ada's page}
          show {at=Ada's page}
    process chat.message {at=server 2}
      websocket.send /ws/chat/{room} {at=server 2}
        websocket.receive {at=Grace's page}
          show {at=Grace's page}""",
    "apart": """\
click {at=Ada's page}
  websocket.send {at=Ada's page}
show {at=Ada's page}
websocket.receive /ws/chat/{room} -> GET /ws/chat/{room} {at=server 1}
  publish chat.message {at=server 1}
    process chat.message {at=server 1}
      websocket.send /ws/chat/{room} {at=server 1}
    process chat.message {at=server 2}
      websocket.send /ws/chat/{room} {at=server 2}
show {at=Grace's page}""",
}
TREES = {CHANNELS: CHANNELS_TREES, STARLETTE: STARLETTE_TREES}

on_both = pytest.mark.parametrize("app", APPS, ids=lambda app: app.key)


@pytest.fixture(scope="package")
def clicked(
    chromium: Any, npm: Path, tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Clicked:
    """Return a function that plays the click, once under the same settings."""
    script = foreign.bundle(HERE / "chat.mjs", npm, tmp_path_factory.mktemp("chat"))

    @cache
    def clicked(app: App, *settings: tuple[str, str]) -> Click:
        return click(app, dict(settings), redis_server.url, chromium, script)

    return clicked


@on_both
def test_one_trace_from_a_click_to_what_the_other_browser_shows(app: App, clicked: Clicked) -> None:
    result = clicked(app, *TRUSTED.items())
    assert result.tree == TREES[app]["trusted"]
    assert traces(result) == 1


@on_both
def test_by_default_what_a_page_says_is_linked_to(app: App, clicked: Clicked) -> None:
    result = clicked(app, *WITH_CODEC.items())
    assert result.tree == TREES[app]["linked"]
    assert traces(result) == 2


@on_both
def test_without_a_codec_nothing_leads_from_page_to_server_or_back(
    app: App, clicked: Clicked
) -> None:
    result = clicked(app)
    assert result.tree == TREES[app]["apart"]
    assert traces(result) == 4


def traces(click: Click) -> int:
    return len({span.trace_id for span in click.spans})


# Texts that leave their drawing, or lie over another one.
UNREADABLE = """() => [...document.querySelectorAll("svg")].flatMap((svg) => {
  const holds = (a, b) =>
    a.left <= b.left && b.right <= a.right && a.top <= b.top && b.bottom <= a.bottom;
  const meets = (a, b) =>
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const frame = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll("text")];
  const boxes = texts.map((text) => text.getBoundingClientRect());
  const isBad = (box) =>
    !holds(frame, box) || boxes.some((other) => other !== box && meets(box, other));
  return texts.filter((_, index) => isBad(boxes[index])).map((text) => text.textContent);
})"""


def test_the_picture_has_all_of_it(chromium: Any, clicked: Clicked, tmp_path: Path) -> None:
    clicks = [clicked(CHANNELS, *TRUSTED.items()), clicked(CHANNELS, *WITH_CODEC.items())]
    html = compose(*clicks)
    page = chromium.new_page()
    page.set_content(html)
    assert page.evaluate(UNREADABLE) == []
    assert page.locator(".bar").count() == sum(len(click.spans) for click in clicks)
    assert page.locator(".link").count() == 1
    page.context.close()
    assert draw(html, chromium, tmp_path / "click.png").read_bytes().startswith(b"\x89PNG")
