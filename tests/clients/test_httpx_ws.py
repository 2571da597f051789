"""What the sessions of ``httpx-ws`` have besides what all have."""

from __future__ import annotations

import queue
from typing import Any

import httpx
import httpx_ws
import pytest
from httpx_ws.transport import ASGIWebSocketTransport
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from wsproto.events import CloseConnection, Pong, TextMessage

from otel_ws.client.httpx_ws import (
    AsyncWebSocketSession,
    WebSocketSession,
    aconnect_ws,
    connect_ws,
)
from otel_ws.testing import CapturedSpans

from .libraries import of_client, raised
from .server import Served, application, raw_server

CLOSE = ("websocket.close.code", "websocket.close.initiator", "websocket.close.status")
QUESTION = {"question": "milk?"}


class Own(httpx_ws.AsyncWebSocketSession):
    """A session of the user's."""

    def hello(self) -> str:
        return "hello"


class OwnSync(httpx_ws.WebSocketSession):
    pass


async def test_a_session_of_the_users_is_traced_too(served: Served, spans: CapturedSpans) -> None:
    for session_class in (Own, lambda *args, **kwargs: Own(*args, **kwargs)):
        async with aconnect_ws(served.url("/answer"), session_class=session_class) as websocket:
            assert isinstance(websocket, Own)
            assert websocket.hello() == "hello"
            await websocket.send_json(QUESTION)
            assert (await websocket.receive_json())["answer"] == "milk?"
    with connect_ws(served.url("/answer"), session_class=OwnSync) as session:
        assert isinstance(session, OwnSync)
    assert of_client(spans).count("websocket.") == 7


async def test_our_classes_may_be_used_alone(served: Served, spans: CapturedSpans) -> None:
    url = served.url("/answer")
    async with httpx_ws.aconnect_ws(url, session_class=AsyncWebSocketSession) as websocket:
        await websocket.send_json(QUESTION)
        assert (await websocket.receive_json())["answer"] == "milk?"
    with httpx_ws.connect_ws(url, session_class=WebSocketSession) as session:
        session.send_json(QUESTION)
        assert session.receive_json()["answer"] == "milk?"
    assert of_client(spans) == ""


async def test_where_the_client_leads(served: Served, spans: CapturedSpans) -> None:
    base = f"http://127.0.0.1:{served.port}/"
    own = {"traceparent": f"00-{7:032x}-{7:016x}-00"}
    async with httpx.AsyncClient(base_url=base, headers=own, params={"lang": "en"}) as client:
        params = {"token": "secret"}
        async with aconnect_ws("/headers", client, params=params) as websocket:
            # What the client says for all of its requests is the user's too.
            assert (await websocket.receive_json())["traceparent"] == own["traceparent"]
    url = spans[0].attributes["url.full"]
    assert url == f"ws://127.0.0.1:{served.port}/headers?lang=REDACTED&token=REDACTED"


async def test_a_url_that_is_wrong_is_the_librarys_to_refuse() -> None:
    async def call(connect: Any, url: Any) -> None:
        async with connect(url):
            pass

    for url in ("nonsense", "ws://127.0.0.1:x/", 7):
        untraced = await raised(call(httpx_ws.aconnect_ws, url))
        traced = await raised(call(aconnect_ws, url))
        assert (type(traced), str(traced)) == (type(untraced), str(untraced))


async def test_an_application_in_the_same_process(spans: CapturedSpans) -> None:
    app: Any = application(message_codec="json", message_trust="parent", inject_sends=True)
    tracing: Any = {"message_codec": "json", "inject_sends": True}
    async with httpx.AsyncClient(transport=ASGIWebSocketTransport(app)) as client:
        url = "http://shop/answer"
        async with aconnect_ws(url, client, tracing=tracing) as websocket:
            await websocket.send_json(QUESTION)
            await websocket.receive_json()
    assert "websocket.send -> GET\n  websocket.receive /answer" in str(spans)
    assert "not ended" not in str(spans)


# --- events -------------------------------------------------------------------------------------


async def test_raw_events_and_fragments(served: Served, spans: CapturedSpans) -> None:
    tracing: Any = {"message_codec": "json", "inject_sends": True}
    async with aconnect_ws(served.url("/echo"), tracing=tracing) as websocket:
        await websocket.send(Pong(b"hello"))
        await (await websocket.ping()).wait()
        for part in ('{"a":', "1", '{"b": 2}'):  # the last of which could be a message
            await websocket.send(TextMessage(part, message_finished=part.endswith("2}")))
        assert (await websocket.receive()).data == '{"a":1{"b": 2}'
        await websocket.send(TextMessage("whole"))
        event = await websocket.receive(timeout=10)
        assert isinstance(event, TextMessage)
        assert event.data == "whole"
        await websocket.send(CloseConnection(4000, "bye"))
        error = await raised(websocket.receive())
        assert isinstance(error, httpx_ws.WebSocketDisconnect)
    assert of_client(spans).count("websocket.send") == 1
    assert of_client(spans).count("websocket.receive") == 2
    assert "{websocket.close.code=4000, websocket.close.initiator=client" in of_client(
        spans, *CLOSE
    )


async def test_a_receive_that_times_out_is_not_the_end(
    served: Served, spans: CapturedSpans
) -> None:
    async with aconnect_ws(served.url("/answer")) as websocket:
        with pytest.raises(TimeoutError):
            await websocket.receive_text(timeout=0.01)
        await websocket.send_json(QUESTION)
        with pytest.raises(httpx_ws.WebSocketInvalidTypeReceived):
            await websocket.receive_bytes()
    with connect_ws(served.url("/answer")) as session:
        with pytest.raises(queue.Empty):
            session.receive(timeout=0.01)
        session.send_json(QUESTION, mode="text")
        assert session.receive_json(timeout=10, mode="text")
    assert of_client(spans).count("websocket.receive") == 2
    assert "!" not in of_client(spans)


# --- ends ---------------------------------------------------------------------------------------


async def test_the_user_leaves_before_the_close_of_the_server_is_read(
    served: Served, spans: CapturedSpans
) -> None:
    async with aconnect_ws(served.url("/push?code=4001")) as websocket:
        await websocket.receive()
        await served.settle()
    end = of_client(spans, *CLOSE).splitlines()[-1]
    assert end.startswith("websocket.close -> GET {")


async def test_a_server_that_answers_no_ping(spans: CapturedSpans) -> None:
    keepalive: Any = {
        "keepalive_ping_interval_seconds": 0.02,
        "keepalive_ping_timeout_seconds": 0.02,
    }

    async def wait(url: str) -> None:
        async with aconnect_ws(url, **keepalive) as websocket:
            await websocket.receive()

    async with raw_server() as port:
        error: Any = await raised(wait(f"ws://127.0.0.1:{port}/"))
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, httpx_ws.WebSocketNetworkError)
    assert spans.tree(*CLOSE).splitlines()[1] == (
        "websocket.close -> GET {websocket.close.code=1006, websocket.close.initiator=server, "
        "websocket.close.status=timeout}"
    )


async def test_an_instrumentation_of_http_leaves_the_handshake_to_us(served: Served) -> None:
    found: list[bool] = []

    def note(_: Any) -> None:
        found.append(is_http_instrumentation_enabled())

    with (
        httpx.Client(event_hooks={"request": [note]}) as client,
        connect_ws(served.url("/answer"), client),
    ):
        assert found == [False]
        assert is_http_instrumentation_enabled()
