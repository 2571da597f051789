"""Spans over the stock SDK whose rarely used parts are made when somebody asks for them.

A stock span brings its locks, its bounded lists and a cleaned copy of its attributes along, and
most spans of messages are never touched between their start and their end. A lean span keeps what
it was started with. Whoever asks for more, or changes it, finds a stock span: it becomes one in
that moment, made by the SDK's own constructor, so that there is nothing it could do differently.
Once it has ended it does not change any more, and is itself what the processors get.

Importing this needs the SDK.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from time import time_ns
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    TraceFlags,
    Tracer,
)
from opentelemetry.util.types import AttributeValue

from ._stock import LOW_BITS, bounds, is_stock, listeners, quick
from ._turn import SPAN_KEY

_SAMPLED: Final = int(TraceFlags.SAMPLED)
_RANDOM: Final = int(getattr(TraceFlags, "RANDOM_TRACE_ID", 0))
_FLAGS: Final = tuple(map(TraceFlags, range(_SAMPLED + _RANDOM + 1)))
_NO_PARENT: Final = INVALID_SPAN_CONTEXT
_NO_STATE: Final = _NO_PARENT.trace_state
_LAST_TRACE_ID: Final = (1 << 128) - 1
_LAST_SPAN_ID: Final = (1 << 64) - 1
_new_tuple: Final[Any] = tuple.__new__  # What `SpanContext` calls when it has judged its fields.
_new_span: Final[Any] = object.__new__  # The SDK's own is there to say that a tracer makes spans.
_PARTS: Final = frozenset(vars(sdk._Span("", SpanContext(1, 1, False))))
# Reentrant: a collection of garbage may end one span while another is made.
_lock = RLock()


def _renew_lock() -> None:
    """Let a forked process not wait for a thread that it does not have."""
    global _lock
    _lock = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


Listeners = tuple[Callable[..., Any], ...]


def lean(tracer: Tracer) -> LeanTracer | None:
    """Return what starts spans in place of `tracer`, if it is one that this is proven with."""
    return LeanTracer(tracer) if isinstance(tracer, sdk.Tracer) and is_stock(tracer) else None


class LeanTracer:
    """Starts spans as the stock `tracer` does."""

    __slots__ = ("_bounds", "_heard", "_ids", "_random", "drops_on", "resource", "stock")

    def __init__(self, tracer: sdk.Tracer) -> None:
        self.stock = tracer
        self.resource = quick(tracer.resource)
        # The processors, and what of them hears of a start and of an end to come.
        self._heard: tuple[Any, Listeners, Listeners] = (None, (), ())
        self._ids = tracer.id_generator
        self._random = _RANDOM if tracer.id_generator.is_trace_id_random() else 0
        self._bounds = bounds(tracer.sampler)
        self.drops_on = self._bounds[1] == 0
        """What would grow from a local span that was dropped is dropped too, unasked."""

    def start_span(
        self,
        name: str,
        context: Context,
        kind: SpanKind,
        attributes: Mapping[str, AttributeValue],
        links: Sequence[Link] = (),
        start_time: int | None = None,
    ) -> Span:
        """Do what `Tracer.start_span` does; the attributes and links are the span's from now on."""
        tracer = self.stock
        if not tracer._tracer_config.is_enabled:
            return tracer.start_span(name, context, kind, attributes, links, start_time)
        found: Any = context.get(SPAN_KEY)
        parent = None if found is None else found.get_span_context()
        trace_id, _, is_remote, flags, state, is_valid = parent or _NO_PARENT
        if is_valid:
            bound = self._bounds[(3 if is_remote else 1) + (flags & _SAMPLED)]
            flags &= _RANDOM
        else:
            parent, state = None, _NO_STATE
            trace_id, flags, bound = self._ids.generate_trace_id(), self._random, self._bounds[0]
        result: Any = None
        if bound is not None:
            is_sampled = is_recording = bound > LOW_BITS or trace_id & LOW_BITS < bound
        else:
            result = tracer.sampler.should_sample(context, trace_id, name, kind, attributes, links)
            is_sampled, is_recording = result.decision.is_sampled(), result.decision.is_recording()
            state = result.trace_state or _NO_STATE
        span_id, flags = self._ids.generate_span_id(), _FLAGS[flags | is_sampled]
        is_valid = 0 < trace_id <= _LAST_TRACE_ID and 0 < span_id <= _LAST_SPAN_ID
        own = _new_tuple(SpanContext, (trace_id, span_id, False, flags, state, is_valid))
        if not is_recording:
            return NonRecordingSpan(own)
        span = _new_span(LeanSpan)
        span._lean, span._name, span._context, span._parent = self, name, own, parent
        span._kind, span._attributes, span._links = kind, attributes, links
        span._start_time = time_ns() if start_time is None else start_time
        if result is not None and result.attributes != attributes:
            span._attributes = result.attributes
            _unpack(span)  # What a sampler has added is for the SDK to judge.
        for on_start in self.listening()[1]:
            on_start(span, parent_context=context)
        return span  # type: ignore[no-any-return]

    def listening(self) -> tuple[Any, Listeners, Listeners]:
        """Return the processors, and who hears of starts, and of ends to come: most do nothing."""
        heard, processors = self._heard, self.stock.span_processor._span_processors
        if heard[0] is not processors:
            starts = listeners(processors, "on_start")
            heard = self._heard = (processors, starts, listeners(processors, "_on_ending"))
        return heard


