"""Handshakes that a stranger might make, the same for the same seed.

As a server passes them on: what is wrong stands in the path, the query, the headers and the
subprotocols. A few come from a server that is broken itself, and have values of wrong types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple

from .frames import PARENT

Scope = dict[str, Any]
Header = tuple[bytes, bytes]

TOKEN = "otel-ws."
SECRET = "s3cr3t"
_PARENTS = (
    *(PARENT,) * 4,
    PARENT.upper(),
    f"01{PARENT[2:]}-more",
    f"ff{PARENT[2:]}",
    f"{PARENT}-more",
    f"00-{'0' * 32}-{'b' * 16}-01",
    f"00-{'a' * 32}-{'0' * 16}-01",
    PARENT[:-1],
    f" {PARENT} ",
    f"{PARENT},{PARENT}",
    PARENT.replace("0", "\u0660"),
    PARENT.replace("-", "%2D"),
    PARENT * 3,
    "",
    "-",
    "null",
    "\xff\xfe",
    "x" * 128,
    "x" * 129,
    "x" * 70_000,
)
_STATES = (
    "a=1",
    "a=1,b=2",
    " a=1 ,\t, t0@v=x ",
    "a=1,a=2",
    "a",
    "=",
    ",,,",
    "A=1",
    "a=\xe9",
    "a=1;b=2",
    ",".join(f"k{n}=v" for n in range(32)),
    ",".join(f"k{n}=v" for n in range(33)),
    "a=" + "x" * 256,
    "a=" + "x" * 257,
    "a=" + "x" * 511,
    "k=v," * 20_000,
    "\x00",
    "",
)
_BAGGAGES = (
    "tenant=acme",
    "tenant=acme;secret,n = 1",
    "a=%FF%00%ZZ,b=%F0%9F%98%80",
    "nonsense",
    "=,=,=",
    ";;;===",
    "k=\xe9",
    'k="v"',
    "k=v," * 180,
    "k=v," * 181,
    "k," * 4_096,
    "a=" + "x" * 4_094,
    "a=" + "x" * 4_095,
    "k=v," * 2_048,
    "k=v," * 20_000,
    " " * 8_000 + "=" + " " * 8_000,
    "",
)
_HOSTS = (
    "example.org",
    "example.org:8000",
    "[::1]:8000",
    "[::",
    "[v1.%]:80",
    "a:99999",
    "\xff",
    "",
)
_PATHS = (
    *("/room",) * 4,
    "/",
    "",
    "//",
    "/room/../..",
    "/r\xf6\xf6m/\u2603",
    "/\udcff",
    "/\x00",
    "/{room}%s",
    "/" + "a" * 9_000,
)
_PROTOCOLS = ("chat", "graphql-transport-ws", "chat", "", " ", "\xe9", "otel-ws", "x" * 9_000)
_KEYS = ("traceparent", "traceparent", "tracestate", "token", "", "Traceparent")
_JUNK: tuple[Any, ...] = (None, 5, True, 1.5, "text", b"bytes", [5], [None], {"a": 1}, (), [()])
_FIELDS = (
    *("path", "raw_path", "root_path", "query_string", "headers", "subprotocols"),
    *("client", "server", "scheme", "http_version", "extensions"),
)


class Handshake(NamedTuple):
    """One handshake, and whether it is the server that is broken."""

    scope: Scope
    is_broken: bool


def hostile_handshakes(seed: int, count: int) -> Iterator[Handshake]:
    """Yield `count` handshakes, which depend on nothing but `seed`."""
    random = Random(seed)
    for _ in range(count):
        scope = _scope(random)
        is_broken = random.random() < 0.03
        if is_broken:
            scope[random.choice(_FIELDS)] = random.choice(_JUNK)
        yield Handshake(scope, is_broken)


def _scope(random: Random) -> Scope:
    headers = [(b"host", random.choice(_HOSTS).encode("latin-1"))]
    for maker in random.choices(_HEADERS, k=random.choice((0, 1, 2, 3, 4, 6, 12))):
        headers.append(maker(random))
    random.shuffle(headers)
    return {
        "type": "websocket",
        "path": random.choice(_PATHS),
        "root_path": "",
        "query_string": _query(random),
        "headers": headers,
        "subprotocols": offered_in(headers),
        "scheme": random.choice(("ws", "wss")),
        "http_version": random.choice(("1.1", "1.1", "2", "3")),
        "client": random.choice((("192.0.2.1", 50_000), None)),
        "server": random.choice((("127.0.0.1", 8_000), ("unix.sock", None), None)),
    }


def offered_in(headers: list[Header]) -> list[str]:
    """Return the subprotocols that headers offer, as servers understand them."""
    lines = [value.decode("latin-1") for name, value in headers if name.lower() == OFFER]
    return [each for line in lines for part in line.split(",") if (each := part.strip())]


OFFER = b"sec-websocket-protocol"


def _parent(random: Random) -> Header:
    return _name(random, b"traceparent"), _encoded(random.choice(_PARENTS))


def _state(random: Random) -> Header:
    return _name(random, b"tracestate"), _encoded(random.choice(_STATES))


def _baggage(random: Random) -> Header:
    return _name(random, b"baggage"), _encoded(random.choice(_BAGGAGES))


def _offer(random: Random) -> Header:
    """Some protocols, and tokens among them."""
    parts = random.choices(_PROTOCOLS, k=random.choice((0, 1, 1, 2, 3)))
    for _ in range(random.choice((0, 1, 1, 1, 2, 20))):
        parts.insert(random.randint(0, len(parts)), TOKEN + random.choice(_PARENTS))
    separator = random.choice((", ", ", ", ",", " ,\t", ",,"))
    return _name(random, OFFER), _encoded(separator.join(parts))


def _other(random: Random) -> Header:
    size = random.choice((0, 1, 100, 9_000))
    name = random.choice((b"user-agent", b"cookie", b"x", b"", b"\xff", b"otel-ws"))
    return name, random.choice((b"a", b"\xff", b"otel-ws.x,")) * size


_HEADERS: tuple[Callable[[Random], Header], ...] = (
    *(_parent, _state, _baggage, _offer) * 3,
    _other,
)


def _name(random: Random, name: bytes) -> bytes:
    return random.choice((name, name, name, name.title(), name.upper()))


def _encoded(value: str) -> bytes:
    return value.encode("latin-1" if value.isascii() else "utf-8")


def _query(random: Random) -> bytes:
    parts = []
    for _ in range(random.choice((0, 0, 1, 1, 2, 3, 300))):
        key = random.choice(
            ("traceparent", "traceparent", "tracestate", "token", "", "Traceparent")
        )
        value = random.choice((*_PARENTS[:-1], SECRET, SECRET))
        parts.append(random.choice((f"{key}={value}", f"{key}=={value}", f"%74{key}={value}")))
    if random.random() < 0.05:
        parts.append(SECRET)
    return random.choice(("&", "&", "&&", ";")).join(parts).encode("utf-8", "surrogateescape")
