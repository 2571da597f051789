"""What is compared. To add a subject, say here how it traces; each runs in a process of its own.

Nothing is imported before a subject is used: a tracer that is merely installed must not weigh on
the others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal

from .telemetry import Sdk

Framework = Literal["starlette", "channels"]


class Untraced:
    """How a subject traces an application; this one does not."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def around(self, app: Any, framework: Framework) -> Any:
        return app

    def consumer(self, consumer: type[Any]) -> type[Any]:
        return consumer

    async def reply(self, send: Callable[[str], Awaitable[None]], text: str) -> None:
        """Do what each handler does with a message."""
        await send(text)

    def reply_sync(self, send: Callable[[str], None], text: str) -> None:
        send(text)


class Ours(Untraced):
    """otel-ws, put around the application as its documentation says."""

    def around(self, app: Any, framework: Framework) -> Any:
        if framework == "channels":
            from otel_ws_channels import TracingMiddleware as Channels

            return Channels(app, **self.settings)
        from otel_ws_starlette import TracingMiddleware as Starlette

        return Starlette(app, **self.settings)

    def consumer(self, consumer: type[Any]) -> type[Any]:
        from otel_ws_channels import TracedConsumerMixin

        return type(consumer.__name__, (TracedConsumerMixin, consumer), {})


class ContribAsgi(Untraced):
    """opentelemetry-instrumentation-asgi, which knows no framework."""

    def around(self, app: Any, framework: Framework) -> Any:
        from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

        return OpenTelemetryMiddleware(app)


class ByHand(Untraced):
    """What people write themselves, with the SDK alone: a span around the work on a message."""

    def __init__(self) -> None:
        super().__init__()
        from opentelemetry import trace

        self.tracer = trace.get_tracer("by hand")

    async def reply(self, send: Callable[[str], Awaitable[None]], text: str) -> None:
        with self.tracer.start_as_current_span("receive"):
            await send(text)

    def reply_sync(self, send: Callable[[str], None], text: str) -> None:
        with self.tracer.start_as_current_span("receive"):
            send(text)


class ByHandTwice(ByHand):
    """The same with a second span around the send."""

    async def reply(self, send: Callable[[str], Awaitable[None]], text: str) -> None:
        with (
            self.tracer.start_as_current_span("receive"),
            self.tracer.start_as_current_span("send"),
        ):
            await send(text)

    def reply_sync(self, send: Callable[[str], None], text: str) -> None:
        with (
            self.tracer.start_as_current_span("receive"),
            self.tracer.start_as_current_span("send"),
        ):
            send(text)


class ByHandAlike(ByHand):
    """Two spans that say what ours say: no less can the SDK's own spans cost."""

    def __init__(self) -> None:
        super().__init__()
        from opentelemetry.trace import Link, SpanKind

        handshake = self.tracer.start_span("GET /ws/echo/")
        handshake.end()
        links = [Link(handshake.get_span_context(), {"websocket.link.type": "handshake"})]
        self.received: dict[str, Any] = {"kind": SpanKind.CONSUMER, "links": links}
        self.sent: dict[str, Any] = {"kind": SpanKind.PRODUCER}
        self.count = 0

    def attributes(self, text: str) -> dict[str, str | int]:
        self.count += 1
        return {
            "websocket.session.id": "0af7651916cd43dd8448eb211c80319c",
            "http.route": "/ws/echo/",
            "websocket.message.type": "text",
            "websocket.message.size": len(text),
            "websocket.message.sequence": self.count,
        }

    async def reply(self, send: Callable[[str], Awaitable[None]], text: str) -> None:
        start = self.tracer.start_as_current_span
        with (
            start("receive", attributes=self.attributes(text), **self.received),
            start("send", attributes=self.attributes(text), **self.sent),
        ):
            await send(text)

    def reply_sync(self, send: Callable[[str], None], text: str) -> None:
        start = self.tracer.start_as_current_span
        with (
            start("receive", attributes=self.attributes(text), **self.received),
            start("send", attributes=self.attributes(text), **self.sent),
        ):
            send(text)


@dataclass(frozen=True)
class Subject:
    """A row of the table."""

    name: str
    title: str
    tracing: Callable[[], Untraced]
    spans: int = 0
    """How many spans a message must have made in the end; anything else voids the row."""
    sdk: Sdk = "none"
    peer: str = ""
    """The subject whose cost is 1.00 for this one."""


BASELINE = "untraced"
CONTROL = "control"

_SAMPLED, _UNSAMPLED, _NO_SDK = "contrib-asgi", "contrib-asgi-unsampled", "contrib-asgi-no-sdk"

SUBJECTS = (
    Subject(BASELINE, "untraced", Untraced),
    Subject(CONTROL, "untraced again (control)", Untraced),
    Subject(_SAMPLED, "contrib ASGI", ContribAsgi, 2, "sampled", _SAMPLED),
    Subject("ours", "**otel-ws**", Ours, 2, "sampled", _SAMPLED),
    Subject(
        "ours-receive",
        "**otel-ws**, `trace_sends=False`",
        lambda: Ours(trace_sends=False),
        1,
        "sampled",
        _SAMPLED,
    ),
    Subject(
        "ours-connection",
        '**otel-ws**, `model="connection"`',
        lambda: Ours(model="connection"),
        2,
        "sampled",
        _SAMPLED,
    ),
    Subject(
        "ours-metrics-off",
        '**otel-ws**, `metrics="off"`',
        lambda: Ours(metrics="off"),
        2,
        "sampled",
        _SAMPLED,
    ),
    Subject(
        "ours-metrics-message",
        '**otel-ws**, `metrics="message"`',
        lambda: Ours(metrics="message"),
        2,
        "sampled",
        _SAMPLED,
    ),
    Subject("by-hand", "by hand, one span", ByHand, 1, "sampled", _SAMPLED),
    Subject("by-hand-twice", "by hand, two spans", ByHandTwice, 2, "sampled", _SAMPLED),
    Subject("by-hand-alike", "by hand, two spans, our data", ByHandAlike, 2, "sampled", _SAMPLED),
    Subject(_UNSAMPLED, "contrib ASGI, not sampled", ContribAsgi, 0, "unsampled", _UNSAMPLED),
    Subject("ours-unsampled", "**otel-ws**, not sampled", Ours, 0, "unsampled", _UNSAMPLED),
    Subject(
        "ours-unsampled-metrics-off",
        '**otel-ws**, not sampled, `metrics="off"`',
        lambda: Ours(metrics="off"),
        0,
        "unsampled",
        _UNSAMPLED,
    ),
    Subject(
        "ours-unsampled-asking",
        "**otel-ws**, not sampled, `inherit_sampling=False`",
        lambda: Ours(inherit_sampling=False),
        0,
        "unsampled",
        _UNSAMPLED,
    ),
    Subject(_NO_SDK, "contrib ASGI, no SDK", ContribAsgi, 0, "none", _NO_SDK),
    Subject("ours-no-sdk", "**otel-ws**, no SDK", Ours, 0, "none", _NO_SDK),
)


def find(name: str) -> Subject:
    return next(each for each in SUBJECTS if each.name == name)
