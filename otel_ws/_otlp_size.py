"""How much an export request holds: counted before anything is made of it.

On the wire a part may be two bytes, and compressed next to nothing; in Python it is an object.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

MAX_PARTS: Final = 100_000
MAX_JSON_OBJECTS: Final = 3 * MAX_PARTS + 3
"""What is written for so many parts: an attribute that holds others is three objects."""

_BYTES_OF_A_PART: Final = 128


def count_parts(request: ExportTraceServiceRequest) -> int | None:
    """Return how many spans, events, links, attributes and values there are, or None: too many."""
    parts = 0
    for more in _parts(request):
        parts += more
        if parts > MAX_PARTS:
            return None
    return parts


def size_in_memory(request: ExportTraceServiceRequest, parts: int) -> int:
    """Return about how many bytes the spans of a request take."""
    return request.ByteSize() + parts * _BYTES_OF_A_PART


def _parts(request: ExportTraceServiceRequest) -> Iterator[int]:
    """Yield how many parts each list has, before what is in it."""
    yield len(request.resource_spans)
    for resource_spans in request.resource_spans:
        yield len(resource_spans.scope_spans)
        yield from _of_pairs(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            yield len(scope_spans.spans)
            yield from _of_pairs(scope_spans.scope.attributes)
            for span in scope_spans.spans:
                yield from _of_span(span)


def _of_span(span: Span) -> Iterator[int]:
    yield len(span.events) + len(span.links)
    yield from _of_pairs(span.attributes)
    for event in span.events:
        yield from _of_pairs(event.attributes)
    for link in span.links:
        yield from _of_pairs(link.attributes)


def _of_pairs(pairs: Collection[KeyValue]) -> Iterator[int]:
    yield len(pairs)
    for pair in pairs:
        yield from _of_value(pair.value)


def _of_value(value: AnyValue) -> Iterator[int]:
    match value.WhichOneof("value"):
        case "array_value":
            yield len(value.array_value.values)
            for each in value.array_value.values:
                yield from _of_value(each)
        case "kvlist_value":
            yield from _of_pairs(value.kvlist_value.values)
