"""A lean span cannot be told from a stock one, whatever is done to it."""

from __future__ import annotations

import copy
import json
import os
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk import version
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    ReadableSpan,
    Span,
    SpanLimits,
    SpanProcessor,
    TracerProvider,
    sampling,
)
from opentelemetry.sdk.trace import Tracer as StockTracer
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    DEFAULT_OFF,
    DEFAULT_ON,
    Decision,
    ParentBased,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
    StaticSampler,
    TraceIdRatioBased,
)
from opentelemetry.sdk.version import __version__ as sdk_version
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from otel_ws import Config, _lean
from otel_ws._models import links_to
from otel_ws._spans import PROVEN, source

pytestmark = pytest.mark.skipif(
    not sdk_version.startswith(PROVEN),
    reason=f"lean spans are not made with version {sdk_version} of the SDK",
)

few = settings(max_examples=100, derandomize=True, database=None, deadline=None)
HANDSHAKE = SpanContext(7, 8, False, TraceFlags(1))
ROOT = set_span_in_context(INVALID_SPAN, Context())


class Counted(IdGenerator):
    """Ids that are the same in every run."""

    def __init__(self, first: int = 1) -> None:
        self._next = first

    def generate_span_id(self) -> int:
        self._next += 1
        return self._next

    generate_trace_id = generate_span_id

    def is_trace_id_random(self) -> bool:
        return True


class Exported(SpanProcessor):
    def __init__(self) -> None:
        self.started: list[Span] = []
        self.ended: list[ReadableSpan] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.started.append(span)

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


def started(
    is_lean: bool,
    *,
    context: Context = ROOT,
    attributes: dict[str, Any] | None = None,
    links: Sequence[Link] = (),
    **provided: Any,
) -> tuple[Any, Exported]:
    """Start a span as we do, lean or not."""
    provider = TracerProvider(id_generator=Counted(), shutdown_on_exit=False, **provided)
    exported = Exported()
    provider.add_span_processor(exported)
    begin = source(Config(tracer_provider=provider, lean_spans=is_lean)).begin
    return begin("a", context, SpanKind.CONSUMER, attributes or {"n": 1}, links, 5), exported


def shown(span: ReadableSpan) -> Any:
    """Return all that can be read of a span."""
    text = json.loads(span.to_json())
    for event in text["events"]:
        event.pop("timestamp")
        event["attributes"].pop("exception.stacktrace", None)
    dropped = (span.dropped_attributes, span.dropped_events, span.dropped_links)
    scope, parent = span.instrumentation_scope, span.parent
    links = [(each.context, dict(each.attributes or {})) for each in span.links]
    return text, dropped, str(scope), parent, span.kind, span.start_time, links


values = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none())
names = st.sampled_from(["n", "m", "", "websocket.session.id"])
OPERATIONS: list[st.SearchStrategy[Callable[[Any], Any]]] = [
    st.builds(lambda n, v: lambda s: s.set_attribute(n, v), names, values),
    st.builds(lambda m: lambda s: s.set_attributes(m), st.dictionaries(names, values)),
    st.builds(lambda n: lambda s: s.add_event(n, {"of": n}), names),
    st.builds(lambda f: lambda s: s.add_link(SpanContext(3, f, True), {"f": f}), st.integers(0, 9)),
    st.builds(lambda c: lambda s: s.set_status(c, "why"), st.sampled_from(StatusCode)),
    st.builds(lambda c: lambda s: s.set_status(Status(c)), st.sampled_from(StatusCode)),
    st.builds(lambda n: lambda s: s.update_name(n), names),
    st.just(lambda s: s.record_exception(ValueError("x"))),
    st.just(lambda s: s.is_recording()),
    st.just(lambda s: s.get_span_context()),
    st.just(lambda s: (dict(s.attributes), s.name, s.end_time, s.status.status_code)),
    st.just(lambda s: s.resource),
    st.just(lambda s: s.instrumentation_scope),
    st.just(lambda s: s.end(9)),
]


def outcome(span: Any, operations: Sequence[Callable[[Any], Any]]) -> list[Any]:
    """Return what the operations returned or raised."""
    found: list[Any] = []
    for operation in operations:
        try:
            answer = operation(span)
        except Exception as error:
            answer = repr(error)
        found.append(dict(answer) if hasattr(answer, "keys") else answer)
    return found


