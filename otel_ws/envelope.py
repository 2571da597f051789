"""The envelope: how trace context travels with an event through a layer, a fan-out or a queue.

One flat mapping of strings under one key of the event: ``v``, ``traceparent``, ``tracestate``,
``id`` and ``sent`` (seconds since the epoch). It goes into a copy, and comes out of a copy before
a handler sees the event: layers hand the same dict to every local recipient.
The version is part of the contract: neighbouring versions run side by side while a deployment
rolls. One that is not known is taken out and not read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ._log import shielded
from ._propagation import traceparent
from .codecs._carrier import MAX_TRACEPARENT, MAX_TRACESTATE

__all__ = ["KEY", "Envelope", "Event", "envelope_of", "new_id", "read", "seal", "unseal", "write"]

KEY: Final = "__otel__"
_VERSION: Final = "1"
_MAX_ID: Final = 64
_w3c = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class Envelope:
    """What came with an event."""

    context: SpanContext
    """The span that has sent the event."""
    id: str
    """The event's random id: the same for every recipient."""
    sent: float
    """When it was sent, in seconds since the epoch, by the sender's clock."""
    sender: Span = field(init=False, repr=False, compare=False)
    """What stands for the span of `context` where something grows from it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "sender", NonRecordingSpan(self.context))


class Event(dict[str, Any]):
    """An event as its handler gets it: without the envelope, which stands beside it."""

    __slots__ = ("envelope",)

    envelope: Envelope | None
    """None, or not set, if it came with none that can be read."""


def new_id() -> str:
    """Return a random id for an event."""
    return secrets.token_hex(8)


def seal(event: Mapping[str, Any], context: SpanContext, id: str, now: float) -> dict[str, Any]:
    """Return a copy of `event` with an envelope; one that it has already is left alone."""
    if KEY in event:
        return dict(event)
    return {**event, KEY: write(Envelope(context, id, now))}


def write(envelope: Envelope) -> dict[str, str]:
    """Return what travels of an envelope."""
    context = envelope.context
    carrier = {
        "v": _VERSION,
        "traceparent": traceparent(context),
        "id": envelope.id,
        "sent": f"{envelope.sent:.6f}",
    }
    if context.trace_state:
        carrier["tracestate"] = context.trace_state.to_header()
    return carrier


def unseal(event: dict[str, Any]) -> dict[str, Any]:
    """Return `event` as its handler is to get it: as it is, or as an `Event` of its own."""
    received: object = event
    if not isinstance(received, dict) or KEY not in received:  # some send what is no event at all
        return event
    opened = _opened(event)
    return {key: value for key, value in event.items() if key != KEY} if opened is None else opened


@shielded
def _opened(event: dict[str, Any]) -> Event:
    opened = Event(event)
    opened.envelope = read(opened.pop(KEY))
    return opened


def envelope_of(event: Mapping[str, Any]) -> Envelope | None:
    """Return what came with an event, if anything did."""
    return getattr(event, "envelope", None) if isinstance(event, Event) else None


def read(carrier: Any) -> Envelope | None:
    """Return what a carrier says, or None if it is not one of ours, or beyond the limits."""
    if not isinstance(carrier, dict) or carrier.get("v") != _VERSION:
        return None
    for value in carrier.values():
        if not isinstance(value, str):
            return None
    parent, state = carrier.get("traceparent", ""), carrier.get("tracestate", "")
    if len(parent) > MAX_TRACEPARENT or len(state) > MAX_TRACESTATE:
        return None
    id, sent = carrier.get("id", "")[:_MAX_ID], carrier.get("sent", "")
    return _parsed(parent, state, id, sent if len(sent) <= _MAX_ID else "")


@lru_cache(maxsize=64)
def _parsed(traceparent: str, tracestate: str, id: str, sent: str) -> Envelope | None:
    """Return the envelope of these texts: the recipients of an event all have the same."""
    carrier = {"traceparent": traceparent, "tracestate": tracestate}
    context = get_current_span(_w3c.extract(carrier, Context())).get_span_context()
    return Envelope(context, id, _seconds(sent)) if context.is_valid else None


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if isfinite(seconds) else 0.0  # a metric would never recover from infinity