class LeanSpan(sdk._Span):
    """A stock span that nobody has asked for more than it was started with."""

    # What a stock span is made with, as long as it is the same for every one.
    _end_time: int | None = None
    _events: Sequence[sdk.Event] = ()
    _status = Status()

    # Nor has anything been dropped: one that was given too much is a stock span.
    dropped_attributes = dropped_events = dropped_links = 0

    _lean: LeanTracer
    _context: SpanContext

    def __getattr__(self, name: str) -> Any:
        if name not in _PARTS or "_lean" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        _unpack(self)
        return self.__dict__[name]

    def __repr__(self) -> str:
        return f'_Span(name="{self._name}", context={self._context})'

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Let the copy of an ended span be what the SDK would have made of it."""
        if self._end_time is None:
            return super().__reduce_ex__(protocol)
        return object.__reduce_ex__(self._readable_span(), 1)  # Later ones ask for this class.

    @property
    def resource(self) -> Resource:
        return self._lean.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope | None:
        return self._lean.stock._instrumentation_scope

    def get_span_context(self) -> SpanContext:
        return self._context

    def end(self, end_time: int | None = None) -> None:
        with _lock:
            is_ending = self._end_time is None and type(self) is LeanSpan
            if is_ending:
                self._end_time = time_ns() if end_time is None else end_time
        if not is_ending:
            sdk._Span.end(self, end_time)
            return
        processors, _, endings = self._lean.listening()
        for on_ending in endings:
            on_ending(self)
        for processor in processors:
            processor.on_end(self)


def _unpack(span: LeanSpan) -> None:
    """Make a stock span of a lean one, in place; an ended one only gets the parts of it."""
    with _lock:
        if type(span) is LeanSpan and "_lock" not in vars(span):
            made = vars(_stock(span))
            # What somebody has set past the methods meanwhile stays.
            given = {k: v for k, v in span.__dict__.items() if k not in ("_attributes", "_links")}
            span.__dict__.update({**made, **given})
            if span._end_time is None:
                span.__class__ = sdk._Span  # type: ignore[assignment]


def _stock(span: LeanSpan) -> sdk.Span:
    """Return the span that the SDK would have started."""
    tracer = span._lean.stock
    made: Any = sdk._Span(
        span._name,
        span._context,
        span._parent,
        tracer.sampler,
        resource=tracer.resource,
        attributes=span._attributes,
        links=span._links,
        kind=span._kind,
        span_processor=tracer.span_processor,
        instrumentation_info=tracer.instrumentation_info,
        limits=tracer._span_limits,
        instrumentation_scope=tracer._instrumentation_scope,
    )
    made._start_time, made._end_time = span._start_time, span._end_time
    made._attributes._immutable = span._end_time is not None
    stock: sdk.Span = made
    return stock
