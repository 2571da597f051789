"""What the page answers over HTTP: its files, exports, and spans that are sent to it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_ws._otlp import JSON, PROTOBUF, decode
from otel_ws._otlp_json import to_json
from otel_ws._records import record_of
from otel_ws.page import SpanBuffer, TracePage, _http

from .asked import LOCAL, OWN_ORIGIN, TRACE, ask, record, records, scope_of

STATIC = Path(_http.__file__).parent / "static"
SESSION = "websocket.session.id"
PREFLIGHT = [(b"origin", b"http://localhost:5173"), (b"access-control-request-method", b"POST")]


@pytest.fixture
def buffer() -> SpanBuffer:
    return SpanBuffer()


@pytest.fixture
def page(buffer: SpanBuffer) -> TracePage:
    return TracePage(buffer, origins=["http://localhost:5173"])


def sent_spans() -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("application")
    with tracer.start_as_current_span("GET /chat"), tracer.start_as_current_span("query"):
        pass
    return list(exporter.get_finished_spans())


def of_type(content_type: str, *more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    return [(b"content-type", content_type.encode()), *more]


# --- files --------------------------------------------------------------------------------------


async def test_the_page_and_its_files_are_served(page: TracePage) -> None:
    index = await ask(page, "/")
    assert (index.status, index.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert index.body == (STATIC / "index.html").read_bytes()
    for path in STATIC.iterdir():
        answer = await ask(page, f"/static/{path.name}")
        assert (answer.status, answer.body) == (200, path.read_bytes())
        assert answer.headers["content-length"] == str(len(answer.body))


async def test_a_browser_is_told_to_run_nothing_from_elsewhere(page: TracePage) -> None:
    for path in ("/", "/static/page.css", "/nothing", f"/export/trace/{TRACE}"):
        headers = (await ask(page, path)).headers
        assert headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            "img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


async def test_what_a_browser_has_is_not_sent_again(page: TracePage) -> None:
    first = await ask(page, "/static/page.css")
    tag = first.headers["etag"].encode()
    again = await ask(page, "/static/page.css", headers=[(b"if-none-match", tag)])
    assert (again.status, again.body) == (304, b"")
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"


async def test_head_is_get_without_a_body(page: TracePage) -> None:
    head, get = await ask(page, "/", "HEAD"), await ask(page, "/")
    assert (head.status, head.headers, head.body) == (200, get.headers, b"")


@pytest.mark.parametrize(
    "path",
    [
        *("/static/", "/static/../_http.py", "/static/..", "/static/%2e%2e/_http.py"),
        *("/static//etc/passwd", "/static/page.css/", "/static/page.css\0", "/static\\page.css"),
        *("/index.html", "//", "//evil.example", "/nothing", "/export", "/export/trace/"),
        *("/export/metric/1", "/export/trace/a/b", "/v1/traces/", "/v1/metrics"),
    ],
)
async def test_there_is_nothing_else(page: TracePage, path: str) -> None:
    assert (await ask(page, path)).status == 404


@pytest.mark.parametrize(
    ("path", "root_path", "location"),
    [("/traces", "/traces", "./traces/"), ("/a/b:c", "/a/b:c", "./b%3Ac/"), ("", "", "/")],
)
async def test_without_the_slash_a_browser_is_sent_to_the_folder(
    page: TracePage, path: str, root_path: str, location: str
) -> None:
    answer = await ask(page, path, root_path=root_path)
    assert (answer.status, answer.headers["location"]) == (307, location)


@pytest.mark.parametrize(
    ("path", "root_path"),
    [
        ("/traces/", "/traces"),
        ("/traces/", "/traces/"),
        ("/", "/traces"),  # of a framework that takes the prefix away
        ("/api/traces/", "/api/traces"),
    ],
)
async def test_the_page_is_found_wherever_it_is_mounted(
    page: TracePage, path: str, root_path: str
) -> None:
    assert (await ask(page, path, root_path=root_path)).status == 200


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/", "POST", "GET, HEAD"),
        ("/export/trace/1", "DELETE", "GET, HEAD"),
        ("/v1/traces", "GET", "POST, OPTIONS"),
    ],
)
async def test_other_methods_are_not_allowed(
    page: TracePage, path: str, method: str, allowed: str
) -> None:
    answer = await ask(page, path, method)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)


async def test_a_page_serves_nothing_but_http_and_websockets(page: TracePage) -> None:
    with pytest.raises(ValueError, match="serves http and websocket, not 'lifespan'"):
        await page({"type": "lifespan"}, None, None)  # type: ignore[arg-type]


# --- exports ------------------------------------------------------------------------------------


async def test_a_trace_is_exported_as_it_was_sent(page: TracePage) -> None:
    spans = sent_spans()
    body = encode_spans(spans).SerializeToString()
    await ask(page, "/v1/traces", "POST", body, headers=of_type(PROTOBUF))
    trace_id = record_of(spans[0]).trace_id
    answer = await ask(page, f"/export/trace/{trace_id}")
    assert (answer.status, answer.headers["content-type"]) == (200, JSON)
    disposition = f'attachment; filename="trace-{trace_id}.json"'
    assert answer.headers["content-disposition"] == disposition
    assert decode(answer.body, JSON) == [record_of(span) for span in spans]


async def test_an_export_can_be_sent_again(page: TracePage, buffer: SpanBuffer) -> None:
    buffer.add(records(1, 2))
    exported = (await ask(page, f"/export/trace/{TRACE}")).body
    buffer.clear()
    assert (await ask(page, "/v1/traces", "POST", exported, headers=of_type(JSON))).status == 200
    assert buffer.look().spans == records(1, 2)


async def test_a_session_is_exported_under_a_name_that_is_safe(
    page: TracePage, buffer: SpanBuffer
) -> None:
    hostile = '"; filename="evil.exe\r\nx: é'
    buffer.add([record(1, attributes={SESSION: hostile}), record(2)])
    answer = await ask(page, f"/export/session/{hostile}")
    assert answer.headers["content-disposition"] == (
        'attachment; filename="session-___filename__evil_exe__x___.json"'
    )
    assert [span.name for span in decode(answer.body, JSON)] == ["span 1", "span 2"]


async def test_what_is_not_kept_cannot_be_exported(page: TracePage, buffer: SpanBuffer) -> None:
    buffer.add(records(1))
    for wanted in (f"trace/{'f' * 32}", f"trace/{TRACE.upper()}", "session/x"):
        assert (await ask(page, f"/export/{wanted}")).status == 404


# --- spans that are sent ------------------------------------------------------------------------


async def test_spans_are_taken_and_answered_in_kind(page: TracePage, buffer: SpanBuffer) -> None:
    body = encode_spans(sent_spans()).SerializeToString()
    packed = of_type(PROTOBUF, (b"content-encoding", b"gzip"))
    answer = await ask(page, "/v1/traces", "POST", gzip.compress(body), headers=packed)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, PROTOBUF, b"")
    text = json.dumps(to_json(records(1))).encode()
    json_too = of_type("application/json; charset=utf-8")
    answer = await ask(page, "/v1/traces", "POST", text, headers=json_too)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, JSON, b"{}")
    assert [span.name for span in buffer.look().spans] == ["query", "GET /chat", "span 1"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", JSON, 400),
        (b"\xff\xff", PROTOBUF, 400),
        (b"", "", 415),
        (b"{}", "text/plain", 415),
        (b" " * (8 * 1024 * 1024 + 1), JSON, 413),
    ],
)
async def test_what_is_no_otlp_is_refused(
    page: TracePage, buffer: SpanBuffer, body: bytes, content_type: str, status: int
) -> None:
    answer = await ask(page, "/v1/traces", "POST", body, headers=of_type(content_type))
    assert answer.status == status
    assert answer.body
    assert len(buffer) == 0


@pytest.mark.parametrize(
    ("length", "status"),
    [
        *(("8388609", 413), ("9" * 5000, 413), ("0" * 20 + "8388609", 413)),
        *(("-1", 400), ("x", 400), ("", 400)),
    ],
)
def test_a_length_that_cannot_be_is_refused_unread(
    page: TracePage, length: str, status: int
) -> None:
    def read(count: int) -> bytes:
        raise AssertionError("it was read")

    headers = [*LOCAL, (b"content-length", length.encode())]
    scope = scope_of("http", "/v1/traces", method="POST", headers=headers)
    assert page.answer(scope, read).status == status


async def test_who_leaves_in_the_midst_is_answered_nothing(
    page: TracePage, buffer: SpanBuffer
) -> None:
    inbound: Iterator[dict[str, Any]] = iter(
        [
            {"type": "http.request", "body": b"{}", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )

    async def receive() -> dict[str, Any]:
        return next(inbound)

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(message)

    await page(scope_of("http", "/v1/traces", method="POST"), receive, send)


async def test_a_page_elsewhere_that_is_known_may_send_its_spans(page: TracePage) -> None:
    wanted = (b"access-control-request-headers", b"content-type, traceparent")
    answer = await ask(page, "/v1/traces", "OPTIONS", headers=[*PREFLIGHT, wanted])
    shared = {
        "access-control-allow-origin": "http://localhost:5173",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "POST",
        "vary": "origin",
    }
    assert answer.status == 204
    assert "content-length" not in answer.headers
    assert answer.headers.items() >= shared.items()
    assert answer.headers["access-control-allow-headers"] == "content-type, traceparent"
    sent = of_type(JSON, PREFLIGHT[0])
    answer = await ask(page, "/v1/traces", "POST", b"{}", headers=sent)
    assert answer.status == 200
    assert answer.headers.items() >= shared.items()


async def test_the_pages_own_origin_needs_no_permission(page: TracePage) -> None:
    answer = await ask(page, "/v1/traces", "OPTIONS", headers=[OWN_ORIGIN])
    assert answer.status == 204
    assert "access-control-allow-origin" not in answer.headers


async def test_a_preflight_cannot_write_headers_of_its_own(page: TracePage) -> None:
    for hostile in (b"a\r\nset-cookie: x", b"x" * 501, "é".encode()):
        wanted = (b"access-control-request-headers", hostile)
        answer = await ask(page, "/v1/traces", "OPTIONS", headers=[*PREFLIGHT, wanted])
        assert "access-control-allow-headers" not in answer.headers


async def test_a_failure_of_ours_is_told_and_logged(
    page: TracePage, monkeypatch: pytest.MonkeyPatch, our_log: list[str]
) -> None:
    monkeypatch.setattr(_http, "_file", None)
    answer = await ask(page, "/")
    assert (answer.status, answer.body) == (
        500,
        b"The trace page has failed; the log of its process says why.\n",
    )
    assert our_log == ["the trace page failed; the application is unaffected"]
