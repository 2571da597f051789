"""What travels in a message, how much of it is read, and what a codec is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

Data = str | bytes

TRACEPARENT: Final = "traceparent"
FIELDS: Final = (TRACEPARENT, "tracestate", "baggage")

MAX_TRACEPARENT: Final = 128
MAX_TRACESTATE: Final = 512
MAX_BAGGAGE: Final = 8192
_LIMITS: Final = dict(zip(FIELDS, (MAX_TRACEPARENT, MAX_TRACESTATE, MAX_BAGGAGE), strict=True))


@dataclass(frozen=True, slots=True)
class Found:
    """What a codec has found in a message."""

    carrier: Mapping[str, Any]
    """The fields of the carrier as they came, of any type and size: read them by `accepted`."""
    parsed: Any = None
    """The message as an object, carrier included, if the codec has made one: it may be reused."""
    strip: Callable[[], Data] | None = None
    """Returns the message without its carrier, or the message itself if it cannot be taken out."""
    bare: Callable[[], Any] | None = None
    """Returns `parsed` as parsing what `strip` returns would make it."""


class Codec(Protocol):
    """How a context travels inside a message: an application's own needs these two."""

    def read(self, data: Data) -> Found | None:
        """Return what the message carries, or None."""

    def write(self, data: Data, carrier: Mapping[str, str]) -> Data:
        """Return the message with `carrier`, or `data` itself where there is no place for it."""


def accepted(carrier: Mapping[str, Any]) -> dict[str, str]:
    """Return the W3C fields of a carrier: all of them, or none if one is not within its limits.

    Half of a context would be a wrong one.
    """
    found = {name: carrier[name] for name in FIELDS if name in carrier}
    for name, value in found.items():
        if not isinstance(value, str) or len(value) > _LIMITS[name]:
            return {}
    return found
