"""Django's settings for the application with Django Ninja, which reads them when imported."""

from __future__ import annotations

ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.frameworks.ninja_app"
INSTALLED_APPS = ["channels", "ninja", "otel_ws_channels"]
