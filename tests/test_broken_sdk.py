"""A part of the SDK may raise: the application works, and one line names the cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

from otel_ws import asgi
from otel_ws.testing import capture_spans

from .playing import echo, play
from .stories import tell_all, untraced

expected = cache(untraced)


class Broken(Exception):
    """What somebody has added to the SDK is broken."""


def broken(*_: Any, **__: Any) -> Any:
    raise Broken


class BrokenProvider:
    get_tracer = broken


class BrokenTracer:
    start_span = broken


class ProviderOfBrokenTracers:
    def get_tracer(self, *_: Any, **__: Any) -> BrokenTracer:
        return BrokenTracer()


class BrokenSampler(Sampler):
    should_sample = broken

    def get_description(self) -> str:
        return "broken"


class MoodySampler(BrokenSampler):
    """Breaks after the handshake."""

    def should_sample(self, context: Any, trace_id: int, name: str, *more: Any, **__: Any) -> Any:
        if name.startswith("GET"):
            return ALWAYS_ON.should_sample(context, trace_id, name)
        raise Broken


class BrokenIds(IdGenerator):
    generate_span_id = generate_trace_id = broken


class BrokenTraceIds(RandomIdGenerator):
    generate_trace_id = broken


class BrokenOnStart(SpanProcessor):
    on_start = broken


class BrokenOnEnd(SpanProcessor):
    on_end = broken


def provider_with(processor: SpanProcessor) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(processor)
    return provider


PROVIDERS: dict[str, Callable[[], Any]] = {
    "provider": BrokenProvider,
    "tracer": ProviderOfBrokenTracers,
    "sampler": lambda: TracerProvider(sampler=BrokenSampler()),
    "sampler after the handshake": lambda: TracerProvider(sampler=MoodySampler()),
    "id generator": lambda: TracerProvider(id_generator=BrokenIds()),
    "trace id generator": lambda: TracerProvider(id_generator=BrokenTraceIds()),
    "on_start of a processor": lambda: provider_with(BrokenOnStart()),
    "on_end of a processor": lambda: provider_with(BrokenOnEnd()),
}


@pytest.mark.parametrize("part", PROVIDERS)
def test_a_broken_part_of_the_sdk_hurts_nobody_and_is_named(
    part: str, our_log: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert tell_all(tracer_provider=PROVIDERS[part]()) == expected()
    assert our_log
    assert len(our_log) == len(set(our_log)), "a cause is logged once a minute"
    for record in caplog.records:
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], Broken)


@pytest.mark.parametrize("model", ["session", "connection"])
def test_a_broken_processor_does_not_end_the_work_of_the_others(
    model: Any, our_log: list[str]
) -> None:
    provider = TracerProvider()
    with capture_spans(provider) as spans:
        provider.add_span_processor(BrokenOnEnd())
        play(asgi.TracingMiddleware(echo, model=model, tracer_provider=provider))
    ended = [span.name for span in spans if span.end_time]
    assert sorted(ended) == sorted(span.name for span in spans)
    assert len(ended) == (5 if model == "session" else 6)


class BrokenExporter(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> Any:
        raise Broken


def test_a_broken_exporter_costs_its_spans_alone(caplog: pytest.LogCaptureFixture) -> None:
    provider = provider_with(SimpleSpanProcessor(BrokenExporter()))
    with capture_spans(provider) as spans:
        assert tell_all(tracer_provider=provider) == expected()
    assert len(spans) > 20
    assert all(span.end_time for span in spans)
    # The SDK names it, in its own log: there is nothing left for us to say.
    assert {record.getMessage() for record in caplog.records} == {"Exception while exporting Span."}
