"""Who may look: traces tell what an application does, and for whom.

Unless told otherwise, only this machine. The three checks belong together: a loopback peer may be
a proxy, and a browser on this machine may have been led here by a name that somebody else owns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from inspect import iscoroutinefunction
from ipaddress import IPv6Address, ip_address
from math import inf
from typing import Final

from .._log import report, run_hook
from .._types import Scope

Allow = Callable[[Scope], bool]

_PEER: Final = (
    "The trace page answers only this machine. "
    "To let others in, put it behind your own login and say TracePage(allow=...)."
)
_HOST: Final = (
    "The trace page answers only to a local name: open it as localhost, 127.0.0.1 or [::1]."
)
_FORWARDED: Final = (
    "The trace page answers no proxy. "
    "To let one in, put it behind your own login and say TracePage(allow=...)."
)
_ALLOW: Final = "The trace page's function allow= has not allowed this."
_ORIGIN: Final = (
    "The trace page answers only its own origin here. "
    "To let another one in, say TracePage(origins=[...])."
)

_LOCAL_HOST: Final = re.compile(
    r"(?:localhost|127(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|\[::1\])(?::\d{1,5})?",
    re.ASCII | re.IGNORECASE,
)
_AN_ORIGIN: Final = re.compile(r"https?://[^\s/?#@\\,]+", re.ASCII)
_BY_A_PROXY: Final = frozenset(
    (
        *("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip"),
        *("cf-connecting-ip", "cdn-loop"),
    )
)
_BY_A_PROXY_TOO: Final = ("x-forwarded", "x-envoy-", "x-original-")


class Access:
    """The rule of one page."""

    def __init__(self, allow: Allow | None, origins: Iterable[str]) -> None:
        if iscoroutinefunction(allow):
            raise TypeError("allow must be a function that returns True or False, not a coroutine")
        self._allow = allow
        self._origins = frozenset(map(_checked_origin, _checked_collection(origins)))

    def refusal(self, scope: Scope, *, checks_origin: bool, needs_origin: bool) -> str | None:
        """Return why a request is refused, in a sentence that says what to do, or None."""
        refusal = self._refusal(scope)
        if refusal is None and checks_origin and not self._knows_origin(scope, needs_origin):
            refusal = _ORIGIN
        if refusal is not None:
            report(f"the trace page has refused a request: {refusal}", period=inf)
        return refusal

    def origin(self, scope: Scope) -> str | None:
        """Return the origin of a request of another page that may read the answer."""
        origins = headers(scope, "origin")
        return origins[0] if len(origins) == 1 and origins[0].lower() in self._origins else None

    def _refusal(self, scope: Scope) -> str | None:
        if self._allow is not None:
            # Nothing but True: what else a function returns may be true by accident.
            return None if run_hook(self._allow, scope) is True else _ALLOW
        if not _is_local_peer(scope):
            return _PEER
        if _is_forwarded(scope):
            return _FORWARDED
        return None if _has_local_host(scope) else _HOST

    def _knows_origin(self, scope: Scope, needs_origin: bool) -> bool:
        origins = headers(scope, "origin")
        if not origins:
            return not needs_origin
        origin = origins[0].lower()
        return len(origins) == 1 and (origin in self._origins or _is_own(origin, scope))


def headers(scope: Scope, name: str) -> list[str]:
    """Return the values of a header, as often as it was sent."""
    wanted = name.encode()
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == wanted]


def is_local_name(host: str) -> bool:
    """Tell whether this is a name, as it stands in an address, by which the page may be called."""
    return _LOCAL_HOST.fullmatch(host) is not None


def _is_local_peer(scope: Scope) -> bool:
    """Tell whether the peer is on this machine; one without an address may be anybody's proxy."""
    client = scope.get("client")
    try:
        address = ip_address(client[0] if client else "")
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def _is_forwarded(scope: Scope) -> bool:
    """Tell whether a proxy has made this request; nginx uses HTTP/1.0 if it is told nothing."""
    if scope.get("http_version") == "1.0" or _is_upgraded(scope):
        return True
    names = {key.lower().decode("latin-1") for key, _ in scope["headers"]}
    return any(name in _BY_A_PROXY or name.startswith(_BY_A_PROXY_TOO) for name in names)


def _is_upgraded(scope: Scope) -> bool:
    """Tell whether a request for a page wants another protocol.

    No browser asks that; nginx does for whatever it passes on, if it is set up for WebSockets.
    (Programs do that send HTTP/2 where they can, and spans: POST is let in.)
    """
    if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
        return False
    tokens = ",".join(headers(scope, "connection")).lower().split(",")
    return "upgrade" in map(str.strip, tokens)


def _has_local_host(scope: Scope) -> bool:
    hosts = headers(scope, "host")
    return len(hosts) == 1 and is_local_name(hosts[0])


def _is_own(origin: str, scope: Scope) -> bool:
    hosts = headers(scope, "host")
    scheme, _, host = origin.partition("://")
    return len(hosts) == 1 and scheme in ("http", "https") and host == hosts[0].lower()


def _checked_collection(origins: Iterable[str]) -> Iterable[str]:
    if isinstance(origins, str):
        raise TypeError(f"origins must be a collection of origins, not the text {origins!r}")
    return origins


def _checked_origin(origin: str) -> str:
    if not _AN_ORIGIN.fullmatch(origin):
        raise ValueError(f"expected an origin such as 'http://localhost:5173', not {origin!r}")
    return origin.lower()
