"""The session that a handshake opens: its id, and what samplers make of it."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

from otel_ws import Config, Session, current_session
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans

from .playing import echo, play


def test_the_session_is_in_the_scope_and_below(spans: CapturedSpans) -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([scope["otel_ws"], copy.copy(scope)["otel_ws"], current_session()])
        await echo(scope, receive, send)
        seen.append(current_session())

    play(TracingMiddleware(app, model="connection"))
    assert [session is seen[0] for session in seen] == [True] * 4
    session: Session = seen[0]
    assert session.handshake == spans[0].context
    assert session.config == Config(model="connection")
    assert {(span.attributes or {})["websocket.session.id"] for span in spans} == {session.id}
    with pytest.raises(FrozenInstanceError):
        session.id = "mine"  # type: ignore[misc]


def test_outside_of_a_connection_there_is_no_session() -> None:
    assert current_session() is None


def test_each_connection_has_an_id_of_its_own(spans: CapturedSpans) -> None:
    app = TracingMiddleware(echo)
    for _ in range(3):
        play(app)
    assert len({(span.attributes or {})["websocket.session.id"] for span in spans}) == 3


class Watching(Sampler):
    """Samples everything, and keeps what it was shown."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def should_sample(self, *arguments: Any, **more: Any) -> Any:
        self.seen.append(more.get("attributes", arguments[4] if len(arguments) > 4 else None))
        return ALWAYS_ON.should_sample(*arguments, **more)

    def get_description(self) -> str:
        return "watching"


@pytest.mark.parametrize("model", ["session", "connection"])
def test_a_sampler_sees_the_session_id_of_every_span(model: Any) -> None:
    sampler = Watching()
    provider = TracerProvider(sampler=sampler)
    play(TracingMiddleware(echo, model=model, tracer_provider=provider))
    assert len(sampler.seen) == (5 if model == "session" else 6)
    assert len({attributes["websocket.session.id"] for attributes in sampler.seen}) == 1


def test_an_unsampled_handshake_silences_its_connection() -> None:
    class Handshakes(Watching):
        def should_sample(self, *arguments: Any, **more: Any) -> Any:
            self.seen.append(arguments[2])
            return ALWAYS_OFF.should_sample(*arguments, **more)

    sampler = Handshakes()
    provider = TracerProvider(sampler=sampler)
    play(TracingMiddleware(echo, tracer_provider=provider))
    assert sampler.seen == ["GET"]
    play(TracingMiddleware(echo, tracer_provider=provider, inherit_sampling=False))
    assert len(sampler.seen) == 6
