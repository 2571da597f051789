"""What the page is told over its socket: JSON, with short names, because there are many spans."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from .._otlp_json import key_of
from .._records import Attributes, SpanRecord, Value

_SAFE_INTEGER: Final = 1 << 53
_MAX_TEXT: Final = 32 * 1024
_MAX_ITEMS: Final = 1000
_MAX_MESSAGE: Final = 1024 * 1024
_MAX_RESOURCES: Final = 1000


def text(kind: str, **fields: Any) -> str:
    """Return one message of the protocol."""
    return _json({"type": kind, **fields})


class Telling:
    """What one page has been told: it hears of a resource once, before the first span from it."""

    def __init__(self) -> None:
        self._resources: dict[str, int] = {}
        self._count = 0

    def spans(self, records: Sequence[SpanRecord]) -> Iterator[str]:
        """Yield the messages that tell these spans, made one by one: of a MiB, or of one span."""
        indexes: dict[int, int] = {}  # by identity, which holds as long as the records do
        told: list[str] = []
        size = 0
        for record in records:
            if id(record.resource) not in indexes:
                indexes[id(record.resource)], news = self._index(record.resource)
                yield from news
            one = _json(_span(record, indexes[id(record.resource)]))
            if told and size + len(one) > _MAX_MESSAGE:
                yield _spans(told)
                told, size = [], 0
            told.append(one)
            size += len(one)
        if told:
            yield _spans(told)

    def _index(self, resource: Attributes) -> tuple[int, list[str]]:
        """Return the number of a resource, and what is to be told of it, if anything is."""
        key = key_of(resource)
        if key in self._resources:
            return self._resources[key], []
        if len(self._resources) >= _MAX_RESOURCES:  # told twice, then
            self._resources.clear()
        self._resources[key] = index = self._count
        self._count += 1
        return index, [text("resource", index=index, attributes=_attributes(resource))]


def _json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, separators=(",", ":"), allow_nan=False)


def _spans(told: Sequence[str]) -> str:
    return f'{{"type":"spans","spans":[{",".join(told)}]}}'


def _span(record: SpanRecord, resource: int) -> dict[str, Any]:
    return {
        "t": record.trace_id,
        "s": record.span_id,
        "p": record.parent_id,
        "n": _cut(record.name),
        "k": record.kind,
        "b": record.started / 1000,
        "e": record.ended / 1000,
        "a": _attributes(record.attributes),
        "l": [
            {"t": link.trace_id, "s": link.span_id, "a": _attributes(link.attributes)}
            for link in record.links
        ],
        "v": [
            {"n": _cut(event.name), "b": event.time / 1000, "a": _attributes(event.attributes)}
            for event in record.events
        ],
        "st": record.status,
        "sd": _cut(record.status_description),
        "sc": _cut(record.scope),
        "r": resource,
    }


def _attributes(attributes: Attributes) -> dict[str, Any]:
    return {_cut(key): _value(value) for key, value in attributes.items()}


def _value(value: Value) -> Any:
    """Return a value as JSON has one; a number that JavaScript would change becomes a text."""
    match value:
        case None | bool():
            return value
        case int():
            return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case bytes():
            return _cut(f"0x{value[:_MAX_TEXT].hex()}")
        case Mapping():
            return _attributes(value)
        case Sequence() if not isinstance(value, str):
            cut = ["…"] if len(value) > _MAX_ITEMS else []
            return [*map(_value, value[:_MAX_ITEMS]), *cut]
        case _:
            return _cut(value)


def _cut(text: object) -> str:
    """Return what can be looked at of a text; an export has the whole of it."""
    text = str(text)
    return text if len(text) <= _MAX_TEXT else f"{text[:_MAX_TEXT]}…"
