"""System checks: what ``manage.py check`` can tell before the first connection."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from channels.routing import URLRouter, get_default_application
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning
from opentelemetry.trace import TracerProvider

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
    "check_sampling",
    "check_values",
]

_APP = "otel_ws_channels"
Check = Callable[..., Sequence[CheckMessage]]


def check_values(**_: Any) -> list[CheckMessage]:
    """E001: a setting, or an environment variable that no setting stands before, is wrong."""
    found = conf.found()
    unset = {name: text for name, text in os.environ.items() if name not in found}
    sources: list[tuple[dict[str, Any], dict[str, str]]] = [
        *(({name: value}, {}) for name, value in found.items()),
        *(({}, {name: text}) for name, text in unset.items()),
    ]
    return [Error(str(error), id=f"{_APP}.E001") for error in _errors(sources)]


def check_names(**_: Any) -> list[CheckMessage]:
    """E002: there is no such setting."""
    unknown = [n for n in dir(settings) if n.startswith(conf.PREFIX) and n not in conf.NAMES]
    return [
        Error(f"There is no setting {name}.", hint=_hint(name), id=f"{_APP}.E002")
        for name in unknown
    ]


def check_middleware(**_: Any) -> list[CheckMessage]:
    """E003: our ASGI middleware stands in Django's ``MIDDLEWARE``, which no WebSocket passes."""
    misplaced = [
        name
        for name in settings.MIDDLEWARE
        if name.startswith("otel_ws") and name.endswith(".TracingMiddleware")
    ]
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
    is_traced = isinstance(application, asgi.TracingMiddleware) or _is_instrumented()
    if application is None or is_traced:
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


def check_sampling(**_: Any) -> list[CheckMessage]:
    """W004: the sampler keeps some messages of a session, and drops others."""
    config = _config()
    if config is None or config.model != "session" or not _is_cutting(config.tracer_provider):
        return []
    return [
        Warning(
            "The sampler decides about each message on its own: sessions are cut apart.",
            hint="Sample by the session: with sampler=otel_ws.sampling.SessionRatioSampler(ratio) "
            "where your code makes the provider, with OTEL_TRACES_SAMPLER=otel_ws_session_ratio "
            "where opentelemetry-instrument does.",
            id=f"{_APP}.W004",
        )
    ]


ALL: tuple[Check, ...] = (
    check_values,
    check_names,
    check_middleware,
    check_application,
    check_consumers,
    check_sampling,
)


def _consumer(consumer: type) -> Iterator[CheckMessage]:
    if not issubclass(consumer, TracedConsumerMixin):
        if _is_instrumented():
            return
        yield Warning(
            f"{consumer.__qualname__} is not traced: its messages have no spans.",
            hint="Name otel_ws_channels.TracedConsumerMixin first among its bases.",
            obj=consumer,
            id=f"{_APP}.W003",
        )
    elif _answers_before_the_mixin(consumer):
        yield Error(
            f"{consumer.__qualname__} does not get to TracedConsumerMixin: "
            "a base before it answers the call.",
            hint=f"class {consumer.__name__}(TracedConsumerMixin, ...): name the mixin first.",
            obj=consumer,
            id=f"{_APP}.E004",
        )


def _answers_before_the_mixin(consumer: type) -> bool:
    """Tell whether a class of Channels, which calls no super, comes before the mixin."""
    earlier = consumer.__mro__[: consumer.__mro__.index(TracedConsumerMixin)]
    return any("__call__" in vars(c) and c.__module__.startswith("channels.") for c in earlier)


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


def _config() -> Config | None:
    """Return what the middleware goes by, else the settings; None if they are wrong (E001)."""
    found = (each for each in layers(_application()) if isinstance(each, asgi.TracingMiddleware))
    middleware = next(found, None)
    try:
        return Config.load({}, conf.found()) if middleware is None else middleware.config()
    except ConfigError:
        return None


def _is_instrumented() -> bool:
    """Tell whether the instrumentor sees to what would be missing; nobody else imports it."""
    module = sys.modules.get(f"{_APP}.instrumentor")
    return module is not None and bool(module.ChannelsInstrumentor().is_on)


def _is_cutting(provider: TracerProvider | None) -> bool:
    try:
        from otel_ws.sampling import cuts_sessions
    except ImportError:  # Without an SDK nothing is sampled.
        return False
    return cuts_sessions(provider)


def _application() -> Any:
    """Return the ASGI application, or None: what cannot be imported says so when it is served."""
    try:
        return get_default_application()
    except Exception:
        return None


def _errors(sources: list[tuple[dict[str, Any], dict[str, str]]]) -> Iterator[ConfigError]:
    for found, environ in sources:
        try:
            Config.load({}, found, environ)
        except ConfigError as error:
            yield error


def _hint(name: str) -> str:
    names = {each.removeprefix(conf.PREFIX): each for each in conf.NAMES}
    near = get_close_matches(name.removeprefix(conf.PREFIX), names, n=1)
    return f"Did you mean {names[near[0]]}?" if near else f"There are: {', '.join(conf.NAMES)}."
