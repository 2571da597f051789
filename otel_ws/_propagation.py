"""Where trace context travels, how much of it is accepted, and how far it is trusted.

Limits follow W3C Trace Context (a tracestate of 512 characters must be supported, section 3.3.1.5).
A context beyond them is dropped whole: half of one would be a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import Link, get_current_span

from . import _semconv as names
from ._config import Config
from ._log import report
from ._settings import Trust, TrustLevel
from ._types import Scope

Headers = Iterable[tuple[bytes, bytes]]

MAX_TRACEPARENT: Final = 128
MAX_TRACESTATE: Final = 512


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a handshake came from: the context to grow from, or a link to it."""

    context: Context = field(default_factory=Context)
    links: tuple[Link, ...] = ()


class _HeadersGetter(Getter[Headers]):
    def get(self, carrier: Headers, key: str) -> list[str] | None:
        return header_values(carrier, key.lower().encode("latin-1")) or None

    def keys(self, carrier: Headers) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier]


_GETTER = _HeadersGetter()


def header_values(headers: Headers, name: bytes) -> list[str]:
    """Return the values of the header `name`, which is in lower case."""
    return [value.decode("latin-1") for key, value in headers if key.lower() == name]


def handshake_origin(scope: Scope, config: Config) -> Origin:
    """Read the context that the handshake's headers carry, by the settings' trust."""
    level = _level(config.handshake_trust, scope, config)
    headers: Headers = scope.get("headers") or ()
    if level == "ignore" or "headers" not in config.carriers or not _within_limits(headers):
        return Origin()
    try:
        context = propagate.extract(headers, context=Context(), getter=_GETTER)
    except Exception as error:
        report("the trace context of a handshake could not be read; it is ignored", error)
        return Origin()
    if level == "parent":
        return Origin(context)
    remote = get_current_span(context).get_span_context()
    links = (Link(remote, {names.LINK_TYPE: names.LINK_REMOTE}),) if remote.is_valid else ()
    return Origin(links=links)


def _level(trust: Trust, scope: Scope, config: Config) -> TrustLevel:
    level = trust
    if callable(level):
        try:
            level = level(scope)
        except Exception as error:
            report("a trust function failed; the context it judged is ignored", error)
            return "ignore"
        if level not in ("parent", "link", "ignore"):
            report(
                f"a trust function returned a {type(level).__name__} that is not 'parent', 'link' "
                "or 'ignore'; the context it judged is ignored"
            )
            return "ignore"
    return "link" if level == "parent" and config.edge == "public" else level


def _within_limits(headers: Headers) -> bool:
    parents = header_values(headers, b"traceparent")
    states = header_values(headers, b"tracestate")
    return (
        len(parents) <= 1
        and sum(map(len, parents)) <= MAX_TRACEPARENT
        and len(",".join(states)) <= MAX_TRACESTATE
    )
