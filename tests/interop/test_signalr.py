"""SignalR: Microsoft's client for JavaScript, and a hub that speaks its JSON protocol."""

from __future__ import annotations

from .conftest import Node
from .peers import scene, uvicorn, written

HUB = uvicorn("tests.interop.hub:app")
HEARD = {"heard": "milk", "price": 2}


def test_an_invocation_and_its_completion_are_one_trace(node: Node) -> None:
    with scene(*HUB, OTEL_WS_MESSAGE_TRUST="parent") as hub:
        assert hub.play(*node("signalr.mjs")) == HEARD
        assert hub.tree() == written("""
            node: page
              node: visit
                server: GET /hub
              node: ask
                server: websocket.receive /hub -> server: GET /hub
                  server: websocket.send /hub
                    node: take Invocation
                    node: take Completion
            server: websocket.open /hub -> server: GET /hub
            server: websocket.receive /hub -> server: GET /hub
              server: websocket.send /hub
            server: websocket.receive /hub -> server: GET /hub
            server: websocket.receive /hub -> server: GET /hub
            server: websocket.close -> server: GET /hub
        """)


def test_by_default_an_invocation_is_linked_to(node: Node) -> None:
    with scene(*HUB) as hub:
        assert hub.play(*node("signalr.mjs")) == HEARD
        assert hub.tree() == written("""
            node: page
              node: visit
                server: GET /hub
              node: ask
            server: websocket.open /hub -> server: GET /hub
            server: websocket.receive /hub -> server: GET /hub
              server: websocket.send /hub
            server: websocket.receive /hub -> server: GET /hub
            server: websocket.receive /hub -> node: ask -> server: GET /hub
              server: websocket.send /hub
                node: take Invocation
                node: take Completion
            server: websocket.receive /hub -> server: GET /hub
            server: websocket.close -> server: GET /hub
        """)
