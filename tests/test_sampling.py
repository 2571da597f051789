"""A connection whose handshake is not recorded makes no spans, unless it is told otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    Decision,
    ParentBased,
    Sampler,
    SamplingResult,
)

from otel_ws import Connection, current_session
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import capture_spans
from otel_ws_starlette.fanout import MemoryFanout

from .drivers.say import converse


class NoHandshakes(Sampler):
    """Drops what a server is asked for, keeps what it does by itself."""

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, kind: Any = None, *args: Any, **kw: Any
    ) -> SamplingResult:
        drop = kind is trace.SpanKind.SERVER
        return SamplingResult(Decision.DROP if drop else Decision.RECORD_AND_SAMPLE)

    def get_description(self) -> str:
        return "NoHandshakes"


def _application(provider: TracerProvider) -> Any:
    tracer = provider.get_tracer("application")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        assert Connection.of(scope) is None or not Connection.of(scope).is_silent
        assert current_session() is scope["otel_ws"]
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            with tracer.start_as_current_span("query"):
                await send({"type": "websocket.send", "text": message["text"]})

    return app


@pytest.mark.parametrize("model", ["session", "connection"])
async def test_an_unsampled_handshake_silences_the_connection(model: Any) -> None:
    provider = TracerProvider(sampler=ParentBased(NoHandshakes()))
    app = TracingMiddleware(_application(provider), model=model, tracer_provider=provider)
    with capture_spans(provider) as spans:
        sent = await converse(app)
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.send"]
    assert spans == ""


async def test_the_sampler_can_be_asked_about_every_message() -> None:
    provider = TracerProvider(sampler=ParentBased(NoHandshakes()))
    app = TracingMiddleware(
        _application(provider), inherit_sampling=False, tracer_provider=provider
    )
    with capture_spans(provider) as spans:
        await converse(app)
    assert (
        spans
        == """
        websocket.open -> remote
        websocket.receive -> remote
          query
            websocket.send
        websocket.close -> remote
    """
    )


async def test_a_sampler_sees_the_session_of_every_span() -> None:
    seen: list[Any] = []

    class Watching(NoHandshakes):
        def should_sample(self, *args: Any, **kw: Any) -> SamplingResult:
            seen.append((args[2], args[4]["websocket.session.id"]))
            return ALWAYS_ON.should_sample(*args, **kw)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": (await receive())["text"]})
        await receive()

    provider = TracerProvider(sampler=Watching())
    await converse(TracingMiddleware(app, model="connection", tracer_provider=provider))
    names, sessions = zip(*seen, strict=True)
    assert names == (
        "GET",
        "websocket.connection",
        "websocket.open",
        "websocket.receive",
        "websocket.send",
        "websocket.close",
    )
    assert len(set(sessions)) == 1


@pytest.mark.parametrize("metrics", ["off", "connection", "message"])
async def test_what_a_silent_connection_publishes_is_silent_too(metrics: Any) -> None:
    provider = TracerProvider(sampler=ParentBased(NoHandshakes()))
    settings: Any = {"tracer_provider": provider, "meter_provider": MeterProvider()}
    fanout = MemoryFanout(**settings, metrics=metrics)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        async with fanout.subscribe("room") as events:
            while (message := await receive())["type"] == "websocket.receive":
                await fanout.publish("room", {"type": "said"})
                async for _ in events:
                    await send({"type": "websocket.send", "text": message["text"]})
                    break

    with capture_spans(provider) as spans:
        await converse(TracingMiddleware(app, **settings, metrics=metrics))
    assert spans == ""
