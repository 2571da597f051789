"""What is known of the stock SDK: whether it is that, what its own parts decide, and what is slow.

Importing this needs the SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, Final

from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import export, sampling
from opentelemetry.trace import Tracer

LOW_BITS: Final = sampling.TraceIdRatioBased.TRACE_ID_LIMIT

# More attributes and links than our spans have when they start.
_ROOM: Final = 32
_METHODS: Final = {
    sdk.Tracer: ("start_span",),
    sdk.Span: ("__init__", "start", "end", "_readable_span"),
    sdk.SynchronousMultiSpanProcessor: ("on_start", "_on_ending", "on_end"),
}
_PARENT_BASED: Final = (sampling.ParentBased, sampling.ParentBasedTraceIdRatio)
_IDLE: Final = frozenset(
    vars(kind)[name]
    for kind in (sdk.SpanProcessor, export.BatchSpanProcessor, export.SimpleSpanProcessor)
    for name in ("on_start", "_on_ending")
    if name in vars(kind)
)


def is_stock(tracer: Tracer) -> bool:
    """Tell whether a tracer is the SDK's own, and does what that does."""
    return (
        type(tracer) is sdk.Tracer
        and not any(_is_patched(kind, name) for kind, names in _METHODS.items() for name in names)
        and type(tracer.span_processor) is sdk.SynchronousMultiSpanProcessor
        and type(tracer._tracer_metrics).__name__ == "NoOpTracerMetrics"
        and _is_roomy(tracer._span_limits)
    )


def bounds(sampler: sampling.Sampler) -> tuple[int | None, ...]:
    """Return below which bits what is sampled: roots, and children of dropped and kept spans.

    First come the children of local spans, then of remote ones. `LOW_BITS` of the trace id count.
    The SDK's own samplers look at nothing else; None is for one that has to be asked.
    """
    if isinstance(sampler, sampling.ParentBased) and type(sampler) in _PARENT_BASED:
        asked = (
            sampler._root,
            sampler._local_parent_not_sampled,
            sampler._local_parent_sampled,
            sampler._remote_parent_not_sampled,
            sampler._remote_parent_sampled,
        )
        return tuple(map(_bound, asked))
    return (_bound(sampler),) * 5


def listeners(processors: Sequence[sdk.SpanProcessor], name: str) -> tuple[Callable[..., Any], ...]:
    """Return the processors' methods of a name, without the SDK's own that do nothing."""
    methods = (getattr(each, name, None) for each in processors)
    heard = (each for each in methods if getattr(each, "__func__", None) not in _IDLE)
    return tuple(each for each in heard if each is not None)


def quick(resource: Resource) -> Resource:
    """Return what equals a resource, and knows its hash."""
    return _QuickResource(resource) if type(resource) is Resource else resource


class _QuickResource(Resource):
    """A resource whose hash is known: OTLP's encoder asks for it with every span.

    The stock one writes itself as JSON each time.
    """

    def __init__(self, resource: Resource) -> None:
        self.__dict__.update(vars(resource))
        self._of, self._hash = resource, hash(resource)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return getattr(other, "_of", other) is self._of or super().__eq__(other)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._of.__reduce_ex__(protocol)  # A hash is this process's.


def _bound(sampler: sampling.Sampler) -> int | None:
    if type(sampler) is sampling.TraceIdRatioBased:
        return sampler.bound
    if sampler is sampling.ALWAYS_OFF:
        return 0
    return LOW_BITS + 1 if sampler is sampling.ALWAYS_ON else None


def _is_patched(kind: type, name: str) -> bool:
    """Tell whether somebody has put something in the place of the SDK's own method."""
    method = vars(kind).get(name)
    return not isinstance(method, FunctionType) or method.__code__.co_filename != sdk.__file__


def _is_roomy(limits: sdk.SpanLimits) -> bool:
    """Tell whether our spans, as they start, are within the limits in any case."""
    counts = (limits.max_span_attributes, limits.max_link_attributes, limits.max_links)
    lengths = (limits.max_span_attribute_length, limits.max_attribute_length)
    return all(each is None or each >= _ROOM for each in counts) and lengths == (None, None)
