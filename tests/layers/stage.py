"""Processes of the project around one Redis, and a collector that hears all of them."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from otel_ws.testing import format_trace
from testproject.otlp import OTLPReceiver, ReceivedSpan
from testproject.servers import ROOT, App, clean_environment, listen, serve, stop

APPLICATION = "tests.layers.project.asgi:application"
DAPHNE = App("daphne", "", ("daphne", "--verbosity=0", APPLICATION))
UVICORN = App("uvicorn", "", ("uvicorn", "--log-level=warning", APPLICATION))
TRACED = "otel_ws_channels.layers.TracedChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"
PUBSUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
PATIENCE = 30.0


def channel_layer(redis_url: str, backend: str = CORE) -> dict[str, Any]:
    host = {"address": redis_url, "socket_timeout": None, "max_connections": 2000}
    return {"BACKEND": TRACED, "CONFIG": {"backend": backend, "hosts": [host]}}


@dataclass
class Stage:
    """Where the processes play, and what they have said and exported."""

    redis_url: str
    receiver: OTLPReceiver
    output: IO[str]
    backend: str = CORE
    delay: str = "100"
    """Milliseconds between two exports; nothing for the default of the SDK."""
    more: dict[str, str] = field(default_factory=dict)
    """More variables of the environment."""

    def environment(self, service: str) -> dict[str, str]:
        environment = clean_environment() | self.receiver.environment
        environment["OTEL_BSP_SCHEDULE_DELAY"] = self.delay
        return {name: value for name, value in environment.items() if value} | {
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "tests.layers.project.settings",
            "CHANNEL_LAYER": json.dumps(channel_layer(self.redis_url, self.backend)),
            "CELERY_BROKER": self.redis_url,
            "OTEL_SERVICE_NAME": service,
            **self.more,
        }

    @contextmanager
    def server(self, app: App, service: str = "server") -> Iterator[str]:
        """Run a server, and yield what its addresses begin with."""
        listener = listen()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with serve(app, listener, self.environment(service), self.output):
            yield address

    @contextmanager
    def worker(self, *command: str) -> Iterator[None]:
        """Run `python -m command` for as long as the block lasts."""
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=self.environment("worker"),
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield
        finally:
            stop(process)

    def run(self, *command: str) -> None:
        """Run `python -m command` to its end."""
        subprocess.run(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=self.environment("command"),
            check=True,
            stdout=self.output,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
        )

    @property
    def log(self) -> str:
        """Everything that the processes have written so far."""
        self.output.seek(0)
        return self.output.read()

    def wait_for(self, predicate: Callable[[list[ReceivedSpan]], bool]) -> list[ReceivedSpan]:
        try:
            return self.receiver.wait_for(predicate, PATIENCE)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.log}\n{tree(self.receiver.spans)}") from None

    def tree_of(self, count: int) -> str:
        """Return the tree, as soon as there are `count` spans."""
        return tree(self.wait_for(lambda spans: len(spans) >= count))


@contextmanager
def stage(redis_url: str, **options: Any) -> Iterator[Stage]:
    with OTLPReceiver() as receiver, tempfile.TemporaryFile("a+") as output:
        yield Stage(redis_url, receiver, output, **options)


def tree(spans: Iterable[ReceivedSpan]) -> str:
    return format_trace(spans)  # type: ignore[arg-type]
