"""The doctor's collector: what exporters send is kept, and what strangers send does no harm."""

from __future__ import annotations

import gzip
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from otel_ws.doctor._receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


def address(receiver: Receiver) -> str:
    return receiver.environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]


def post(url: str, body: bytes, **headers: str) -> int:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-protobuf"} | named)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            status: int = response.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    return status


def say(receiver: Receiver, spoken: bytes) -> bytes:
    port = int(receiver.environment["OTEL_EXPORTER_OTLP_ENDPOINT"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(spoken)
        peer.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := peer.recv(4096):
            answer += piece
    return answer


def test_the_spans_of_a_real_exporter_are_kept(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in receiver.environment.items():
        monkeypatch.setenv(name, value)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    provider.get_tracer("test").start_span("here").end()
    provider.shutdown()
    assert [span.name for span in receiver.spans] == ["here"]
    assert not receiver.is_grpc


def test_grpc_is_noticed(receiver: Receiver) -> None:
    say(receiver, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 32)
    assert receiver.is_grpc


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\xff" * 64, {}, 400),
        (b"{}", {"Content_Type": "text/html"}, 415),
        (b"not gzip", {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(b"\0" * (64 * 1024 * 1024)), {"Content_Encoding": "gzip"}, 413),
    ],
)
def test_what_is_no_export_is_refused_in_words(
    receiver: Receiver, body: bytes, headers: dict[str, str], status: int
) -> None:
    assert post(address(receiver), body, **headers) == status
    assert receiver.spans == []
    assert len(receiver.refused) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 99999999999999\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: many\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffff\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nno number\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_body_without_an_honest_length_is_refused(receiver: Receiver, head: bytes) -> None:
    answer = say(receiver, b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n" + head)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413", b"HTTP/1.1 415"))
    assert post(address(receiver), b"") == 200
    assert receiver.spans == []


def test_other_signals_are_taken_and_not_kept(receiver: Receiver) -> None:
    for path in ("logs", "metrics"):
        assert post(address(receiver).replace("traces", path), b"\x0a\x00") == 200
    assert (receiver.spans, receiver.has_metrics, receiver.refused) == ([], False, [])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_endpoint_that_is_not_the_whole_url_is_told(receiver: Receiver) -> None:
    endpoint = receiver.environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint)))
    provider.get_tracer("test").start_span("lost").end()
    provider.shutdown()
    assert (receiver.spans, receiver.refused) == (
        [],
        ["spans were sent to '/', not to /v1/traces"],
    )
