"""What the WebSockets of ``aiohttp`` have besides what all have."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from yarl import URL

from otel_ws.client.aiohttp import ClientWebSocketResponse, ws_connect
from otel_ws.testing import CapturedSpans

from .libraries import of_client, raised
from .server import Served, raw_server

CLOSE = ("websocket.close.code", "websocket.close.initiator", "websocket.close.status")
QUESTION = {"question": "milk?"}


class Session(aiohttp.ClientWebSocketResponse):
    """A WebSocket of the user's."""

    def hello(self) -> str:
        return "hello"


async def test_a_websocket_of_the_users_is_traced_too(served: Served, spans: CapturedSpans) -> None:
    async with (
        aiohttp.ClientSession(ws_response_class=Session) as session,
        ws_connect(session, served.url("/answer")) as websocket,
    ):
        assert isinstance(websocket, Session)
        assert websocket.hello() == "hello"
        await websocket.send_json(QUESTION)
        assert (await websocket.receive_json())["answer"] == "milk?"
    assert of_client(spans).count("websocket.") == 3


class Fixed(aiohttp.ClientWebSocketResponse):
    """A WebSocket whose class cannot be replaced."""

    @property
    def __class__(self) -> Any:
        return Fixed

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("this class stays")


async def test_a_websocket_that_cannot_be_traced_works(
    served: Served, spans: CapturedSpans, our_log: list[str]
) -> None:
    async with (
        aiohttp.ClientSession(ws_response_class=Fixed) as session,
        ws_connect(session, served.url("/answer")) as websocket,
    ):
        await websocket.send_json(QUESTION)
        assert (await websocket.receive_json())["answer"] == "milk?"
    assert "not ended" not in of_client(spans)
    assert len(our_log) == 1


async def test_our_class_may_be_used_alone(served: Served, spans: CapturedSpans) -> None:
    async with (
        aiohttp.ClientSession(ws_response_class=ClientWebSocketResponse) as session,
        session.ws_connect(served.url("/answer")) as websocket,
    ):
        await websocket.send_json(QUESTION)
        assert (await websocket.receive_json())["answer"] == "milk?"
    assert of_client(spans) == ""


async def test_it_may_be_awaited(served: Served, spans: CapturedSpans) -> None:
    async with aiohttp.ClientSession() as session:
        websocket = await ws_connect(session, served.url("/answer"))
        await websocket.send_json(QUESTION)
        async for message in websocket:
            assert message.json()["answer"] == "milk?"
            break
        assert await websocket.close() is True
        assert await websocket.close() is False
    assert of_client(spans).splitlines() == [
        *("GET", "websocket.send -> GET", "websocket.receive -> GET", "  websocket.close")
    ]


async def test_it_may_be_a_task(served: Served, spans: CapturedSpans) -> None:
    async with aiohttp.ClientSession() as session:
        task = asyncio.create_task(ws_connect(session, served.url("/answer")))
        await (await task).close()
        await (await asyncio.wait_for(ws_connect(session, served.url("/answer")), 10)).close()
    assert of_client(spans).count("websocket.close") == 2


async def test_where_the_session_leads(served: Served, spans: CapturedSpans) -> None:
    base = URL(f"http://127.0.0.1:{served.port}/")
    headers = {"traceparent": f"00-{7:032x}-{7:016x}-00"}
    async with (
        aiohttp.ClientSession(base_url=base, headers=headers) as session,
        ws_connect(session, "headers", params={"token": "secret"}) as websocket,
    ):
        # What the session says for all of its requests is the user's too.
        assert (await websocket.receive_json())["traceparent"] == headers["traceparent"]
    url = spans[0].attributes["url.full"]
    assert url == f"ws://127.0.0.1:{served.port}/headers?token=REDACTED"


async def test_a_url_that_is_wrong_is_the_librarys_to_refuse() -> None:
    async with aiohttp.ClientSession() as session:
        for url in ("nonsense", "ws://127.0.0.1:x/", 7):

            async def call(connect: Any, *args: Any) -> None:
                await connect(*args)

            untraced = await raised(call(session.ws_connect, url))
            traced = await raised(call(ws_connect, session, url))
            assert (type(traced), str(traced)) == (type(untraced), str(untraced))


# --- ends ---------------------------------------------------------------------------------------


async def test_without_autoclose_the_user_answers(served: Served, spans: CapturedSpans) -> None:
    async with aiohttp.ClientSession() as session:
        websocket = await ws_connect(session, served.url("/push?code=4001"), autoclose=False)
        kinds = [(await websocket.receive()).type for _ in range(4)]
        assert kinds == [aiohttp.WSMsgType.TEXT] * 3 + [aiohttp.WSMsgType.CLOSE]
        await websocket.close()
    assert "{websocket.close.code=4001, websocket.close.initiator=server" in of_client(
        spans, *CLOSE
    )