@few
@given(st.lists(st.one_of(OPERATIONS), max_size=8))
def test_it_does_what_a_stock_span_does(operations: list[Callable[[Any], Any]]) -> None:
    link = {"links": (Link(HANDSHAKE, {"websocket.link.type": "handshake"}),)}
    (stock, wanted), (lean, exported) = started(False, **link), started(True, **link)
    assert type(lean) is _lean.LeanSpan
    assert outcome(lean, operations) == outcome(stock, operations)
    assert shown(lean) == shown(stock)
    stock.end(9)
    lean.end(9)
    assert [shown(each) for each in exported.ended] == [shown(each) for each in wanted.ended]
    assert exported.started == [lean]


@pytest.mark.parametrize("is_lean", [True, False])
def test_what_is_done_to_it_after_its_end_is_refused_with_a_word(
    is_lean: bool, caplog: pytest.LogCaptureFixture
) -> None:
    span, exported = started(is_lean)
    span.end()
    span.end()
    span.set_attribute("late", True)
    span.update_name("late")
    assert len(exported.ended) == 1
    assert caplog.messages == [
        "Calling end() on an ended span.",
        "Setting attribute on ended span.",
        "Tried calling update_name on an ended span.",
    ]
    assert dict(span.attributes) == {"n": 1}


def test_a_touched_span_is_a_stock_span() -> None:
    span, _ = started(True)
    stock, _ = started(False)
    span.set_attribute("m", 2)
    assert type(span) is type(stock)
    assert vars(span).keys() >= vars(stock).keys()


def test_nobody_makes_one_up() -> None:
    span, _ = started(True)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        span.nonsense  # noqa: B018
    assert type(span) is _lean.LeanSpan


def test_what_is_exported_is_itself() -> None:
    span, exported = started(True)
    span.end()
    assert exported.ended == [span]


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy])
def test_its_copy_is_what_the_sdk_exports(clone: Callable[[Any], Any]) -> None:
    link = {"links": (Link(HANDSHAKE, {"websocket.link.type": "handshake"}),)}
    (lean, exported), (stock, wanted) = started(True, **link), started(False, **link)
    lean.end(9)
    stock.end(9)
    copied = clone(exported.ended[0])
    assert type(copied) is ReadableSpan
    assert shown(copied) == shown(wanted.ended[0])


def test_what_is_asked_of_it_after_its_end_changes_nothing() -> None:
    span, exported = started(True)
    before = span.end(9) or shown(span)
    assert span._resource.attributes == span.resource.attributes
    span.set_attribute("late", True)
    assert span._span_processor is not None
    assert type(span) is _lean.LeanSpan
    assert shown(span) == before
    assert exported.ended == [span]


def test_nobody_can_change_what_the_links_of_all_connections_share() -> None:
    handshake, _ = started(True)
    (link,) = links_to(handshake)
    attributes: Any = link.attributes
    with pytest.raises(TypeError):
        attributes["websocket.link.type"] = "another"
    assert dict(attributes) == {"websocket.link.type": "handshake"}


def test_its_resource_is_the_providers_to_all_who_compare() -> None:
    given = Resource({"service.name": "mine"})
    own = started(True, resource=given)[0].resource
    assert own is not given
    assert own == given
    assert given == own
    assert {own: 1} == {given: 1}
    assert own != Resource({"service.name": "another"})
    assert type(copy.copy(own)) is type(copy.deepcopy(own)) is Resource
    assert copy.deepcopy(own) == own


def test_a_resource_of_the_users_own_making_is_taken_as_it_is() -> None:
    class Own(Resource):
        pass

    span, _ = started(True, resource=Own({"service.name": "mine"}))
    assert type(span.resource) is Own


def test_threads_may_touch_and_end_it_at_once() -> None:
    for _ in range(200):
        span, exported = started(True)
        barrier = threading.Barrier(3)
        acts = [span.end, lambda: span.set_attribute("m", 1), lambda: span.add_event("e")]  # noqa: B023

        def act(do: Callable[[], None]) -> None:
            barrier.wait()  # noqa: B023
            do()

        threads = [threading.Thread(target=act, args=(each,)) for each in acts]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert len(exported.ended) == 1
        assert exported.ended[0].attributes["n"] == 1  # type: ignore[index]


