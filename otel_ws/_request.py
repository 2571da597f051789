"""What a handshake tells about itself: the stable HTTP attributes, redacted."""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_plus, urlsplit

from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._propagation import header_values
from ._sides import CLIENT, Side
from ._types import Scope

_MAX_QUERY: Final = 1024
_REDACTED: Final = "REDACTED"
_CARRIERS: Final = ("traceparent", "tracestate")


def method(scope: Scope) -> str:
    """Return the method, which ASGI does not tell: CONNECT on HTTP/2 and later (RFC 8441)."""
    return "CONNECT" if _is_extended_connect(scope) else "GET"


def success_status(scope: Scope) -> int:
    """Return the status of an accepted handshake: 101, or 200 on HTTP/2 and later (RFC 8441)."""
    return 200 if _is_extended_connect(scope) else 101


def attributes(scope: Scope, query_allow: tuple[str, ...], side: Side) -> dict[str, AttributeValue]:
    """Return what the conventions want of a server's span, or of a client's."""
    address, port = _server(scope)
    found: dict[str, AttributeValue | None] = {
        names.HTTP_REQUEST_METHOD: method(scope),
        names.SERVER_ADDRESS: address,
        names.SERVER_PORT: port,
    }
    scheme = scope.get("scheme") or "ws"
    query = redacted_query(scope.get("query_string") or b"", query_allow)
    if side is CLIENT:
        host = f"[{address}]" if address and ":" in address else address
        target = f"{scope.get('path')}?{query}" if query else scope.get("path")
        found[names.URL_FULL] = f"{scheme}://{host}:{port}{target}" if host else None
    else:
        found |= {
            names.URL_PATH: scope.get("path"),
            names.URL_SCHEME: scheme,
            names.URL_QUERY: query,
            names.CLIENT_ADDRESS: (scope.get("client") or (None,))[0],
            names.USER_AGENT_ORIGINAL: _header(scope, b"user-agent"),
        }
    return {name: value for name, value in found.items() if value is not None}


def redacted_query(query: bytes, allow: tuple[str, ...]) -> str | None:
    """Keep the keys of a query string, and only the allowed values.

    A part without ``=`` may be a bare token: it is a value, not a key. A trace context is left
    out, whether it is read or not.
    """
    if not query:
        return None
    text = query[:_MAX_QUERY].decode("latin-1")
    parts = (_redacted(part, allow) for part in text.split("&"))
    return "&".join(part for part in parts if part is not None) or None


def _redacted(part: str, allow: tuple[str, ...]) -> str | None:
    key, equals, _ = part.partition("=")
    if not equals:
        return _REDACTED
    name = unquote_plus(key)
    if name in _CARRIERS:
        return None
    return part if name in allow else f"{key}={_REDACTED}"


def _server(scope: Scope) -> tuple[str | None, int | None]:
    """Return the address and port that the client asked for, else those of the socket."""
    address, port = _authority(_header(scope, b"host"))
    if address is not None:
        default = 443 if scope.get("scheme") == "wss" else 80
        return address, port or default
    server = scope.get("server") or (None, None)
    return server[0], server[1]


def _authority(host: str | None) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(f"//{host or ''}")
        return parts.hostname or None, parts.port
    except ValueError:
        return None, None


def _header(scope: Scope, name: bytes) -> str | None:
    return next(iter(header_values(scope.get("headers") or (), name)), None)


def _is_extended_connect(scope: Scope) -> bool:
    return str(scope.get("http_version") or "1.1")[0] in "23"
