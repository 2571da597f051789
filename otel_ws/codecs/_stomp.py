"""Carriers in STOMP 1.2: headers of SEND and MESSAGE frames.

Frames are handled as bytes, because `content-length` counts those, and a body may be anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ._carrier import FIELDS, TRACEPARENT, Data
from ._preset import Finding, Preset

# Possessive: a hostile head is given up at once, not tried in other ways.
_head = re.compile(
    rb"(?:\r?\n)*+(?:SEND|MESSAGE)(?P<eol>\r?\n)"
    rb"(?P<headers>(?:[^\r\n:]++:[^\r\n]*+\r?\n)*+)\r?\n"
).match
_NAMES: Final = tuple(name.encode() for name in FIELDS)
_ESCAPES: Final = {b"\\": rb"\\", b"\r": rb"\r", b"\n": rb"\n", b":": rb"\c"}
_UNESCAPES: Final = {escaped: plain for plain, escaped in _ESCAPES.items()}


@dataclass(frozen=True, slots=True)
class _Frame:
    """The headers of a frame, line by line, and where they stand."""

    lines: list[bytes]
    start: int
    end: int
    eol: bytes

    def value(self, name: bytes) -> bytes | None:
        """Return the value of a header: of a repeated one, the first counts."""
        for line in self.lines:
            key, _, value = line.partition(b":")
            if key == name:
                return value.rstrip(b"\r\n")
        return None


class Stomp(Preset):
    def _find(self, data: Data) -> Finding | None:
        encoded = _bytes(data)
        frame = _parse(encoded)
        found = {name: frame.value(name) for name in _NAMES}
        carrier = {
            name.decode(): _unescape(value) for name, value in found.items() if value is not None
        }
        if TRACEPARENT not in carrier:
            return None
        rest = [line for line in frame.lines if not _is_ours(line)]
        return carrier, lambda: _with_headers(data, encoded, frame, rest), None, None

    def _put(self, data: Data, carrier: Mapping[str, str]) -> Data | None:
        encoded = _bytes(data)
        frame = _parse(encoded)
        if any(map(_is_ours, frame.lines)):
            return None
        lines = [
            b"%b:%b%b" % (name.encode(), _escape(carrier[name]), frame.eol)
            for name in FIELDS
            if name in carrier
        ]
        return _with_headers(data, encoded, frame, [*frame.lines, *lines])


def _parse(data: bytes) -> _Frame:
    """Return the one frame that a message is; raise ValueError if it is not just that."""
    head = _head(data)
    if head is None:
        raise ValueError
    headers = head["headers"].splitlines(keepends=True)
    frame = _Frame(headers, head.start("headers"), head.end("headers"), head["eol"])
    length = frame.value(b"content-length")
    if length is None:
        end = data.index(b"\0", head.end())
    elif length.isdigit():
        end = head.end() + int(length)
    else:
        raise ValueError
    if data[end : end + 1] != b"\0" or data[end + 1 :].strip(b"\r\n"):
        raise ValueError
    return frame


def _is_ours(line: bytes) -> bool:
    return line.partition(b":")[0] in _NAMES


def _with_headers(data: Data, encoded: bytes, frame: _Frame, lines: list[bytes]) -> Data:
    changed = b"".join((encoded[: frame.start], *lines, encoded[frame.end :]))
    return changed.decode() if isinstance(data, str) else changed


def _bytes(data: Data) -> bytes:
    return data.encode() if isinstance(data, str) else data


def _escape(value: str) -> bytes:
    return _replace(rb"[\\\r\n:]", _ESCAPES.__getitem__, value.encode())


def _unescape(value: bytes) -> str:
    """Return the value of a header; raise ValueError for an escape that there is not."""
    return _replace(rb"\\.?", _UNESCAPES.__getitem__, value).decode()


def _replace(pattern: bytes, by: Callable[[bytes], bytes], value: bytes) -> bytes:
    try:
        return re.sub(pattern, lambda found: by(found[0]), value)
    except KeyError as error:
        raise ValueError from error
