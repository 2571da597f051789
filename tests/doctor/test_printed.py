"""What an application prints: its spans are found in it, and nothing else does any harm."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_ws._records import SpanRecord, record_of
from otel_ws.doctor._printed import printed_spans

NOW = 1_700_000_000_123_456_000


def worked() -> tuple[list[SpanRecord], str]:
    """Return the records of two spans, as the SDK has them, and what it prints of them."""
    kept, out = InMemorySpanExporter(), io.StringIO()
    provider = TracerProvider()
    for exporter in (kept, ConsoleSpanExporter(out=out)):
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("")
    outer = tracer.start_span("GÉT {x}", kind=trace.SpanKind.SERVER, start_time=NOW)
    link = trace.Link(outer.get_span_context(), {"of": "what"})
    below = trace.set_span_in_context(outer)
    inner = tracer.start_span("in it", below, links=[link], start_time=NOW + 1000)
    inner.set_attributes({"list": ["a", "b"], "number": 1, "text": 'a "{" in it'})
    inner.add_event("seen", {"by": "me"}, NOW + 2000)
    inner.set_status(trace.StatusCode.ERROR, "boom")
    inner.end(NOW + 3000)
    outer.end(NOW + 4000)
    provider.shutdown()
    return [record_of(span) for span in kept.get_finished_spans()], out.getvalue()


RECORDS, PRINTED = worked()
BETWEEN = PRINTED.rindex('{\n    "name"')
INNER, OUTER = PRINTED[:BETWEEN], PRINTED[BETWEEN:]


def test_a_span_is_read_as_it_was() -> None:
    """Only the flags are not printed, nor the scope."""
    inner, outer = (replace(span, flags=0) for span in RECORDS)
    inner = replace(inner, links=tuple(replace(link, flags=0) for link in inner.links))
    assert printed_spans(PRINTED) == [outer, inner]


@pytest.mark.parametrize(
    "output",
    [
        f'INFO: {{"name": "no span"}} {{ [\n{INNER}INFO: ready\n{OUTER}',
        f'no line ends here {INNER}{{"name": oh {OUTER}',
        f"{PRINTED}{PRINTED}",
        PRINTED[100:] + INNER.replace("INTERNAL", "\0") + PRINTED,
        f'{{"name": {"[" * 100_000}\n{PRINTED}',
        f'{{"name": {"9" * 10_000}\n{PRINTED}',
        "".join(json.dumps(json.loads(each)) for each in (INNER, OUTER)),
    ],
)
def test_spans_are_found_among_other_output(output: str) -> None:
    assert printed_spans(output) == printed_spans(PRINTED)


def test_what_is_cut_in_two_is_passed_over() -> None:
    half = len(INNER) // 2
    (span,) = printed_spans(f"{INNER[:half]}\nERROR: oh\n{INNER[half:]}{OUTER}")
    assert span.name == "GÉT {x}"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def mutilated(draw: st.DrawFn) -> str:
    """A span in which something, at any depth, is anything."""
    span: dict[str, Any] = json.loads(INNER)
    place: Any = span
    while True:
        key: Any = draw(
            st.sampled_from(sorted(place))
            if isinstance(place, dict)
            else st.integers(0, len(place) - 1)
        )
        if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
            break
        place = place[key]
    place[key] = draw(ANYTHING)
    return json.dumps(span)


@given(st.text() | mutilated() | st.lists(st.sampled_from([*'{}[]",:\\ \n1', '{"name":', INNER])))
def test_anything_may_be_printed(output: str | list[str]) -> None:
    for span in printed_spans("".join(output)):
        assert (len(span.trace_id), len(span.span_id)) == (32, 16)
        assert isinstance(span.name, str)


@pytest.mark.parametrize("begun", ['{"name":', '{"name":[', '{"name":0,"a":', '{"name":"'])
def test_much_that_is_begun_and_not_ended_hides_no_span(begun: str) -> None:
    assert printed_spans(begun * 100_000 + "." * 5_000 + "\n" + PRINTED) == printed_spans(PRINTED)
