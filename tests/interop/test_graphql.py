"""GraphQL over WebSocket: strawberry as it comes, on FastAPI and on Channels, and two clients."""

from __future__ import annotations

import pytest

from .conftest import Node
from .peers import python, scene, uvicorn, written

FASTAPI = uvicorn("tests.interop.graphql_fastapi:app")


def daphne(name: str) -> tuple[str, ...]:
    return ("daphne", "--verbosity=0", f"tests.interop.graphql_channels:{name}")


def test_an_operation_and_its_results_are_one_trace(node: Node) -> None:
    with scene(*FASTAPI, OTEL_WS_MESSAGE_TRUST="parent") as server:
        assert server.play(*node("subscribe.mjs")) == [1, 2]
        assert server.tree() == written("""
            node: page
              node: visit
                server: GET /graphql {websocket.subprotocol=graphql-transport-ws}
              node: count
                server: websocket.receive /graphql -> server: GET /graphql
                  server: websocket.send /graphql
                    node: show 1
                  server: websocket.send /graphql
                    node: show 2
                  server: websocket.send /graphql
            server: websocket.open /graphql -> server: GET /graphql
            server: websocket.receive /graphql -> server: GET /graphql
              server: websocket.send /graphql
            server: websocket.close -> server: GET /graphql
        """)


def test_by_default_an_operation_is_linked_to(node: Node) -> None:
    with scene(*FASTAPI) as server:
        assert server.play(*node("subscribe.mjs")) == [1, 2]
        assert server.tree() == written("""
            node: page
              node: visit
                server: GET /graphql {websocket.subprotocol=graphql-transport-ws}
              node: count
            server: websocket.open /graphql -> server: GET /graphql
            server: websocket.receive /graphql -> server: GET /graphql
              server: websocket.send /graphql
            server: websocket.receive /graphql -> node: count -> server: GET /graphql
              server: websocket.send /graphql
                node: show 1
              server: websocket.send /graphql
                node: show 2
              server: websocket.send /graphql
            server: websocket.close -> server: GET /graphql
        """)


def test_the_protocol_that_came_before_is_read_and_written_too() -> None:
    with scene(*FASTAPI, OTEL_WS_MESSAGE_TRUST="parent") as server:
        assert server.play(*python("subscribe")) == [1, 2]
        assert server.tree() == written("""
            python: page
              python: visit
                server: GET /graphql {websocket.subprotocol=graphql-ws}
              python: count
                server: websocket.receive /graphql -> server: GET /graphql
                  server: websocket.send /graphql
                    python: show 1
                  server: websocket.send /graphql
                    python: show 2
                  server: websocket.send /graphql
            server: websocket.open /graphql -> server: GET /graphql
            server: websocket.receive /graphql -> server: GET /graphql
              server: websocket.send /graphql
            server: websocket.receive /graphql -> server: GET /graphql
              server: websocket.close
        """)


@pytest.mark.parametrize("trust", ["parent", "link"])
def test_a_consumer_without_the_mixin_still_writes_into_its_results(node: Node, trust: str) -> None:
    with scene(*daphne("unmodified"), OTEL_WS_MESSAGE_TRUST=trust) as server:
        assert server.play(*node("subscribe.mjs")) == [1, 2]
        assert server.tree() == written("""
            node: page
              node: visit
                server: GET /graphql {websocket.subprotocol=graphql-transport-ws}
              node: count
            server: websocket.open /graphql -> server: GET /graphql
            server: websocket.send /graphql -> server: GET /graphql
            server: websocket.send /graphql -> server: GET /graphql
              node: show 1
            server: websocket.send /graphql -> server: GET /graphql
              node: show 2
            server: websocket.send /graphql -> server: GET /graphql
            server: websocket.close -> server: GET /graphql
        """)


def test_with_the_mixin_an_operation_is_seen_as_far_as_to_the_queue(node: Node) -> None:
    """The consumer hands all messages to one task, which nothing connects with what caused it."""
    with scene(*daphne("traced"), OTEL_WS_MESSAGE_TRUST="parent") as server:
        assert server.play(*node("subscribe.mjs")) == [1, 2]
        assert server.tree() == written("""
            node: page
              node: visit
                server: GET /graphql {websocket.subprotocol=graphql-transport-ws}
              node: count
                server: websocket.receive /graphql -> server: GET /graphql
            server: websocket.open /graphql -> server: GET /graphql
            server: websocket.receive /graphql -> server: GET /graphql
            server: websocket.send /graphql -> server: GET /graphql
            server: websocket.send /graphql -> server: GET /graphql
              node: show 1
            server: websocket.send /graphql -> server: GET /graphql
              node: show 2
            server: websocket.send /graphql -> server: GET /graphql
            server: websocket.close -> server: GET /graphql
        """)
