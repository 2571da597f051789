"""What the clients of ``websockets`` have besides what all have."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import websockets
from opentelemetry import trace
from websockets.asyncio.client import ClientConnection as PlainConnection
from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed, SecurityError
from websockets.sync import client as plain_sync

import otel_ws.client
from otel_ws.client import websockets_sync
from otel_ws.client.websockets import ClientConnection, connect, unix_connect
from otel_ws.testing import CapturedSpans
from tests.wire.process import free_port

from .libraries import of_client, raised
from .server import Served, raw_server

tracer = trace.get_tracer("shop")
CLOSE = ("websocket.close.code", "websocket.close.initiator", "websocket.close.status")
QUESTION = '{"question": "milk?"}'
VERSION = tuple(map(int, websockets.__version__.split(".")[:2]))


def test_the_package_itself_has_the_usual_one() -> None:
    assert otel_ws.client.connect is connect
    with pytest.raises(AttributeError, match="connects"):
        otel_ws.client.connects  # noqa: B018


async def test_each_reconnection_has_a_handshake_of_its_own(
    served: Served, spans: CapturedSpans
) -> None:
    count = 0
    async for websocket in connect(served.url("/push?code=1000"), proxy=None):
        async for _ in websocket:
            pass
        count += 1
        if count == 3:
            await websocket.close()
            break
    handshakes = [span for span in spans.named("GET") if span.parent is None]
    assert len({span.context.trace_id for span in handshakes}) == 3
    assert len({span.attributes["websocket.session.id"] for span in handshakes}) == 3
    # The server has seen each of them.
    assert len([span for span in spans.named("GET /push")]) == 3


async def test_it_may_be_awaited(served: Served, spans: CapturedSpans) -> None:
    websocket = await connect(served.url("/answer"), proxy=None)
    await websocket.send(QUESTION)
    await websocket.recv()
    await websocket.close()
    assert of_client(spans).splitlines() == [
        *("GET", "websocket.send -> GET", "websocket.receive -> GET", "  websocket.close")
    ]


# --- the user's own connections -----------------------------------------------------------------


class Counting(PlainConnection):
    """A connection of the user's."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent = 0

    async def send(self, message: Any, *args: Any, **kwargs: Any) -> None:
        self.sent += 1
        await super().send(message, *args, **kwargs)


def made(*args: Any, **kwargs: Any) -> Counting:
    return Counting(*args, **kwargs)


@pytest.mark.parametrize(
    "create", [Counting, made, functools.partial(Counting)], ids=["class", "function", "partial"]
)
async def test_a_connection_of_the_users_is_traced_too(
    create: Any, served: Served, spans: CapturedSpans
) -> None:
    url = served.url("/answer")
    async with connect(url, proxy=None, create_connection=create) as websocket:
        assert isinstance(websocket, Counting)
        assert type(websocket).__name__ == "Counting"
        await websocket.send(QUESTION)
        await websocket.recv()
    assert websocket.sent == 1
    assert of_client(spans).count("websocket.") == 3


class CountingSync(plain_sync.ClientConnection):
    sent = 0

    def send(self, *args: Any, **kwargs: Any) -> None:
        self.sent += 1
        super().send(*args, **kwargs)


@pytest.mark.parametrize("create", [CountingSync, lambda *a, **k: CountingSync(*a, **k)])
async def test_a_threads_connection_of_the_users_is_traced_too(
    create: Any, served: Served, spans: CapturedSpans
) -> None:
    url = served.url("/answer")
    with websockets_sync.connect(url, proxy=None, create_connection=create) as websocket:
        assert isinstance(websocket, CountingSync)
        websocket.send(QUESTION)
        websocket.recv()
        assert websocket.sent == 1
    assert of_client(spans).count("websocket.") == 3


class Fixed(PlainConnection):
    """A connection whose class cannot be replaced."""

    @property
    def __class__(self) -> Any:
        return PlainConnection

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("this class stays")


async def test_a_connection_that_cannot_be_traced_works(
    served: Served, spans: CapturedSpans, our_log: list[str]
) -> None:
    def create(*args: Any, **kwargs: Any) -> Any:
        return Fixed(*args, **kwargs)

    async with connect(served.url("/answer"), proxy=None, create_connection=create) as websocket:
        await websocket.send(QUESTION)
        assert "milk?" in await websocket.recv()
    assert of_client(spans) == "GET"
    assert len(our_log) == 1


async def test_our_connection_may_be_used_alone(served: Served, spans: CapturedSpans) -> None:
    create: Any = ClientConnection
    async with websockets.connect(
        served.url("/answer"), proxy=None, create_connection=create
    ) as websocket:
        await websocket.send(QUESTION)
        assert "milk?" in await websocket.recv()
    assert of_client(spans) == ""


