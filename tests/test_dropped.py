"""What is dropped unasked, and what the sampler is to judge."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.context import attach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from otel_ws.testing import capture_spans

from .clocked import Clocked

STEPPED_OUT = SpanContext(5, 6, True, TraceFlags(0))


@pytest.mark.parametrize("current", [None, NonRecordingSpan(STEPPED_OUT)], ids=["no", "remote"])
def test_a_send_below_a_span_that_is_not_ours_is_for_the_sampler_to_judge(current: Any) -> None:
    """One that is no span at all is what the API takes it for, and one from afar may be kept."""
    sampler = ParentBased(ALWAYS_ON, remote_parent_not_sampled=ALWAYS_ON)
    provider = TracerProvider(sampler=sampler)
    with capture_spans(provider) as spans:
        talk = Clocked(tracer_provider=provider, inherit_sampling=False).hear("go")
        attach(set_span_in_context(current))
        talk.say("answer")
        talk.leave()
    assert len(spans.named("websocket.send")) == 1


def test_what_follows_a_turn_that_was_dropped_and_cut_is_sampled_by_itself() -> None:
    class Messages(Sampler):
        def should_sample(self, *args: Any, **asked: Any) -> SamplingResult:
            keeps = not asked["name"].startswith("websocket.receive")
            return (ALWAYS_ON if keeps else ALWAYS_OFF).should_sample(*args, **asked)

        def get_description(self) -> str:
            return "no messages"

    provider = TracerProvider(sampler=ParentBased(Messages()))
    with capture_spans(provider) as spans:
        talk = Clocked(tracer_provider=provider, inherit_sampling=False, max_message_age=1.0)
        talk.hear("subscribe").say("below what was dropped")
        talk.clock.forward(2)
        talk.connection.cut()
        talk.say("by itself")
        talk.leave()
    assert len(spans.named("websocket.send")) == 1
