"""Every client library makes the same traces, in both models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import dedent
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode

from otel_ws import ConfigError, Hooks
from otel_ws.testing import CapturedSpans
from tests.wire.process import free_port

from .libraries import (
    HEAR,
    LIBRARIES,
    Close,
    Conversation,
    Gone,
    Library,
    of_client,
    raised,
)
from .server import Served

every_library = pytest.mark.parametrize("library", LIBRARIES, ids=str)
both_models = pytest.mark.parametrize("model", ["session", "connection"])
tracer = trace.get_tracer("shop")
QUESTION = '{"question": "milk?"}'
CLOSE = ("websocket.close.code", "websocket.close.initiator", "websocket.close.status")


def ask(times: int = 1) -> Conversation:
    for _ in range(times):
        yield QUESTION
        assert json.loads((yield HEAR))["answer"] == "milk?"
        with tracer.start_as_current_span("drink"):
            pass


def hear_all(heard: list[Any]) -> Conversation:
    """Hear what there is, and how it ends."""
    try:
        while True:
            heard.append((yield HEAR))
    except Gone as gone:
        heard.append(gone.args)


def seen(spans: CapturedSpans, *attributes: str) -> str:
    return of_client(spans, *attributes)


def expect(tree: str) -> str:
    return dedent(tree).strip()


# --- a conversation -----------------------------------------------------------------------------

CONVERSATION = {
    "session": """
        GET
        websocket.send -> GET
        websocket.receive -> GET
          drink
          websocket.send
        websocket.receive -> GET
          drink
        websocket.close -> GET
    """,
    "connection": """
        GET
          websocket.connection
            websocket.send
            websocket.receive
              drink
              websocket.send
            websocket.receive
              drink
            websocket.close
    """,
}


@every_library
@both_models
async def test_a_conversation(
    library: Library, model: str, served: Served, spans: CapturedSpans
) -> None:
    await library.play(served.url("/answer"), ask(2), {"model": model})
    assert seen(spans) == expect(CONVERSATION[model])
    (close,) = (span for span in spans.named("websocket.close") if _is_clients(span))
    totals = {
        "websocket.received.message_count": 2,
        "websocket.received.size": 2 * len('{"answer":"milk?"}'),
        "websocket.sent.message_count": 2,
        "websocket.sent.size": 2 * len(QUESTION),
    }
    assert totals.items() <= dict(close.attributes or {}).items()
    sessions = {span.attributes["websocket.session.id"] for span in spans if _is_clients(span)}
    assert len(sessions) == 1


def _is_clients(span: Any) -> bool:
    return bool(span.instrumentation_scope.name == "otel_ws.client")


@every_library
async def test_the_handshake_is_a_request_of_a_client(
    library: Library, served: Served, spans: CapturedSpans
) -> None:
    url = f"ws://user:secret@127.0.0.1:{served.port}/answer?token=secret&lang=en"
    with tracer.start_as_current_span("click"):
        await library.play(url, ask(), {"query_allow": ["lang"]})
    attributes = (
        *("http.request.method", "url.full", "server.address", "server.port"),
        *("http.response.status_code", "error.type"),
    )
    port = served.port
    assert seen(spans, *attributes).splitlines()[:2] == [
        "click",
        f"  GET {{http.request.method=GET, url.full=ws://127.0.0.1:{port}/answer"
        f"?token=REDACTED&lang=en, server.address=127.0.0.1, server.port={port}, "
        "http.response.status_code=101}",
    ]
    assert spans.named("GET")[0].kind is trace.SpanKind.CLIENT
    for span in spans:
        if _is_clients(span):
            assert "secret" not in str(span.attributes)


@every_library
async def test_the_server_continues_the_handshake(
    library: Library, served: Served, spans: CapturedSpans
) -> None:
    await library.play(served.url("/answer"), ask())
    client, server = spans.named("GET")
    assert server.parent.span_id == client.context.span_id
    assert server.context.trace_id == client.context.trace_id


# --- handshakes that fail -----------------------------------------------------------------------


@every_library
@pytest.mark.parametrize(
    ("path", "status"), [("/refuse", 403), ("/deny?status=401", 401), ("/deny?status=503", 503)]
)
async def test_a_refused_handshake(
    library: Library, path: str, status: int, served: Served, spans: CapturedSpans
) -> None:
    assert await raised(library.play(served.url(path), ask()))
    code = "http.response.status_code"
    assert seen(spans, code) == f"GET ! {status} {{{code}={status}}}"
    assert spans[0].events == ()


@every_library
async def test_an_answer_that_is_no_websocket(
    library: Library, served: Served, spans: CapturedSpans
) -> None:
    kind = type(await raised(library.play(served.url("/deny?status=200"), ask())))
    code = "http.response.status_code"
    assert seen(spans, code) == f"GET ! {kind.__module__}.{kind.__qualname__} {{{code}=200}}"


@every_library
async def test_nobody_listens(library: Library, spans: CapturedSpans) -> None:
    error = await raised(library.play(f"ws://127.0.0.1:{free_port()}/", ask()))
    (span,) = spans
    assert span.attributes["error.type"].endswith(type(error).__qualname__)
    assert span.status.status_code is StatusCode.ERROR
    assert len(span.events) == 1


# --- ends ---------------------------------------------------------------------------------------


@every_library
@both_models
async def test_the_client_closes(
    library: Library, model: str, served: Served, spans: CapturedSpans
) -> None:
    def leave() -> Conversation:
        yield QUESTION
        yield HEAR
        yield Close(4000, "bye")

    await library.play(served.url("/answer"), leave(), {"model": model})
    await served.settle()
    ends = [line.strip() for line in spans.tree(*CLOSE).splitlines() if ".close" in line]
    assert len(ends) == 2
    for end in ends:  # the server has seen the same
        assert end.endswith(
            "{websocket.close.code=4000, websocket.close.initiator=client, "
            "websocket.close.status=application}"
        )


@every_library
@both_models
@pytest.mark.parametrize(
    ("code", "status"),
    [(1000, "normal_closure"), (4001, "application"), (1011, "internal_error")],
)
async def test_the_server_closes_and_what_it_said_before_is_heard(
    library: Library, model: str, code: int, status: str, served: Served, spans: CapturedSpans
) -> None:
    heard: list[Any] = []
    url = served.url(f"/push?code={code}")
    await library.play(url, hear_all(heard), {"model": model})
    assert len(heard) == 4
    assert heard[-1] == (code, "enough")
    lines = seen(spans, *CLOSE).splitlines()
    assert sum("websocket.receive" in line for line in lines) == 3
    assert sum("websocket.close" in line for line in lines) == 1
    assert lines[-1].endswith(
        f"{{websocket.close.code={code}, websocket.close.initiator=server, "
        f"websocket.close.status={status}}}"
    )
    assert "!" not in seen(spans)


@every_library
async def test_the_server_vanishes(library: Library, served: Served, spans: CapturedSpans) -> None:
    heard: list[Any] = []

    def hear_after_a_question() -> Conversation:
        yield QUESTION
        yield from hear_all(heard)

    await library.play(served.url("/crash"), hear_after_a_question())
    assert len(heard) == 1
    assert seen(spans, *CLOSE) == expect(
        """
        GET
        websocket.send -> GET
        websocket.close -> GET {websocket.close.code=1006, websocket.close.initiator=server, websocket.close.status=abnormal_closure}
        """  # noqa: E501
    )


class Spilled(Exception):
    """A bug of the user."""


@every_library
@both_models
async def test_a_bug_in_the_handling_of_a_message(
    library: Library, model: str, served: Served, spans: CapturedSpans
) -> None:
    def spill() -> Conversation:
        yield QUESTION
        yield HEAR
        raise Spilled

    error = await raised(library.play(served.url("/answer"), spill(), {"model": model}))
    assert "Spilled" in repr(error)  # one library puts it into a group
    failed = [span for span in spans if span.status.status_code is StatusCode.ERROR]
    recorded = [span.name for span in failed if span.events]
    assert recorded == ["websocket.receive"]
    assert {span.name for span in failed} == {"websocket.receive", "websocket.close"} | (
        {"websocket.connection"} if model == "connection" else set()
    )


# --- settings -----------------------------------------------------------------------------------


@every_library
async def test_without_sends(library: Library, served: Served, spans: CapturedSpans) -> None:
    await library.play(served.url("/answer"), ask(), {"trace_sends": False})
    assert seen(spans) == expect(
        """
        GET
        websocket.receive -> GET
          drink
        websocket.close -> GET
        """
    )


@every_library
@pytest.mark.parametrize(
    ("tracing", "tree"),
    [
        ({"volume": {"/answer": "handshake"}}, ["GET", "drink", "websocket.close -> GET"]),
        ({"volume": {"/answer": "off"}}, ["drink"]),
        ({"excluded_routes": ["/ans*"]}, ["drink"]),
    ],
)
async def test_less_is_traced_of_some(
    library: Library, tracing: Any, tree: list[str], served: Served, spans: CapturedSpans
) -> None:
    await library.play(served.url("/answer"), ask(), tracing)
    assert seen(spans).splitlines() == tree


@every_library
async def test_a_setting_that_is_wrong_is_refused(library: Library, served: Served) -> None:
    with pytest.raises(ConfigError, match="modle"):
        await library.play(served.url("/answer"), ask(), {"modle": "session"})


@every_library
async def test_hooks_see_the_spans(library: Library, served: Served) -> None:
    heard: list[Any] = []
    hooks = Hooks(
        on_handshake=lambda span, scope: heard.append((scope["path"], scope["server"])),
        on_message=lambda span, scope, message: heard.append(message),
        on_send=lambda span, scope, message: heard.append(message),
    )
    await library.play(served.url("/answer"), ask(), {"hooks": hooks})
    assert heard == [
        ("/answer", ("127.0.0.1", served.port)),
        {"type": "websocket.send", "text": QUESTION},
        {"type": "websocket.receive", "text": '{"answer":"milk?"}'},
    ]


# --- what is offered to the server --------------------------------------------------------------


def hear_headers(heard: dict[str, str]) -> Conversation:
    heard.update(json.loads((yield HEAR)))


@contextmanager
def unsampled() -> Iterator[str]:
    """Run the block under a span that is not sampled; yield its trace's id."""
    with TracerProvider(sampler=ALWAYS_OFF).get_tracer("").start_as_current_span("out") as span:
        yield f"{span.get_span_context().trace_id:032x}"