# --- redirects, sockets, timeouts ---------------------------------------------------------------


async def test_a_redirect_is_a_handshake_of_its_own(served: Served, spans: CapturedSpans) -> None:
    url = served.url("/move?to=/answer%3Ftoken%3Dsecret")
    with tracer.start_as_current_span("click"):
        async with connect(url, proxy=None) as websocket:
            await websocket.send(QUESTION)
            await websocket.recv()
    code, full = "http.response.status_code", "url.full"
    assert of_client(spans, code, full).splitlines()[:3] == [
        "click",
        f"  GET {{{code}=307, {full}={served.url('/move?to=REDACTED')}}}",
        f"  GET {{{code}=101, {full}={served.url('/answer?token=REDACTED')}}}",
    ]


@pytest.mark.skipif(VERSION < (17, 0), reason="this websockets follows no redirects in threads")
async def test_a_redirect_in_a_thread(served: Served, spans: CapturedSpans) -> None:
    with websockets_sync.connect(served.url("/move?to=/answer"), proxy=None):
        pass
    statuses = [span.attributes["http.response.status_code"] for span in spans.named("GET")]
    assert statuses[:2] == [307, 307]  # the client's, and the server's
    assert statuses[2:] == [101, 101]


async def test_a_redirect_that_leads_nowhere(served: Served, spans: CapturedSpans) -> None:
    async def visit(to: str) -> None:
        async with connect(served.url(f"/move{to}"), proxy=None):
            pass

    assert isinstance(await raised(visit("")), SecurityError)
    assert isinstance(await raised(visit(f"?to=ws://127.0.0.1:{free_port()}/")), OSError)
    assert "not ended" not in of_client(spans)


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def test_a_unix_socket(tmp_path: Path, spans: CapturedSpans) -> None:
    path = str(tmp_path / "socket")
    async with unix_serve(_echo, path):
        async with unix_connect(path) as websocket:
            await websocket.send("hello")
            assert await websocket.recv() == "hello"
        at_once: Any = {"legacy": True} if VERSION >= (17, 1) else {}
        other = await asyncio.to_thread(websockets_sync.unix_connect, path, **at_once)
        await asyncio.to_thread(other.close)
    assert spans.tree("url.full").count("GET {url.full=ws://localhost:80/}") == 2
    assert spans.tree().count("websocket.close") == 2


async def test_a_handshake_that_is_not_answered_in_time(spans: CapturedSpans) -> None:
    async with raw_server(answers=False) as port:
        with pytest.raises(TimeoutError):
            await connect(f"ws://127.0.0.1:{port}/", proxy=None, open_timeout=0.05)
    assert str(spans) == "GET ! TimeoutError"


async def test_a_handshake_that_is_cancelled_is_no_error(spans: CapturedSpans) -> None:
    async with raw_server(answers=False) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connect(f"ws://127.0.0.1:{port}/", proxy=None)
    assert str(spans) == "GET"


async def test_a_server_that_answers_no_ping(spans: CapturedSpans) -> None:
    async with raw_server() as port:
        keepalive: Any = {"ping_interval": 0.02, "ping_timeout": 0.02, "close_timeout": 0.02}
        async with connect(f"ws://127.0.0.1:{port}/", proxy=None, **keepalive) as websocket:
            with pytest.raises(ConnectionClosed):
                await websocket.recv()
    assert spans.tree(*CLOSE).splitlines()[1] == (
        "websocket.close -> GET {websocket.close.code=1011, websocket.close.initiator=server, "
        "websocket.close.status=timeout}"
    )


@pytest.mark.parametrize("how", ["asyncio", "threads"])
async def test_what_the_library_cannot_read_it_closes_on(how: str, spans: CapturedSpans) -> None:
    def visit(url: str) -> None:
        with (
            websockets_sync.connect(url, proxy=None, close_timeout=0.02) as websocket,
            pytest.raises(ConnectionClosed),
        ):
            websocket.recv()

    async with raw_server(b"\x83\x00") as port:
        url = f"ws://127.0.0.1:{port}/"
        if how == "threads":
            await asyncio.to_thread(visit, url)
        else:
            async with connect(url, proxy=None, close_timeout=0.02) as websocket:
                with pytest.raises(ConnectionClosed):
                    await websocket.recv()
    assert spans.tree(*CLOSE).splitlines()[1] == (
        "websocket.close -> GET {websocket.close.code=1002, websocket.close.initiator=client, "
        "websocket.close.status=protocol_error}"
    )


