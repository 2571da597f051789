"""Django settings for the layers that keep their events in a database."""

from __future__ import annotations

import os

from testproject.settings import *  # noqa: F403
from testproject.settings import INSTALLED_APPS

FOLDER = os.environ["LAYERS_FOLDER"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/layers.sqlite3"},
    "channels_postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "postgres",
        "USER": "postgres",
        "HOST": os.environ.get("LAYERS_POSTGRES", ""),
    },
}
INSTALLED_APPS = [*INSTALLED_APPS, *os.environ["LAYERS_APPS"].split()]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
