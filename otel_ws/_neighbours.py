"""Other tracers of a connection: one handshake is one span, whoever else is there.

The instrumentation of ASGI from opentelemetry-python-contrib, which those of Starlette, of FastAPI
and of Logfire are made of, has one span for a connection and one for each wait in it. Where it
comes after us it is kept from tracing what is traced here; where it came first, its span becomes
ours. Nothing of it is imported: what nobody has imported traces nothing.
"""

from __future__ import annotations

import functools
import sys
from math import inf
from typing import Any, Final

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, get_current_span

from ._config import Config
from ._log import report, shielded
from ._session import SCOPE_KEY, Session
from ._types import Receive, Scope, Send

_CONTRIB: Final = "opentelemetry.instrumentation.asgi"
_SCOPES: Final = frozenset(
    {
        _CONTRIB,
        "opentelemetry.instrumentation.fastapi",
        "opentelemetry.instrumentation.starlette",
    }
)
# A WebSocket has no method in ASGI. The span of a request around us is not that of the handshake.
_OF_A_REQUEST: Final = ("http.method", "http.request.method")
_WITH_QUERY: Final = ("http.url", "http.target", "url.full")
_kept_out: dict[Any, tuple[Any, Any]] = {}


def contrib_span() -> Span | None:
    """Return the span that contrib has opened for this connection, if that is what is current."""
    span = get_current_span()
    return span if span.is_recording() and is_of_contrib(span) else None


def taken_over(span: Span, config: Config) -> bool:
    """Tell whether `span`, which is open around us, is ours to name and to end from here on.

    Contrib's is, because contrib looks first whether it still records. Who goes on to write on
    a span of its own, as FastAPI does, keeps it.
    """
    if config.neighbours == "replace" and is_of_contrib(span):
        report(
            f"the handshake's span was opened by {_scope_name(span)}, and is ours from there on; "
            "put TracingMiddleware around the application to have it from the beginning",
            period=inf,
        )
        return True
    report(
        "the handshake has a span already, which is used in place of our own; "
        "put TracingMiddleware around the application to get one that ends at accept",
        period=inf,
    )
    return False


def cleaned(span: Span, query: str) -> dict[str, str]:
    """Return the attributes that contrib has put the query into, with `query` in its place."""
    found = getattr(span, "attributes", None) or {}
    texts = {name: str(found[name]).partition("?") for name in _WITH_QUERY if name in found}
    return {name: f"{text}?{query}" for name, (text, mark, _) in texts.items() if mark}


def is_of_contrib(span: Span) -> bool:
    """Tell whether contrib has made `span`, and for a WebSocket."""
    if getattr(span, "kind", None) is not SpanKind.SERVER or _scope_name(span) not in _SCOPES:
        return False
    attributes = getattr(span, "attributes", None) or {}
    return not any(name in attributes for name in _OF_A_REQUEST)


def _scope_name(span: Span) -> str:
    name: str = getattr(getattr(span, "instrumentation_scope", None), "name", "")
    return name


@shielded
def keep_out() -> None:
    """Let contrib hand on, as it is, every connection that is traced here: it keeps the others.

    Its class is asked, and not an instance, because any of them may stand inside of us.
    """
    contrib: Any = getattr(sys.modules.get(_CONTRIB), "OpenTelemetryMiddleware", None)
    if contrib is None or contrib in _kept_out:
        return
    original = contrib.__call__

    @functools.wraps(original)
    async def __call__(self: Any, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_ours(scope):
            await self.app(scope, receive, send)
        else:
            await original(self, scope, receive, send)

    _kept_out[contrib] = (original, __call__)
    contrib.__call__ = __call__


def let_in() -> None:
    """Undo that, where nobody has wrapped what we have put there."""
    for contrib, (original, replacement) in list(_kept_out.items()):
        if vars(contrib).get("__call__") is replacement:
            contrib.__call__ = original
            del _kept_out[contrib]


@shielded
def _is_ours(scope: Scope) -> bool:
    session = scope.get(SCOPE_KEY)
    if not isinstance(session, Session) or not session.config.has_tracer:
        return False
    return session.config.neighbours == "replace"


def server(scope: Scope, receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Return what we are to call: not contrib's wrappers, right around us, which span each call."""
    return (_unwrapped(receive), _unwrapped(send)) if _is_ours(scope) else (receive, send)


def _unwrapped(call: Any) -> Any:
    while getattr(call, "__globals__", {}).get("__name__") == _CONTRIB:
        call = call.__wrapped__
    return call


@shielded
def tell_of_ddtrace(scope: Scope, config: Config) -> None:
    """Say once that ddtrace traces the same messages, if its spans go where ours go."""
    if "datadog" not in scope:
        return
    provider = config.tracer_provider or trace.get_tracer_provider()
    if type(provider).__module__.partition(".")[0] == "ddtrace":
        report(
            "ddtrace traces this WebSocket as well, beside our spans; set "
            "DD_TRACE_WEBSOCKET_MESSAGES_ENABLED=false to have it once",
            period=inf,
        )
