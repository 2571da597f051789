"""What the demo's clients do: two echoes, a conversation, and a message to another server."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection

from websockets.sync.client import ClientConnection, connect

from .servers import CHANNELS, STARLETTE, App

PATIENCE = 15.0
Connect = Callable[[str], ClientConnection]


@dataclass(frozen=True)
class Scene:
    """A few connections, who they belong to in the order in which they open, and what they show."""

    app: App
    title: str
    says: str
    clients: tuple[str, ...]
    play: Callable[..., None]
    """What happens, with a `Connect` for each server."""
    servers: int = 1
    """On one server each connection is shown as a tree; on several they are one together."""


def connect_to(port: int, path: str) -> ClientConnection:
    """Return an open connection; the socket of our own keeps proxies out of it."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    return connect(f"ws://127.0.0.1:{port}{path}", sock=sock, open_timeout=PATIENCE)


def wait_for_page(port: int) -> None:
    """Return once the server is up: by then it also hears what the others publish."""
    server = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with closing(server):
        server.request("GET", "/")
        server.getresponse().read()


def echo(path: str, here: Connect) -> None:
    with here(path) as client:
        client.send("Hello")
        hear("Hello", client)


def converse(here: Connect) -> None:
    """Let each client hear what the other did before it goes on: the order is always the same."""
    with here("/ws/chat/tea?name=Ada") as ada:
        hear("joined Ada", ada)
        with here("/ws/chat/tea?name=Grace") as grace:
            hear("joined Grace", ada, grace)
            ada.send(json.dumps({"text": "Milk?"}))
            hear("said Ada Milk?", ada, grace)
            grace.send(json.dumps({"text": "Yes, please."}))
            hear("said Grace Yes, please.", ada, grace)
        hear("left Grace", ada)


def call_across(here: Connect, there: Connect) -> None:
    with here("/ws/chat/tea?name=Ada") as ada:
        hear("joined Ada", ada)
        with there("/ws/chat/tea?name=Grace") as grace:
            hear("joined Grace", ada, grace)
            ada.send(json.dumps({"text": "Milk?"}))
            hear("said Ada Milk?", ada, grace)
        hear("left Grace", ada)


def hear(expected: str, *clients: ClientConnection) -> None:
    for client in clients:
        heard = client.recv(timeout=PATIENCE)
        if isinstance(heard, str) and heard.startswith("{"):
            heard = " ".join(filter(None, json.loads(heard).values()))
        if heard != expected:
            raise RuntimeError(f"the server should have sent {expected!r}, it sent {heard!r}")


SCENES = (
    Scene(
        CHANNELS,
        "Echo, an async consumer",
        "One message in, one out: the send is below the message that caused it.",
        ("The client",),
        partial(echo, "/ws/echo"),
    ),
    Scene(
        CHANNELS,
        "Echo, a sync consumer",
        "The same from a handler that runs in a thread.",
        ("The client",),
        partial(echo, "/ws/echo/sync"),
    ),
    Scene(
        CHANNELS,
        "Chat, through the channel layer",
        "Both join, each says something, Grace leaves: everybody hears it as an event.",
        ("Ada", "Grace"),
        converse,
    ),
    Scene(
        CHANNELS,
        "Chat, on two servers",
        "Ada is on server 1, Grace on server 2. What Ada says goes there through Redis, "
        "and its trace with it.",
        ("Ada", "Grace"),
        call_across,
        servers=2,
    ),
    Scene(
        STARLETTE,
        "Echo, a function endpoint",
        "One message in, one out: the send is below the message that caused it.",
        ("The client",),
        partial(echo, "/ws/echo"),
    ),
    Scene(
        STARLETTE,
        "Chat, a class endpoint",
        "The same conversation, through the fan-out: heard once, and sent to both.",
        ("Ada", "Grace"),
        converse,
    ),
    Scene(
        STARLETTE,
        "Chat, on two servers",
        "Ada is on server 1, Grace on server 2. What Ada says goes there through Redis, "
        "and its trace with it.",
        ("Ada", "Grace"),
        call_across,
        servers=2,
    ),
)