async def test_a_receive_that_times_out_is_not_the_end(
    served: Served, spans: CapturedSpans
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        ws_connect(session, served.url("/answer")) as websocket,
    ):
        with pytest.raises(TimeoutError):
            await websocket.receive(timeout=0.01)
        await websocket.send_json(QUESTION)
        await websocket.receive(timeout=10)
        await websocket.close(code=4000, message=b"bye")
    assert of_client(spans, *CLOSE).splitlines()[-1] == (
        "  websocket.close {websocket.close.code=4000, websocket.close.initiator=client, "
        "websocket.close.status=application}"
    )


async def test_a_close_while_another_task_receives(served: Served, spans: CapturedSpans) -> None:
    async with aiohttp.ClientSession() as session:
        websocket = await ws_connect(session, served.url("/hold"))
        reader = asyncio.create_task(websocket.receive())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="Concurrent"):
            await websocket.receive()
        await websocket.close(code=4000)
        assert (await reader).type is aiohttp.WSMsgType.CLOSING
        assert (await websocket.receive()).type is aiohttp.WSMsgType.CLOSED
    assert of_client(spans, *CLOSE).splitlines()[-1] == (
        "websocket.close -> GET {websocket.close.code=4000, websocket.close.initiator=client, "
        "websocket.close.status=application}"
    )


async def test_a_server_that_answers_no_heartbeat(spans: CapturedSpans) -> None:
    async with raw_server() as port, aiohttp.ClientSession() as session:
        url = f"ws://127.0.0.1:{port}/"
        async with ws_connect(session, url, heartbeat=0.05) as websocket:
            message = await websocket.receive()
            assert message.type in (aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSED)
    assert spans.tree(*CLOSE).splitlines()[1] == (
        "websocket.close -> GET {websocket.close.code=1006, websocket.close.initiator=server, "
        "websocket.close.status=timeout}"
    )


async def test_what_the_library_cannot_read_it_closes_on(spans: CapturedSpans) -> None:
    async with (
        raw_server(b"\x83\x00") as port,
        aiohttp.ClientSession() as session,
        ws_connect(session, f"ws://127.0.0.1:{port}/") as websocket,
    ):
        assert (await websocket.receive()).type is aiohttp.WSMsgType.ERROR
    assert spans.tree(*CLOSE).splitlines()[1] == (
        "websocket.close -> GET {websocket.close.code=1002, websocket.close.initiator=client, "
        "websocket.close.status=protocol_error}"
    )


async def test_a_handshake_with_a_wrong_answer(spans: CapturedSpans) -> None:
    async with aiohttp.ClientSession() as session, raw_server(answers=False) as port:
        timeout = aiohttp.ClientWSTimeout(ws_close=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ws_connect(session, f"ws://127.0.0.1:{port}/", timeout=timeout)
    assert str(spans) == "GET"


# --- messages -----------------------------------------------------------------------------------


async def test_the_other_ways_to_send_and_receive(served: Served, spans: CapturedSpans) -> None:
    async with (
        aiohttp.ClientSession() as session,
        ws_connect(session, served.url("/echo")) as websocket,
    ):
        await websocket.send_str("hello", compress=None)
        assert await websocket.receive_str() == "hello"
        await websocket.send_bytes(b"hello")
        assert await websocket.receive_bytes(timeout=10) == b"hello"
        await websocket.send_json({"a": 1}, dumps=json.dumps)
        assert await websocket.receive_json(loads=json.loads) == {"a": 1}
        await websocket.send_str("text")
        with pytest.raises(TypeError):
            await websocket.receive_bytes()
        with pytest.raises(TypeError):
            await websocket.send_str(b"no text")  # type: ignore[arg-type]
        await websocket.ping()
        await websocket.pong()
    assert of_client(spans).count("websocket.receive") == 4
    assert of_client(spans).count("websocket.send") == 5  # one of which has failed


async def test_an_instrumentation_of_http_leaves_the_handshake_to_us(served: Served) -> None:
    found: list[bool] = []
    config = aiohttp.TraceConfig()

    async def note(*_: Any) -> None:
        found.append(is_http_instrumentation_enabled())

    config.on_request_start.append(note)
    async with (
        aiohttp.ClientSession(trace_configs=[config]) as session,
        ws_connect(session, served.url("/answer")),
    ):
        assert found == [False]
        assert is_http_instrumentation_enabled()