async def test_a_connection_that_nobody_comes_back_to_ends(
    served: Served, spans: CapturedSpans
) -> None:
    tracing: Any = {"max_message_age": 0.05}
    websocket = await connect(served.url("/push?code=4001"), proxy=None, tracing=tracing)
    await websocket.recv()
    async with asyncio.timeout(10):
        while "websocket.close ->" not in of_client(spans):
            await asyncio.sleep(0.01)
    assert "websocket.close -> GET {websocket.close.code=4001" in of_client(spans, *CLOSE)
    assert await websocket.recv()  # it still works, and is not traced
    assert "not ended" not in of_client(spans)


# --- messages in other forms --------------------------------------------------------------------


async def test_fragments_pass_and_are_not_seen(served: Served, spans: CapturedSpans) -> None:
    async def chunks() -> AsyncIterator[str]:
        yield '{"a":'
        yield " 1}"

    tracing: Any = {"message_codec": "json", "inject_sends": True}
    async with connect(served.url("/echo"), proxy=None, tracing=tracing) as websocket:
        for message in (['{"a":', " 1}"], chunks()):
            await websocket.send(message)
            assert [each async for each in websocket.recv_streaming()] == ['{"a": 1}']
        await websocket.send("hello")
        assert await websocket.recv(decode=False) == b"hello"
        await websocket.send(b"hello", text=True)
        assert await websocket.recv() == "hello"
        await websocket.send(memoryview(b"hello"))
        assert await websocket.recv(decode=True) == "hello"
        with pytest.raises(TypeError):
            await websocket.send({"not": "a message"})  # type: ignore[arg-type]
    assert of_client(spans).count("websocket.send") == 3
    assert of_client(spans).count("websocket.receive") == 3


async def test_sends_and_receives_at_once(served: Served, spans: CapturedSpans) -> None:
    count = 50
    async with connect(served.url("/echo"), proxy=None) as websocket:
        heard: list[Any] = []

        async def read() -> None:
            async for message in websocket:
                heard.append(message)
                if len(heard) == count:
                    break

        reader = asyncio.create_task(read())
        await asyncio.gather(*(websocket.send(str(number)) for number in range(count)))
        await reader
    assert sorted(map(int, heard)) == list(range(count))
    assert of_client(spans).count("websocket.send") == count
    assert of_client(spans).count("websocket.receive") == count


async def test_a_thread_may_wait_for_a_while(served: Served, spans: CapturedSpans) -> None:
    with websockets_sync.connect(served.url("/answer"), proxy=None) as websocket:
        with pytest.raises(TimeoutError):
            websocket.recv(timeout=0.01)
        websocket.send(QUESTION)
        assert b"milk?" in websocket.recv(10, decode=False)
    assert of_client(spans).count("websocket.receive") == 1


@pytest.mark.skipif(VERSION < (17, 1), reason="this websockets connects at once")
async def test_a_thread_may_connect_later_and_again(served: Served, spans: CapturedSpans) -> None:
    connecting: Any = websockets_sync.connect(served.url("/answer"), proxy=None, legacy=False)
    assert list(spans) == []
    for _ in range(2):
        with connecting as websocket:
            websocket.send(QUESTION)
            websocket.recv()
    assert of_client(spans).splitlines().count("GET") == 2
    assert of_client(spans).count("websocket.close") == 2


async def test_a_wrong_uri_is_the_librarys_to_refuse(our_log: list[str]) -> None:
    async def call(function: Any, uri: Any) -> None:
        made = function(uri)
        if hasattr(made, "__await__"):
            await made

    same = ((connect, websockets.connect), (websockets_sync.connect, plain_sync.connect))
    for uri in ("http://127.0.0.1/", "ws://[::1", "ws://127.0.0.1:x/", 7):
        for ours, theirs in same:
            traced, untraced = await raised(call(ours, uri)), await raised(call(theirs, uri))
            assert untraced is not None
            assert (type(traced), str(traced)) == (type(untraced), str(untraced))
    assert our_log == []


@contextlib.asynccontextmanager
async def proxy() -> AsyncIterator[str]:
    """Run an HTTP proxy that opens tunnels; yield its address."""

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        host, port = request.split()[1].decode().rsplit(":", 1)
        there = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))
        served.set()

    served = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await served.wait()


async def test_a_proxy_is_the_librarys_affair(served: Served, spans: CapturedSpans) -> None:
    async with proxy() as address:
        async with connect(served.url("/answer"), proxy=address) as websocket:
            await websocket.send(QUESTION)
            assert "milk?" in await websocket.recv()
        assert spans[0].attributes["server.port"] == served.port
    assert of_client(spans).count("websocket.") == 3
