"""What is asked of the codecs: they never raise, and change nothing but the carrier."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from otel_ws.codecs import PRESETS, Codec, Found, accepted

from .frames import PARENT, Frame

CARRIER = {
    "traceparent": PARENT.replace("0af7", "ffff"),
    "tracestate": 'v="1\\:,',
    "baggage": "k=v",
}
MAX_SIZE = 65_536
LIMITS = {"traceparent": 128, "tracestate": 512, "baggage": 8192}
# Where each protocol has its carrier: said here once more, so that the codecs are not their judges.
PATHS = {
    "json": [("_meta",)],
    "jsonrpc": [("params", "_meta"), ("result", "_meta")],
    "graphql-ws": [("payload", "extensions")],
    "signalr": [("headers",)],
    "cloudevents": [()],
    "stomp": [],
}


def faults(frame: Frame, codecs: Mapping[str, Codec] = PRESETS) -> Iterator[str]:
    """Yield what is wrong with what the codecs make of a frame."""
    for name in PATHS:
        try:
            yield from (f"{name}: {fault}" for fault in _faults(name, codecs[name], frame))
        except Exception as error:
            yield f"{name}: exception {type(error).__name__}"


def _faults(name: str, codec: Codec, frame: Frame) -> Iterator[str]:
    found = codec.read(frame)
    written = codec.write(frame, _carrier(name))
    if found is not None:
        yield from _faults_of_reading(name, codec, frame, found)
    if written is frame:
        return
    if found is not None:
        yield "altered: there was a context already"
    yield from _faults_of_writing(name, codec, frame, written)


def _carrier(name: str) -> dict[str, str]:
    """Return what is written; of CloudEvents, baggage is no attribute."""
    return {k: v for k, v in CARRIER.items() if name != "cloudevents" or k != "baggage"}


def _faults_of_reading(name: str, codec: Codec, frame: Frame, found: Found) -> Iterator[str]:
    if len(frame) > MAX_SIZE:
        yield "a message that is too long was read"
    for field, value in accepted(found.carrier).items():
        if not isinstance(value, str) or len(value) > LIMITS[field]:
            yield f"{field} is accepted beyond its limit"
    assert found.strip is not None
    stripped = found.strip()
    if found.bare is not None and repr(found.bare()) != repr(json.loads(stripped)):
        yield "the object without a carrier is not what the message is without it"
    if stripped is frame:
        if not _repeats(frame):
            yield "a carrier was not taken out"
    elif type(stripped) is not type(frame):
        yield "altered: the type"
    elif codec.read(stripped) is not None:
        yield "a carrier is left"
    elif name != "stomp" and _pruned(name, stripped) != _pruned(name, frame):
        yield "altered: by taking the carrier out"


def _faults_of_writing(name: str, codec: Codec, frame: Frame, written: Frame) -> Iterator[str]:
    if len(frame) > MAX_SIZE or len(written) > MAX_SIZE:
        yield "a message that is too long was written"
    if type(written) is not type(frame):
        yield "altered: the type"
    found = codec.read(written)
    if found is None or found.strip is None or found.carrier != _carrier(name):
        yield "altered: what was written cannot be read"
        return
    undone = found.strip()
    if undone != frame and (name == "stomp" or _pruned(name, undone) != _pruned(name, frame)):
        yield "altered: by writing"


class _Repeated(Exception):
    pass


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise _Repeated


_DECODER = json.JSONDecoder()
_REFUSING = json.JSONDecoder(object_pairs_hook=_refuse_repeated)


def _repeats(frame: Frame) -> bool:
    """Tell whether an object of a frame has a key twice: then it cannot be stripped."""
    try:
        for record in _records(frame):
            _parsed(record, _REFUSING)
    except _Repeated:
        return True
    return False


def _pruned(name: str, frame: Frame) -> list[str]:
    """Return what a frame says without its carrier, and without what is empty around it."""
    records = [_parsed(record) for record in _records(frame)]
    for record in records:
        if name != "signalr" or _has_headers(record):
            for path in PATHS[name]:
                _prune(record, path, _carrier(name))
    return [repr(record) for record in records]


def _records(frame: Frame) -> list[str]:
    text = frame if isinstance(frame, str) else frame.decode()
    return [record for record in text.split("\x1e") if record]


def _parsed(record: str, decoder: json.JSONDecoder = _DECODER) -> Any:
    """Return what a record says; one that is broken, which others beside it survive, as it is."""
    try:
        return decoder.decode(record)
    except (ValueError, RecursionError):
        return record


def _has_headers(record: Any) -> bool:
    kind = record.get("type") if isinstance(record, dict) else None
    return type(kind) is int and 1 <= kind <= 5


def _prune(holder: Any, path: tuple[str, ...], fields: dict[str, str]) -> None:
    if not isinstance(holder, dict):
        return
    if not path:
        for field in fields:
            holder.pop(field, None)
    elif path[0] in holder:
        _prune(holder[path[0]], path[1:], fields)
        if holder[path[0]] == {}:
            del holder[path[0]]
