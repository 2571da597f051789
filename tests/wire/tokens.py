"""An application that tells its client which subprotocols it was offered, behind the middleware."""

from __future__ import annotations

import json
import os
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from otel_ws import current_session
from otel_ws.asgi import TracingMiddleware
from tests.wire.watch import end_after

trace.set_tracer_provider(TracerProvider())


async def tell(scope: Any, receive: Any, send: Any) -> None:
    session = current_session()
    assert session is not None
    headers = [value.decode() for name, value in scope["headers"] if b"protocol" in name]
    told = {
        "subprotocols": scope["subprotocols"],
        "headers": headers,
        "trace": f"{session.handshake.trace_id:032x}",
    }
    await receive()
    await send({"type": "websocket.accept", "subprotocol": (*scope["subprotocols"], None)[0]})
    await send({"type": "websocket.send", "text": json.dumps(told)})
    while (await receive())["type"] != "websocket.disconnect":
        pass


traced = TracingMiddleware(tell, carriers=["headers", "subprotocol"], browser_trust="parent")


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        await traced(scope, receive, send)
        return
    headers = [(b"content-length", b"2"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


if "WIRE_TESTS" in os.environ:
    end_after(int(os.environ["WIRE_TESTS"]))
