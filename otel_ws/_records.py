"""A span as it is kept and shown, whether it was made in this process or came over a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import format_span_id, format_trace_id

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Link, SpanContext

KINDS: Final = ("INTERNAL", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES: Final = ("unset", "ok", "error")
"""What the wire counts from zero; the first kind means that none was given."""

_FLAGS_KNOW_REMOTE: Final = 0x100
_FLAGS_REMOTE: Final = 0x200

Value = Any
"""What an attribute may hold: a text, a number, bytes, a tuple or a mapping of such, or None."""
Attributes = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """A link of a span."""

    trace_id: str
    span_id: str
    attributes: Attributes = field(default_factory=dict)
    trace_state: str = ""
    flags: int = 0


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event of a span."""

    name: str
    time: int
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """A span that has ended: identifiers in hexadecimal, times in nanoseconds since the epoch."""

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    started: int
    ended: int
    attributes: Attributes = field(default_factory=dict)
    links: tuple[LinkRecord, ...] = ()
    events: tuple[EventRecord, ...] = ()
    status: str = "unset"
    status_description: str = ""
    scope: str = ""
    resource: Attributes = field(default_factory=dict)
    scope_version: str = ""
    scope_attributes: Attributes = field(default_factory=dict)
    schema_url: str = ""
    trace_state: str = ""
    flags: int = 0
    size: int = field(default=0, compare=False, repr=False)
    """About how many bytes it takes, if it came over a network."""


def record_of(span: ReadableSpan) -> SpanRecord:
    """Return the record of a span of the SDK; one that has not ended yet has no duration."""
    context = span.get_span_context()
    assert context is not None  # A span that was started has one.
    scope = span.instrumentation_scope
    started = span.start_time or 0
    return SpanRecord(
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_id=format_span_id(span.parent.span_id) if span.parent else None,
        name=span.name,
        kind=span.kind.name,
        started=started,
        ended=span.end_time or started,
        attributes=span.attributes or {},
        links=tuple(map(_link_record, span.links)),
        events=tuple(EventRecord(e.name, e.timestamp, e.attributes or {}) for e in span.events),
        status=span.status.status_code.name.lower(),
        status_description=span.status.description or "",
        scope=scope.name if scope else "",
        resource=span.resource.attributes,
        scope_version=(scope.version if scope else None) or "",
        scope_attributes=(scope.attributes if scope else None) or {},
        schema_url=(scope.schema_url if scope else None) or "",
        trace_state=context.trace_state.to_header(),
        flags=_flags(span.parent),
    )


def _link_record(link: Link) -> LinkRecord:
    context = link.context
    return LinkRecord(
        format_trace_id(context.trace_id),
        format_span_id(context.span_id),
        link.attributes or {},
        context.trace_state.to_header(),
        _flags(context),
    )


def _flags(origin: SpanContext | None) -> int:
    """Return the flags as the SDK's exporters write them: whether the origin is elsewhere."""
    return _FLAGS_KNOW_REMOTE | (_FLAGS_REMOTE if origin is not None and origin.is_remote else 0)
