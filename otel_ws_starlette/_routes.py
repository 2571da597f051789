"""The template of the route that a WebSocket takes, mounts included."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from starlette.routing import BaseRoute, Host, Match, Mount, WebSocketRoute

from otel_ws import Scope

_MAX_LAYERS = 64


def route_finder(app: Any, scope: Scope) -> Callable[[], str | None]:
    """Follow `scope` through the routes of `app`; return what tells the template, or None.

    A route may be of a kind that does not tell its path before it is taken (FastAPI's included
    routers are); then the router's own entry in the scope is used, once it is there.
    Nothing that a client chose is in the result: a mount's path is its template as well.
    """
    prefix, leaf = _follow(_routes_below(app), dict(scope))

    def find() -> str | None:
        path = leaf or _path_taken(scope)
        return None if path is None else prefix + path

    return find


def _path_taken(scope: Scope) -> str | None:
    route = scope.get("route")
    return None if isinstance(route, Mount | Host) else getattr(route, "path", None)


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
        routes = [each for each in getattr(app, "routes", ()) if isinstance(each, BaseRoute)]
        if routes:
            return routes
        app = getattr(app, "app", None)
    return ()
