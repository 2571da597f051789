"""A message to a server and back, as one trace: from a client's span to the client's handling.

    python -m examples.traced_client

The server runs in this process too, so that one printout shows both ends.
"""

from __future__ import annotations

import asyncio

from opentelemetry import trace
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from otel_ws.client import connect
from otel_ws.testing import capture_spans
from otel_ws_starlette import TracingMiddleware

from .serving import served

tracer = trace.get_tracer("shop")


async def orders(websocket) -> None:
    await websocket.accept()
    async for order in websocket.iter_json():
        await websocket.send_json({"confirmed": order["item"]})


app = Starlette(routes=[WebSocketRoute("/orders", orders)])


async def order(url, **tracing) -> None:
    with tracer.start_as_current_span("order"):
        async with connect(url, tracing=tracing) as websocket:
            await websocket.send('{"item": "tea"}')
            async for _ in websocket:
                with tracer.start_as_current_span("show"):
                    break


async def main() -> None:
    codec = {"message_codec": "json", "inject_sends": True}
    for title, trust in (("The server trusts its clients:", "parent"), ("It does not:", "link")):
        server = TracingMiddleware(app, message_trust=trust, **codec)
        with capture_spans() as spans, served(server) as address:
            await order(f"{address}/orders", **codec)
        print(title, spans, sep="\n", end="\n\n")


if __name__ == "__main__":
    asyncio.run(main())
