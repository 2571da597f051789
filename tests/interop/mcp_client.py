"""Calls a tool with the MCP SDK, which makes the spans of a client and sends their contexts."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp import Client
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagate import extract, inject
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from testproject import telemetry

from .mcp_streams import Stream

tracer = trace.get_tracer("interop")


@asynccontextmanager
async def transport(url: str) -> AsyncIterator[tuple[Stream, Stream]]:
    with tracer.start_as_current_span("visit"):
        headers: dict[str, str] = {}
        inject(headers)
        websocket = await connect(url, subprotocols=["mcp"], additional_headers=headers)
    async with websocket:
        stream = Stream(websocket.recv, websocket.send, ConnectionClosed)
        yield stream, stream


async def main(address: str) -> list[str]:
    with tracer.start_as_current_span("page"):
        async with Client(transport(f"ws://{address}/mcp")) as client:
            with tracer.start_as_current_span("ask"):
                answer = await client.call_tool("price", {"item": "milk"})
            sender = extract(answer.meta or {}, Context())
            tracer.start_span("show", sender).end()
    return [part.text for part in answer.content]


telemetry.configure("python")
print(json.dumps(asyncio.run(main(sys.argv[1]))))
