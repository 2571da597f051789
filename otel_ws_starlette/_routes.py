"""The template of the route that a WebSocket takes, mounts included."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.routing import BaseRoute, Host, Match, Mount, WebSocketRoute

from otel_ws import Scope

_MAX_LAYERS = 64


def find_template(app: Any, scope: Scope) -> str | None:
    """Return the template of the route that `scope` takes through `app`, or None.

    A route may be of a kind that does not tell its path before it is taken (FastAPI's included
    routers are); then the router's own entry in the scope is used, once it is there.
    Nothing that a client chose is in the result: a mount's path is its template as well.
    """
    prefix, leaf = _follow(_routes_below(app), dict(scope))
    if leaf is None:
        taken = scope.get("route")
        leaf = None if isinstance(taken, Mount | Host) else getattr(taken, "path", None)
    return None if leaf is None else prefix + leaf


def _follow(routes: Iterable[BaseRoute], scope: dict[str, Any]) -> tuple[str, str | None]:
    """Return the path of the mounts on the way, and that of the route at its end, if known."""
    for route in routes:
        match, child_scope = route.matches(scope)
        if match is not Match.FULL:
            continue
        if isinstance(route, WebSocketRoute):
            return "", route.path
        if isinstance(route, Mount | Host):
            prefix, leaf = _follow(_routes_below(route), {**scope, **child_scope})
            return getattr(route, "path", "") + prefix, leaf
        return "", None
    return "", None


def _routes_below(app: Any) -> Iterable[BaseRoute]:
    """Return the routes of `app`, or of the first application with routes that it wraps."""
    for _ in range(_MAX_LAYERS):
        routes: Iterable[BaseRoute] | None = getattr(app, "routes", None)
        if routes:
            return routes
        app = getattr(app, "app", None)
    return ()
