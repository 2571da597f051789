"""`python -m otel_ws page`: one page for any number of processes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Status, StatusCode
from websockets.sync.client import ClientConnection, connect

from otel_ws import __main__ as command
from otel_ws._otlp import JSON, decode
from otel_ws._otlp_json import to_json
from otel_ws._records import record_of
from testproject.servers import ROOT, clean_environment, listen

from .asked import PATIENCE, TRACE, records
from .serving import PageServer, running_page

LOCAL_ONLY = "The trace page answers only this machine: --host takes 127.0.0.1, ::1 or localhost"
direct = build_opener(ProxyHandler({}))


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def made_spans(service: str, exporter: Any) -> list[ReadableSpan]:
    """Make two spans, export them, and return them."""
    kept = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": service}))
    provider.add_span_processor(SimpleSpanProcessor(kept))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("application", "1.0")
    values = {"text": "ü", "part": 0.1, "whole": 2**62, "many": [1, 2]}
    with tracer.start_as_current_span(f"{service} one", attributes=values) as one:
        one.add_event("chunk", {"size": 3})
        links = [Link(one.get_span_context(), {"websocket.link.type": "previous"})]
        with tracer.start_as_current_span(f"{service} two", links=links) as two:
            two.set_status(Status(StatusCode.ERROR, "gone"))
    provider.shutdown()
    return list(kept.get_finished_spans())


def open_live(page: PageServer) -> ClientConnection:
    uri = page.url.replace("http", "ws") + "/.otel-ws/live"
    origin: Any = page.url
    return connect(uri, origin=origin, proxy=None)


def heard(live: ClientConnection, kind: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    while not told or told[-1]["type"] != kind:
        told.append(json.loads(live.recv(PATIENCE)))
    return told


def test_many_processes_send_and_one_page_shows_them_all() -> None:
    with running_page() as page, open_live(page) as live:
        heard(live, "ready")
        endpoint = f"{page.url}/v1/traces"
        plain = made_spans("chat", OTLPSpanExporter(endpoint))
        packed = made_spans("worker", OTLPSpanExporter(endpoint, compression=Compression.Gzip))
        told: list[dict[str, Any]] = []
        while sum(len(each.get("spans", ())) for each in told) < 4:
            told += heard(live, "spans")
        services = {
            each["index"]: each["attributes"]["service.name"]
            for each in told
            if each["type"] == "resource"
        }
        spans = [span for each in told for span in each.get("spans", ())]
        assert [(services[span["r"]], span["n"]) for span in spans] == [
            ("chat", "chat two"),
            ("chat", "chat one"),
            ("worker", "worker two"),
            ("worker", "worker one"),
        ]
        for sent in (plain, packed):
            exported = page.export("trace", record_of(sent[0]).trace_id)
            assert decode(json.dumps(exported).encode(), JSON) == [record_of(s) for s in sent]


def test_a_page_elsewhere_may_be_let_in() -> None:
    """As a browser asks: first whether it may, then with the spans in JSON."""
    with running_page(0, "--origin=http://localhost:5173", "--limit=3") as page:
        url = f"{page.url}/v1/traces"
        origin = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "POST"}
        with direct.open(Request(url, headers=origin, method="OPTIONS"), timeout=PATIENCE) as may:
            assert may.headers["access-control-allow-origin"] == "http://localhost:5173"
        body = json.dumps(to_json(records(1, 2, 3, 4))).encode()
        sent = Request(url, body, {**origin, "Content-Type": JSON})
        with direct.open(sent, timeout=PATIENCE) as answer:
            assert json.load(answer) == {}
        names = [
            span.name for span in decode(json.dumps(page.export("trace", TRACE)).encode(), JSON)
        ]
        assert names == ["span 2", "span 3", "span 4"]
        with pytest.raises(HTTPError, match="403"):
            direct.open(Request(url, body, {"Origin": "http://localhost:5174"}), timeout=PATIENCE)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "otel_ws", *arguments],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_port_that_is_taken_is_told() -> None:
    with listen() as taken:
        done = run("page", f"--port={taken.getsockname()[1]}")
    assert done.returncode == 1
    assert done.stderr.startswith("The trace page cannot be served: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--origin=*", "expected an origin such as 'http://localhost:5173', not '*'"),
        ("--limit=0", "limit must be a positive number of spans, not 0"),
        ("--host=0.0.0.0", LOCAL_ONLY),
        ("--host=::", LOCAL_ONLY),
        ("--host=192.168.1.7", LOCAL_ONLY),
        ("--host=traces.example", LOCAL_ONLY),
        ("--host=localhost:80", LOCAL_ONLY),
    ],
)
def test_an_option_that_is_wrong_is_told(
    option: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["page", option]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["pages"], ["page", "--nothing"], ["page", "--port=65536"]]
)
def test_what_is_no_command_is_told(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(arguments)
    assert left.value.code == 2
    assert "usage: otel-ws" in capsys.readouterr().err


def test_the_commands_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--help"])
    assert "  page       serve the trace page" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main(["page", "--help"])
    assert "--origin" in capsys.readouterr().out


def test_what_is_not_installed_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "otel_ws.page._command", raising=False)
    assert command.main(["page"]) == 1
    assert 'pip install "otel-ws[page]"' in capsys.readouterr().err
