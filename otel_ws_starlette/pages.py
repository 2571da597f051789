"""The page bridge: a page tells its sockets in which trace it was made.

    templates = Jinja2Templates("templates", context_processors=[page_context])
    app = Starlette(routes=[..., browser_files()])

A template says ``{{ otel_ws_page_context }}`` in its head; HTML that is made without one is given
`otel_ws.browser.meta_tag()`.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from otel_ws import browser

__all__ = ["browser_files", "page_context"]


def page_context(request: Request) -> dict[str, Any]:
    """Give ``otel_ws_page_context`` to templates: a context processor of ``Jinja2Templates``."""
    return {"otel_ws_page_context": browser.meta_tag()}


def browser_files(path: str = "/otel-ws") -> Mount:
    """Return the route that serves the module, at ``/otel-ws/otel-ws.js`` by default."""
    return Mount(path, StaticFiles(directory=browser.DIRECTORY), name="otel_ws")
