"""Spans in the JSON of OTLP."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ._records import KINDS, STATUSES, Attributes, EventRecord, LinkRecord, SpanRecord, Value

_INT64: Final = 1 << 63


def to_json(records: Iterable[SpanRecord]) -> dict[str, Any]:
    """Return an OTLP ``ExportTraceServiceRequest`` in JSON; numbers of 64 bits are exact."""
    resources: dict[str, tuple[Attributes, dict[Any, list[SpanRecord]]]] = {}
    keys: dict[int, str] = {}  # by identity: every record is kept until the end

    def key(attributes: Attributes) -> str:
        if id(attributes) not in keys:
            keys[id(attributes)] = key_of(attributes)
        return keys[id(attributes)]

    for record in records:
        _, scopes = resources.setdefault(key(record.resource), (record.resource, {}))
        attributes = key(record.scope_attributes)
        scope = (record.scope, record.scope_version, attributes, record.schema_url)
        scopes.setdefault(scope, []).append(record)
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _pairs(attributes)},
                "scopeSpans": [_scope_spans(each) for each in scopes.values()],
            }
            for attributes, scopes in resources.values()
        ]
    }


def key_of(attributes: Attributes) -> str:
    """Return what is the same for the same attributes."""
    return json.dumps(_pairs(dict(sorted(attributes.items()))))


def _scope_spans(records: list[SpanRecord]) -> dict[str, Any]:
    first = records[0]
    spans = [_span(record) for record in records]
    return _filled(scope=_scope(first), spans=spans, schemaUrl=first.schema_url)


def _scope(record: SpanRecord) -> dict[str, Any]:
    attributes = _pairs(record.scope_attributes)
    return _filled(name=record.scope, version=record.scope_version, attributes=attributes)


def _span(record: SpanRecord) -> dict[str, Any]:
    status = _filled(code=STATUSES.index(record.status), message=record.status_description)
    return _filled(
        traceId=record.trace_id,
        spanId=record.span_id,
        traceState=record.trace_state,
        parentSpanId=record.parent_id,
        flags=record.flags,
        name=record.name,
        kind=KINDS.index(record.kind, 1),
        startTimeUnixNano=str(record.started),
        endTimeUnixNano=str(record.ended),
        attributes=_pairs(record.attributes),
        events=[_event(event) for event in record.events],
        links=[_link(link) for link in record.links],
        status=status,
    )


def _event(event: EventRecord) -> dict[str, Any]:
    attributes = _pairs(event.attributes)
    return _filled(timeUnixNano=str(event.time), name=event.name, attributes=attributes)


def _link(link: LinkRecord) -> dict[str, Any]:
    return _filled(
        traceId=link.trace_id,
        spanId=link.span_id,
        traceState=link.trace_state,
        attributes=_pairs(link.attributes),
        flags=link.flags,
    )


def _filled(**fields: Any) -> dict[str, Any]:
    """Return the fields that are not empty: those are left out in protobuf."""
    return {name: value for name, value in fields.items() if value}


def _pairs(attributes: Attributes) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Value) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case bool():
            return {"boolValue": value}
        case int() if -_INT64 <= value < _INT64:
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else _not_finite(value)}
        case bytes():
            return {"bytesValue": b64encode(value).decode()}
        case Mapping():
            return {"kvlistValue": {"values": _pairs(value)}}
        case Sequence() if not isinstance(value, str):
            return {"arrayValue": {"values": [_any_value(each) for each in value]}}
        case _:
            return {"stringValue": str(value)}


def _not_finite(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
