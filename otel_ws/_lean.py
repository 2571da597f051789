"""Spans over the stock SDK whose rarely used parts are made when somebody asks for them.

A stock span brings its locks, its bounded lists and a cleaned copy of its attributes along, and
most spans of messages are never touched between their start and their end. A lean span keeps what
it was started with. Whoever asks for more, or changes it, finds a stock span: it becomes one in
that moment, made by the SDK's own constructor, so that there is nothing it could do differently.

Importing this needs the SDK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import RLock
from time import time_ns
from types import FunctionType
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.version import __version__ as _sdk_version
from opentelemetry.trace import (
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

from ._turn import span_in

# Where the SDK's own tests of spans have passed with lean ones. Elsewhere spans are the SDK's.
_PROVEN: Final = ("1.45.",)
_REPLACED: Final = {sdk.Tracer: ("start_span",), sdk.Span: ("__init__", "start", "end")}
# More attributes and links than our spans have when they start.
_ROOM: Final = 32

_SAMPLED: Final = int(TraceFlags.SAMPLED)
_RANDOM: Final = int(getattr(TraceFlags, "RANDOM_TRACE_ID", 0))
_FLAGS: Final = tuple(map(TraceFlags, range(_SAMPLED + _RANDOM + 1)))
_LOW_BITS: Final = sampling.TraceIdRatioBased.TRACE_ID_LIMIT

_new_span: Final[Any] = object.__new__  # The SDK's own is there to say that a tracer makes spans.
# Reentrant: a collection of garbage may end one span while another is made.
_lock: Final = RLock()


def lean(tracer: Tracer) -> LeanTracer | None:
    """Return what starts spans in place of `tracer`, if it is one that this is proven with."""
    if type(tracer) is not sdk.Tracer or not _sdk_version.startswith(_PROVEN):
        return None
    if any(_is_patched(kind, name) for kind, names in _REPLACED.items() for name in names):
        return None
    is_measured = type(tracer._tracer_metrics).__name__ != "NoOpTracerMetrics"
    return None if is_measured or not _is_roomy(tracer._span_limits) else LeanTracer(tracer)


class LeanTracer:
    """Starts spans as the stock `tracer` does."""

    __slots__ = ("_bounds", "_ids", "_tracer")

    def __init__(self, tracer: sdk.Tracer) -> None:
        self._tracer = tracer
        self._ids = tracer.id_generator
        self._bounds = _bounds(tracer.sampler)

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
        tracer, ids = self._tracer, self._ids
        if not tracer._tracer_config.is_enabled:
            return tracer.start_span(name, context, kind, attributes, links, start_time)
        parent: Any = span_in(context).get_span_context()
        if parent.is_valid:
            trace_id, state, flags = parent.trace_id, parent.trace_state, parent.trace_flags
            bound = None if parent.is_remote else self._bounds[1 + (flags & _SAMPLED)]
            flags &= _RANDOM
        else:
            parent = state = None
            trace_id, bound = ids.generate_trace_id(), self._bounds[0]
            flags = _RANDOM if ids.is_trace_id_random() else 0
        result: Any = None
        if bound is not None:
            is_sampled = is_recording = trace_id & _LOW_BITS < bound
        else:
            result = tracer.sampler.should_sample(context, trace_id, name, kind, attributes, links)
            is_sampled, is_recording = result.decision.is_sampled(), result.decision.is_recording()
            state = result.trace_state
        flags = _FLAGS[flags | is_sampled]
        own = SpanContext(trace_id, ids.generate_span_id(), False, flags, state)
        if not is_recording:
            return NonRecordingSpan(own)
        span = _new_span(LeanSpan)
        span._tracer, span._name, span._context, span._parent = tracer, name, own, parent
        span._kind, span._attributes, span._links = kind, attributes, links
        span._start_time = time_ns() if start_time is None else start_time
        if result is not None and result.attributes != attributes:
            span._attributes = result.attributes
            _unpack(span)  # What a sampler has added is for the SDK to judge.
        tracer.span_processor.on_start(span, parent_context=context)
        return span  # type: ignore[no-any-return]


class LeanSpan(sdk._Span):
    """A stock span that nobody has asked for more than it was started with."""

    # What a stock span is made with, as long as it is the same for every one.
    _end_time: int | None = None
    _events: Sequence[sdk.Event] = ()
    _status = Status()

    _tracer: sdk.Tracer
    _context: SpanContext

    def __getattr__(self, name: str) -> Any:
        if name not in _PARTS:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        _unpack(self)
        return self.__dict__[name]

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
        processor = self._tracer.span_processor
        processor._on_ending(self)
        processor.on_end(self._readable_span())

    def _readable_span(self) -> sdk.ReadableSpan:
        tracer, readable = self._tracer, sdk.ReadableSpan.__new__(sdk.ReadableSpan)
        readable.__dict__ = {
            "_name": self._name,
            "_context": self._context,
            "_kind": self._kind,
            "_instrumentation_info": tracer.instrumentation_info,
            "_instrumentation_scope": tracer._instrumentation_scope,
            "_parent": self._parent,
            "_start_time": self._start_time,
            "_end_time": self._end_time,
            "_attributes": self._attributes,
            "_events": (),
            "_links": self._links,
            "_resource": tracer.resource,
            "_status": self._status,
        }
        return readable


def _unpack(span: LeanSpan) -> None:
    """Make a stock span of a lean one, in place."""
    with _lock:
        if type(span) is LeanSpan:
            span.__dict__.update(vars(_stock(span)))
            span.__class__ = sdk._Span  # type: ignore[assignment]


def _stock(span: LeanSpan) -> sdk.Span:
    """Return the span that the SDK would have started."""
    tracer = span._tracer
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


_PARENT_BASED: Final = (sampling.ParentBased, sampling.ParentBasedTraceIdRatio)
_PARTS: Final = frozenset(vars(sdk._Span("", SpanContext(1, 1, False))))


def _is_patched(kind: type, name: str) -> bool:
    """Tell whether somebody has put something in the place of the SDK's own method."""
    method = vars(kind).get(name)
    return not isinstance(method, FunctionType) or method.__code__.co_filename != sdk.__file__


def _is_roomy(limits: sdk.SpanLimits) -> bool:
    """Tell whether our spans, as they start, are within the limits in any case."""
    counts = (limits.max_span_attributes, limits.max_link_attributes, limits.max_links)
    lengths = (limits.max_span_attribute_length, limits.max_attribute_length)
    return all(each is None or each >= _ROOM for each in counts) and lengths == (None, None)


def _bounds(sampler: sampling.Sampler) -> tuple[int | None, int | None, int | None]:
    """Return below which trace ids roots, and local children of both kinds, are sampled.

    None where the sampler is to be asked. The SDK's own samplers look at nothing but these.
    """
    if isinstance(sampler, sampling.ParentBased) and type(sampler) in _PARENT_BASED:
        dropped, kept = sampler._local_parent_not_sampled, sampler._local_parent_sampled
        return _bound(sampler._root), _bound(dropped), _bound(kept)
    bound = _bound(sampler)
    return bound, bound, bound


def _bound(sampler: sampling.Sampler) -> int | None:
    if type(sampler) is sampling.TraceIdRatioBased:
        return sampler.bound
    if sampler is sampling.ALWAYS_OFF:
        return 0
    return _LOW_BITS + 1 if sampler is sampling.ALWAYS_ON else None
