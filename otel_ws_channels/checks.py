"""System checks: what ``manage.py check`` can tell before the first connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from channels.routing import URLRouter, get_default_application
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import ImproperlyConfigured

from otel_ws import Config, ConfigError, asgi

from . import conf
from ._routes import layers
from .consumers import TracedConsumerMixin

__all__ = [
    "ALL",
    "Check",
    "check_application",
    "check_consumers",
    "check_middleware",
    "check_names",
    "check_values",
]

_APP = "otel_ws_channels"
Check = Callable[..., Sequence[CheckMessage]]


def check_values(**_: Any) -> list[CheckMessage]:
    """E001: a setting has a wrong value."""
    found = conf.found()
    return [Error(str(error), id=f"{_APP}.E001") for error in _errors(found)]


def check_names(**_: Any) -> list[CheckMessage]:
    """E002: there is no such setting."""
    unknown = [n for n in dir(settings) if n.startswith(conf.PREFIX) and n not in conf.NAMES]
    return [
        Error(f"There is no setting {name}.", hint=_hint(name), id=f"{_APP}.E002")
        for name in unknown
    ]


def check_middleware(**_: Any) -> list[CheckMessage]:
    """E003: our ASGI middleware stands in Django's ``MIDDLEWARE``, which no WebSocket passes."""
    misplaced = [m for m in settings.MIDDLEWARE if m.endswith(".TracingMiddleware") and _APP in m]
    return [
        Error(
            f"{name} is ASGI middleware, but stands in MIDDLEWARE, which never sees a WebSocket.",
            hint="Take it out, and put TracingMiddleware(...) around the ASGI application.",
            id=f"{_APP}.E003",
        )
        for name in misplaced
    ]


def check_application(**_: Any) -> list[CheckMessage]:
    """W001, W002: the middleware is missing around the ASGI application, or is not outermost."""
    application = _application()
    if application is None or isinstance(application, asgi.TracingMiddleware):
        return []
    if any(isinstance(each, asgi.TracingMiddleware) for each in layers(application)):
        return [
            Warning(
                "TracingMiddleware is not the outermost part of ASGI_APPLICATION: it does not see "
                "the handshakes that are refused outside of it, nor the server's shutdown.",
                hint="Put it around everything: TracingMiddleware(ProtocolTypeRouter({...})).",
                id=f"{_APP}.W002",
            )
        ]
    return [
        Warning(
            "ASGI_APPLICATION has no TracingMiddleware around it: no handshake is traced.",
            hint="Wrap it: application = TracingMiddleware(ProtocolTypeRouter({...})).",
            id=f"{_APP}.W001",
        )
    ]


def check_consumers(**_: Any) -> list[CheckMessage]:
    """E004, W003: a consumer names the mixin too late among its bases, or does without it."""
    return [message for each in _consumers(_application()) for message in _consumer(each)]


ALL: tuple[Check, ...] = (
    check_values,
    check_names,
    check_middleware,
    check_application,
    check_consumers,
)


def _consumer(consumer: type) -> Iterator[CheckMessage]:
    if not issubclass(consumer, TracedConsumerMixin):
        yield Warning(
            f"{consumer.__qualname__} is not traced: its messages have no spans.",
            hint="Name otel_ws_channels.TracedConsumerMixin first among its bases.",
            obj=consumer,
            id=f"{_APP}.W003",
        )
    elif consumer.__call__ is not TracedConsumerMixin.__call__:
        yield Error(
            f"{consumer.__qualname__} does not get to TracedConsumerMixin: "
            "a base before it answers the call.",
            hint=f"class {consumer.__name__}(TracedConsumerMixin, ...): name the mixin first.",
            obj=consumer,
            id=f"{_APP}.E004",
        )


def _consumers(application: Any) -> Iterator[type]:
    """Yield the consumer classes that the WebSocket routes of `application` lead to."""
    for layer in layers(application):
        if isinstance(layer, URLRouter):
            routes: list[Any] = layer.routes
            for route in routes:
                yield from _consumers(route.callback)
        consumer = getattr(layer, "consumer_class", None)
        if isinstance(consumer, type):
            yield consumer


def _application() -> Any:
    """Return the ASGI application, or None: without one Channels says so itself."""
    if not getattr(settings, "ASGI_APPLICATION", None):
        return None
    try:
        return get_default_application()
    except (ImproperlyConfigured, ConfigError):
        return None


def _errors(found: Any) -> Iterator[ConfigError]:
    for name, value in found.items():
        try:
            Config.load({}, {name: value})
        except ConfigError as error:
            yield error


def _hint(name: str) -> str:
    near = get_close_matches(name, conf.NAMES, n=1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(conf.NAMES)}."
