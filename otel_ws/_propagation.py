"""Where trace context travels, how much of it is accepted, and how far it is trusted.

Limits follow W3C Trace Context (a tracestate of 512 characters must be supported, section 3.3.1.5).
A context beyond them is dropped whole: half of one would be a wrong one.
"""

from __future__ import annotations

import re
from asyncio import CancelledError
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, get_args

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Link, SpanContext

from . import _semconv as names
from . import _w3c as w3c
from ._config import Config
from ._log import report
from ._settings import Trust, TrustLevel
from ._types import Scope
from .codecs._carrier import MAX_TRACEPARENT, MAX_TRACESTATE

Headers = Iterable[tuple[bytes, bytes]]

_TOKEN: Final = "otel-ws."
_tokens: Final = re.compile(rb"(?:^|,)[^!-~]*otel-ws\.[^,]*")
_PROTOCOLS: Final = b"sec-websocket-protocol"
_QUERY: Final = b"traceparent="
_MAX_PARTS: Final = 256
_LEVELS: Final[dict[str, TrustLevel]] = {level: level for level in get_args(TrustLevel)}


_NOTHING: Final = Context()  # One for all who bring no context along.


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a handshake came from: the context to grow from, or a link to it."""

    context: Context = field(default_factory=lambda: _NOTHING)
    links: tuple[Link, ...] = ()

    @property
    def has_sender(self) -> bool:
        """Tell whether there is a span that it leads to."""
        return bool(self.links) or w3c.span_context(self.context).is_valid


class _HeadersGetter(Getter[Headers]):
    def get(self, carrier: Headers, key: str) -> list[str] | None:
        name = key.lower()
        values = header_values(carrier, name.encode("latin-1"))
        if values and name in w3c.CLEANING:
            return [w3c.CLEANING[name](",".join(values))]
        return values or None

    def keys(self, carrier: Headers) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier]


_GETTER = _HeadersGetter()


def header_values(headers: Headers, name: bytes) -> list[str]:
    """Return the values of the header `name`, which is in lower case."""
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def handshake_origin(scope: Scope, config: Config) -> Origin:
    """Read the context that the handshake carries, from the first carrier that has one.

    A token for us among the subprotocols is taken out, so that nobody can select it.
    """
    token = take_token(scope) if "subprotocol" in config.carriers else None
    origin = _of_headers(scope, config) if "headers" in config.carriers else Origin()
    if origin.has_sender:
        return origin
    value = token or (_of_query(scope) if "query" in config.carriers else None)
    if value is None or len(value) > MAX_TRACEPARENT:
        return origin
    context = w3c.extract({"traceparent": value})
    found = _origin(context, trust_level(config.browser_trust, scope, config))
    # What the headers have is at most baggage.
    return Origin(Context({**origin.context, **found.context}), found.links)


def take_token(scope: Scope) -> str | None:
    """Take our tokens from the offered subprotocols; return what the only one of them holds."""
    offered = scope.get("subprotocols") or []
    tokens = [each for each in offered if each.startswith(_TOKEN)]
    if not tokens:
        return None
    headers = []
    for name, value in scope.get("headers") or ():
        if name.lower() == _PROTOCOLS:
            value = _tokens.sub(b"", value).strip(b" \t,")
        if value or name.lower() != _PROTOCOLS:
            headers.append((name, value))
    scope["headers"] = headers
    scope["subprotocols"] = [each for each in offered if not each.startswith(_TOKEN)]
    return tokens[0].removeprefix(_TOKEN) if len(tokens) == 1 else None


def _of_headers(scope: Scope, config: Config) -> Origin:
    headers: Headers = scope.get("headers") or ()
    level = trust_level(config.handshake_trust, scope, config)
    if level == "ignore" or not _within_limits(headers):
        return Origin()
    try:
        context = propagate.extract(headers, context=Context(), getter=_GETTER)
    except Exception as error:
        report("the trace context of a handshake could not be read; it is ignored", error)
        return Origin()
    return _origin(Context(context) or _NOTHING, level)


def _of_query(scope: Scope) -> str | None:
    parts = (scope.get("query_string") or b"").split(b"&", _MAX_PARTS)[:_MAX_PARTS]
    found = [each.removeprefix(_QUERY) for each in parts if each.startswith(_QUERY)]
    return found[0].decode("latin-1") if len(found) == 1 else None


def _origin(context: Context, level: TrustLevel) -> Origin:
    if level == "parent":
        return Origin(context)
    remote = w3c.span_context(context)
    if level == "ignore" or not remote.is_valid:
        return Origin()
    return Origin(links=(Link(remote, {names.LINK_TYPE: names.LINK_REMOTE}),))


def trust_level(trust: Trust, scope: Scope, config: Config) -> TrustLevel:
    """Return what a context becomes; at a public edge nobody is trusted."""
    level = _answer(trust, scope) if callable(trust) else trust
    return "link" if level == "parent" and config.edge == "public" else level


def _answer(function: Callable[[Scope], object], scope: Scope) -> TrustLevel:
    """Return what a user's function answers; who cannot answer trusts nobody."""
    try:
        answer = function(scope)
    except (Exception, CancelledError) as error:
        report("a trust function failed; the context it judged is ignored", error)
        return "ignore"
    if isinstance(answer, str) and answer in _LEVELS:
        return _LEVELS[answer]
    report(
        f"a trust function returned a {type(answer).__name__} that is not 'parent', 'link' "
        "or 'ignore'; the context it judged is ignored"
    )
    return "ignore"


def traceparent(context: SpanContext) -> str:
    """Return a context as the header of W3C Trace Context has it."""
    flags = int(context.trace_flags)
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{flags:02x}"


def _within_limits(headers: Headers) -> bool:
    parents = header_values(headers, b"traceparent")
    states = header_values(headers, b"tracestate")
    return (
        len(parents) <= 1
        and sum(map(len, parents)) <= MAX_TRACEPARENT
        and len(",".join(states)) <= MAX_TRACESTATE
    )
