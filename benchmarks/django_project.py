"""A Django project without a database, with channel layers that are made when they are used."""

from __future__ import annotations

import os

import django
from django.conf import settings

from .tracing import Untraced


def set_up(tracing: Untraced) -> None:
    if settings.configured:
        return
    # redis-py gives up on a silent socket after five seconds; its connections are for all who wait.
    host = {
        "address": os.environ.get("REDIS_URL"),
        "socket_timeout": None,
        "max_connections": 2000,
    }
    settings.configure(
        SECRET_KEY="not a secret",
        LOGGING_CONFIG=None,
        CHANNEL_LAYERS={
            "memory": tracing.layer("channels.layers.InMemoryChannelLayer"),
            # The subjects share a Redis, and are not to hear each other.
            "redis": tracing.layer(
                "channels_redis.core.RedisChannelLayer", hosts=[host], prefix=f"of-{os.getpid()}"
            ),
        },
    )
    django.setup()
