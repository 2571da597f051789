"""From a page to the server and back into the page, with the spans of both sides in one tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from otel_ws.testing import format_trace
from testproject.otlp import OTLPReceiver
from testproject.servers import App, clean_environment

from .conftest import Open, served
from .in_page import spans_of

SHOP = App("shop", "", ("uvicorn", "--log-level=warning", "tests.browser.traced:app"))
BUY = """async () => {
  const url = `ws://${location.host}/shop`;
  const socket = new otelWs.TracedWebSocket(url, "shop", { messages: true });
  await new Promise((resolve) => (socket.onopen = resolve));
  const sold = new Promise((resolve) => {
    socket.onmessage = (event) => page.span("show", () => resolve(JSON.parse(event.data).sold));
  });
  socket.send('{"want":"milk"}');
  const result = await sold;
  socket.close(1000);
  await new Promise((resolve) => (socket.onclose = resolve));
  return result;
}"""


@pytest.fixture
def receiver() -> Iterator[OTLPReceiver]:
    with OTLPReceiver() as receiver:
        yield receiver


def buy(page: Any, receiver: OTLPReceiver) -> str:
    """Buy milk, and return the tree of what page and server did for it."""
    assert page.evaluate(BUY) == "milk"
    served = receiver.wait_for(lambda spans: any(s.name == "websocket.close" for s in spans), 30)
    spans = [*spans_of(page), *served]
    return format_trace(sorted(spans, key=lambda span: span.start_time))


@contextmanager
def shop(receiver: OTLPReceiver, **trust: str) -> Iterator[str]:
    with served(SHOP, clean_environment() | receiver.environment | trust) as address:
        yield address


def test_one_trace_from_the_page_to_the_server_and_back(
    visit: Open, bundle: str, receiver: OTLPReceiver
) -> None:
    trust = {"OTEL_WS_BROWSER_TRUST": "parent", "OTEL_WS_MESSAGE_TRUST": "parent"}
    with shop(receiver, **trust) as address:
        tree = buy(visit(f"{address}/page", bundle), receiver)
    assert tree.split("\n") == [
        "GET /page",
        "  GET",
        "    GET /shop",
        "  websocket.send",
        "    websocket.receive /shop -> GET /shop",
        "      websocket.send /shop",
        "        websocket.receive",
        "          show",
        "websocket.open /shop -> GET /shop",
        "websocket.close -> GET /shop",
    ]


def test_by_default_strangers_are_linked_to(
    visit: Open, bundle: str, receiver: OTLPReceiver
) -> None:
    with shop(receiver) as address:
        tree = buy(visit(f"{address}/page", bundle), receiver)
    assert tree.split("\n") == [
        "GET /page",
        "  GET",
        "  websocket.send",
        "GET /shop -> GET",
        "websocket.open /shop -> GET /shop",
        "websocket.receive /shop -> websocket.send -> GET /shop",
        "  websocket.send /shop",
        "    websocket.receive",
        "      show",
        "websocket.close -> GET /shop",
    ]
