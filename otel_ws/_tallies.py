"""Where a connection leads, as its metrics tell; what is counted there is shared by many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from opentelemetry.util.types import AttributeValue

from . import _instruments as instruments
from . import _semconv as names
from ._metrics import Count, Instruments, Key
from ._sides import SERVER, Side
from ._types import Scope

Place = tuple[tuple[str, AttributeValue | None], ...]
Found = Mapping[str, AttributeValue | None]
Counts = dict[str, Count]


@dataclass(frozen=True, slots=True)
class Tallies:
    """The attributes of a place, and the counts of its messages for each of their types."""

    attributes: Found
    received: Counts
    sent: Counts


@lru_cache(maxsize=1024)
def known(made: Instruments, place: Place) -> Tallies:
    """Return what belongs to a place: one for all of its connections."""
    found = tuple((name, value) for name, value in place if value is not None)

    def counts(direction: str) -> Counts:
        common: Key = (*found, (names.MESSAGE_DIRECTION, direction))
        keys = {kind: (*common, (names.MESSAGE_TYPE, kind)) for kind in ("text", "binary")}
        return {kind: made.count(instruments.MESSAGES, key) for kind, key in keys.items()}

    return Tallies(dict(place), counts("received"), counts("sent"))


def place_at(route: str | None) -> Place:
    """Return the place that a server's connection leads to."""
    return ((names.HTTP_ROUTE, route),)


def place_of(scope: Scope, side: Side) -> Place:
    """Return the place as far as it is known at first: a client's is the server."""
    if side is SERVER:
        return place_at(None)
    address, port = scope.get("server") or (None, None)
    return (names.SERVER_ADDRESS, address), (names.SERVER_PORT, port)
