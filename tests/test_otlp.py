"""OTLP as we read and write it: what comes in goes out again, and no stranger can break it."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceState

from otel_ws import _otlp_size
from otel_ws._otlp import JSON, MAX_UNPACKED, PROTOBUF, NotOTLP, decode
from otel_ws._otlp_json import to_json
from otel_ws._otlp_size import MAX_JSON_OBJECTS, MAX_PARTS
from otel_ws._records import EventRecord, LinkRecord, SpanRecord, record_of

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
REMOTE = SpanContext(int(TRACE, 16), int(SPAN, 16), is_remote=True, trace_state=None)


def made_spans() -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "chat", "process.pid": 7}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("otel_ws", "1.2", "https://example.org/schema", {"a": "b"})
    values = {"text": "ü", "whole": -(2**63), "part": 0.1, "yes": True, "many": ["a", "b"]}
    links = [Link(REMOTE, {"websocket.link.type": "handshake"})]
    with tracer.start_as_current_span("GET /chat", kind=SpanKind.SERVER, attributes=values) as one:
        one.add_event("chunk", {"size": 3}, timestamp=1_700_000_000_123_456_789)
        with tracer.start_as_current_span("websocket.receive", links=links) as two:
            two.set_status(Status(StatusCode.ERROR, "no such room"))
    return list(exporter.get_finished_spans())


def exported(spans: list[ReadableSpan]) -> bytes:
    return encode_spans(spans).SerializeToString()


def request(**span: Any) -> dict[str, Any]:
    span = {"traceId": TRACE, "spanId": SPAN, "name": "a", **span}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def read_json(fields: Any) -> list[SpanRecord]:
    return decode(json.dumps(fields).encode(), JSON)


def attribute(value: dict[str, Any]) -> Any:
    attributes = [{"key": "a", "value": value}]
    return read_json(request(attributes=attributes))[0].attributes["a"]


# --- what comes in ------------------------------------------------------------------------------


def test_a_span_of_the_sdk_is_the_same_after_an_export() -> None:
    spans = made_spans()
    expected = [record_of(span) for span in spans]
    received = decode(exported(spans), PROTOBUF)
    if not received[0].schema_url:  # older exporters tell a scope's name and version only
        expected = [replace(each, schema_url="", scope_attributes={}) for each in expected]
    assert received == expected


def test_a_record_holds_all_that_a_span_tells() -> None:
    child, root = (record_of(span) for span in made_spans())
    assert (root.name, root.kind, root.parent_id) == ("GET /chat", "SERVER", None)
    assert (child.kind, child.parent_id) == ("INTERNAL", root.span_id)
    assert (child.status, child.status_description) == ("error", "no such room")
    assert root.started <= child.started <= child.ended <= root.ended
    assert root.attributes["whole"] == -(2**63)
    assert root.attributes["many"] == ("a", "b")
    assert root.events == (EventRecord("chunk", 1_700_000_000_123_456_789, {"size": 3}),)
    assert child.links == (
        LinkRecord(TRACE, SPAN, {"websocket.link.type": "handshake"}, "", 0x300),
    )
    assert (root.scope, root.scope_version, root.scope_attributes) == ("otel_ws", "1.2", {"a": "b"})
    assert (root.schema_url, dict(root.resource)) == (
        "https://example.org/schema",
        {"service.name": "chat", "process.pid": 7},
    )


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [("", bytes), ("identity", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)],
)
def test_a_body_may_be_compressed(encoding: str, packed: Any) -> None:
    body = exported(made_spans())
    assert decode(packed(body), f"{PROTOBUF}; charset=utf-8", encoding) == decode(body, PROTOBUF)


@pytest.mark.parametrize(
    ("value", "is_read_as"),
    [
        ({"stringValue": "é"}, "é"),
        ({"boolValue": True}, True),
        ({"intValue": "9007199254740993"}, 9007199254740993),
        ({"intValue": 12}, 12),
        ({"doubleValue": 0.5}, 0.5),
        ({"doubleValue": "-Infinity"}, -math.inf),
        ({"bytesValue": "AP8="}, b"\0\xff"),
        ({"arrayValue": {"values": [{"intValue": "1"}, {}]}}, (1, None)),
        ({"kvlistValue": {"values": [{"key": "b", "value": {"intValue": 1}}]}}, {"b": 1}),
        ({"somethingNew": 1}, None),
        ({}, None),
    ],
)
def test_a_value_in_json_is_what_it_would_be_in_protobuf(value: Any, is_read_as: Any) -> None:
    assert attribute(value) == is_read_as


def test_json_of_a_browser_is_read() -> None:
    """OpenTelemetry JS writes identifiers in hexadecimal, times as texts, kinds as numbers."""
    (span,) = read_json(
        request(
            kind=3,
            parentSpanId="",
            startTimeUnixNano="1700000000123456789",
            endTimeUnixNano=1700000000123456790,
            status={"code": 2, "message": "gone"},
            links=[{"traceId": TRACE, "spanId": SPAN.upper(), "droppedAttributesCount": 0}],
            events=[{"name": "open", "timeUnixNano": "1700000000123456789"}],
            droppedAttributesCount=0,
        )
    )
    assert span == SpanRecord(
        TRACE,
        SPAN,
        None,
        "a",
        "CLIENT",
        1700000000123456789,
        1700000000123456790,
        status="error",
        status_description="gone",
        links=(LinkRecord(TRACE, SPAN),),
        events=(EventRecord("open", 1700000000123456789),),
    )


def test_numbers_beyond_what_the_wire_names_say_nothing() -> None:
    (span,) = read_json(request(kind=77, status={"code": 9}))
    assert (span.kind, span.status) == ("INTERNAL", "unset")


# --- what goes out ------------------------------------------------------------------------------


def test_what_is_written_is_read_again() -> None:
    records = [record_of(span) for span in made_spans()]
    records += [replace(records[0], resource={"service.name": "worker"}, scope="other")]
    assert read_json(to_json(records)) == records


def test_spans_of_one_resource_and_scope_are_written_together() -> None:
    body = exported(made_spans())
    twice = decode(body, PROTOBUF) + decode(body, PROTOBUF)
    (resource_spans,) = to_json(twice)["resourceSpans"]
    (scope_spans,) = resource_spans["scopeSpans"]
    assert len(scope_spans["spans"]) == 4


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=4)
    | st.text(st.characters(codec="utf-8"), max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
fuzzed = settings(max_examples=60, derandomize=True, database=None, deadline=None)


@fuzzed
@given(attributes=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), values))
def test_any_attributes_survive(attributes: dict[str, Any]) -> None:
    record = SpanRecord(TRACE, SPAN, None, "a", "SERVER", 1, 2, attributes, resource=attributes)
    written = json.dumps(to_json([record]), allow_nan=False)
    assert decode(written.encode(), JSON) == [record]


@pytest.mark.parametrize("value", [math.nan, 2**63, object(), {1, 2}, "\ud800"])
def test_what_no_attribute_should_hold_is_still_valid_json(value: Any) -> None:
    record = SpanRecord(TRACE, SPAN, None, "a", "SERVER", 1, 2, {"a": value})
    assert json.loads(json.dumps(to_json([record]), allow_nan=False))


# --- strangers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status", "words"),
    [
        (b"{}", "text/plain", "", 415, "expected application/x-protobuf or application/json"),
        (b"{}", JSON, "br", 415, "expected gzip, deflate or no encoding, not 'br'"),
        (b"{}", JSON, "gzip", 400, "not gzip"),
        (gzip.compress(b"{}")[:-1], JSON, "gzip", 400, "one whole gzip stream"),
        (gzip.compress(b"{}") + b"x", JSON, "gzip", 400, "one whole gzip stream"),
        (gzip.compress(bytes(MAX_UNPACKED + 1)), JSON, "gzip", 413, "unpacks to more than"),
        (b"\xff", PROTOBUF, "", 400, "no ExportTraceServiceRequest in protobuf"),
        (b"{", JSON, "", 400, "no ExportTraceServiceRequest in JSON"),
        (b"[]", JSON, "", 400, "in JSON"),
        (b"null", JSON, "", 400, "in JSON"),
        (b"[" * 100_000, JSON, "", 400, "in JSON"),
        (b'{"resourceSpans": 3}', JSON, "", 400, "in JSON"),
        (b"1" * 10_000, JSON, "", 400, "in JSON"),
    ],
)
def test_what_is_no_otlp_is_refused_with_words(
    body: bytes, content_type: str, encoding: str, status: int, words: str
) -> None:
    with pytest.raises(NotOTLP, match=words) as refused:
        decode(body, content_type, encoding)
    assert refused.value.status == status
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize(
    "span",
    [
        {"traceId": ""},
        {"traceId": "0" * 32},
        {"traceId": TRACE[:-2]},
        {"spanId": None},
        {"spanId": "x" * 16},
        {"spanId": 3},
        {"parentSpanId": "ab"},
        {"links": [{"traceId": TRACE}]},
        {"startTimeUnixNano": -1},
        {"startTimeUnixNano": "soon"},
        {"name": 5},
        {"name": "\ud800"},
        {"attributes": {"a": 1}},
        {"attributes": [{"key": "a", "value": {"intValue": 2**63}}]},
    ],
)
def test_a_span_that_cannot_be_is_refused(span: dict[str, Any]) -> None:
    with pytest.raises(NotOTLP):
        read_json(request(**span))


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just(TRACE),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("resourceSpans", "scopeSpans", "spans", "resource", "attributes", "key"),
                    *("value", "traceId", "spanId", "kind", "links", "arrayValue", "values"),
                    *("intValue", "bytesValue", "kvlistValue", "startTimeUnixNano", "status"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def refused_or_read(body: bytes, content_type: str, encoding: str = "") -> None:
    try:
        records = decode(body, content_type, encoding)
    except NotOTLP as refused:
        assert str(refused)
    else:
        assert read_json(to_json(records)) == records


@fuzzed
@given(anything)
@example({"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "\ud800"}]}]}]})
def test_hostile_json_is_read_or_refused(fields: Any) -> None:
    refused_or_read(json.dumps(fields).encode(), JSON)


@fuzzed
@given(
    span=st.dictionaries(st.sampled_from(["name", "kind", "links", "events", "status"]), anything)
)
def test_a_hostile_span_is_read_or_refused(span: dict[str, Any]) -> None:
    refused_or_read(json.dumps(request(**span)).encode(), JSON)


@fuzzed
@given(st.binary(max_size=64), st.sampled_from([JSON, PROTOBUF]), st.sampled_from(["", "gzip"]))
def test_any_bytes_are_read_or_refused(body: bytes, content_type: str, encoding: str) -> None:
    refused_or_read(body, content_type, encoding)


@fuzzed
@given(st.data())
def test_a_damaged_request_is_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(DAMAGED)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode(bytes(body), PROTOBUF)
    except NotOTLP as refused:
        assert str(refused)


DAMAGED = exported(made_spans())


def test_a_deeply_nested_value_is_refused() -> None:
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(NotOTLP):
        attribute(value)


def of_span(wire: bytes) -> bytes:
    span = Span.FromString(bytes.fromhex(f"0a10{TRACE}1208{SPAN}") + wire)
    resource_spans = ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])
    return ExportTraceServiceRequest(resource_spans=[resource_spans]).SerializeToString()


@pytest.mark.parametrize(
    "body",
    [
        of_span(b"\x5a\x00" * MAX_PARTS),  # events, links, attributes
        of_span(b"\x6a\x00" * MAX_PARTS),
        of_span(b"\x4a\x00" * MAX_PARTS),
        b"\x0a\x00" * (MAX_PARTS + 1),
    ],
)
def test_two_bytes_that_would_become_an_object_are_counted_first(body: bytes) -> None:
    packed = gzip.compress(body)
    assert len(packed) < 1000
    with pytest.raises(NotOTLP, match="more than 100000 spans, events") as refused:
        decode(packed, PROTOBUF, "gzip")
    assert refused.value.status == 413


def test_objects_in_json_are_counted_while_they_are_read() -> None:
    body = b'{"nothing": [' + b"{}," * MAX_JSON_OBJECTS + b"{}]}"
    with pytest.raises(NotOTLP, match="more than 100000") as refused:
        decode(body, JSON)
    assert refused.value.status == 413


PAIR: dict[str, Any] = {"key": "a", "value": {"intValue": 1}}


@pytest.mark.parametrize(
    "span",
    [
        {"attributes": [PAIR] * 7},
        {"events": [{"attributes": [PAIR] * 2}] * 2 + [{}]},
        {"links": [{"traceId": TRACE, "spanId": SPAN, "attributes": [PAIR] * 6}]},
        {"attributes": [{"key": "a", "value": {"arrayValue": {"values": [{}] * 6}}}]},
        {"attributes": [{"key": "a", "value": {"kvlistValue": {"values": [PAIR] * 6}}}]},
    ],
)
def test_everything_that_a_span_has_counts(
    span: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_otlp_size, "MAX_PARTS", 10)  # of which three are the span and its place
    assert read_json(request(**span))
    monkeypatch.setattr(_otlp_size, "MAX_PARTS", 9)
    with pytest.raises(NotOTLP):
        read_json(request(**span))


def test_what_spans_have_in_common_is_made_once() -> None:
    one, two = decode(exported(made_spans()), PROTOBUF)
    assert one.resource is two.resource
    assert one.scope_attributes is two.scope_attributes
    assert one.size == two.size > 500


def test_an_empty_request_has_no_spans() -> None:
    assert decode(ExportTraceServiceRequest().SerializeToString(), PROTOBUF) == []
    assert decode(b"{}", JSON) == []


def test_a_trace_state_is_kept() -> None:
    context = SpanContext(1, 2, False, trace_state=TraceState([("a", "1")]))
    span = ReadableSpan("a", context, resource=Resource({}), start_time=1, end_time=2)
    assert record_of(span).trace_state == "a=1"
    assert read_json(to_json([record_of(span)])) == [record_of(span)]
