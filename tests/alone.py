"""A program, not a test: `scripts/test` runs it where only the built package is installed."""

from __future__ import annotations

import asyncio
import importlib.util
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

PACKAGES = ("otel_ws", "otel_ws_channels", "otel_ws_starlette")
FILES = (
    "otel_ws/browser/static/otel-ws.js",
    "otel_ws/page/static/index.html",
    "otel_ws_channels/static/otel-ws/otel-ws.js",
)


def check_contents() -> None:
    """Every package is there, with its types, and no framework is."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None, f"{name} is not in the wheel"
        assert Path(spec.origin).with_name("py.typed").exists(), f"{name} has no py.typed"
    for file in FILES:
        package, _, path = file.partition("/")
        spec = importlib.util.find_spec(package)
        assert spec is not None and spec.origin is not None
        assert (Path(spec.origin).parent / path).exists(), f"{file} is not in the wheel"
    installed = {distribution.name.lower() for distribution in distributions()}
    unwanted = {"channels", "django", "fastapi", "opentelemetry-sdk", "starlette"}
    assert not installed & unwanted, f"unwanted: {installed & unwanted}"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": (await receive())["text"]})
    await receive()


async def serve() -> None:
    """One connection passes through the middleware as if it were not there."""
    from otel_ws.asgi import TracingMiddleware

    inbound = iter(
        [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": "hello"},
            {"type": "websocket.disconnect", "code": 1000},
        ]
    )
    outbound: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(inbound)

    async def send(message: dict[str, Any]) -> None:
        outbound.append(message)

    scope = {"type": "websocket", "path": "/echo", "headers": [], "query_string": b""}
    await TracingMiddleware(echo)(scope, receive, send)
    sent = [message.get("text", message["type"]) for message in outbound]
    assert sent == ["websocket.accept", "hello"], sent


if __name__ == "__main__":
    check_contents()
    asyncio.run(serve())
