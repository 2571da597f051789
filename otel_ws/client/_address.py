"""The address of a client's connection, in the words of ASGI."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from .._types import Scope

_PORTS: Final = {"ws": 80, "http": 80, "wss": 443, "https": 443}


def scope_of(url: str) -> Scope:
    """Return what hooks and functions of the settings see of a client's connection."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except (AttributeError, TypeError, ValueError):  # The library will say what is wrong with it.
        parts, port = urlsplit(""), None
    return {
        "type": "websocket",
        "scheme": "wss" if parts.scheme in ("wss", "https") else "ws",
        "path": parts.path or "/",
        "query_string": parts.query.encode("utf-8", "replace"),
        "server": (parts.hostname, port or _PORTS.get(parts.scheme)),
        "headers": [],
    }
