"""JSON-RPC: vscode-jsonrpc calls a server of pjrpc, and is notified by it."""

from __future__ import annotations

from .conftest import Node
from .peers import scene, uvicorn, written

SERVER = uvicorn("tests.interop.rpc:app")
PRICE = {"notice": "milk", "item": "milk", "price": 2}


def test_a_call_a_notice_and_the_answer_are_one_trace(node: Node) -> None:
    settings = {"OTEL_WS_MESSAGE_TRUST": "parent", "OTEL_WS_STRIP_CARRIERS": "true"}
    with scene(*SERVER, **settings) as server:
        assert server.play(*node("rpc.mjs")) == PRICE
        assert server.tree() == written("""
            node: page
              node: visit
                server: GET /rpc
              node: ask
                server: websocket.receive /rpc -> server: GET /rpc
                  server: websocket.send /rpc
                    node: take notice
                  server: websocket.send /rpc
                    node: show
            server: websocket.open /rpc -> server: GET /rpc
            server: websocket.close -> server: GET /rpc
        """)


def test_by_default_a_call_is_linked_to(node: Node) -> None:
    with scene(*SERVER, OTEL_WS_STRIP_CARRIERS="true") as server:
        assert server.play(*node("rpc.mjs")) == PRICE
        assert server.tree() == written("""
            node: page
              node: visit
                server: GET /rpc
              node: ask
            server: websocket.open /rpc -> server: GET /rpc
            server: websocket.receive /rpc -> node: ask -> server: GET /rpc
              server: websocket.send /rpc
                node: take notice
              server: websocket.send /rpc
                node: show
            server: websocket.close -> server: GET /rpc
        """)


def test_what_binds_parameters_by_name_refuses_those_that_are_not_stripped(node: Node) -> None:
    with scene(*SERVER) as server:
        assert server.play(*node("rpc.mjs")) == {"error": "Invalid params"}
        assert server.tree() == written("""
            node: page
              node: visit
                server: GET /rpc
              node: ask
            server: websocket.open /rpc -> server: GET /rpc
            server: websocket.receive /rpc -> node: ask -> server: GET /rpc
              server: websocket.send /rpc
            server: websocket.close -> server: GET /rpc
        """)
