"""Checks of what a client sees: whether there is a server, and what it answered."""

from __future__ import annotations

from typing import Final

from ._evidence import Evidence, Visit
from ._findings import Finding, note, ok, wrong

_TROUBLES: Final = {
    "refused": (
        "a server that listens",
        "Start the application, or correct the host and the port of the URL.",
    ),
    "unknown": ("a host that is known", "Correct the name of the host."),
    "timeout": (
        "an answer in time",
        "Something listens and does not answer: a server that is busy or stuck, an application "
        "that never accepts, a port of another protocol, or a firewall. See what the application "
        "does before it accepts.",
    ),
    "certificate": (
        "a certificate that this machine trusts",
        "For a certificate of your own, name its authority with --ca FILE, or do without the check "
        "with --insecure. A browser refuses it just the same.",
    ),
    "tls": (
        "TLS",
        "The server does not speak TLS on this port, or not in a version that is accepted here. "
        "Try ws:// in place of wss://, or the port that has TLS.",
    ),
    "not_http": (
        "an answer in HTTP",
        "The port speaks something else: TLS, for which the URL begins with wss://, or another "
        "protocol; or the server gave up in the middle, which its log tells.",
    ),
    "subprotocol": (
        "one of the subprotocols that were offered, or none",
        "The application accepted with a subprotocol that was not offered, which browsers refuse. "
        "Offer it with --subprotocol, or let the application choose from scope['subprotocols'].",
    ),
    "handshake": (
        "a valid handshake of WebSocket",
        "What answered does not speak WebSocket correctly; a proxy may stand between.",
    ),
    "url": (
        "a URL such as ws://127.0.0.1:8000/ws, and headers that HTTP allows",
        "Correct the URL or the header.",
    ),
}
_STATUSES: Final = {
    200: "The path leads to a page and not to a WebSocket. Correct the path, or make the proxy in "
    "between pass on the headers Upgrade and Connection.",
    400: "The server did not take it for a WebSocket handshake. Servers without a WebSocket "
    "library say so too (pip install uvicorn[standard]), and proxies that do not pass on the "
    "headers Upgrade and Connection.",
    401: "The application wants to know who you are: send --header or --cookie.",
    404: "There is no such route, or the server has no WebSocket library and took it for a page "
    "(pip install uvicorn[standard]). Correct the path: mind the slash at its end.",
    405: "The path is there for other methods only. Correct it.",
    426: "The path wants another protocol. Correct it.",
    429: "The application, or a proxy, limits how often one may come.",
    500: "The application has raised before it accepted: its log has the traceback. Channels' "
    "URLRouter also does so for a path without a route.",
    502: "A proxy cannot reach the application.",
    503: "A proxy, or the server, has no application to answer.",
    504: "A proxy got no answer from the application in time.",
}
_FORBIDDEN: Final = (
    "The application closed before it accepted, and servers make a 403 of that: its own check of "
    "the user (send --cookie or --header), an origin that it does not allow (send --origin), or, "
    "with Starlette, Litestar, BlackSheep and Falcon, a path without a route."
)


def reachable(evidence: Evidence) -> Finding | None:
    visit = evidence.visit
    if visit.status is not None or visit.trouble not in _TROUBLES:
        return ok("reachable", "a server answers")
    expected, advice = _TROUBLES[visit.trouble]
    came = visit.says or visit.trouble
    if evidence.exit_status is not None:
        expected = "an application that keeps running"
        came = f"it ended with status {evidence.exit_status}"
        advice = "Correct the command of --run: what it printed stands below."
    return wrong("reachable", expected, came, advice)


def accepted(evidence: Evidence) -> Finding | None:
    visit = evidence.visit
    if visit.is_accepted or visit.status is None:
        return ok("accepted", f"the handshake is accepted, with {visit.status}")
    by_origin = evidence.with_origin
    if by_origin is not None and by_origin.is_accepted:
        return wrong(
            "accepted",
            "an accepted handshake",
            f"{visit.status} without an Origin, and an accepted one with {by_origin.origin}",
            "The origin is checked, by Channels' AllowedHostsOriginValidator or the like, and "
            f"browsers send one. Look again with --origin {by_origin.origin}.",
        )
    return wrong("accepted", "an accepted handshake", f"{visit.status}", _why(evidence, visit))


def _why(evidence: Evidence, visit: Visit) -> str:
    if visit.location:
        return f"It leads to {visit.location}. Take that URL, with ws for http and wss for https."
    if visit.status != 403:
        fallback = "The log of the application, or of the proxy before it, has more."
        return _STATUSES.get(visit.status or 0, fallback)
    handshake = evidence.handshake()
    route = None if handshake is None else handshake.attributes.get("http.route")
    if route is not None:
        return f"The route {route} was taken, and refused it: send --cookie, --header or --origin."
    return _FORBIDDEN


def subprotocol(evidence: Evidence) -> Finding | None:
    visit = evidence.visit
    if not visit.subprotocols or not visit.is_accepted:
        return None
    if visit.subprotocol is not None:
        return ok("subprotocol", f"{visit.subprotocol} was chosen")
    return wrong(
        "subprotocol",
        f"one of {', '.join(visit.subprotocols)}",
        "none was chosen",
        "Let the application accept with one that was offered; Chrome closes without it.",
    )


def closed(evidence: Evidence) -> Finding | None:
    visit = evidence.visit
    if not visit.is_accepted:
        return None
    if visit.trouble == "lost":
        return wrong(
            "closed",
            "a connection that lasts until it is closed",
            "it was lost, without a close",
            "The application has raised or returned, as its log says, or the server was ended.",
        )
    if visit.close_code in (1011, 4500):
        return wrong(
            "closed",
            "a connection that lasts until it is closed",
            f"the application closed it with {visit.close_code}",
            "A handler has raised: the log of the application has the traceback.",
        )
    if visit.close_code not in (1000, None):
        why = f" ({visit.close_reason})" if visit.close_reason else ""
        came = f"the application closed it with {visit.close_code}{why}"
        return note("closed", came, "It may have been asked to by what was sent.")
    return None
