"""What the servers run: every framework twice, traced and untraced, told apart by the path.

`WIRE_MODEL` is the tracing model, `WIRE_LIFESPAN` names who answers the lifespan, and `WIRE_TESTS`
is the process that must not be outlived.
Without a model nothing of the library is imported: that is the ground truth.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from django.conf import settings

from tests.wire.plain import Application
from tests.wire.visits import Recorder, acknowledge_lifespan
from tests.wire.watch import end_after

MODEL = os.environ.get("WIRE_MODEL", "")


def layers() -> dict[str, Any]:
    """Return the Redis layer, traced where that is wished; none without a Redis."""
    if "REDIS_URL" not in os.environ:
        return {}
    # redis-py 8 drops a consumer that is idle for five seconds, unless told not to.
    config: dict[str, Any] = {
        "hosts": [{"address": os.environ["REDIS_URL"], "socket_timeout": None}]
    }
    backend = "channels_redis.core.RedisChannelLayer"
    if os.environ.get("WIRE_LAYER") == "traced":
        config["backend"] = backend
        backend = "otel_ws_channels.layers.TracedChannelLayer"
    return {"default": {"BACKEND": backend, "CONFIG": config}}


settings.configure(
    INSTALLED_APPS=["channels", *(["otel_ws_channels"] if MODEL else [])],
    CHANNEL_LAYERS=layers(),
    OTEL_WS_MODEL=MODEL or "session",
)


def untraced() -> dict[str, Application]:
    from tests.wire import channels_apps, plain, starlette_apps

    return {
        "plain": plain.application,
        "starlette": starlette_apps.functions(),
        "starlette-class": starlette_apps.classes(),
        "fastapi": starlette_apps.fastapi(),
        "channels": channels_apps.consumers(channels_apps.ASYNC),
        "channels-sync": channels_apps.consumers(channels_apps.SYNC),
    }


def traced() -> dict[str, Application]:
    import otel_ws.asgi
    import otel_ws_channels
    import otel_ws_starlette
    from tests.wire import channels_apps, plain, starlette_apps

    channels, starlette = otel_ws_channels.TracingMiddleware, otel_ws_starlette.TracingMiddleware
    mixin, endpoint = (
        otel_ws_channels.TracedConsumerMixin,
        otel_ws_starlette.TracedWebSocketEndpoint,
    )
    return {
        "plain": otel_ws.asgi.TracingMiddleware(plain.application, model=MODEL),
        "starlette": starlette(starlette_apps.functions(), model=MODEL),
        "starlette-class": starlette(starlette_apps.classes(endpoint), model=MODEL),
        "fastapi": starlette(starlette_apps.fastapi(), model=MODEL),
        "channels": channels(channels_apps.consumers(channels_apps.ASYNC, mixin)),
        "channels-sync": channels(channels_apps.consumers(channels_apps.SYNC, mixin)),
    }


def export() -> Callable[[], object]:
    """Send the spans where the standard variables say, and return how to flush them."""
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return provider.force_flush


def build() -> Recorder:
    applications = {f"untraced/{name}": app for name, app in untraced().items()}
    if not MODEL:
        return Recorder(applications, acknowledge_lifespan)
    flush = export()
    applications |= {f"traced/{name}": app for name, app in traced().items()}
    lifespan = applications[f"traced/{os.environ['WIRE_LIFESPAN']}"]
    return Recorder(applications, lifespan, flush)


if "WIRE_TESTS" in os.environ:
    end_after(int(os.environ["WIRE_TESTS"]))
application = build()
