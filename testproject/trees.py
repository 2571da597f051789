"""Spans as trees that look the same in every run, grouped by the connection they belong to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from opentelemetry.trace import SpanKind

from otel_ws.testing import format_trace

from .otlp import ReceivedSpan

SESSION_ID = "websocket.session.id"
INSTANCE_ID = "service.instance.id"
SHOWN = (
    INSTANCE_ID,
    "websocket.close.status",
    "websocket.received.message_count",
    "websocket.sent.message_count",
)
_Place = tuple[str, int, int]


def render(spans: Iterable[Any]) -> str:
    """Return the spans as an indented tree, in the order in which they started.

    Those who process the same event start at the same time: they come in the order of their
    processes, and then of their connections.
    """
    started = sorted(spans, key=lambda span: span.start_time or 0)
    kinds = {span.context.span_id: span.kind for span in started}
    sessions: dict[Any, int] = {}

    def place(span: Any) -> _Place:
        rank = sessions.setdefault((span.attributes or {}).get(SESSION_ID), len(sessions))
        if span.parent is None or kinds.get(span.parent.span_id) is not SpanKind.PRODUCER:
            return "", 0, span.start_time or 0
        return str(span.resource.attributes.get(INSTANCE_ID, "")), rank, span.start_time or 0

    return format_trace(sorted(started, key=place), *SHOWN)


def with_instance(spans: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
    """Return the spans with an attribute that tells which process they come from."""
    return [
        replace(span, attributes={INSTANCE_ID: instance, **span.attributes})
        for span in spans
        for instance in [span.resource.attributes[INSTANCE_ID]]
    ]


def is_end(span: Any) -> bool:
    """Tell whether this is the last that becomes of a connection: its close, or its refusal."""
    status = (span.attributes or {}).get("http.response.status_code")
    is_refusal = span.kind is SpanKind.SERVER and status not in (101, 200)
    return is_refusal or span.name == "websocket.close"


def by_connection(spans: Iterable[ReceivedSpan]) -> list[Sequence[ReceivedSpan]]:
    """Return the spans of each connection, in the order in which the connections were opened.

    A span goes where its parent went: what somebody else gets to see belongs to the one whose
    message caused it, and so does a message that is sent to somebody else.
    """
    owners: dict[int, object] = {}
    connections = defaultdict(list)
    for span in spans:
        session = span.attributes.get(SESSION_ID)
        owners[span.span_id] = owner = owners.get(span.parent_id or 0, session)
        connections[owner].append(span)
    return list(connections.values())
