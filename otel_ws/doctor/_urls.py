"""What a URL of a WebSocket says: where it leads, from which page it would come, what to show."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"ws": 80, "wss": 443}
_PAGES: Final = {"ws": "http", "wss": "https"}


def address(url: str) -> tuple[str, int]:
    """Return the host and the port, which its scheme implies where none is named."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def origin(url: str) -> str:
    """Return the origin that a page of the same host has, as a browser writes it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].removesuffix(f":{_PORTS[parts.scheme]}")
    return f"{_PAGES[parts.scheme]}://{host}"


def shown(url: str) -> str:
    """Return a URL without what may be a secret: a password, and the query."""
    scheme, _, rest = url.partition("://")
    where = rest.partition("#")[0].partition("?")[0]
    host, slash, path = where.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
