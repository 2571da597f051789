"""The buffer holds so many spans, from any thread, and tells who follows what was missed."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_ws.page import PageSpanProcessor, SpanBuffer, TracePage
from otel_ws.page._buffer import Look

from .asked import TRACE, record, records, tracer_of

SESSION = "websocket.session.id"


def names(buffer: SpanBuffer, *look: int) -> list[str]:
    return [span.name for span in buffer.look(*look).spans]


def test_the_oldest_give_way_and_are_counted() -> None:
    buffer = SpanBuffer(limit=3)
    buffer.add(records(1, 2))
    buffer.add(records(3, 4, 5))
    assert names(buffer) == ["span 3", "span 4", "span 5"]
    assert (len(buffer), buffer.dropped) == (3, 2)


def test_who_follows_gets_each_span_once() -> None:
    buffer = SpanBuffer()
    buffer.add(records(1, 2, 3))
    first = buffer.look(0, 2)
    assert (first.start, first.end, len(first.spans)) == (0, 3, 2)
    assert names(buffer, 2, 2) == ["span 3"]
    assert names(buffer, 3, 2) == []


def test_who_is_slow_learns_where_it_goes_on() -> None:
    buffer = SpanBuffer(limit=2)
    buffer.add(records(1, 2, 3, 4))
    assert buffer.look(1, 5).start == 2


def test_a_cleared_buffer_is_empty_and_counts_anew() -> None:
    buffer = SpanBuffer(limit=1)
    buffer.add(records(1, 2))
    buffer.clear()
    look = buffer.look()
    assert (look.spans, look.dropped, look.clears, look.start) == ([], 0, 1, 2)
    buffer.add(records(3))
    assert names(buffer) == ["span 3"]


def test_what_others_have_sent_gives_way_when_it_takes_too_much_memory() -> None:
    buffer = SpanBuffer(limit=1000)
    mebibyte = 1024 * 1024
    buffer.add(record(number, size=mebibyte) for number in range(70))
    assert (len(buffer), buffer.dropped) == (64, 6)
    buffer.clear()
    buffer.add(record(number, size=32 * mebibyte) for number in range(3))
    assert names(buffer) == ["span 1", "span 2"]


FORK = """
import os, threading
from otel_ws.page import SpanBuffer, _threads

buffer, held, done = SpanBuffer(), threading.Event(), threading.Event()

def hold():
    with buffer._lock, _threads._threads.turn:
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    _threads.alone(buffer.add, [])
    os._exit(0 if _threads._threads.pool.submit(len, buffer).result() == 0 else 1)
_, status = os.waitpid(child, 0)
done.set()
thread.join()
raise SystemExit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_does_not_wait_for_a_thread_that_it_has_not() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORK]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_is_positive(limit: int) -> None:
    with pytest.raises(ValueError, match="positive number of spans"):
        SpanBuffer(limit)


def test_spans_come_from_many_threads_and_none_is_lost() -> None:
    buffer = SpanBuffer(limit=1000)
    tracer = tracer_of(buffer)

    def work(_: int) -> None:
        for _ in range(250):
            with tracer.start_as_current_span("work"):
                pass
            assert len(buffer.look(0, 10).spans) <= 10

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    look = buffer.look()
    assert (len(look.spans), look.end, look.dropped) == (1000, 2000, 1000)


def test_a_span_that_the_garbage_collector_ends_is_kept() -> None:
    """It ends wherever memory is asked for: within the buffer, too."""
    buffer = SpanBuffer()
    tracer = tracer_of(buffer)

    class Left:
        def __init__(self) -> None:
            self.span = tracer.start_span("left")
            self.me = self

        def __del__(self) -> None:
            self.span.end()

    looks: list[Look] = []
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(50):
            Left()
            buffer.add(records(1))
            looks.append(buffer.look())
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert names(buffer).count("left") == 50
    assert [len(look.spans) for look in looks] == [look.next - look.start for look in looks]


def test_a_trace_is_found_whoever_made_its_spans() -> None:
    buffer = SpanBuffer()
    with tracer_of(buffer).start_as_current_span("here") as span:
        trace_id = f"{span.get_span_context().trace_id:032x}"
    buffer.add([record(1, trace_id=trace_id), record(2)])
    assert [each.name for each in buffer.trace(trace_id)] == ["here", "span 1"]
    assert buffer.trace("f" * 32) == []


def test_a_session_is_all_traces_that_it_has_a_span_in() -> None:
    buffer = SpanBuffer()
    other = "f" * 32
    buffer.add([record(1, attributes={SESSION: "one"}), record(2), record(3, trace_id=other)])
    buffer.add([record(4, trace_id=other, attributes={SESSION: "two"})])
    assert [each.name for each in buffer.session("one")] == ["span 1", "span 2"]
    assert {each.trace_id for each in buffer.session("one")} == {TRACE}
    assert [each.name for each in buffer.session("two")] == ["span 3", "span 4"]
    assert buffer.session("three") == []


def test_the_page_and_the_processor_of_a_process_meet() -> None:
    assert TracePage().buffer is PageSpanProcessor().buffer
    own = SpanBuffer()
    assert TracePage(own).buffer is PageSpanProcessor(own).buffer is own


def test_what_is_not_sampled_is_not_kept() -> None:
    buffer = SpanBuffer()
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(PageSpanProcessor(buffer))
    provider.get_tracer("application").start_span("unsampled").end()
    assert len(buffer) == 0


def test_a_flush_goes_on_to_the_next_processor() -> None:
    assert PageSpanProcessor(SpanBuffer()).force_flush() is True


def test_a_broken_buffer_does_not_hurt_the_application(our_log: list[str]) -> None:
    buffer: Any = object()
    with tracer_of(buffer).start_as_current_span("work") as span:
        pass
    assert span.end_time is not None  # type: ignore[attr-defined]
    assert our_log == ["_keep failed; the application is unaffected"]


def test_who_watches_is_told_of_every_change_until_that_ends() -> None:
    buffer = SpanBuffer()
    told: list[int] = []
    unwatch = buffer.watch(lambda: told.append(len(buffer)))
    buffer.add(records(1, 2))
    buffer.clear()
    unwatch()
    buffer.add(records(3))
    assert told == [2, 0]
