"""Hand-offs: work that leaves its handler is found again in the trace of what has caused it."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import gc
import json
import pickle
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.context import Context, attach, get_current, get_value, set_value
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler

from otel_ws import current_session
from otel_ws.handoff import Receipt, handoff, resume
from otel_ws.processors import SessionSpanProcessor
from otel_ws.streams import StreamMeter
from otel_ws.testing import CapturedSpans, capture_spans

from .clocked import Clocked
from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .streaming import application, measured

WAIT = "websocket.handoff.wait_duration"
SESSION = "websocket.session.id"
own = trace.get_tracer("application")


def handed_over(talk: Clocked) -> Receipt:
    """Return a receipt from the handling of a message, which is then done."""
    talk.hear("order")
    receipt = handoff()
    talk.connection.receiving()
    return receipt


def _handed_over_in(talk: Clocked) -> Receipt:
    attach(talk.connection.context)
    return handed_over(talk)


def work(name: str, receipt: Receipt) -> None:
    """Resume where nothing is known of the message."""
    contextvars.Context().run(receipt.call, name, lambda: None)


def travelled(receipt: Receipt) -> list[Receipt]:
    """Return what comes of a receipt in another process."""
    read = json.loads(json.dumps(receipt.to_dict()))
    return [
        Receipt.from_dict(read),
        pickle.loads(pickle.dumps(receipt)),
        copy.copy(receipt),
        copy.deepcopy(receipt),
    ]


# --- where the work is found --------------------------------------------------------------------


@pytest.mark.parametrize("model", ["session", "connection"])
async def test_work_for_each_message_goes_on_in_its_trace(model: Any, spans: CapturedSpans) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def worker() -> None:
        while True:
            receipt, text, say = await queue.get()
            with receipt.resume("render"), own.start_as_current_span("draw"):
                await say(text)

    task = asyncio.create_task(worker())  # it is older than the connection

    async def handler(text: str, say: Any) -> None:
        await queue.put((handoff(), text, say))

    app = application(handler, model=model)
    await converse(app, Say("a"), Hear("a"), Say("b"), Hear("b"), Leave())
    task.cancel()
    indent, links = ("    ", "") if model == "connection" else ("", " -> GET")
    trunk = ["  websocket.connection"] if model == "connection" else []
    turn = ["  render", "    draw", "      websocket.send"]
    receive = [f"{indent}{line}" for line in (f"websocket.receive{links}", *turn)]
    open_, close = (f"{indent}{name}{links}" for name in ("websocket.open", "websocket.close"))
    assert str(spans).splitlines() == ["GET", *trunk, open_, *receive, *receive, close]


def test_work_is_a_child_of_what_has_handed_it_over(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    with own.start_as_current_span("plan"):
        receipt = handoff()
    talk.leave()
    work("render", receipt)
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive /room -> GET /room
          plan
            render
        websocket.close -> GET /room
    """
    )


def test_work_that_has_travelled_is_a_child_as_well(spans: CapturedSpans) -> None:
    for receipt in travelled(handed_over(Clocked()))[:1]:
        work("render", receipt)
    (message,), (render,) = spans.named("websocket.receive"), spans.named("render")
    assert render.parent.span_id == message.context.span_id
    assert render.parent.is_remote


def test_a_receipt_can_be_pickled_where_daphne_runs(spans: CapturedSpans) -> None:
    """Twisted has a way of its own to pickle methods, which nobody can load for class methods."""
    pytest.importorskip("twisted.persisted.styles")
    receipt = handed_over(Clocked())
    assert pickle.loads(pickle.dumps(receipt)).to_dict() == receipt.to_dict()
    assert pickle.loads(pickle.dumps(receipt.call))("render", len, "Tea") == 3
    assert spans.named("render")[0].parent is not None


def test_work_that_is_resumed_again_is_a_root_that_links(spans: CapturedSpans) -> None:
    """One receipt for many consumers: the first is in the trace, and the others lead there."""
    receipt = handed_over(Clocked())
    for again in (receipt, receipt, *travelled(receipt)):
        work("render", again)
    (message,), renders = spans.named("websocket.receive"), spans.named("render")
    assert [render.parent for render in renders] == [message.context, *[None] * 5]
    leads = [[link.context.span_id for link in render.links] for render in renders]
    assert leads == [[], *[[message.context.span_id]] * 5]
    assert renders[1].links[0].attributes == {"websocket.link.type": "handoff"}


