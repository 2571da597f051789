"""Applications that lack something, each in its own way: what a server is told to run."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

import otel_ws.asgi
from otel_ws_starlette import TracingMiddleware
from testproject import telemetry

PROVIDER = os.environ.get("DOCTORED_PROVIDER", "otlp")


def provide() -> None:
    """Set up the SDK as somebody might have: well, or not."""
    if PROVIDER == "otlp":
        telemetry.configure("app")
        return
    if PROVIDER == "none":
        return
    provider = TracerProvider()
    if PROVIDER == "printed":
        provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    elif PROVIDER == "named":
        named = ConsoleSpanExporter(formatter=lambda span: f"{span.name} {span.context}\n")
        provider.add_span_processor(BatchSpanProcessor(named))
    elif PROVIDER == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as Grpc

        endpoint = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
        provider.add_span_processor(BatchSpanProcessor(Grpc(endpoint, insecure=True, timeout=1)))
    else:
        exporter = OTLPSpanExporter("http://127.0.0.1:9/v1/traces", timeout=1)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


provide()


async def echo(websocket: WebSocket) -> None:
    await websocket.accept("chat" if "chat" in websocket.scope["subprotocols"] else None)
    async for text in websocket.iter_text():
        if text == "crash":
            raise RuntimeError("boom")
        await websocket.send_text(text.upper())


async def deny(websocket: WebSocket) -> None:
    await websocket.close()


async def crash(websocket: WebSocket) -> None:
    raise RuntimeError("boom")


def starlette(**options: Any) -> Starlette:
    paths = {"/ws/echo": echo, "/ws/deny": deny, "/ws/crash": crash}
    return Starlette(routes=[WebSocketRoute(*each) for each in paths.items()], **options)


healthy = TracingMiddleware(starlette(), excluded_routes=["/ws/excluded"])
routeless = otel_ws.asgi.TracingMiddleware(starlette())
untraced = starlette()
twice = TracingMiddleware(TracingMiddleware(starlette()))
ignoring = TracingMiddleware(starlette(), handshake_trust="ignore")
linking = TracingMiddleware(starlette(), handshake_trust="link")
excluding = TracingMiddleware(starlette(), excluded_routes=["/ws/echo"])
quiet = TracingMiddleware(starlette(), excluded_messages=lambda scope, message: True)
beside = OpenTelemetryMiddleware(TracingMiddleware(starlette()))


async def doubled(scope: Any, receive: Any, send: Any) -> None:
    """Trace the handshake once more, as many have written it for themselves."""
    if scope["type"] != "websocket":
        return await healthy(scope, receive, send)
    carrier = {name.decode(): value.decode() for name, value in scope["headers"]}
    with trace.get_tracer("hand-made").start_as_current_span(
        "socket", propagate.extract(carrier), trace.SpanKind.SERVER
    ):
        await healthy(scope, receive, send)


async def too_deep(scope: Any, receive: Any, send: Any) -> None:
    """Refuse what is elsewhere before the middleware is reached."""
    if scope["type"] == "websocket" and not scope["path"].startswith("/ws/"):
        await receive()
        await send({"type": "websocket.close"})
        return
    await healthy(scope, receive, send)


async def stuck(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        return await asyncio.sleep(2)
    await healthy(scope, receive, send)


async def redirecting(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    headers = [(b"location", b"https://127.0.0.1/ws/there")]
    await send({"type": "websocket.http.response.start", "status": 301, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": b""})


async def hostile(scope: Any, receive: Any, send: Any) -> None:
    """Close with words that a terminal would obey."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": 4001, "reason": "\x1b[2J\x07\u202eevil"})
