from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from tests.layers.project import jobs, telemetry


class Command(BaseCommand):
    """Do what is handed over through a list in Redis."""

    def handle(self, *args: Any, **options: Any) -> None:
        telemetry.configure()
        jobs.take()
