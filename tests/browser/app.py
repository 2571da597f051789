"""What a browser meets: pages with their context, the module, and sockets that tell what they got.

A socket first says what its handshake was like, and then sends back every message as it came.
"""

from __future__ import annotations

import json
from pathlib import Path

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util.http import parse_excluded_urls
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from otel_ws import browser
from otel_ws_starlette.pages import browser_files

HERE = Path(__file__).parent

PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<title>A page</title>
<link rel="icon" href="data:,">
{context}
<script type="module">
  import * as otelWs from "/otel-ws/otel-ws.js";
  window.otelWs = otelWs;
</script>
"""
STRICT = "default-src 'none'; connect-src 'self'; script-src 'self' 'nonce-n0'; img-src data:"


async def page(request: Request) -> Response:
    return HTMLResponse(PAGE.format(context=browser.meta_tag()))


async def untraced(request: Request) -> Response:
    return HTMLResponse(PAGE.format(context=""))


async def strict(request: Request) -> Response:
    """A page that lets no script run inline but the import map, by which it finds the module."""
    head = browser.meta_tag() + browser.import_map("/otel-ws/otel-ws.js", nonce="n0")
    html = f'<!DOCTYPE html>{head}<script type="module" src="/static/strict.js"></script>'
    return HTMLResponse(html, headers={"Content-Security-Policy": STRICT})


async def echo(websocket: WebSocket) -> None:
    offered = websocket.scope["subprotocols"]
    # As an application does that knows nothing of us: it selects what it knows.
    await websocket.accept("chat" if "chat" in offered else None)
    query = websocket.scope["query_string"].decode()
    await websocket.send_text(json.dumps({"offered": offered, "query": query}))
    while (message := await websocket.receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await websocket.send_text(message["text"])
        else:
            await websocket.send_bytes(message["bytes"])


async def refuse(websocket: WebSocket) -> None:
    await websocket.close()


app = OpenTelemetryMiddleware(
    Starlette(
        routes=[
            Route("/page", page),
            Route("/untraced", untraced),
            Route("/strict", strict),
            WebSocketRoute("/echo", echo),
            WebSocketRoute("/refuse", refuse),
            Mount("/static", StaticFiles(directory=HERE / "static")),
            browser_files(),
        ]
    ),
    excluded_urls=parse_excluded_urls("untraced,echo,refuse"),
    tracer_provider=TracerProvider(),
)