@every_library
async def test_an_unsampled_caller_is_continued_and_nothing_is_recorded(
    library: Library, served: Served, spans: CapturedSpans
) -> None:
    heard: dict[str, str] = {}
    with unsampled() as trace_id:
        tracing = {"message_codec": "json", "inject_sends": True}
        await library.play(served.url("/headers"), hear_headers(heard), tracing)
        await library.play(served.url("/answer"), ask())
    _, offered, _, flags = heard["traceparent"].split("-")
    assert offered == trace_id
    assert int(flags, 16) & 1 == 0
    assert list(spans) == []


@every_library
async def test_the_headers_of_the_user_come_first(library: Library, served: Served) -> None:
    own = f"00-{7:032x}-{7:016x}-00"
    name = "additional_headers" if library.name.startswith("websockets") else "headers"
    pairs = [("TraceParent", own), ("X-Shop", "1")]
    for given in (dict(pairs), pairs, iter(pairs)):
        if library.name.startswith("httpx") and not isinstance(given, dict):
            continue  # which that library does not take
        heard: dict[str, str] = {}
        await library.play(served.url("/headers"), hear_headers(heard), **{name: given})
        assert heard["traceparent"] == own
        assert heard["x-shop"] == "1"
    assert pairs == [("TraceParent", own), ("X-Shop", "1")]


@every_library
async def test_the_headers_of_the_user_are_joined_by_ours(library: Library, served: Served) -> None:
    name = "additional_headers" if library.name.startswith("websockets") else "headers"
    given = {"X-Shop": "1", "baggage": "shop=1"}
    heard: dict[str, str] = {}
    await library.play(served.url("/headers"), hear_headers(heard), **{name: given})
    assert heard["x-shop"] == "1"
    assert heard["baggage"] == "shop=1"
    assert "traceparent" in heard
    assert given == {"X-Shop": "1", "baggage": "shop=1"}


@every_library
async def test_nothing_is_offered_without_the_carrier(library: Library, served: Served) -> None:
    heard: dict[str, str] = {}
    await library.play(served.url("/headers"), hear_headers(heard), {"carriers": ()})
    assert "traceparent" not in heard


@every_library
async def test_the_subprotocol_is_recorded(
    library: Library, served: Served, spans: CapturedSpans
) -> None:
    name = "protocols" if library.name == "aiohttp" else "subprotocols"
    await library.play(served.url("/headers"), hear_headers({}), **{name: ["chat", "talk"]})
    assert spans[0].attributes["websocket.subprotocol"] == "chat"
