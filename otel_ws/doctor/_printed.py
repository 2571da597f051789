"""Spans that an application prints, as ConsoleSpanExporter does, among whatever else it prints."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from .._records import KINDS, STATUSES, EventRecord, LinkRecord, SpanRecord

MAX_PRINTED: Final = 8 * 1024 * 1024
_MAX_SPANS: Final = 10_000
_BEGIN: Final = re.compile(r'\{\s*"name"\s*:')  # as ReadableSpan.to_json writes it
_ID: Final = re.compile(r"(?:0x)?(?!0+$)([0-9a-f]+)")
_LEAP: Final = 4096
_FAR: Final = 16 * 1024
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def printed_spans(output: str) -> list[SpanRecord]:
    """Return the spans that stand in `output`, in the order in which they were started.

    What is no span is passed over, whatever it is.
    """
    found: dict[tuple[str, str], SpanRecord] = {}
    for fields in _objects(output):
        span = _span(fields)
        if span is not None:
            found[span.trace_id, span.span_id] = span
    return sorted([*found.values()][-_MAX_SPANS:], key=lambda span: span.started)


def _objects(output: str) -> Iterator[Any]:
    """Yield what may be spans; go on where one breaks off, so that little is read twice."""
    decoder, position = json.JSONDecoder(), 0
    while begin := _BEGIN.search(output, position):
        if begin.start() > _FAR:  # An error counts the lines before it: keep these few.
            output, position = output[begin.start() :], 0
            continue
        try:
            fields, position = decoder.raw_decode(output, begin.start())
        except json.JSONDecodeError as error:
            position = max(error.pos, begin.end())
        except (RecursionError, ValueError):  # so deep, or with such numbers, as no span is
            position = begin.end() + _LEAP
        else:
            yield fields


def _span(fields: Any) -> SpanRecord | None:
    match fields:
        case {"name": str(name), "kind": str(kind), "context": context, "start_time": started}:
            ids, start = _ids(context), _nanoseconds(started)
            if ids is None or start is None:
                return None
        case _:
            return None
    kind, status = kind.removeprefix("SpanKind."), _mapping(fields.get("status"))
    code = str(status.get("status_code")).lower()
    return SpanRecord(
        *ids,
        parent_id=_id(fields.get("parent_id"), 16),
        name=name,
        kind=kind if kind in KINDS else KINDS[0],
        started=start,
        ended=_nanoseconds(fields.get("end_time")) or start,
        attributes=_attributes(fields),
        links=tuple(_links(fields)),
        events=tuple(_events(fields)),
        status=code if code in STATUSES else STATUSES[0],
        status_description=str(status.get("description", "")),
        resource=_attributes(_mapping(fields.get("resource"))),
    )


def _links(fields: dict[str, Any]) -> Iterator[LinkRecord]:
    for link in map(_mapping, _items(fields.get("links"))):
        ids = _ids(link.get("context"))
        if ids is not None:
            yield LinkRecord(*ids, _attributes(link))


def _events(fields: dict[str, Any]) -> Iterator[EventRecord]:
    for event in map(_mapping, _items(fields.get("events"))):
        time = _nanoseconds(event.get("timestamp"))
        if time is not None:
            yield EventRecord(str(event.get("name")), time, _attributes(event))


def _attributes(fields: dict[str, Any]) -> dict[str, Any]:
    found = _mapping(fields.get("attributes"))
    return {key: tuple(v) if isinstance(v, list) else v for key, v in found.items()}


def _ids(context: Any) -> tuple[str, str] | None:
    fields = _mapping(context)
    trace_id, span_id = _id(fields.get("trace_id"), 32), _id(fields.get("span_id"), 16)
    return None if trace_id is None or span_id is None else (trace_id, span_id)


def _id(value: Any, digits: int) -> str | None:
    """Return an identifier as `SpanRecord` has it, or None for what is none."""
    found = _ID.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found and len(found[1]) == digits else None


def _nanoseconds(time: Any) -> int | None:
    try:
        return (datetime.fromisoformat(time) - _EPOCH) // _MICROSECOND * 1000
    except (TypeError, ValueError, OverflowError):
        return None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
