"""What a Channels application is made of, and the template of the route that a WebSocket takes."""

from __future__ import annotations

from collections.abc import Iterator
from types import MemberDescriptorType
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.contrib.admindocs.utils import (
    remove_non_capturing_groups,
    replace_metacharacters,
    replace_named_groups,
    replace_unnamed_groups,
)
from django.urls.resolvers import RegexPattern

from otel_ws import Scope

# Where Channels' own and everybody else's wrappers keep what they wrap.
_INNER = ("inner", "application", "app")
_MAX_LAYERS = 64


def layers(application: Any) -> Iterator[Any]:
    """Yield `application` and what it wraps for WebSockets, from the outside in."""
    for _ in range(_MAX_LAYERS):
        if application is None:
            return
        yield application
        if isinstance(application, ProtocolTypeRouter):
            application = application.application_mapping.get("websocket")
        else:
            application = next(
                (getattr(application, n, None) for n in _INNER if _keeps(application, n)), None
            )


def find_template(application: Any, scope: Scope) -> str | None:
    """Return the template of the route that `scope` takes, with a leading slash, or None."""
    path = scope.get("path", "")
    root_path = scope.get("root_path", "")
    if not path.startswith(root_path):
        return None
    template = _follow(application, path[len(root_path) :].lstrip("/"))
    return None if template is None else f"/{template}"


def find_router(application: Any) -> URLRouter | None:
    return next((each for each in layers(application) if isinstance(each, URLRouter)), None)


def _follow(application: Any, path: str) -> str | None:
    router = find_router(application)
    if router is None:
        return None
    routes: list[Any] = router.routes
    for route in routes:
        match = route.pattern.match(path)
        if match:
            inner = _follow(route.callback, match[0])
            return _text(route.pattern) + (inner or "")
    return None


def _text(pattern: Any) -> str:
    """Return a pattern as people write it: the regular expressions with their groups' names."""
    text = str(pattern)
    if isinstance(pattern, RegexPattern):
        text = remove_non_capturing_groups(text)
        text = replace_unnamed_groups(replace_named_groups(text))
        text = replace_metacharacters(text)
    return text


def _keeps(application: Any, name: str) -> bool:
    """Tell whether a wrapper has an attribute, and does not make it up when it is asked."""
    slot = getattr(type(application), name, None)
    return name in getattr(application, "__dict__", ()) or isinstance(slot, MemberDescriptorType)
