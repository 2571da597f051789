"""Applications that stream, and what was measured of their streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans

from .clocked import Clocked

STREAM = "websocket.stream."
REASON = (STREAM + "chunk_count", STREAM + "end_reason")
TRACED: dict[str, dict[str, Any]] = {
    "traced": {},
    "unsampled": {"tracer_provider": TracerProvider(sampler=ALWAYS_OFF)},
    "handshakes alone": {"volume": {"*": "handshake"}},
}


def send(talk: Clocked, after: float, text: str = "x", *, takes: float = 0.0) -> None:
    """Send a chunk after so many seconds; the server takes so many more to take it."""
    talk.clock.forward(after)
    message = {"type": "websocket.send", "text": text}
    sending = talk.connection.sending(message)
    talk.clock.forward(takes)
    talk.connection.sent(message, sending)


def measured(spans: CapturedSpans) -> dict[str, Any]:
    """Return the attributes of the only stream, without the common part of their names."""
    (span,) = spans.named("websocket.stream")
    found = (span.attributes or {}).items()
    return {name.removeprefix(STREAM): value for name, value in found if name.startswith(STREAM)}


def application(handler: Callable[[str, Any], Any], **settings: Any) -> TracingMiddleware:
    """An application that calls ``handler(text, say)`` for each message."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        async def say(text: str) -> None:
            await send({"type": "websocket.send", "text": text})

        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await handler(message["text"], say)

    return TracingMiddleware(serve, **settings)


async def tokens(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        await asyncio.sleep(0)
        yield text


async def visit(app: Any, *texts: str) -> None:
    """Be a server whose client says `texts` and leaves, unless something says "gone" before."""
    inbound: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "text": text} for text in texts),
        {"type": "websocket.disconnect", "code": 1000},
    ]

    async def receive() -> Any:
        return inbound.pop(0)

    async def send(message: Any) -> None:
        if message.get("text") == "gone":
            raise OSError("the peer is gone")

    await app({"type": "websocket", "path": "/", "headers": []}, receive, send)


class Streamed:
    """What is exported of streams: the metrics of a provider."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self.reader])

    def points(self) -> dict[str, list[Any]]:
        data = self.reader.get_metrics_data()
        found = data.resource_metrics[0].scope_metrics if data else []
        return {
            metric.name.removeprefix("websocket.server.stream."): list(metric.data.data_points)
            for scope in found
            for metric in scope.metrics
            if ".stream." in metric.name
        }

    def read(self) -> dict[str, list[tuple[Any, Any, int, float]]]:
        """Return of each metric the name, the end reason, the count and the sum of its points."""
        return {
            name: [
                (
                    point.attributes.get(STREAM + "name"),
                    point.attributes.get(STREAM + "end_reason"),
                    point.count,
                    pytest.approx(point.sum),
                )
                for point in points
            ]
            for name, points in self.points().items()
        }
