"""Providers that come after the first connection."""

from __future__ import annotations

import os
import subprocess
import sys

from .pages import ROOT

PROGRAM = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from otel_ws import asgi
from tests.playing import echo, play

play(asgi.TracingMiddleware(echo))  # nobody measures yet
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
play(asgi.TracingMiddleware(echo))
(scope,) = reader.get_metrics_data().resource_metrics[0].scope_metrics
print(*sorted(metric.name for metric in scope.metrics), sep="\\n")
"""


def test_messages_are_counted_for_a_provider_that_comes_late() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "websocket.server.messages" in done.stdout.splitlines()
