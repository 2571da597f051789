"""The Django application: it registers the checks, and does nothing else."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

__all__ = ["OtelWsConfig"]


class OtelWsConfig(AppConfig):
    name = "otel_ws_channels"
    verbose_name = "otel-ws"

    def ready(self) -> None:
        from . import checks

        for check in checks.ALL:
            register(check)
