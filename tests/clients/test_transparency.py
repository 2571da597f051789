"""The user sees exactly what the library shows untraced, also when our own code breaks.

Each function below the clients is made to raise, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import httpx_ws
import pytest
from opentelemetry.sdk.trace import TracerProvider
from websockets.exceptions import InvalidStatus

from tests.test_broken_internals import Part, _methods
from tests.wire.process import free_port

from .libraries import (
    AIOHTTP,
    HEAR,
    HTTPX_WS,
    HTTPX_WS_SYNC,
    LIBRARIES,
    WEBSOCKETS,
    WEBSOCKETS_SYNC,
    Close,
    Conversation,
    Gone,
    Library,
    raised,
)
from .server import Served

every_library = pytest.mark.parametrize("library", LIBRARIES, ids=str)
Seen = list[Any]
provider = TracerProvider()
tracer = provider.get_tracer("shop")


# --- conversations ------------------------------------------------------------------------------


def exchange(seen: Seen) -> Conversation:
    carried = '{"_meta": {"traceparent": 7}}'
    for data in ("hello", "", b"\x00\xff", '{"a": 1}', carried, "x" * 70000):
        yield data
        seen.append((yield HEAR))
    with tracer.start_as_current_span("work"):
        yield "hello"
        yield HEAR
    yield Close(4000, "bye")


def hear_out(seen: Seen) -> Conversation:
    for _ in range(4):
        seen.append((yield HEAR))


def talk_after_the_end(seen: Seen) -> Conversation:
    try:
        yield from hear_out(seen)
    except Gone as gone:
        seen.append(gone.args)
    yield "too late"


def send_nonsense(seen: Seen) -> Conversation:
    try:
        yield 7  # type: ignore[misc]
    except Exception as error:
        seen.append((type(error), str(error)))
    yield "hello"
    seen.append((yield HEAR))


def fail(seen: Seen) -> Conversation:
    yield "hello"
    yield HEAR
    raise LookupError("a bug of the user")


STORIES: dict[str, tuple[str, Callable[[Seen], Conversation]]] = {
    "an exchange": ("/echo", exchange),
    "a push": ("/push?code=4001", hear_out),
    "a close in between": ("/push?code=1000", talk_after_the_end),
    "nonsense": ("/echo", send_nonsense),
    "a bug": ("/echo", fail),
    "a crash": ("/crash", exchange),
    "a refusal": ("/refuse", exchange),
    "a denial": ("/deny?status=401", exchange),
    "no such path": ("/nowhere", exchange),
}
EVERYTHING: Any = {
    "message_codec": "json",
    "metrics": "message",
    "tracer_provider": provider,
}


async def tell(library: Library, story: str, served: Served, tracing: Any = None) -> Seen:
    """Return all that a user sees of a story."""
    path, conversation = STORIES[story]
    seen: Seen = []
    url = served.url(path)
    played = (
        library.play_untraced(url, conversation(seen))
        if tracing is None
        else library.play(url, conversation(seen), tracing)
    )
    seen.append(_told(await raised(played)))
    return seen


def _told(error: BaseException | None) -> Any:
    """Return what an exception says, and those that it holds or comes from."""
    if error is None:
        return None
    inner = [_told(each) for each in getattr(error, "exceptions", ())]
    args = [each for each in error.args if isinstance(each, str | int)]
    code = getattr(error, "code", None) if isinstance(error, httpx_ws.HTTPXWSException) else None
    status = error.response.status_code if isinstance(error, InvalidStatus) else None
    return (type(error), args, code, status, _told(error.__cause__), inner)


@every_library
@pytest.mark.parametrize("model", ["session", "connection"])
@pytest.mark.parametrize("story", STORIES)
async def test_the_user_sees_what_there_is_to_see(
    library: Library, story: str, model: str, served: Served
) -> None:
    untraced = await tell(library, story, served)
    assert untraced != [None]
    assert await tell(library, story, served, {**EVERYTHING, "model": model}) == untraced


@every_library
async def test_an_error_of_the_connection_is_the_librarys(library: Library) -> None:
    url = f"ws://127.0.0.1:{free_port()}/"
    untraced = await raised(library.play_untraced(url, exchange([])))
    traced = await raised(library.play(url, exchange([])))
    assert type(traced) is type(untraced)
    assert str(traced) == str(untraced)


@every_library
async def test_the_very_exception_of_the_user_comes_out(library: Library, served: Served) -> None:
    bug = LookupError("a bug of the user")

    def conversation() -> Conversation:
        yield "hello"
        raise bug

    error = await raised(library.play(served.url("/echo"), conversation()))
    assert bug in (error, *getattr(error, "exceptions", ()))


# --- broken parts -------------------------------------------------------------------------------

MODULES = {
    "_client": (WEBSOCKETS, HTTPX_WS_SYNC),
    "_outbound": (WEBSOCKETS, HTTPX_WS_SYNC),
    "_places": (WEBSOCKETS, HTTPX_WS_SYNC),
    "_adoption": (AIOHTTP, HTTPX_WS),
    "_websockets": (WEBSOCKETS, WEBSOCKETS_SYNC),
    "_httpx_ws": (HTTPX_WS, HTTPX_WS_SYNC),
    "aiohttp": (AIOHTTP,),
}
NOT_TO_BREAK = {
    "client._client.config_of",  # the user hears of its failures
    # The calls themselves; what they call is broken here.
    *("client._client.Client.__init__", "client._client.Client.handshake"),
    *("client._client.Client.received", "client._client.Client.sending"),
    *("client._outbound.Outbound.__init__", "client._outbound.Outbound.__enter__"),
    "client._outbound.Outbound.__exit__",
    *("client._websockets.Opening.__init__", "client._websockets.Opening.__call__"),
    *("client._httpx_ws.Opening.__init__", "client._httpx_ws.Opening.handshake"),
    *("client._httpx_ws.Opening._session", "client._httpx_ws.Opening.leaving"),
    *("client._httpx_ws.content_of", "client._httpx_ws.received"),
    *("client._httpx_ws.with_content", "client._httpx_ws._url"),
    *("client.aiohttp.ClientWebSocketResponse.receive", "client.aiohttp._with_data"),
    *("client.aiohttp.ClientWebSocketResponse.send_str", "client.aiohttp.ws_connect"),
    *("client.aiohttp.ClientWebSocketResponse.send_bytes", "client.aiohttp._connect"),
    *("client.aiohttp.ClientWebSocketResponse.close", "client.aiohttp._Connecting.__init__"),
    *("client.aiohttp._Connecting.send", "client.aiohttp._Connecting.throw"),
    "client.aiohttp._Connecting.close",
    "client.aiohttp._url",
    # Not in these stories: a redirect, and a connection that nobody comes back to.
    *("client._websockets._uri", "client._client.Client._give_up"),
}


def _parts() -> Iterator[Any]:
    for short, libraries in MODULES.items():
        module = import_module(f"otel_ws.client.{short}")
        for name, value in vars(module).items():
            if getattr(value, "__module__", None) != module.__name__:
                continue
            found = _methods(value) if isinstance(value, type) else [Part(module, name)]
            for part in found if callable(value) else ():
                if str(part) not in NOT_TO_BREAK:
                    yield pytest.param(part, libraries, id=str(part))


@pytest.mark.parametrize(("part", "libraries"), list(_parts()))
async def test_a_broken_part_hurts_nobody(
    part: Part,
    libraries: tuple[Library, ...],
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    our_log: list[str],
) -> None:
    stories = ("an exchange", "a push", "a bug", "a denial")
    wanted = [await tell(library, story, served) for library in libraries for story in stories]
    calls = part.break_it(monkeypatch)
    found = [
        await tell(library, story, served, EVERYTHING) for library in libraries for story in stories
    ]
    assert found == wanted
    assert calls, "no story reaches this part"
    assert our_log
    assert len(our_log) == len(set(our_log)), "a cause is logged once a minute"
