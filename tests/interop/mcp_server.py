"""A tool of MCP on a WebSocket. Its SDK makes spans of its own, and continues `_meta`."""

from __future__ import annotations

from mcp.server import Server, ServerRequestContext
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from otel_ws_starlette import TracingMiddleware
from testproject import telemetry

from .mcp_streams import Stream

TOOL = Tool(name="price", input_schema={"type": "object", "required": ["item"]})


async def list_tools(
    context: ServerRequestContext, params: PaginatedRequestParams | None
) -> ListToolsResult:
    return ListToolsResult(tools=[TOOL])


async def call_tool(context: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
    price = {"milk": 2}[(params.arguments or {})["item"]]
    return CallToolResult(content=[TextContent(type="text", text=str(price))])


async def mcp(websocket: WebSocket) -> None:
    await websocket.accept("mcp")
    stream = Stream(websocket.receive_text, websocket.send_text, WebSocketDisconnect)
    server = Server("shop", on_list_tools=list_tools, on_call_tool=call_tool)
    await server.run(stream, stream, server.create_initialization_options())


telemetry.configure("server")

app = TracingMiddleware(
    Starlette(routes=[WebSocketRoute("/mcp", mcp)]), message_codec="mcp", inject_sends=True
)
