"""Django settings: the traced layer, in memory, or over Redis where `REDIS_URL` names one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.utils import get_random_secret_key

SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or get_random_secret_key()
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "daphne",
    "channels",
    "django.contrib.staticfiles",
    "otel_ws_channels",
    "testproject",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

ROOT_URLCONF = "testproject.urls"
ASGI_APPLICATION = "testproject.asgi.application"
STATIC_URL = "/static/"
STATICFILES_DIRS = [("voice/samples", Path(__file__).parent / "voice" / "samples")]
USE_TZ = True
TIME_ZONE = "UTC"


def channel_layer(redis_url: str | None) -> dict[str, Any]:
    """Return the layer for one process, or for as many as share a Redis."""
    config: dict[str, Any] = {"backend": "channels.layers.InMemoryChannelLayer"}
    if redis_url:
        # redis-py gives up on a silent socket after five seconds, and a quiet chat is such a one.
        host = {"address": redis_url, "socket_timeout": None}
        config = {"backend": "channels_redis.core.RedisChannelLayer", "hosts": [host]}
    return {"BACKEND": "otel_ws_channels.layers.TracedChannelLayer", "CONFIG": config}


CHANNEL_LAYERS = {"default": channel_layer(os.environ.get("REDIS_URL"))}
