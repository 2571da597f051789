"""What all presets have in common: what they look at, and what they leave alone.

A message is a stranger's: whatever cannot be read has no carrier, and passes as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from ._carrier import TRACEPARENT, Data, Found

_T = TypeVar("_T")

MAX_SIZE: Final = 64 * 1024
"""The longest message that is parsed, in bytes, or in characters of text."""

Finding = tuple[Mapping[str, Any], Callable[[], Data], Any, Callable[[], Any] | None]
"""The fields of a Found: carrier, strip, parsed, bare."""

_MARK: Final = TRACEPARENT.encode()
# Broken UTF-8 and JSON, and too long an integer, are ValueErrors; too deep a nesting is the other.
_UNREADABLE: Final = (ValueError, RecursionError)
_PLAIN: Final = (str, bytes)
_BUFFERS: Final = (bytearray, memoryview)


class Preset(ABC):
    """A codec for one protocol. It never raises, and changes nothing but the carrier."""

    @abstractmethod
    def _find(self, data: Data) -> Finding | None:
        """Return what a message carries, or None. What is unreadable may raise, here and below."""

    @abstractmethod
    def _put(self, data: Data, carrier: Mapping[str, str]) -> Data | None:
        """Return the message with the carrier; None if it has one, or no place for one."""

    def read(self, data: Data) -> Found | None:
        try:
            plain = _plain(data)
            if len(plain) > MAX_SIZE or not _mentions(plain):
                return None
            found = self._find(plain)
        except _UNREADABLE:
            return None
        if found is None:
            return None
        carrier, strip, parsed, bare = found
        return Found(
            carrier,
            parsed,
            strip=partial(_changed, plain, strip),
            bare=None if bare is None else partial(_changed, parsed, bare),
        )

    def write(self, data: Data, carrier: Mapping[str, str]) -> Data:
        try:
            plain = _plain(data)
            if TRACEPARENT not in carrier or len(plain) > MAX_SIZE:
                return data
            written = self._put(plain, carrier)
        except _UNREADABLE:
            return data
        # What the peer would not read is not worth writing.
        return data if written is None or len(written) > MAX_SIZE else written


def _changed(value: _T, change: Callable[[], _T]) -> _T:
    """Return what `change` returns, or `value` where that cannot be done."""
    try:
        return change()
    except _UNREADABLE:
        return value


def _plain(data: object) -> Data:
    """Return what servers and applications hand over as one of the two types."""
    if isinstance(data, _PLAIN):
        return data
    return bytes(data) if isinstance(data, _BUFFERS) else b""


def _mentions(data: Data) -> bool:
    return TRACEPARENT in data if isinstance(data, str) else _MARK in data


def text_of(data: Data) -> str:
    """Return a message as text; raise ValueError if it is none."""
    return data if isinstance(data, str) else data.decode()


def as_before(data: Data, text: str) -> Data:
    """Return `text` as what the message `data` was: text, or bytes."""
    return text if isinstance(data, str) else text.encode()
