"""A pytest plugin: whoever makes a channel layer gets it traced.

python -m pytest -p tests.layers.proxied
"""

from __future__ import annotations

import functools
from typing import Any

import channels.layers
import channels_redis.core
import channels_redis.pubsub
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from otel_ws_channels.layers import TracedChannelLayer

made = 0


def _traced(layer_class: type) -> Any:
    @functools.wraps(layer_class, updated=())
    def make(*args: Any, **config: Any) -> TracedChannelLayer:
        global made
        made += 1
        return TracedChannelLayer.wrap(layer_class(*args, **config))

    return make


def pytest_configure(config: Any) -> None:
    """Replace the classes before a test module imports them; a tracer makes the proxy work."""
    trace.set_tracer_provider(TracerProvider())
    for module, name in (
        (channels.layers, "InMemoryChannelLayer"),
        (channels_redis.core, "RedisChannelLayer"),
        (channels_redis.pubsub, "RedisPubSubChannelLayer"),
    ):
        setattr(module, name, _traced(getattr(module, name)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    terminalreporter.write_line(f"traced layers: {made}")
