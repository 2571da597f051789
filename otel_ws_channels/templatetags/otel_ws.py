"""``{% load otel_ws %}``: what a page needs so that its sockets belong to its trace."""

from __future__ import annotations

from typing import Final

from django.template import Context, Library
from django.templatetags.static import static

from otel_ws import browser

from ..http import traceparent_of

__all__ = ["otel_ws_import_map", "otel_ws_page_context", "register"]

register: Final = Library()


@register.simple_tag(takes_context=True)
def otel_ws_page_context(context: Context) -> browser.Html:
    """Return ``<meta name="traceparent">``, or nothing without a span."""
    request = getattr(context, "request", None) or context.get("request")
    return browser.meta_tag(traceparent_of(request))


@register.simple_tag
def otel_ws_import_map(nonce: object = None) -> browser.Html:
    """Return what lets the page's scripts ``import ... from "otel-ws"``."""
    # Django's own nonce is made when it is asked for its text, and is false before.
    text = "" if nonce is None else str(nonce)
    return browser.import_map(static(f"otel-ws/{browser.MODULE}"), text)
