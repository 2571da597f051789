"""Carriers in SignalR's JSON hub protocol: headers of the records of a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ._carrier import TRACEPARENT, Data
from ._json import Message, Slot, parse
from ._preset import Finding, Preset, as_before, text_of

_SEPARATOR: Final = "\x1e"
_HEADERS: Final = Slot(("headers",))
# Invocation, StreamItem, Completion, StreamInvocation, CancelInvocation.
_WITH_HEADERS: Final = range(1, 6)


class SignalR(Preset):
    """A carrier in the headers. The records of a frame share one, or the frame has none."""

    def _find(self, data: Data) -> Finding | None:
        records = _records(text_of(data))
        found = [carrier for carrier in map(_read, records) if carrier is not None]
        if not found or any(carrier != found[0] for carrier in found):
            return None
        return found[0], lambda: as_before(data, _without(records)), None, None

    def _put(self, data: Data, carrier: Mapping[str, str]) -> Data | None:
        records = _records(text_of(data))
        written = []
        for record in records:
            message = parse(record)
            with_carrier = record
            if _has_headers(message):
                put = _HEADERS.put(record, message, carrier)
                if put is None:
                    return None
                with_carrier = put
            written.append(with_carrier)
        return None if written == records else as_before(data, _frame(written))


def _records(frame: str) -> list[str]:
    """Return the records of a frame; raise ValueError if the last one does not end there."""
    *records, rest = frame.split(_SEPARATOR)
    if rest:
        raise ValueError
    return records


def _frame(records: list[str]) -> str:
    return "".join(f"{record}{_SEPARATOR}" for record in records)


def _without(records: list[str]) -> str:
    return _frame(
        [record if _read(record) is None else _HEADERS.take(record) for record in records]
    )


def _read(record: str) -> Mapping[str, Any] | None:
    if TRACEPARENT not in record:
        return None
    message = parse(record)
    return _HEADERS.read(message) if _has_headers(message) else None


def _has_headers(message: Message) -> bool:
    kind = message.get("type")
    return type(kind) is int and kind in _WITH_HEADERS
