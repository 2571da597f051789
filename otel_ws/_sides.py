"""The two sides of a connection: what differs between a server's telemetry and a client's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from opentelemetry.trace import SpanKind

from . import _semconv as names


@dataclass(frozen=True, slots=True)
class Side:
    name: Literal["server", "client"]
    peer: Literal["server", "client"]
    scope_name: str
    kind: SpanKind
    """Of the handshake's span."""
    first_error_status: int
    """From here on a status is a failure, by the conventions of HTTP."""


SERVER: Final = Side("server", "client", names.SCOPE_NAME, SpanKind.SERVER, 500)
CLIENT: Final = Side("client", "server", f"{names.SCOPE_NAME}.client", SpanKind.CLIENT, 400)
