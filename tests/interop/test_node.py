"""A Node client with OpenTelemetry JS: a header, messages, and what the server sends."""

from __future__ import annotations

from .conftest import Node
from .peers import scene, uvicorn, written

SHOP = uvicorn("tests.interop.shop:app")


def test_one_trace_across_both_processes(node: Node) -> None:
    with scene(*SHOP, OTEL_WS_MESSAGE_TRUST="parent") as shop:
        assert shop.play(*node("shop.mjs")) == {"sold": "milk", "customer": "7"}
        assert shop.tree() == written("""
            node: page
              node: visit
                server: GET /shop
              node: order
                server: websocket.receive /shop -> server: GET /shop
                  server: websocket.send /shop
                    node: unpack
            server: websocket.open /shop -> server: GET /shop
              server: websocket.send /shop
                node: be welcomed
            server: websocket.close -> server: GET /shop
        """)


def test_by_default_a_message_is_linked_to(node: Node) -> None:
    with scene(*SHOP) as shop:
        assert shop.play(*node("shop.mjs")) == {"sold": "milk", "customer": None}
        assert shop.tree() == written("""
            node: page
              node: visit
                server: GET /shop
              node: order
            server: websocket.open /shop -> server: GET /shop
              server: websocket.send /shop
                node: be welcomed
            server: websocket.receive /shop -> node: order -> server: GET /shop
              server: websocket.send /shop
                node: unpack
            server: websocket.close -> server: GET /shop
        """)


def test_at_a_public_edge_the_handshake_is_too(node: Node) -> None:
    with scene(*SHOP, OTEL_WS_EDGE="public", OTEL_WS_MESSAGE_TRUST="parent") as shop:
        assert shop.play(*node("shop.mjs")) == {"sold": "milk", "customer": None}
        assert shop.tree() == written("""
            node: page
              node: visit
              node: order
            server: GET /shop -> node: visit
            server: websocket.open /shop -> server: GET /shop
              server: websocket.send /shop
                node: be welcomed
            server: websocket.receive /shop -> node: order -> server: GET /shop
              server: websocket.send /shop
                node: unpack
            server: websocket.close -> server: GET /shop
        """)