SAMPLERS = [
    *(ALWAYS_ON, ALWAYS_OFF, DEFAULT_ON, DEFAULT_OFF),
    *(StaticSampler(Decision.RECORD_ONLY), TraceIdRatioBased(0.5), ParentBasedTraceIdRatio(0.5)),
    *(ParentBased(TraceIdRatioBased(0.3), local_parent_not_sampled=ALWAYS_ON),),
    *(ParentBased(DEFAULT_ON, local_parent_sampled=ALWAYS_OFF),),
    *(ParentBased(ALWAYS_OFF, remote_parent_not_sampled=TraceIdRatioBased(0.4)),),
    *(ParentBased(ALWAYS_ON, remote_parent_sampled=ALWAYS_OFF),),
]
parents = st.one_of(
    st.none(),
    st.builds(
        SpanContext,
        st.integers(1, 2**128 - 1),
        st.integers(1, 2**64 - 1),
        st.booleans(),
        st.builds(TraceFlags, st.integers(0, 3)),
        st.sampled_from([None, TraceState([("v", "1")])]),
    ),
)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=range(len(SAMPLERS)))
@few
@given(parent=parents, first=st.integers(1, 2**128 - 4))
def test_the_sampler_decides(sampler: Sampler, parent: SpanContext | None, first: int) -> None:
    context = ROOT if parent is None else set_span_in_context(NonRecordingSpan(parent), ROOT)
    found = []
    for is_lean in (False, True):
        provider = TracerProvider(sampler, id_generator=Counted(first), shutdown_on_exit=False)
        begin = source(Config(tracer_provider=provider, lean_spans=is_lean)).begin
        span = begin("a", context, SpanKind.CONSUMER, {"n": 1}, (), None)
        found.append((span.get_span_context(), span.is_recording()))
    assert found[0] == found[1]


class Adding(Sampler):
    """Samples all, adds an attribute and says so in the trace's state."""

    def should_sample(self, *_: Any, **__: Any) -> SamplingResult:
        state = TraceState([("added", "1")])
        return SamplingResult(Decision.RECORD_AND_SAMPLE, {"added": [1, 2]}, state)

    def get_description(self) -> str:
        return "adding"


def test_a_sampler_of_the_user_is_asked_and_heard() -> None:
    (stock, _), (lean, _) = (started(is_lean, sampler=Adding()) for is_lean in (False, True))
    assert shown(lean) == shown(stock)
    assert dict(lean.attributes) == {"added": (1, 2)}
    assert lean.get_span_context().trace_state == TraceState([("added", "1")])


def test_limits_that_are_tight_are_left_to_the_sdk() -> None:
    limits = SpanLimits(max_span_attribute_length=3)
    span, _ = started(True, attributes={"n": "long"}, span_limits=limits)
    assert type(span) is not _lean.LeanSpan
    assert span.attributes == {"n": "lon"}


def test_it_can_be_turned_off() -> None:
    assert type(started(False)[0]) is not _lean.LeanSpan


def test_another_version_of_the_sdk_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "__version__", "1.99.0")
    assert type(started(True)[0]) is not _lean.LeanSpan


def test_an_sdk_that_somebody_has_patched_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = StockTracer.start_span
    monkeypatch.setattr(StockTracer, "start_span", lambda *args, **kwargs: own(*args, **kwargs))
    assert type(started(True)[0]) is not _lean.LeanSpan


def test_an_sdk_that_measures_itself_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED", "true")
    assert type(started(True)[0]) is not _lean.LeanSpan


def test_a_provider_that_is_not_the_sdks_makes_its_own() -> None:
    class Proxy(trace.TracerProvider):
        def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
            return trace.NoOpTracer()

    begin = source(Config(tracer_provider=Proxy())).begin
    assert begin("a", ROOT, SpanKind.CONSUMER, {}, (), None) is INVALID_SPAN


def test_the_ids_are_the_providers() -> None:
    span, _ = started(True)
    assert span.get_span_context().trace_id == 2


def test_a_fork_while_a_span_ends_leaves_the_child_able_to_end_its_own() -> None:
    with _lean._lock:  # as another thread may hold it
        child = os.fork()
        if child == 0:
            thread = threading.Thread(target=lambda: started(True)[0].end(), daemon=True)
            thread.start()
            thread.join(10)
            os._exit(thread.is_alive())
    assert os.waitpid(child, 0)[1] == 0


def test_what_is_set_past_the_methods_stays() -> None:
    span, _ = started(True)
    span._status = Status(StatusCode.ERROR)
    span.set_attribute("m", 1)
    assert span.status.status_code is StatusCode.ERROR


def test_a_processor_that_knows_no_starts_is_told_of_ends() -> None:
    class Half:
        def on_end(self, span: ReadableSpan) -> None:
            ended.append(span)

    ended: list[ReadableSpan] = []
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Half())  # type: ignore[arg-type]
    begin = source(Config(tracer_provider=provider)).begin
    begin("a", ROOT, SpanKind.CONSUMER, {}, (), None).end()
    assert len(ended) == 1


def test_an_sdk_without_what_is_known_of_it_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("otel_ws._lean", "otel_ws._stock"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(version, "__version__", "1.99.0")
    monkeypatch.delattr(sampling, "ParentBasedTraceIdRatio")
    assert type(started(True)[0]).__name__ == "_Span"