def test_of_many_threads_that_resume_at_once_one_is_a_child(spans: CapturedSpans) -> None:
    receipt = handed_over(Clocked())
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: work("render", receipt), range(64)))
    parents = [render.parent for render in spans.named("render")]
    assert (len(parents), parents.count(None)) == (64, 63)


def test_a_batch_grows_from_its_worker_and_links_to_each(spans: CapturedSpans) -> None:
    talk = Clocked()
    receipts = [handed_over(talk), travelled(handed_over(talk))[0]]
    attach(Context())
    with own.start_as_current_span("night shift"), resume("render", *receipts):
        pass
    (batch,) = spans.named("render")
    messages = [span.context.span_id for span in spans.named("websocket.receive")]
    assert batch.parent == spans.named("night shift")[0].context
    assert [link.context.span_id for link in batch.links] == messages
    assert batch.attributes[SESSION] == talk.scope["otel_ws"].id


def test_a_batch_of_several_sessions_belongs_to_none(spans: CapturedSpans) -> None:
    talks = [contextvars.copy_context().run(Clocked) for _ in range(2)]
    receipts = [contextvars.copy_context().run(_handed_over_in, talk) for talk in talks]
    with resume("render", *receipts) as batch:
        pass
    assert {talk.connection.session.id for talk in talks} == {
        receipt.to_dict()["session"] for receipt in receipts
    }
    assert set(batch.attributes) == {WAIT}
    assert len(batch.links) == 2


def test_a_batch_of_one_is_that_one(spans: CapturedSpans) -> None:
    receipt = handed_over(Clocked())
    attach(Context())
    with resume("render", receipt):
        pass
    assert spans.named("render")[0].parent == spans.named("websocket.receive")[0].context


def test_a_batch_of_none_grows_from_its_worker(spans: CapturedSpans) -> None:
    with own.start_as_current_span("night shift"), resume("render"):
        pass
    assert spans == "night shift\n  render"


def test_work_may_be_handed_over_outside_of_any_connection(spans: CapturedSpans) -> None:
    with own.start_as_current_span("a request"):
        receipt = handoff()
    work("render", receipt)
    work("again", travelled(receipt)[0])
    assert spans == "a request\n  render\nagain -> a request"
    assert SESSION not in spans.named("render")[0].attributes


def test_work_that_nobody_has_handed_over_grows_from_its_worker(spans: CapturedSpans) -> None:
    nobody = handoff()
    assert nobody.to_dict() == {}
    for receipt in (Receipt(), *travelled(nobody)):
        with own.start_as_current_span("worker"), receipt.resume("render"):
            pass
    assert [span.parent is None for span in spans.named("render")] == [False] * 5
    assert all(WAIT not in span.attributes for span in spans)


def test_a_task_from_before_the_first_message_hands_over_as_a_root(spans: CapturedSpans) -> None:
    """Its context is that of the acceptance, which nothing of ours grows from any more."""
    talk = Clocked()
    ticker = contextvars.copy_context()
    talk.hear("order")
    receipt = ticker.run(handoff)
    talk.leave()
    work("tick", receipt)
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive /room -> GET /room
        websocket.close -> GET /room
        tick -> GET /room
    """
    )
    assert spans.named("tick")[0].attributes[SESSION] == talk.scope["otel_ws"].id


def test_after_a_cut_work_is_handed_over_as_a_root(spans: CapturedSpans) -> None:
    talk = Clocked(max_message_age=60).hear("subscribe")
    talk.clock.forward(61)
    talk.connection.cut()
    work("tick", handoff())
    assert spans.named("tick")[0].parent is None


# --- what it finds there ------------------------------------------------------------------------


def test_the_work_runs_in_the_context_that_it_was_handed_over_in(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    attach(baggage.set_baggage("tenant", "acme"))
    receipt = handoff()
    attach(set_value("worker", 7, Context()))
    outside = get_current()
    with receipt.resume("render") as span:
        assert trace.get_current_span() is span
        assert current_session() is talk.scope["otel_ws"]
        assert baggage.get_baggage("tenant") == "acme"
        assert get_value("worker") is None
    assert get_current() is outside


def test_neither_baggage_nor_anything_else_of_the_context_leaves_the_process() -> None:
    talk = Clocked().hear("order")
    attach(baggage.set_baggage("tenant", "acme"))
    carrier = handoff().to_dict()
    assert carrier.keys() == {"v", "traceparent", "id", "sent", "session"}
    assert carrier["session"] == talk.scope["otel_ws"].id
    assert all(isinstance(value, str) for value in carrier.values())


def test_a_trace_state_travels_along(spans: CapturedSpans) -> None:
    context = trace.SpanContext(1, 2, False, trace.TraceFlags(1), trace.TraceState([("a", "b")]))
    with trace.use_span(trace.NonRecordingSpan(context)):
        receipt = handoff()
    work("render", travelled(receipt)[0])
    assert spans[0].context.trace_state == context.trace_state


async def test_what_is_sent_in_the_work_is_a_stream_of_its_message(spans: CapturedSpans) -> None:
    """The time to the first chunk counts from the message: the wait in the queue is in it."""
    talk = Clocked()
    receipt = handed_over(talk)
    attach(Context())
    talk.clock.forward(5)
    with receipt.resume("render"), StreamMeter("reply"):
        talk.say("Tea", " for", " two")
    found = measured(spans)
    assert (found["chunk_count"], found["time_to_first_chunk"]) == (3, 5.0)


class Sessions:
    """The session of each of the application's own spans, as the processor puts it there."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self.provider.add_span_processor(SessionSpanProcessor())
        self.tracer = self.provider.get_tracer("application")

    def below(self, receipt: Receipt) -> list[Any]:
        """Return the session ids of the work, and of a span of the application's below it."""
        with receipt.resume("render") as span, self.tracer.start_as_current_span("draw") as below:
            return [each.attributes.get(SESSION) for each in (span, below)]  # type: ignore[attr-defined]


