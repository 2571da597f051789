"""Contexts in messages, both ways: what the server pushes, the client continues."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from opentelemetry import trace

from otel_ws.codecs import Found
from otel_ws.testing import CapturedSpans

from .libraries import HEAR, LIBRARIES, Conversation, Gone, Library, of_client, of_one_trace
from .server import Served, application, serving

every_library = pytest.mark.parametrize("library", LIBRARIES, ids=str)
both_models = pytest.mark.parametrize("model", ["session", "connection"])
tracer = trace.get_tracer("shop")
QUESTION = '{"question": "milk?"}'
CARRYING: Any = {"message_codec": "json", "inject_sends": True}


def click(heard: list[Any] | None = None) -> Conversation:
    with tracer.start_as_current_span("click"):
        yield QUESTION
        answer = yield HEAR
        with tracer.start_as_current_span("drink"):
            if heard is not None:
                heard.append(answer)


@every_library
async def test_where_both_trust_a_message_and_its_answer_are_one_trace(
    library: Library, trusting: Served, spans: CapturedSpans
) -> None:
    await library.play(trusting.url("/answer"), click(), CARRYING)
    await trusting.settle()
    assert of_one_trace(spans, "click") == (
        "click\n"
        "  websocket.send\n"
        "    websocket.receive /answer -> remote\n"
        "      websocket.send /answer\n"
        "        websocket.receive -> remote\n"
        "          drink"
    )


@every_library
async def test_in_the_model_connection_they_are_linked(
    library: Library, trusting: Served, spans: CapturedSpans
) -> None:
    tracing = {**CARRYING, "model": "connection"}
    await library.play(trusting.url("/answer"), click(), tracing)
    assert "    websocket.receive -> websocket.send /answer\n" in f"{spans}\n"


@every_library
async def test_by_default_the_server_links_and_the_client_has_nothing_to_trust(
    library: Library, spans: CapturedSpans
) -> None:
    with serving(application(message_codec="json")) as served:
        await library.play(served.url("/answer"), click(), CARRYING)
        await served.settle()
    tree = str(spans).splitlines()
    assert "websocket.receive /answer -> websocket.send -> GET /answer" in tree
    assert "  websocket.send" in tree
    assert "websocket.receive -> GET" in tree


@every_library
async def test_a_push_carries_what_has_caused_it(
    library: Library, trusting: Served, spans: CapturedSpans
) -> None:
    def answer() -> Conversation:
        assert "question" in json.loads((yield HEAR))
        yield '{"answer": "yes"}'
        with suppress(Gone):
            yield HEAR

    await library.play(trusting.url("/ask_once"), answer(), CARRYING)
    await trusting.settle()
    assert of_one_trace(spans, "websocket.open /ask_once") == (
        "websocket.open /ask_once -> remote\n"
        "  websocket.send /ask_once\n"
        "    websocket.receive -> remote\n"
        "      websocket.send\n"
        "        websocket.receive /ask_once -> remote\n"
        "          websocket.close"
    )


@every_library
@pytest.mark.parametrize(
    ("trust", "line"),
    [
        ("link", "websocket.receive -> websocket.send /answer -> GET"),
        ("ignore", "websocket.receive -> GET"),
        (lambda scope: "link", "websocket.receive -> websocket.send /answer -> GET"),
    ],
    ids=["link", "ignore", "function"],
)
async def test_the_client_may_trust_less(
    library: Library, trust: Any, line: str, trusting: Served, spans: CapturedSpans
) -> None:
    await library.play(trusting.url("/answer"), click(), {**CARRYING, "message_trust": trust})
    assert line in str(spans).splitlines()


async def test_the_environment_may_say_so_too(
    trusting: Served, spans: CapturedSpans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_WS_MESSAGE_TRUST", "ignore")
    await LIBRARIES[0].play(trusting.url("/answer"), click(), CARRYING)
    assert "websocket.receive -> GET" in str(spans).splitlines()


@every_library
async def test_the_carrier_is_taken_out_if_that_is_wanted(
    library: Library, trusting: Served
) -> None:
    bare: list[Any] = []
    await library.play(trusting.url("/answer"), click(bare), {**CARRYING, "strip_carriers": True})
    assert bare == ['{"answer":"milk?"}']
    carried: list[Any] = []
    await library.play(trusting.url("/answer"), click(carried), CARRYING)
    assert list(json.loads(carried[0])) == ["answer", "_meta"]


class Prefixed:
    """A context of 55 bytes in front of the message, if its first byte is a 1."""

    def read(self, data: Any) -> Found | None:
        if isinstance(data, str) or not data.startswith(b"1"):
            return None
        return Found({"traceparent": data[1:56].decode()}, strip=lambda: b"0" + data[56:])

    def write(self, data: Any, carrier: Mapping[str, str]) -> Any:
        if isinstance(data, str) or not data.startswith(b"0"):
            return data
        return b"1" + carrier["traceparent"].encode() + data[1:]


@pytest.fixture(scope="module")
def binary() -> Iterator[Served]:
    """A server that takes the client's contexts out of binary messages, and puts its own in."""
    settings: Any = {"message_trust": "parent", "inject_sends": True, "strip_carriers": True}
    with serving(application(message_codec=Prefixed(), **settings)) as found:
        yield found


@every_library
@pytest.mark.parametrize("kind", [bytes, bytearray], ids=["bytes", "bytearray"])
async def test_a_binary_codec(
    library: Library, kind: Any, binary: Served, spans: CapturedSpans
) -> None:
    def say() -> Conversation:
        with tracer.start_as_current_span("click"):
            yield kind(b"0\x00\xff")
            assert (yield HEAR) == b"0\x00\xff"

    tracing = {"message_codec": Prefixed(), "inject_sends": True, "strip_carriers": True}
    await library.play(binary.url("/echo"), say(), tracing)
    await binary.settle()
    assert of_one_trace(spans, "click").count("\n") == 4
    sent = spans.named("websocket.send")[0]
    assert sent.attributes["websocket.message.type"] == "binary"


@every_library
async def test_a_message_without_a_place_passes_as_it_is(
    library: Library, served: Served, spans: CapturedSpans
) -> None:
    heard: list[Any] = []

    def say() -> Conversation:
        for data in ("no JSON", "[1, 2]", "", b"", b"\xff{}", '{"_meta": 7}'):
            yield data
            heard.append((yield HEAR))

    await library.play(served.url("/echo"), say(), {**CARRYING, "strip_carriers": True})
    assert heard == ["no JSON", "[1, 2]", "", b"", b"\xff{}", '{"_meta": 7}']
    assert of_client(spans).count("websocket.send") == 6


@every_library
async def test_an_unsampled_message_carries_nothing(library: Library, served: Served) -> None:
    heard: list[Any] = []

    def say() -> Conversation:
        with trace.use_span(trace.NonRecordingSpan(trace.SpanContext(7, 7, False))):
            yield QUESTION
            heard.append((yield HEAR))

    await library.play(served.url("/echo"), say(), CARRYING)
    assert heard == [QUESTION]
