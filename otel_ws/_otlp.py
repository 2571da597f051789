"""OTLP/HTTP: reading what exporters send, and writing the same.

What is read here was written by strangers. Needs ``opentelemetry-proto``, and only when it reads.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from ._otlp_size import MAX_JSON_OBJECTS, MAX_PARTS, count_parts, size_in_memory
from ._records import KINDS, STATUSES, EventRecord, LinkRecord, SpanRecord, Value

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

JSON: Final = "application/json"
PROTOBUF: Final = "application/x-protobuf"
MAX_UNPACKED: Final = 8 * 1024 * 1024


class NotOTLP(ValueError):
    """A request that is not understood; `status` is what HTTP calls that."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def decode(body: bytes, content_type: str, content_encoding: str = "") -> list[SpanRecord]:
    """Return the spans of an OTLP/HTTP export request. Raises NotOTLP, a ValueError, with words."""
    request = _read(body, content_type, content_encoding)
    parts = count_parts(request)
    if parts is None:
        raise _too_much()
    return list(_spans(request, size_in_memory(request, parts)))


def _too_much() -> NotOTLP:
    return NotOTLP(
        f"the body has more than {MAX_PARTS} spans, events, links, attributes and values", 413
    )


def _read(body: bytes, content_type: str, content_encoding: str = "") -> ExportTraceServiceRequest:
    """Return an export request as protobuf has it. Raises NotOTLP."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (JSON, PROTOBUF):
        raise NotOTLP(f"expected {PROTOBUF} or {JSON}, not {content_type[:80]!r}", 415)
    body = unpack(body, content_encoding)
    return _from_json(body) if kind == JSON else _from_protobuf(body)


def unpack(body: bytes, content_encoding: str) -> bytes:
    """Return what was compressed, if it was. Raises NotOTLP, for more than `MAX_UNPACKED` too."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise NotOTLP(f"expected gzip, deflate or no encoding, not {encoding[:80]!r}", 415)
    packed = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip or deflate, by its header
    try:
        unpacked = packed.decompress(body, MAX_UNPACKED)
    except zlib.error:
        raise NotOTLP(f"the body is not {encoding}") from None
    if packed.unconsumed_tail:
        raise NotOTLP(f"the body unpacks to more than {MAX_UNPACKED} bytes", 413)
    if not packed.eof or packed.unused_data:
        raise NotOTLP(f"the body is not one whole {encoding} stream")
    return unpacked


def _from_protobuf(body: bytes) -> ExportTraceServiceRequest:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    try:
        return trace_service_pb2.ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        raise NotOTLP("the body is no ExportTraceServiceRequest in protobuf") from None


def _from_json(body: bytes) -> ExportTraceServiceRequest:
    from google.protobuf.json_format import ParseDict, ParseError
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

    request = trace_service_pb2.ExportTraceServiceRequest()
    try:
        fields = json.loads(body, object_hook=_limited(_with_base64_ids))
        if not isinstance(fields, dict):
            raise TypeError("it is not an object")
        return ParseDict(fields, request, ignore_unknown_fields=True)
    except NotOTLP:
        raise
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        words = str(error)[:200]
        raise NotOTLP(f"the body is no ExportTraceServiceRequest in JSON: {words}") from None


def _limited(hook: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return a hook that ends the reading of what has too many objects."""
    objects = count(1)

    def limited(fields: dict[str, Any]) -> dict[str, Any]:
        if next(objects) > MAX_JSON_OBJECTS:
            raise _too_much()
        return hook(fields)

    return limited


_IDS: Final = frozenset(
    ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
)


def _with_base64_ids(fields: dict[str, Any]) -> dict[str, Any]:
    """Write identifiers as protobuf's JSON has bytes; OTLP alone writes them in hexadecimal."""
    for name in _IDS & fields.keys():
        fields[name] = b64encode(bytes.fromhex(fields[name] or "")).decode()
    return fields


def _spans(request: ExportTraceServiceRequest, size: int) -> Iterator[SpanRecord]:
    """Yield the spans; what several of them have in common is made once."""
    groups = [(each.resource, each.scope_spans) for each in request.resource_spans]
    spans = sum(len(scope_spans.spans) for _, of_resource in groups for scope_spans in of_resource)
    for resource, of_resource in groups:
        attributes = attributes_of(resource.attributes)
        for scope_spans in of_resource:
            scope = scope_spans.scope
            common = {
                "scope": scope.name,
                "resource": attributes,
                "scope_version": scope.version,
                "scope_attributes": attributes_of(scope.attributes),
                "schema_url": scope_spans.schema_url,
                "size": size // max(spans, 1),
            }
            yield from (_span(span, common) for span in scope_spans.spans)


def _span(span: Span, common: dict[str, Any]) -> SpanRecord:
    return SpanRecord(
        trace_id=_hex(span.trace_id, 16, "trace"),
        span_id=_hex(span.span_id, 8, "span"),
        parent_id=_hex(span.parent_span_id, 8, "parent") if any(span.parent_span_id) else None,
        name=span.name,
        kind=_named(KINDS, span.kind),
        started=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
        attributes=attributes_of(span.attributes),
        links=tuple(_links(span)),
        events=tuple(
            EventRecord(event.name, event.time_unix_nano, attributes_of(event.attributes))
            for event in span.events
        ),
        status=_named(STATUSES, span.status.code),
        status_description=span.status.message,
        trace_state=span.trace_state,
        flags=span.flags,
        **common,
    )


def _links(span: Span) -> Iterator[LinkRecord]:
    for link in span.links:
        trace_id, span_id = _hex(link.trace_id, 16, "link's trace"), _hex(link.span_id, 8, "link's")
        attributes = attributes_of(link.attributes)
        yield LinkRecord(trace_id, span_id, attributes, link.trace_state, link.flags)


def _hex(identifier: bytes, size: int, whose: str) -> str:
    if len(identifier) != size or not any(identifier):
        raise NotOTLP(
            f"a {whose} id has {size} bytes that are not all zero, not {identifier[:32]!r}"
        )
    return identifier.hex()


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else names[0]


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    """Return attributes as Python has them."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Value:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return tuple(map(_value, value.array_value.values))
        case "kvlist_value":
            return attributes_of(value.kvlist_value.values)
        case scalar:
            return getattr(value, scalar)
