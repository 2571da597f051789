"""MCP: the SDK for Python as a server, which traces itself, called by that and by the other SDK."""

from __future__ import annotations

from .conftest import Node
from .peers import python, scene, uvicorn, written

SERVER = uvicorn("tests.interop.mcp_server:app")
TRUSTED = {"OTEL_WS_MESSAGE_TRUST": "parent"}
STRIPPED = {"OTEL_WS_STRIP_CARRIERS": "true"}


def test_what_both_read_is_continued_by_both(node: Node) -> None:
    """The SDK of the server believes the message, whatever it is to us."""
    with scene(*SERVER, **TRUSTED) as server:
        assert server.play(*node("mcp.mjs")) == ["2"]
        assert server.tree() == written("""
            node: page
              node: visit
              node: ask
                server: websocket.receive /mcp -> server: GET /mcp
                  server: websocket.send /mcp
                    node: show
                server: tools/call price
            server: GET /mcp {websocket.subprotocol=mcp}
            server: websocket.open /mcp -> server: GET /mcp
            server: websocket.receive /mcp -> server: GET /mcp
              server: initialize
              server: websocket.send /mcp
            server: websocket.receive /mcp -> server: GET /mcp
              server: notifications/initialized
            server: websocket.close -> server: GET /mcp
        """)


def test_what_is_stripped_is_continued_by_us_and_the_sdk_grows_from_there(node: Node) -> None:
    with scene(*SERVER, **TRUSTED, **STRIPPED) as server:
        assert server.play(*node("mcp.mjs")) == ["2"]
        assert server.tree() == written("""
            node: page
              node: visit
              node: ask
                server: websocket.receive /mcp -> server: GET /mcp
                  server: tools/call price
                  server: websocket.send /mcp
                    node: show
            server: GET /mcp {websocket.subprotocol=mcp}
            server: websocket.open /mcp -> server: GET /mcp
            server: websocket.receive /mcp -> server: GET /mcp
              server: initialize
              server: websocket.send /mcp
            server: websocket.receive /mcp -> server: GET /mcp
              server: notifications/initialized
            server: websocket.close -> server: GET /mcp
        """)


def test_the_contexts_that_the_sdk_itself_sends_are_read() -> None:
    with scene(*SERVER, **TRUSTED, **STRIPPED) as server:
        assert server.play(*python("mcp_client")) == ["2"]
        assert server.tree() == written("""
            python: page
              python: visit
                server: GET /mcp {websocket.subprotocol=mcp}
              python: MCP send server/discover
                server: websocket.receive /mcp -> server: GET /mcp
                  server: server/discover
                  server: websocket.send /mcp
              python: ask
                python: MCP send tools/call price
                  server: websocket.receive /mcp -> server: GET /mcp
                    server: tools/call price
                    server: websocket.send /mcp
                      python: show
                python: MCP send tools/list
                  server: websocket.receive /mcp -> server: GET /mcp
                    server: tools/list
                    server: websocket.send /mcp
            server: websocket.open /mcp -> server: GET /mcp
            server: websocket.close -> server: GET /mcp
        """)


def test_by_default_they_are_linked_to() -> None:
    with scene(*SERVER, **STRIPPED) as server:
        assert server.play(*python("mcp_client")) == ["2"]
        assert server.tree() == written("""
            python: page
              python: visit
                server: GET /mcp {websocket.subprotocol=mcp}
              python: MCP send server/discover
              python: ask
                python: MCP send tools/call price
                python: MCP send tools/list
            server: websocket.open /mcp -> server: GET /mcp
            server: websocket.receive /mcp -> python: MCP send server/discover -> server: GET /mcp
              server: server/discover
              server: websocket.send /mcp
            server: websocket.receive /mcp -> python: MCP send tools/call price -> server: GET /mcp
              server: tools/call price
              server: websocket.send /mcp
                python: show
            server: websocket.receive /mcp -> python: MCP send tools/list -> server: GET /mcp
              server: tools/list
              server: websocket.send /mcp
            server: websocket.close -> server: GET /mcp
        """)