def test_the_session_is_on_the_work_and_on_what_is_below_it() -> None:
    sessions = Sessions()
    with capture_spans(sessions.provider):
        talk = Clocked(tracer_provider=sessions.provider)
        receipt, session = handed_over(talk), talk.scope["otel_ws"].id
        trace_of = partial(contextvars.Context().run, sessions.below)
        assert trace_of(receipt) == [session, session]
        talk.leave()
        del talk
        attach(Context())
        assert receipt._session is not None
        assert receipt._session.connection is None  # it is gone, and its work goes on
        assert trace_of(receipt) == [session, session]


def test_the_session_travels_along(spans: CapturedSpans) -> None:
    sessions = Sessions()
    talk = Clocked()
    for receipt in travelled(handed_over(talk)):
        found = contextvars.Context().run(_session_in, receipt, sessions)
        assert found == [talk.scope["otel_ws"].id] * 2


def _session_in(receipt: Receipt, sessions: Sessions) -> list[Any]:
    return sessions.below(receipt)


def test_the_route_is_on_the_work_as_long_as_the_connection_lives(spans: CapturedSpans) -> None:
    talk = Clocked()
    work("render", handed_over(talk))
    assert spans.named("render")[0].attributes["http.route"] == "/room"


def test_the_scope_is_ours_and_the_kind_internal(spans: CapturedSpans) -> None:
    work("render", handed_over(Clocked()))
    (render,) = spans.named("render")
    assert (render.instrumentation_scope.name, render.kind) == ("otel_ws", trace.SpanKind.INTERNAL)


