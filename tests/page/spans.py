"""Spans that are made up: as many as the page must bear, and such as only a stranger would send."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from .serving import PageServer

_SECOND = 1_000_000_000
SESSION = "websocket.session.id"
ACCEPTED = {"http.response.status_code": 101}
CLOSED = {"websocket.close.code": 1000, "websocket.close.status": "normal_closure"}
ROUTES = ("/ws/chat/{room}", "/ws/orders", "/ws/prices", "/talk")
HOSTILE = (
    '<img src=x onerror="window.hurt = 1">',
    "</script><script>window.hurt = 1</script>",
    "javascript:window.hurt=1",
    "\u202egnp.exe\u202c \u2066txt",
    "__proto__",
    "constructor",
    "../../../etc/passwd",
    "a\x00b\x1b[31mred\nline",
    "\U0001f600\u200d\u200b",
)


@contextmanager
def provider(
    page: PageServer, service: str, instance: str, batch: int = 1000
) -> Iterator[TracerProvider]:
    """Yield a provider that sends so many spans at once; all are there when the block ends."""
    about = {"service.name": service, "service.instance.id": instance}
    made = TracerProvider(resource=Resource(about))
    exporter = OTLPSpanExporter(f"{page.url}/v1/traces")
    made.add_span_processor(BatchSpanProcessor(exporter, 100_000, 100, batch))
    try:
        yield made
    finally:
        made.force_flush()
        made.shutdown()


class Maker:
    """Makes spans with the times that one likes, in seconds before now."""

    def __init__(self, made: TracerProvider) -> None:
        self.tracer = made.get_tracer("made up")
        self.now = time.time_ns()

    def span(
        self,
        name: str,
        ago: float,
        took: float,
        about: Mapping[str, Any],
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Span | None = None,
        links: tuple[Link, ...] = (),
    ) -> Span:
        begin = self.now - int(ago * _SECOND)
        context = Context() if parent is None else set_span_in_context(parent, Context())
        span = self.tracer.start_span(name, context, kind, about, links, begin)
        if "error.type" in about:
            span.set_status(Status(StatusCode.ERROR, "made up"))
        span.end(begin + int(took * _SECOND))
        return span


class Connection:
    """Makes the spans of a connection, which begins with its handshake."""

    def __init__(self, maker: Maker, session: str, route: str, ago: float) -> None:
        self.maker = maker
        self.about = {SESSION: session, "http.route": route}
        self.route = route
        self.sequence = 0
        about = self.about | ACCEPTED
        shake = maker.span(f"GET {route}", ago, 0.003, about, SpanKind.SERVER)
        self.links = (Link(shake.get_span_context(), {"websocket.link.type": "handshake"}),)

    def receive(self, ago: float, took: float, **more: Any) -> Span:
        self.sequence += 1
        name = f"websocket.receive {self.route}"
        about = {**self.about, "websocket.message.sequence": self.sequence, **more}
        return self.maker.span(name, ago, took, about, SpanKind.CONSUMER, None, self.links)

    def send(self, ago: float, parent: Span) -> None:
        name, about = f"websocket.send {self.route}", self.about | {"websocket.message.sequence": 1}
        self.maker.span(name, ago, 0.001, about, SpanKind.PRODUCER, parent)

    def close(self, ago: float) -> None:
        self.maker.span("websocket.close", ago, 0.001, self.about | CLOSED, links=self.links)


def many(page: PageServer, sessions: int = 2000) -> None:
    """Send ten thousand spans of two thousand sessions, of three instances."""
    dice = random.Random(6)
    for first, instance in enumerate(("1", "2", "3")):
        with provider(page, "shop", instance) as made:
            for number in range(first, sessions, 3):
                _session(Maker(made), number, dice)


def _session(maker: Maker, number: int, dice: random.Random) -> None:
    """Make a handshake, two messages and an answer; and a close, or work of nobody's."""
    ago = 3660 - number * 1.8
    session = f"{dice.getrandbits(128):032x}"
    connection = Connection(maker, session, ROUTES[number % len(ROUTES)], ago)
    begun, took = ago - dice.uniform(1, 9), dice.uniform(0.002, 0.8)
    connection.send(begun - took / 2, connection.receive(begun, took))
    fails = {"error.type": "ValueError"} if dice.random() < 0.05 else {}
    connection.receive(ago - dice.uniform(10, 19), dice.uniform(0.002, 0.8), **fails)
    if number % 10:
        connection.close(ago - 20)
    else:
        maker.span("query", ago - 20, 0.001, {})


def long_session(page: PageServer, route: str = "/ws/prices", turns: int = 4999) -> str:
    """Send one session of ten thousand spans; return its id."""
    dice = random.Random(7)
    session, ago = f"{dice.getrandbits(128):032x}", 7200.0
    with provider(page, "prices", "1") as made:
        connection = Connection(Maker(made), session, route, ago)
        for _ in range(turns):
            ago -= dice.expovariate(1) * 1.2
            took = dice.uniform(0.01, 2.5)
            connection.send(ago - took / 2, connection.receive(ago, took))
    return session


def wide_trace(page: PageServer, spans: int = 10_000) -> str:
    """Send one trace of ten thousand spans, wide and in places deep; return its id."""
    dice = random.Random(8)
    with provider(page, "shop", "1") as made:
        maker = Maker(made)
        root = span = maker.span("websocket.receive /ws/orders", 30, 12, {SESSION: "e" * 32})
        for number in range(spans - 1):
            parent = span if number % 100 < 12 else root
            ago = 30 - 11 * number / spans
            span = maker.span(f"step {number}", ago, dice.uniform(0.001, 1), {}, parent=parent)
    return f"{root.get_span_context().trace_id:032x}"


def hostile(page: PageServer) -> None:
    """Send spans in which everything that a client may choose is chosen by an enemy."""
    with provider(page, HOSTILE[0], HOSTILE[3], batch=2) as made:
        for number, text in enumerate(HOSTILE):
            _attack(Maker(made), text, 60 - number)


def _attack(maker: Maker, text: str, ago: float) -> None:
    about = {SESSION: text, "http.route": text, text: text, "__proto__": text, "error.type": text}
    about["long"] = "x" * 1_000_000
    shake = maker.span(f"GET {text}", ago, 0.01, about | ACCEPTED, SpanKind.SERVER)
    links = (Link(shake.get_span_context(), {"websocket.link.type": text, text: text}),)
    name = f"websocket.receive {text}"
    turn = maker.tracer.start_span(name, Context(), SpanKind.CONSUMER, about, links)
    turn.record_exception(ValueError(text))
    turn.add_event(text, {text: text, "exception.stacktrace": text * 100})
    turn.set_status(Status(StatusCode.ERROR, text))
    turn.end()
