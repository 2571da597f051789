"""What the doctor makes of evidence: no network, no process."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from otel_ws._records import SpanRecord
from otel_ws.doctor import Evidence, Finding, Visit, examine

TRACE, SESSION = "a" * 32, "5" * 32
VISIT = Visit(trace_id=TRACE, span_id="b" * 16, status=101, sent=1, close_code=1000)


def span(name: str, kind: str = "INTERNAL", **changes: Any) -> SpanRecord:
    attributes = {"websocket.session.id": SESSION, **changes.pop("attributes", {})}
    made = SpanRecord(
        trace_id=TRACE,
        span_id=name[:16].encode().hex()[:16],
        parent_id=None,
        name=name,
        kind=kind,
        started=1,
        ended=2,
        attributes=attributes,
        scope="otel_ws",
    )
    return replace(made, **changes)


HANDSHAKE = span("GET /ws", "SERVER", attributes={"http.route": "/ws"})
RECEIVE = span("websocket.receive /ws", "CONSUMER")
CLOSE = span("websocket.close", attributes={"websocket.received.message_count": 1})


def evidence(*spans: SpanRecord, **changes: Any) -> Evidence:
    return Evidence("ws://127.0.0.1/ws", VISIT, received=spans, **changes)


def wrong(found: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.came for finding in found if finding.state == "wrong"}


def test_what_is_whole_is_well() -> None:
    assert wrong(examine(evidence(HANDSHAKE, RECEIVE, CLOSE))) == {}


def test_an_sdk_that_is_too_old() -> None:
    old = {"telemetry.sdk.language": "python", "telemetry.sdk.version": "1.20.0"}
    found = examine(evidence(replace(HANDSHAKE, resource=old), RECEIVE, CLOSE))
    assert wrong(found) == {"sdk": "1.20.0"}


def test_an_sdk_of_another_language_has_versions_of_its_own() -> None:
    browser = {"telemetry.sdk.language": "webjs", "telemetry.sdk.version": "1.20.0"}
    theirs = span("click", resource=browser)
    assert wrong(examine(evidence(theirs, HANDSHAKE, RECEIVE, CLOSE))) == {}


def test_a_failure_of_our_own_is_found_in_the_log() -> None:
    line = "TracingMiddleware._open failed; the application is unaffected"
    assert wrong(examine(evidence(output=f"Started\n{line}\nTraceback"))) == {"log": line}


@pytest.mark.parametrize("version", ["1.30.0", "1.45.2", "2.0.0rc1", "", "unknown"])
def test_an_sdk_that_is_not(version: str) -> None:
    ours = {"telemetry.sdk.language": "python", "telemetry.sdk.version": version}
    assert wrong(examine(evidence(replace(HANDSHAKE, resource=ours), RECEIVE, CLOSE))) == {}


def test_metrics_and_no_span_mean_that_a_sampler_drops_traces() -> None:
    found = examine(evidence(has_metrics=True))
    assert wrong(found) == {"exported": "metrics of otel_ws, and no span"}


def test_grpc_is_told_from_silence() -> None:
    assert wrong(examine(evidence(is_grpc=True))) == {"exported": "an exporter that speaks gRPC"}


def test_an_export_that_is_not_understood() -> None:
    found = examine(evidence(refused_exports=("the body is no protobuf",)))
    assert "the body is no protobuf" in wrong(found)["exported"]
    assert "An endpoint= in code is the whole URL" in found[-1].advice


def test_spans_that_were_printed_are_worth_a_note_and_read_like_others() -> None:
    printed = [replace(each, scope="") for each in (HANDSHAKE, RECEIVE, CLOSE)]
    found = examine(evidence(*printed, are_printed=True))
    assert wrong(found) == {}
    assert [f.came for f in found if f.state == "note"] == [
        "3 spans were printed by the application, and none came over OTLP"
    ]


def test_an_export_that_fails_is_wrong_though_spans_are_printed() -> None:
    found = examine(evidence(HANDSHAKE, RECEIVE, are_printed=True, is_grpc=True))
    assert set(wrong(found)) == {"exported", "close"}


def test_a_parent_that_is_lost_is_worth_a_note() -> None:
    orphan = replace(RECEIVE, parent_id="f" * 16)
    found = examine(evidence(HANDSHAKE, orphan, CLOSE))
    assert wrong(found) == {}
    (note,) = (finding for finding in found if finding.check == "whole")
    assert note.came == "the parent of websocket.receive /ws has not come"


def test_only_some_messages_are_there() -> None:
    visited = replace(VISIT, sent=3)
    found = examine(Evidence("ws://x", visited, received=(HANDSHAKE, RECEIVE, CLOSE)))
    assert wrong(found) == {"messages": "1"}


@pytest.mark.parametrize(
    "status", [200, 302, 400, 401, 403, 404, 405, 426, 429, 500, 502, 503, 504]
)
def test_every_refusal_has_an_explanation(status: int) -> None:
    visited = Visit(status=status, location="https://elsewhere" if status == 302 else "")
    (finding,) = (f for f in examine(Evidence("ws://x", visited)) if f.state == "wrong")
    assert finding.check == "accepted"
    assert not finding.advice.startswith("The log of the application")


@pytest.mark.parametrize(
    "trouble",
    [
        *("refused", "unknown", "timeout", "certificate", "tls"),
        *("not_http", "subprotocol", "handshake", "url"),
    ],
)
def test_every_trouble_has_an_explanation(trouble: str) -> None:
    visited = Visit(trouble=trouble, says="so it says")
    (finding,) = examine(Evidence("ws://x", visited))
    assert (finding.state, finding.came) == ("wrong", "so it says")


def test_nobody_looks_for_spans_where_none_were_asked_for() -> None:
    found = examine(Evidence("ws://x", VISIT))
    assert [finding.check for finding in found] == ["reachable", "accepted"]
