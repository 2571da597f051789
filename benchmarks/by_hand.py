"""What people write themselves, with the SDK alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .tracing import GROUP, GroupSend, Send, Untraced


class ByHand(Untraced):
    """A span around the work on a message, and two for each recipient of one that many hear."""

    def __init__(self) -> None:
        super().__init__()
        from opentelemetry import trace

        self.tracer = trace.get_tracer("by hand")
        self.kind = trace.SpanKind.CONSUMER

    async def reply(self, send: Send, text: str) -> None:
        with self.tracer.start_as_current_span("receive"):
            await send(text)

    def reply_sync(self, send: Callable[[str], None], text: str) -> None:
        with self.tracer.start_as_current_span("receive"):
            send(text)

    async def publish(self, group_send: GroupSend, text: str) -> None:
        from opentelemetry.propagate import inject

        with self.tracer.start_as_current_span("receive"):
            carrier: dict[str, str] = {}
            inject(carrier)
            await group_send(GROUP, {"type": "chat.message", "text": text, "carrier": carrier})

    async def handle(self, send: Send, event: dict[str, Any]) -> None:
        from opentelemetry.propagate import extract

        start = self.tracer.start_as_current_span
        with (
            start("process chat.message", context=extract(event["carrier"]), kind=self.kind),
            start("send"),
        ):
            await send(event["text"])


class ByHandTwice(ByHand):
    """The same with a second span around the send."""

    async def reply(self, send: Send, text: str) -> None:
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

    async def reply(self, send: Send, text: str) -> None:
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
