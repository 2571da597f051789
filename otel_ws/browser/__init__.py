"""What a browser is given: the module ``otel-ws.js``, and the trace context of its page.

A browser lets no script set the headers of a WebSocket. So the page says in which trace it was
made, as OpenTelemetry's own instrumentation of browsers expects it, and the module takes it on:

    <meta name="traceparent" content="00-...">
"""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Final

from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .._log import shielded

__all__ = ["DIRECTORY", "MODULE", "Html", "import_map", "meta_tag", "traceparent"]

DIRECTORY: Final = Path(__file__).parent / "static"
"""The folder of the module and of its types, to be served as it is."""
MODULE: Final = "otel-ws.js"

_w3c = TraceContextTextMapPropagator()
# What ends a script's text, or begins a comment in it, says the same in JSON when it is escaped.
_IN_SCRIPT: Final = {ord(character): f"\\u{ord(character):04x}" for character in "<>&"}


class Html(str):
    """Text that is HTML already: the templates of Django and Jinja2 do not escape it again."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


def traceparent() -> str:
    """Return the context of the current span as a ``traceparent``, or nothing without a span."""
    return _traceparent() or ""


@shielded
def _traceparent() -> str | None:
    # A server may leave the ended span of an earlier request current.
    if getattr(get_current_span(), "end_time", None) is not None:
        return None
    carrier: dict[str, str] = {}
    _w3c.inject(carrier)
    return carrier.get("traceparent")


def meta_tag(content: str | None = None) -> Html:
    """Return the tag that tells the page's context, the current one unless `content` is given.

    Where there is no context, there is no tag.
    """
    content = traceparent() if content is None else content
    return Html(f'<meta name="traceparent" content="{escape(content)}">' if content else "")


def import_map(url: str, nonce: str = "") -> Html:
    """Return the tag that lets scripts ``import ... from "otel-ws"``, which is to be had at `url`.

    It is an inline script; `nonce` is for a Content Security Policy that asks for one.
    """
    imports = json.dumps({"imports": {"otel-ws": url}}).translate(_IN_SCRIPT)
    attribute = f' nonce="{escape(nonce)}"' if nonce else ""
    return Html(f'<script type="importmap"{attribute}>{imports}</script>')
