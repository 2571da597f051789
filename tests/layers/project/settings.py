"""Settings of the project: the layer is what the environment says."""

from __future__ import annotations

import json
import os

SECRET_KEY = "for tests alone"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["channels", "otel_ws_channels", "tests.layers.project"]
CHANNEL_LAYERS = {"default": json.loads(os.environ["CHANNEL_LAYER"])}
ROOT_URLCONF = "tests.layers.project.urls"
ASGI_APPLICATION = "tests.layers.project.asgi.application"
USE_TZ = True
