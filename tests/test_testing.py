"""`otel_ws.testing`: traces as text."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from otel_ws._trees import Node, draw
from otel_ws.testing import CapturedSpans, capture_spans, format_trace


@pytest.fixture
def provider() -> TracerProvider:
    return TracerProvider()


@pytest.fixture
def tracer(provider: TracerProvider) -> trace.Tracer:
    return provider.get_tracer(__name__)


REMOTE = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))


def test_a_line_is_a_span_below_its_parent(provider: TracerProvider, tracer: trace.Tracer) -> None:
    with capture_spans(provider) as spans, tracer.start_as_current_span("root"):
        with tracer.start_as_current_span("first"):
            tracer.start_span("leaf").end()
        with tracer.start_as_current_span("second"):
            pass
    tracer.start_span("after").end()
    assert str(spans) == "root\n  first\n    leaf\n  second"


def test_it_equals_the_same_tree_however_that_is_indented(
    provider: TracerProvider, tracer: trace.Tracer
) -> None:
    with capture_spans(provider) as spans, tracer.start_as_current_span("root"):
        tracer.start_span("leaf").end()
    assert (
        spans
        == """
            root
              leaf
    """
    )
    assert spans == "root\n  leaf"
    assert spans != "root\nleaf"
    assert spans == spans
    assert spans != CapturedSpans()


def test_nothing_equals_the_empty_string(provider: TracerProvider) -> None:
    with capture_spans(provider) as spans:
        pass
    assert spans == ""
    assert len(spans) == 0


def test_spans_are_in_the_order_of_their_start(
    provider: TracerProvider, tracer: trace.Tracer
) -> None:
    with capture_spans(provider) as spans:
        early, late = tracer.start_span("early"), tracer.start_span("late")
        late.end()
        early.end()
    assert [span.name for span in spans] == ["early", "late"]
    assert spans[0].name == "early"
    assert [span.name for span in spans[1:]] == ["late"]


def test_links_name_the_span_they_lead_to(provider: TracerProvider, tracer: trace.Tracer) -> None:
    with capture_spans(provider) as spans:
        target = tracer.start_span("target")
        target.end()
        links = [Link(target.get_span_context()), Link(REMOTE)]
        tracer.start_span("source", links=links).end()
    assert (
        spans
        == """
        target
        source -> target -> remote
    """
    )


def test_a_parent_elsewhere_is_remote(provider: TracerProvider, tracer: trace.Tracer) -> None:
    context = set_span_in_context(NonRecordingSpan(REMOTE), Context())
    with capture_spans(provider) as spans:
        tracer.start_span("handshake", context).end()
    assert spans == "handshake <- remote"


def test_an_error_shows_its_type(provider: TracerProvider, tracer: trace.Tracer) -> None:
    with capture_spans(provider) as spans:
        for attributes in ({"error.type": "1011"}, {}):
            span = tracer.start_span("close", attributes=attributes)
            span.set_status(Status(StatusCode.ERROR))
            span.end()
    assert (
        spans
        == """
        close ! 1011
        close ! error
    """
    )


def test_attributes_are_shown_in_the_order_asked_for(
    provider: TracerProvider, tracer: trace.Tracer
) -> None:
    with capture_spans(provider) as spans:
        tracer.start_span("one", attributes={"b": 1, "a": "x", "c": False}).end()
        tracer.start_span("two", attributes={"c": 2}).end()
    assert spans.tree("a", "missing", "b") == "one {a=x, b=1}\ntwo"
    assert format_trace(spans[1:], "c") == "two {c=2}"


def test_an_open_span_says_so(provider: TracerProvider, tracer: trace.Tracer) -> None:
    with capture_spans(provider) as spans:
        span = tracer.start_span("websocket.connection")
    assert spans == "websocket.connection (not ended)"
    span.end()
    assert spans == "websocket.connection"


def test_a_child_that_comes_first_is_below_its_parent_all_the_same(
    provider: TracerProvider, tracer: trace.Tracer
) -> None:
    with capture_spans(provider) as spans, tracer.start_as_current_span("root"):
        tracer.start_span("leaf").end()
    assert format_trace(reversed(spans)) == "root\n  leaf"


def test_spans_of_threads_are_captured(provider: TracerProvider, tracer: trace.Tracer) -> None:
    with capture_spans(provider) as spans:
        thread = threading.Thread(target=lambda: tracer.start_span("in a thread").end())
        thread.start()
        thread.join()
    assert spans == "in a thread"


def test_captures_nest(provider: TracerProvider, tracer: trace.Tracer) -> None:
    with capture_spans(provider) as outer:
        tracer.start_span("one").end()
        with capture_spans(provider) as inner:
            tracer.start_span("two").end()
        tracer.start_span("three").end()
    assert inner == "two"
    assert outer == "one\ntwo\nthree"


def test_a_failing_block_ends_its_capture(provider: TracerProvider, tracer: trace.Tracer) -> None:
    with pytest.raises(LookupError), capture_spans(provider) as spans:
        raise LookupError
    tracer.start_span("after").end()
    assert spans == ""


def test_spans_can_be_found_by_name_and_forgotten(
    provider: TracerProvider, tracer: trace.Tracer
) -> None:
    with capture_spans(provider) as spans:
        for name in ("websocket.send /a", "websocket.send /b", "websocket.close"):
            tracer.start_span(name).end()
        assert [s.name for s in spans.named("websocket.send")] == [
            "websocket.send /a",
            "websocket.send /b",
        ]
        spans.clear()
        tracer.start_span("afterwards").end()
    assert spans == "afterwards"


def test_an_unsampled_span_is_not_captured() -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF)
    with capture_spans(provider) as spans:
        provider.get_tracer(__name__).start_span("unsampled").end()
    assert spans == ""


def test_without_a_provider_the_global_one_is_used(spans: CapturedSpans) -> None:
    with capture_spans() as captured:
        trace.get_tracer(__name__).start_span("global").end()
    assert captured == "global"
    assert spans == "global"


def test_a_foreign_global_provider_is_refused_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    foreign: Any = trace.NoOpTracerProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: foreign)
    refused = pytest.raises(TypeError, match=r"needs the SDK's .* Pass capture_spans\(provider\)")
    with refused, capture_spans():
        pass


def test_a_set_of_attributes_may_be_empty() -> None:
    assert format_trace([]) == ""


def test_a_tree_of_strangers_is_drawn_whole_whatever_it_is() -> None:
    a, b, c = (("t", each) for each in "abc")
    alone = draw([_node(a, None, "x"), _node(a, a, "y")])
    assert alone.splitlines() == ["x", "  y"]
    assert sorted(draw([_node(b, c, "b"), _node(c, b, "c")]).split()) == ["b", "c"]
    chain = [_node(("t", str(n)), ("t", str(n - 1)), "deep") for n in range(5000)]
    assert draw(chain).count("deep") == 5000


def _node(span: Any, parent: Any, name: str) -> Node:
    return Node(span, parent, name, (), None, {})
