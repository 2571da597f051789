"""Clients without OpenTelemetry, of Java and of Go: a context is a header, or a few characters."""

from __future__ import annotations

import pytest

from testproject.otlp import ReceivedSpan

from .peers import Scene, scene, uvicorn, written

SHOP = uvicorn("tests.interop.shop:app")
TRACE = 0x0AF7651916CD43DD8448EB211C80319C
VISIT, ORDER = f"00-{TRACE:032x}-00000000000000a1-01", f"00-{TRACE:032x}-00000000000000a2-01"


@pytest.fixture(params=["java", "go"])
def client(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The command of a client; it is skipped by name where its language is not installed."""
    command: tuple[str, ...] = request.getfixturevalue(request.param)
    return command


def buy(shop: Scene, client: tuple[str, ...]) -> list[str]:
    """Return the contexts that were sent to the client: with a greeting, with what it bought."""
    greeting, sold = shop.play(*client, VISIT, ORDER)
    assert (greeting["welcome"], sold["sold"]) == ("to the shop", "milk")
    return [greeting["_meta"]["traceparent"], sold["_meta"]["traceparent"]]


def contexts_of(shop: Scene, name: str) -> list[str]:
    """Return the contexts of spans with this name; their flags are not told over OTLP."""
    spans = [span for span in shop.spans() if span.name == name]
    return [f"00-{span.trace_id:032x}-{span.span_id:016x}" for span in spans]


def names_of(spans: list[ReceivedSpan]) -> list[str]:
    """Return the names of what has grown from the client's trace."""
    return [span.name for span in spans if span.trace_id == TRACE]


def test_its_contexts_are_continued(client: tuple[str, ...]) -> None:
    with scene(*SHOP, OTEL_WS_MESSAGE_TRUST="parent") as shop:
        told = buy(shop, client)
        assert shop.tree() == written("""
            server: GET /shop <- remote
            server: websocket.open /shop -> server: GET /shop
              server: websocket.send /shop
            server: websocket.receive /shop -> server: GET /shop <- remote
              server: websocket.send /shop
            server: websocket.close -> server: GET /shop
        """)
        grown = ["GET /shop", "websocket.receive /shop", "websocket.send /shop"]
        assert names_of(shop.spans()) == grown
        assert [text[:-3] for text in told] == contexts_of(shop, "websocket.send /shop")


def test_by_default_its_message_is_linked_to(client: tuple[str, ...]) -> None:
    with scene(*SHOP) as shop:
        told = buy(shop, client)
        assert shop.tree() == written("""
            server: GET /shop <- remote
            server: websocket.open /shop -> server: GET /shop
              server: websocket.send /shop
            server: websocket.receive /shop -> remote -> server: GET /shop
              server: websocket.send /shop
            server: websocket.close -> server: GET /shop
        """)
        assert names_of(shop.spans()) == ["GET /shop"]
        assert [text[:-3] for text in told] == contexts_of(shop, "websocket.send /shop")