# --- how long it has waited ---------------------------------------------------------------------


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time of hand-offs, in seconds since the epoch; to be set."""
    at = SimpleNamespace(seconds=1_000_000.0)
    monkeypatch.setattr("otel_ws.handoff.time", SimpleNamespace(time=lambda: at.seconds))
    return at


def waited(spans: CapturedSpans) -> list[Any]:
    return [span.attributes.get(WAIT) for span in spans.named("render")]


def test_the_wait_is_from_the_hand_off_to_the_resumption(
    spans: CapturedSpans, now: SimpleNamespace
) -> None:
    receipt = handed_over(Clocked())
    for seconds, each in enumerate((receipt, *travelled(receipt)), 1):
        now.seconds = 1_000_000.0 + seconds
        work("render", each)
    assert waited(spans) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_the_wait_of_a_batch_is_that_of_the_oldest(
    spans: CapturedSpans, now: SimpleNamespace
) -> None:
    talk, receipts = Clocked(), []
    for _ in range(3):
        receipts.append(handed_over(talk))
        now.seconds += 10
    with resume("render", *receipts):
        pass
    assert waited(spans) == [30.0]


def test_clocks_that_disagree_make_no_negative_wait(
    spans: CapturedSpans, now: SimpleNamespace
) -> None:
    receipt = handed_over(Clocked())
    now.seconds -= 5
    work("render", receipt)
    assert waited(spans) == [0.0]


@pytest.mark.parametrize("sent", ["", "soon", "nan", "inf", "-1", "0"])
def test_a_wait_that_is_not_known_is_left_out(sent: str, spans: CapturedSpans) -> None:
    carrier = {**handed_over(Clocked()).to_dict(), "sent": sent}
    work("render", Receipt.from_dict(carrier))
    assert waited(spans) == [None]


# --- calls --------------------------------------------------------------------------------------


def test_a_call_hands_on_everything_and_returns_what_comes(spans: CapturedSpans) -> None:
    def render(*args: Any, **kwargs: Any) -> Any:
        assert trace.get_current_span().name == "render"  # type: ignore[attr-defined]
        return args, kwargs

    receipt = handed_over(Clocked())
    found = receipt.call("render", render, 1, "a", name="n", function="f", receipt="r")
    assert found == ((1, "a"), {"name": "n", "function": "f", "receipt": "r"})


async def test_a_call_of_a_coroutine_function_lasts_as_long_as_it_runs(
    spans: CapturedSpans,
) -> None:
    async def render(text: str) -> str:
        await asyncio.sleep(0)
        assert trace.get_current_span().name == "render"  # type: ignore[attr-defined]
        return text

    receipt = handed_over(Clocked())
    assert await asyncio.create_task(receipt.call("render", render, "Tea")) == "Tea"
    assert await receipt.call("render", partial(render, "Tea")) == "Tea"
    assert all(span.end_time for span in spans.named("render"))


def test_an_exception_passes_and_is_recorded_once(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    error = LookupError("a bug")

    def render() -> None:
        raise error

    with pytest.raises(LookupError) as raised:
        handoff().call("render", render)
    assert raised.value is error
    talk.end(error)  # the handler has waited for the work, and fails of it
    assert [span.name for span in spans if span.events] == ["render"]
    failed = [span.name for span in spans if not span.status.is_ok]
    assert failed == ["websocket.receive /room", "render", "websocket.close"]


async def test_a_cancel_passes_and_is_no_error(spans: CapturedSpans) -> None:
    receipt = handed_over(Clocked())
    task = asyncio.create_task(receipt.call("render", asyncio.Event().wait))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (render,) = spans.named("render")
    assert (render.status.is_ok, render.events) == (True, ())
    assert render.end_time


# --- where nothing is recorded ------------------------------------------------------------------


@pytest.mark.parametrize("has_travelled", [False, True])
def test_work_of_an_unsampled_connection_is_not_recorded(has_travelled: bool) -> None:
    """Even where the sampler of the worker would take it."""
    meter_provider = MeterProvider()  # somebody is to listen
    talk = Clocked(
        tracer_provider=TracerProvider(sampler=ALWAYS_OFF), meter_provider=meter_provider
    )
    receipt = handed_over(talk)
    receipt = travelled(receipt)[0] if has_travelled else receipt
    provider = TracerProvider(sampler=ALWAYS_ON)
    with capture_spans(provider) as spans, receipt.resume("render") as span:
        assert not span.is_recording()
        assert not span.get_span_context().trace_flags.sampled
        assert provider.get_tracer("").start_span("below").get_span_context().is_valid
    assert [each.name for each in spans] == ["below"]


def test_work_of_a_connection_whose_messages_are_not_traced_is_not_recorded(
    spans: CapturedSpans,
) -> None:
    receipt = handed_over(Clocked(turns="none", detailed=False))
    work("render", receipt)
    assert spans.named("render") == []


class WorkAlone(Sampler):
    """Keeps the work, whatever became of its message."""

    def should_sample(self, context: Any, trace_id: int, name: str, *more: Any, **_: Any) -> Any:
        decision = ALWAYS_ON if name == "render" else ALWAYS_OFF
        return decision.should_sample(context, trace_id, name)

    def get_description(self) -> str:
        return "WorkAlone"


@pytest.mark.parametrize("inherits", [True, False])
def test_what_is_not_inherited_is_up_to_the_sampler(inherits: bool) -> None:
    provider = TracerProvider(sampler=WorkAlone())
    with capture_spans(provider) as spans:
        talk = Clocked(
            tracer_provider=provider, meter_provider=MeterProvider(), inherit_sampling=inherits
        )
        work("render", handed_over(talk))
    assert [span.name for span in spans] == ["render"] * (not inherits)


def test_without_an_sdk_work_is_done_all_the_same() -> None:
    talk = Clocked(tracer_provider=trace.NoOpTracerProvider(), meter_provider=MeterProvider())
    receipt = handed_over(talk)
    for each in (receipt, *travelled(receipt)):
        assert each.call("render", len, "Tea") == 3


# --- what is kept -------------------------------------------------------------------------------


def _receipts() -> int:
    gc.collect()
    return sum(isinstance(each, Receipt) for each in gc.get_objects())


def test_a_lost_receipt_leaves_nothing_behind() -> None:
    provider = TracerProvider()
    talk = Clocked(tracer_provider=provider).hear("order")
    before = _receipts()
    lose = [handoff() for _ in range(10)]
    carriers = [receipt.to_dict() for receipt in lose]
    del lose
    assert _receipts() == before

    def lose_many() -> None:
        for _ in range(500):
            handoff().to_dict()
            Receipt.from_dict(carriers[0])

    lose_many()
    tracemalloc.start()
    try:
        lose_many()
        gc.collect()
        first = tracemalloc.get_traced_memory()[0]
        for _ in range(4):
            lose_many()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - first < 20_000  # 2000 receipts: 10 bytes each
    finally:
        tracemalloc.stop()
    talk.leave()


def test_resumptions_are_remembered_within_bounds(spans: CapturedSpans) -> None:
    from otel_ws.handoff import _resumed

    talk = Clocked()
    talk.hear("order")
    for _ in range(1100):
        work("render", handoff())
    assert len(_resumed._counts) <= 1024


def test_a_receipt_that_is_kept_keeps_no_connection(spans: CapturedSpans) -> None:
    talk = Clocked()
    receipt = handed_over(talk)
    connection = weakref.ref(talk.connection)
    talk.leave()
    del talk
    attach(Context())
    gc.collect()
    assert connection() is None
    work("render", receipt)
    assert len(spans.named("render")) == 1


# --- what others may write ----------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
a_carrier = {
    "v": "1",
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "a=b",
    "id": "0123456789abcdef",
    "sent": "1000000.5",
    "session": "0123456789abcdef0123456789abcdef",
}
carriers = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {}, optional={key: json_values | st.just(value) for key, value in a_carrier.items()}
    ),
    st.sampled_from(sorted(a_carrier)).flatmap(
        lambda key: (json_values | st.text(min_size=60)).map(lambda v: {**a_carrier, key: v})
    ),
)


@given(carriers)
def test_whatever_comes_as_a_carrier_the_work_is_done(carrier: Any) -> None:
    with capture_spans() as spans:
        receipt = Receipt.from_dict(carrier)
        assert receipt.call("render", len, "Tea") == 3
        assert isinstance(receipt.to_dict(), dict)
        with resume("batch", receipt, Receipt.from_dict(a_carrier)):
            pass
    for span in spans:
        _is_harmless(span)


def _is_harmless(span: ReadableSpan) -> None:
    found = span.attributes or {}
    assert set(found) <= {WAIT, SESSION}
    assert 0 <= found.get(WAIT, 0) < float("inf")
    session = found.get(SESSION, "x")
    assert session.isascii() and 0 < len(session) <= 64


def test_a_carrier_that_is_whole_is_understood(spans: CapturedSpans) -> None:
    work("render", Receipt.from_dict({**a_carrier, "id": "", "from a newer version": "?"}))
    (render,) = spans
    assert f"{render.parent.span_id:x}" == "b7ad6b7169203331"
    assert render.attributes[SESSION] == a_carrier["session"]


@pytest.mark.parametrize(
    "carrier", [None, 7, "v", [], {}, {**a_carrier, "v": "2"}, {**a_carrier, "v": 1}]
)
def test_what_is_no_carrier_is_a_receipt_of_nobody(carrier: Any, spans: CapturedSpans) -> None:
    with own.start_as_current_span("worker"), Receipt.from_dict(carrier).resume("render"):
        pass
    assert spans == "worker\n  render"


def test_carriers_without_an_id_do_not_hinder_one_another(spans: CapturedSpans) -> None:
    carrier = {name: value for name, value in a_carrier.items() if name != "id"}
    for _ in range(2):
        work("render", Receipt.from_dict(carrier))
    assert [render.parent is None for render in spans] == [False, False]
