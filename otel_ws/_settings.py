"""What the settings are, to a type checker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypedDict

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from ._hooks import Hooks
from ._types import Message, Scope
from .codecs import Codec

Model = Literal["session", "connection"]
MetricsLevel = Literal["off", "connection", "message"]
TrustLevel = Literal["parent", "link", "ignore"]
Trust = TrustLevel | Callable[[Scope], TrustLevel]
Fanout = Literal["auto", "parent", "link"] | Callable[[Mapping[str, Any]], str]
MessageName = Callable[[Scope, Message], str | None]
VolumeLevel = Literal["off", "handshake", "messages"]
Levels = tuple[tuple[str, VolumeLevel], ...]
Volume = Mapping[str, VolumeLevel] | Levels | Callable[[Scope, str | None], VolumeLevel]
Neighbours = Literal["replace", "reuse"]
ExcludedMessages = tuple[str, ...] | Callable[[Scope, Message], bool]


class Settings(TypedDict, total=False):
    """The keywords of every `TracingMiddleware`: the fields of Config."""

    model: Model
    trace_sends: bool
    metrics: MetricsLevel
    carriers: tuple[str, ...]
    handshake_trust: Trust
    browser_trust: Trust
    message_trust: Trust
    edge: Literal["private", "public"]
    message_codec: str | Codec | None
    inject_sends: bool
    strip_carriers: bool
    fanout: Fanout
    neighbours: Neighbours
    inherit_sampling: bool
    excluded_routes: tuple[str, ...]
    volume: Volume
    max_message_age: float
    message_rate: float | None
    excluded_messages: ExcludedMessages
    slow_message: float | None
    meter_turns: bool
    rollover_seconds: float | None
    rollover_messages: int | None
    error_close_codes: frozenset[int]
    record_close_reason: bool
    record_chunk_times: bool
    query_allow: tuple[str, ...]
    message_name: MessageName | None
    destination_template: Callable[[str], str | None] | None
    lean_spans: bool
    hooks: Hooks
    tracer_provider: TracerProvider | None
    meter_provider: MeterProvider | None
