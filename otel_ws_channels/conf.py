"""The settings of otel-ws as Django has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.conf import settings

from otel_ws import Config

__all__ = ["NAMES", "PREFIX", "found"]

PREFIX = "OTEL_WS_"
NAMES = tuple(PREFIX + each.name.upper() for each in fields(Config))


def found() -> Mapping[str, Any]:
    """Return the settings of otel-ws that the project has set."""
    return {name: getattr(settings, name) for name in NAMES if hasattr(settings, name)}
