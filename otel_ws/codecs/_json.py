"""Carriers in JSON messages: each protocol has a slot of its own for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import Any

from . import _members
from ._carrier import FIELDS, TRACEPARENT, Data
from ._preset import Finding, Preset, as_before, text_of

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """Where in a message the carrier travels."""

    path: tuple[str, ...]
    """The keys that lead to the object that holds the fields."""
    given: int = 0
    """So many keys of the path must be there; the others are made, and go when left empty."""
    fields: tuple[str, ...] = FIELDS

    def read(self, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the carrier of a parsed message, or None."""
        holder, depth = self._deepest(message)
        if holder is None or depth < len(self.path) or TRACEPARENT not in holder:
            return None
        return {name: holder[name] for name in self.fields if name in holder}

    def put(self, text: str, message: Mapping[str, Any], carrier: Mapping[str, str]) -> str | None:
        """Return the text of a message with a carrier; None if it has one, or no place for one."""
        holder, depth = self._deepest(message)
        if holder is None or depth < self.given:
            return None
        if depth == len(self.path) and any(name in holder for name in self.fields):
            return None
        member = ",".join(
            f'"{name}":{encode_basestring_ascii(carrier[name])}'
            for name in self.fields
            if name in carrier
        )
        for key in reversed(self.path[depth:]):
            member = f'"{key}":{{{member}}}'
        end = _members.end_of(text, self.path[:depth])
        return _members.inserted(text, member, end, is_first=not holder)

    def take(self, text: str) -> str:
        """Return the text of a message that has a carrier without it."""
        objects = _members.objects_along(text, self.path)
        depth = len(self.path)
        doomed = [member for member in objects[depth] if member.key in self.fields]
        while depth > self.given and len(doomed) == len(objects[depth]):
            depth -= 1
            doomed = [_members.only(self.path[depth], objects[depth])]
        return _members.without(text, objects[depth], doomed)

    def without(self, message: Mapping[str, Any]) -> Message:
        """Return a copy of a message that has a carrier: what `take` does to its text."""
        return _without(message, self.path, self.given, self.fields)

    def _deepest(self, message: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, int]:
        """Return the last object on the path, and its depth; None if another value is there."""
        holder: Any = message
        for depth, key in enumerate(self.path):
            if key not in holder:
                return holder, depth
            holder = holder[key]
            if not isinstance(holder, dict):
                return None, depth
        return holder, len(self.path)


def _without(
    holder: Mapping[str, Any], path: tuple[str, ...], given: int, fields: tuple[str, ...]
) -> Message:
    if not path:
        return {key: value for key, value in holder.items() if key not in fields}
    first, *rest = path
    inner = _without(holder[first], tuple(rest), given - 1, fields)
    if inner or given > 0:
        return {**holder, first: inner}
    return {key: value for key, value in holder.items() if key != first}


SlotOf = Callable[[Message], Slot | None]


def parse(text: str) -> Message:
    """Return a message that is an object; raise ValueError for any other."""
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError
    return message


class _Taking:
    """A carrier that may be taken out of a message, of the text or the object or both."""

    __slots__ = ("_data", "_message", "_slot", "_stripped", "_text")

    def __init__(self, slot: Slot, message: Message, text: str, data: Data) -> None:
        self._slot = slot
        self._message = message
        self._text = text
        self._data = data
        self._stripped: Data | None = None

    def strip(self) -> Data:
        if self._stripped is None:
            self._stripped = as_before(self._data, self._slot.take(self._text))
        return self._stripped

    def bare(self) -> Message:
        self.strip()  # raises where the text would stay as it is
        return self._slot.without(self._message)


class JsonCodec(Preset):
    """A carrier in the slot that `slot_of` names; it returns None where there is none."""

    def __init__(self, slot_of: SlotOf) -> None:
        self._slot_of = slot_of

    def _find(self, data: Data) -> Finding | None:
        text = text_of(data)
        message = parse(text)
        slot = self._slot_of(message)
        carrier = None if slot is None else slot.read(message)
        if slot is None or carrier is None:
            return None
        taking = _Taking(slot, message, text, data)
        return carrier, taking.strip, message, taking.bare

    def _put(self, data: Data, carrier: Mapping[str, str]) -> Data | None:
        text = text_of(data)
        message = parse(text)
        slot = self._slot_of(message)
        written = None if slot is None else slot.put(text, message, carrier)
        return None if written is None else as_before(data, written)


_META = Slot(("_meta",))
_PARAMS = Slot(("params", "_meta"))
_RESULT = Slot(("result", "_meta"), given=1)
_EXTENSIONS = Slot(("payload", "extensions"), given=1)
# The extension of CloudEvents has these two; any other name may be an attribute of the event.
_ATTRIBUTES = Slot((), fields=FIELDS[:2])

# Those of graphql-transport-ws and, last of each line, of its predecessor.
_OPERATIONS = ("subscribe", "start")
_RESULTS = ("next", "data")


def meta(message: Message) -> Slot | None:
    """Any object: `_meta`."""
    return _META


def jsonrpc(message: Message) -> Slot | None:
    """JSON-RPC 2.0, and so MCP: `_meta` of the parameters, or of the result."""
    if message.get("jsonrpc") != "2.0":
        return None
    if isinstance(message.get("method"), str):
        return _PARAMS
    return _RESULT if "result" in message else None


def graphql(message: Message) -> Slot | None:
    """GraphQL over WebSocket: `extensions` of an operation, or of a result."""
    return _EXTENSIONS if message.get("type") in (*_OPERATIONS, *_RESULTS) else None


def cloudevents(message: Message) -> Slot | None:
    """CloudEvents in JSON: attributes, by the extension for distributed tracing."""
    return _ATTRIBUTES if isinstance(message.get("specversion"), str) else None
