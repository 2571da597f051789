"""Conversations in messages that carry a context, played on every driver."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import baggage
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel_ws import Session, current_session
from otel_ws.testing import CapturedSpans

from .drivers.script import Commands, Leave, Say, Scenario, Send, Server
from .test_scenarios import DRIVERS, Driver

TRACE, SPAN = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
TRACEPARENT = f"00-{TRACE:032x}-{SPAN:016x}-01"
PLAIN = '{"say": "hello"}'

every_driver = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
every_framework = pytest.mark.parametrize(
    "driver", [driver for driver in DRIVERS if driver.build], ids=lambda driver: driver.name
)
"""The core's driver hands on what it likes: what an application gets is no matter of its."""
every_middleware = pytest.mark.parametrize(
    "driver",
    [driver for driver in DRIVERS if driver.build and not driver.name.startswith("zero-")],
    ids=lambda driver: driver.name,
)
"""Those that have an application inside, which can be looked into."""
both_models = pytest.mark.parametrize("model", ["session", "connection"])

# What the span of a message is in the tree, by the trust and the model.
RECEIVED = {
    "session": {
        "parent": "websocket.receive /room -> GET /room <- remote",
        "link": "websocket.receive /room -> remote -> GET /room",
        "ignore": "websocket.receive /room -> GET /room",
    },
    "connection": {
        "parent": "websocket.receive /room -> remote",
        "link": "websocket.receive /room -> remote",
        "ignore": "websocket.receive /room",
    },
}


def carried(traceparent: Any = TRACEPARENT, **more: Any) -> str:
    """Return a message with a context in its `_meta`."""
    return json.dumps({"say": "hello", "_meta": {"traceparent": traceparent, **more}})


class Room:
    """An echo that notes what it gets, and what is current while it handles that."""

    def __init__(self, then: Callable[[Session], object] = lambda session: None) -> None:
        self.then = then
        """Called with the session when somebody says "login"."""
        self.got: list[Any] = []
        self.tenants: list[object] = []
        self.session: Session | None = None

    def __call__(self, data: Any) -> Commands:
        self.session = session = current_session()
        assert session is not None
        self.got.append(data)
        self.tenants.append(baggage.get_baggage("tenant"))
        if data == "login":
            self.then(session)
        yield Send(data)


def converse(
    driver: Driver, message: Callable[[Any], Commands], *said: Any, **settings: Any
) -> list[Any]:
    """Let a client say these things; return the content of all that is sent to it."""
    scenario = Scenario(
        "a conversation",
        session="",
        connection="",
        server=Server(message=message),
        client=(*map(Say, said), Leave()),
    )
    sent = driver.play(scenario, **{"message_codec": "json", **settings})
    return [
        each["bytes"] if each.get("text") is None else each["text"]
        for each in sent
        if each["type"] == "websocket.send"
    ]


def received(spans: CapturedSpans) -> list[str]:
    """Return the lines of the tree that are of received messages."""
    lines = (line.strip() for line in str(spans).splitlines())
    return [line for line in lines if line.startswith("websocket.receive")]


def written(message: Any) -> str | None:
    """Return the traceparent in a message that was sent; None if there is not one."""
    try:
        found: str = json.loads(message)["_meta"]["traceparent"]
    except (ValueError, TypeError, KeyError):
        return None
    return found


def writers(spans: CapturedSpans, messages: list[Any]) -> list[str | None]:
    """Return the names of the spans that the messages say they come from."""
    names = {traceparent_of(span.context): span.name for span in spans if span.context}
    return [parent and names.get(parent, "unknown") for parent in map(written, messages)]


def traceparent_of(context: SpanContext) -> str:
    """Return a context as OpenTelemetry writes it."""
    carrier: dict[str, str] = {}
    current = set_span_in_context(NonRecordingSpan(context))
    TraceContextTextMapPropagator().inject(carrier, current)
    return carrier["traceparent"]
