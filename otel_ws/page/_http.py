"""The page over HTTP: a function of the request, for whatever serves it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from .._config import PAGE_SOCKET
from .._otlp import JSON, PROTOBUF, NotOTLP, decode
from .._otlp_json import to_json
from .._types import Scope
from ._access import Access, headers
from ._buffer import SpanBuffer
from ._threads import alone

DIRECTORY: Final = Path(__file__).parent / "static"
MAX_BODY: Final = 8 * 1024 * 1024
_MAX_DIGITS: Final = 20  # Python reads no number of thousands

_TRACES: Final = "/v1/traces"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_TEXT: Final = "text/plain; charset=utf-8"
_ALWAYS: Final = (
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
)
_WITHOUT_BODY: Final = (204, 304)
_EXPORT: Final = re.compile(r"/export/(trace|session)/([^/]+)", re.ASCII)
_HEADER_NAMES: Final = re.compile(r"[\w\-, ]{1,500}", re.ASCII)


@dataclass(frozen=True)
class Response:
    """What is answered to a request."""

    status: int
    body: bytes = b""
    content_type: str = _TEXT
    more: tuple[tuple[str, str], ...] = ()

    @property
    def headers(self) -> list[tuple[str, str]]:
        about = [("content-type", self.content_type), ("content-length", str(len(self.body)))]
        return [*(() if self.status in _WITHOUT_BODY else about), *_ALWAYS, *self.more]


def says(status: int, sentence: str, *more: tuple[str, str]) -> Response:
    return Response(status, f"{sentence}\n".encode(), more=more)


TOO_LARGE: Final = says(413, f"A request has at most {MAX_BODY} bytes.")
FAILED: Final = says(500, "The trace page has failed; the log of its process says why.")
_NO_LENGTH: Final = says(400, "The Content-Length is no number.")
_NOT_FOUND: Final = says(404, "There is no such thing here.")


class Desk:
    """What answers the requests of one page."""

    def __init__(self, buffer: SpanBuffer, access: Access) -> None:
        self._buffer = buffer
        self._access = access

    def turned_away(self, scope: Scope) -> Response | None:
        """Return the answer to a request that is refused before anybody reads its body."""
        takes_spans = relative_path(scope) == _TRACES
        refusal = self._access.refusal(scope, checks_origin=takes_spans, needs_origin=False)
        if refusal is not None:
            return says(403, refusal)
        allowed = ("POST", "OPTIONS") if takes_spans else ("GET", "HEAD")
        if scope["method"] not in allowed:
            return says(405, f"Allowed: {', '.join(allowed)}.", ("allow", ", ".join(allowed)))
        lengths = headers(scope, "content-length")
        if not all(length.isdecimal() for length in lengths):
            return _NO_LENGTH
        return TOO_LARGE if any(_is_too_long(length) for length in lengths) else None

    def refuses_socket(self, scope: Scope) -> bool:
        """Tell whether a WebSocket is refused: only a page of an origin that is known gets one."""
        refusal = self._access.refusal(scope, checks_origin=True, needs_origin=True)
        return refusal is not None or not scope["path"].endswith(PAGE_SOCKET)

    def answer(self, scope: Scope, body: bytes) -> Response:
        """Return the answer to a request that was not turned away."""
        path = relative_path(scope)
        if path == _TRACES:
            return self._take(scope, body)
        if path == "":
            return _to_the_slash(scope)
        if path == "/":
            return _file("index.html", scope)
        if path.startswith("/static/"):
            return _file(path.removeprefix("/static/"), scope)
        wanted = _EXPORT.fullmatch(path)
        return self._export(*wanted.groups()) if wanted else _NOT_FOUND

    def _take(self, scope: Scope, body: bytes) -> Response:
        shared = self._shared(scope)
        if scope["method"] == "OPTIONS":
            return Response(204, more=shared)
        content_type = ",".join(headers(scope, "content-type"))
        encoding = ",".join(headers(scope, "content-encoding"))
        try:
            records = alone(decode, body, content_type, encoding)
        except NotOTLP as error:
            return says(error.status, str(error), *shared)
        self._buffer.add(records)
        if content_type.lower().startswith(JSON):
            return Response(200, b"{}", JSON, shared)
        return Response(200, b"", PROTOBUF, shared)

    def _shared(self, scope: Scope) -> tuple[tuple[str, str], ...]:
        """Return the headers that let a page of another origin send its spans here."""
        origin = self._access.origin(scope)
        if origin is None:
            return ()
        # Without headers of its own, OpenTelemetry JS sends a beacon, which has credentials.
        shared = [("access-control-allow-origin", origin), ("vary", "origin")]
        shared += [("access-control-allow-credentials", "true")]
        wanted = headers(scope, "access-control-request-headers")
        if wanted and _HEADER_NAMES.fullmatch(wanted[0]):
            shared += [("access-control-allow-headers", wanted[0])]
        return (*shared, ("access-control-allow-methods", "POST"))

    def _export(self, kind: str, identifier: str) -> Response:
        find = self._buffer.trace if kind == "trace" else self._buffer.session
        records = find(identifier)
        if not records:
            return _NOT_FOUND
        name = re.sub(r"[^\w-]", "_", identifier, flags=re.ASCII)[:64]
        disposition = ("content-disposition", f'attachment; filename="{kind}-{name}.json"')
        return Response(200, json.dumps(to_json(records)).encode(), JSON, (disposition,))


def relative_path(scope: Scope) -> str:
    """Return the path below the place where the page is mounted."""
    path: str = scope["path"]
    rest = path.removeprefix(scope.get("root_path", "").rstrip("/"))
    return rest if rest[:1] in ("", "/") else path


def _to_the_slash(scope: Scope) -> Response:
    """Send a browser to the folder, below which everything else is."""
    folder = quote(scope["path"].rpartition("/")[2], safe="")
    return says(307, "See the folder.", ("location", f"./{folder}/" if folder else "/"))


def _file(name: str, scope: Scope) -> Response:
    path = next((each for each in DIRECTORY.iterdir() if each.name == name), None)
    if path is None or path.suffix not in _TYPES:
        return _NOT_FOUND
    body = path.read_bytes()
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    if tag in headers(scope, "if-none-match"):
        return Response(304, more=(("etag", tag),))
    return Response(200, body, _TYPES[path.suffix], (("etag", tag),))


def _is_too_long(length: str) -> bool:
    return len(length) > _MAX_DIGITS or int(length) > MAX_BODY
