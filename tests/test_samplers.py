"""The samplers of otel-ws keep a session whole, and tell when another one would not."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    ParentBased,
    Sampler,
    TraceIdRatioBased,
)
from opentelemetry.trace import (
    INVALID_SPAN,
    INVALID_SPAN_CONTEXT,
    Link,
    NonRecordingSpan,
    ProxyTracerProvider,
    SpanContext,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from otel_ws import Config, ConfigError, current_session
from otel_ws._cuts import tell_if_cut
from otel_ws.asgi import TracingMiddleware
from otel_ws.sampling import HandshakeSampler, SessionRatioSampler, cuts_sessions
from otel_ws.testing import CapturedSpans, capture_spans

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .playing import EXCHANGE, echo, play, scope_of

HALF = TraceIdRatioBased(0.5)
SESSIONS = 40
OURS = [HandshakeSampler(HALF), SessionRatioSampler(0.5)]

each_of_ours = pytest.mark.parametrize("sampler", OURS, ids=lambda each: type(each).__name__)


class SeededIds(IdGenerator):
    """Makes the same trace ids in every run."""

    def __init__(self) -> None:
        self._random = random.Random(1)

    def generate_trace_id(self) -> int:
        return self._random.getrandbits(128)

    def generate_span_id(self) -> int:
        return self._random.getrandbits(64)


def traced(sampler: Sampler) -> TracerProvider:
    return TracerProvider(sampler=sampler, id_generator=SeededIds(), shutdown_on_exit=False)


def session_of(span: Any) -> str:
    return str(span.attributes["websocket.session.id"])


# --- whole sessions -----------------------------------------------------------------------------


def application(provider: TracerProvider) -> Any:
    """Return an echo that also begins a trace of its own, as a timer would."""
    tracer = provider.get_tracer("application")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
            alone = set_span_in_context(INVALID_SPAN)
            session = {"websocket.session.id": scope["otel_ws"].id}
            tracer.start_span("tick", alone).set_attributes(session)

    return app


def kept(sampler: Sampler, **settings: Any) -> tuple[CapturedSpans, Counter[str]]:
    """Play the sessions; return the spans that were kept, and how many there are of each."""
    provider = traced(sampler)
    app = TracingMiddleware(application(provider), tracer_provider=provider, **settings)
    steps = (Say("1"), Hear("1"), Say("2"), Hear("2"), Leave())

    async def play_all() -> None:
        for _ in range(SESSIONS):
            await converse(app, *steps)

    with capture_spans(provider) as spans:
        asyncio.run(play_all())
    return spans, Counter(map(session_of, spans))


@each_of_ours
@pytest.mark.parametrize("inherit", [True, False])
@pytest.mark.parametrize("model", ["session", "connection"])
def test_no_session_is_cut_apart(sampler: Sampler, inherit: bool, model: Any) -> None:
    spans, sessions = kept(sampler, inherit_sampling=inherit, model=model)
    # Handshake, open, close; receive, send and tick of two messages; the connection's own span.
    assert set(sessions.values()) == {9 if model == "session" else 10}
    assert {session_of(span) for span in spans.named("GET")} == sessions.keys()
    assert 0 < len(sessions) < SESSIONS


@pytest.mark.parametrize("inherit", [True, False])
def test_the_built_in_ratio_cuts_sessions_apart(inherit: bool, our_log: list[str]) -> None:
    _, sessions = kept(ParentBased(HALF), inherit_sampling=inherit)
    assert sum(count < 9 for count in sessions.values()) > SESSIONS // 4


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("inherit", [True, False])
@pytest.mark.parametrize(
    "sampler_at", [SessionRatioSampler, lambda ratio: HandshakeSampler(TraceIdRatioBased(ratio))]
)
def test_a_session_follows_its_caller(sampler_at: Any, inherit: bool, sampled: bool) -> None:
    """What the ratio would have said makes no difference, to the handshake and to what follows."""
    provider = traced(sampler_at(0 if sampled else 1))
    app = TracingMiddleware(echo, tracer_provider=provider, inherit_sampling=inherit)
    caller = f"00-{1:032x}-{2:016x}-{sampled:02x}".encode()
    with capture_spans(provider) as spans:
        play(app, headers=[(b"traceparent", caller)])
    assert spans == (
        """
        GET <- remote
        websocket.open -> GET
        websocket.receive -> GET
          websocket.send
        websocket.close -> GET
        """
        if sampled
        else ""
    )


def test_a_connection_inside_of_another_is_a_session_of_its_own() -> None:
    """Its handshake has the other's Context around it, and an id of its own."""
    provider = traced(SessionRatioSampler(0.5))
    inner = TracingMiddleware(echo, tracer_provider=provider, inherit_sampling=False)

    async def ignore(message: Any) -> None: ...

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for _ in range(SESSIONS):
            inbound = iter(EXCHANGE)
            await inner(scope_of(), lambda inbound=inbound: _next(inbound), ignore)

    with capture_spans(provider) as spans:
        play(TracingMiddleware(app, tracer_provider=traced(ALWAYS_ON)))
    sessions = Counter(map(session_of, spans))
    assert set(sessions.values()) == {5}
    assert 0 < len(sessions) < SESSIONS


async def _next(inbound: Any) -> Any:
    return dict(next(inbound))


# --- single decisions ---------------------------------------------------------------------------


def context_of(*, sampled: bool, remote: bool = False, state: Any = None) -> SpanContext:
    return SpanContext(1, 2, remote, TraceFlags(sampled), state)


def link_to(context: SpanContext, kind: str = "handshake") -> Link:
    return Link(context, {"websocket.link.type": kind})


def decide(
    sampler: Sampler,
    session: Any = None,
    *,
    links: Any = (),
    trace_id: int = 0,
    context: Context | None = None,
) -> bool:
    attributes = {} if session is None else {"websocket.session.id": session}
    result = sampler.should_sample(context, trace_id, "span", None, attributes, links)
    sampled = result.decision.is_sampled()
    assert result.attributes == (attributes if sampled else {})
    return sampled


def ids(count: int) -> list[str]:
    return [f"{number:032x}" for number in range(count)]


def test_every_process_and_every_version_decides_alike() -> None:
    kept = [int(each, 16) for each in ids(24) if decide(SessionRatioSampler(0.25), each)]
    assert kept == [2, 4, 10, 16, 18]


RATIOS = (0, 0.1, 0.5, 0.9, 1)


def test_a_greater_ratio_keeps_what_a_smaller_one_does() -> None:
    shares = [{each for each in ids(2000) if decide(SessionRatioSampler(r), each)} for r in RATIOS]
    for ratio, share, greater in zip(RATIOS, shares, shares[1:], strict=False):
        assert share < greater
        assert abs(len(share) / 2000 - ratio) < 0.04
    assert [len(shares[0]), len(shares[-1])] == [0, 2000]


@pytest.mark.parametrize("session", ["not hex", "", "\ud800", "x" * 100_000, "0x_1", "٣"])
def test_a_session_id_may_be_any_text(session: str) -> None:
    assert decide(SessionRatioSampler(1), session)
    assert not decide(SessionRatioSampler(0), session, trace_id=1)


@pytest.mark.parametrize("session", [None, "", 7, 0.5, True, ("a", "b"), b"bytes"])
def test_what_is_no_session_id_leaves_the_trace_id_to_decide(session: Any) -> None:
    sampler = SessionRatioSampler(0.5)
    for trace_id in 0, 1, 1 << 62, 1 << 63, (1 << 64) - 1, 1 << 64, (1 << 128) - 1:
        assert decide(sampler, session, trace_id=trace_id) == decide(HALF, trace_id=trace_id)


@pytest.mark.parametrize("make", [HandshakeSampler, lambda root: SessionRatioSampler(root.rate)])
def test_a_link_to_the_handshake_decides(make: Any) -> None:
    for ratio in 0.0, 1.0:
        sampler = make(TraceIdRatioBased(ratio))
        for sampled in True, False:
            handshake = link_to(context_of(sampled=sampled))
            other = link_to(context_of(sampled=not sampled), "event")
            assert decide(sampler, "id", links=[other, handshake]) is sampled
            assert decide(sampler, "id", links=[other]) is bool(ratio)
            assert decide(sampler, links=[Link(context_of(sampled=sampled))]) is bool(ratio)
        assert decide(sampler, links=[link_to(INVALID_SPAN_CONTEXT)]) is bool(ratio)
        assert decide(sampler, links=None) is bool(ratio)


@each_of_ours
@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("sampled", [True, False])
def test_a_parent_is_followed_whatever_is_linked(
    sampler: Sampler, remote: bool, sampled: bool
) -> None:
    state = TraceState([("vendor", "value")])
    parent = context_of(sampled=sampled, remote=remote, state=state)
    context = set_span_in_context(NonRecordingSpan(parent), Context())
    links = [link_to(context_of(sampled=not sampled))]
    assert decide(sampler, "id", links=links, context=context) is sampled
    result = sampler.should_sample(context, 1, "span")
    assert result.trace_state == state


@each_of_ours
def test_a_root_takes_no_trace_state_from_its_handshake(sampler: Sampler) -> None:
    handshake = context_of(sampled=True, state=TraceState([("vendor", "value")]))
    result = sampler.should_sample(None, 1, "span", links=[link_to(handshake)])
    assert result.decision.is_sampled()
    assert not result.trace_state


def test_a_context_that_is_empty_belongs_to_no_session() -> None:
    provider = traced(SessionRatioSampler(0))
    tracer, parent = provider.get_tracer("application"), f"00-{1:032x}-{2:016x}-01".encode()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert current_session().handshake.trace_flags.sampled
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        tracer.start_span("here", set_span_in_context(INVALID_SPAN))
        tracer.start_span("apart", Context())
        tracer.start_span("theirs", Context(), attributes={"websocket.session.id": "another's"})

    with capture_spans(provider) as spans:
        play(TracingMiddleware(app, tracer_provider=provider), headers=[(b"traceparent", parent)])
    assert [span.name for span in spans if span.attributes == {}] == ["here"]


def test_a_sampler_says_what_it_is() -> None:
    assert SessionRatioSampler(0.1).get_description() == "SessionRatioSampler{0.1}"
    assert SessionRatioSampler(1).get_description() == "SessionRatioSampler{1.0}"
    assert (
        HandshakeSampler(TraceIdRatioBased(0.1)).get_description()
        == "HandshakeSampler{root:TraceIdRatioBased{0.1}}"
    )


@pytest.mark.parametrize(
    ("ratio", "got", "hint"),
    [
        (10, "10", "Did you mean 0.1?"),
        ("10", "'10'", "Did you mean 0.1?"),
        (-0.1, "-0.1", "0.1 keeps one in ten."),
        (101, "101", "0.1 keeps one in ten."),
        ("10%", "'10%'", "0.1 keeps one in ten."),
        (True, "True", "0.1 keeps one in ten."),
        (None, "None", "0.1 keeps one in ten."),
        (float("nan"), "nan", "0.1 keeps one in ten."),
        (10**400, repr(10**400)[:200] + "...", "0.1 keeps one in ten."),
    ],
)
def test_a_wrong_ratio_stops_at_the_start(ratio: Any, got: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        SessionRatioSampler(ratio)
    assert str(raised.value) == f"ratio: expected a number from 0 to 1, got {got}. {hint}"


@pytest.mark.parametrize("root", [0.1, None, TraceIdRatioBased])
def test_a_root_that_is_no_sampler_stops_at_the_start(root: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        HandshakeSampler(root)
    assert str(raised.value) == (
        f"root: expected a Sampler, got {root!r}. Pass TraceIdRatioBased(0.1), for example."
    )


# --- by name, without code ----------------------------------------------------------------------

CONFIGURED = """
import logging
logging.basicConfig(format="%(message)s")
from opentelemetry import trace
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
_OTelSDKConfigurator().configure()
print(trace.get_tracer_provider().sampler.get_description())
"""


def configured(name: str, argument: str | None) -> subprocess.CompletedProcess[str]:
    """Set up the SDK from the environment alone, as ``opentelemetry-instrument`` does."""
    environ = {
        **os.environ,
        "OTEL_TRACES_SAMPLER": name,
        **{f"OTEL_{signal}_EXPORTER": "none" for signal in ("TRACES", "METRICS", "LOGS")},
    }
    if argument is not None:
        environ["OTEL_TRACES_SAMPLER_ARG"] = argument
    command = [sys.executable, "-c", CONFIGURED]
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=60)


@pytest.mark.parametrize(
    ("name", "argument", "description"),
    [
        ("otel_ws_session_ratio", "0.1", "SessionRatioSampler{0.1}"),
        ("otel_ws_session_ratio", None, "SessionRatioSampler{1.0}"),
        ("otel_ws_handshake", "0.1", "HandshakeSampler{root:TraceIdRatioBased{0.1}}"),
    ],
)
def test_the_environment_names_a_sampler(name: str, argument: Any, description: str) -> None:
    done = configured(name, argument)
    assert (done.stdout.strip(), done.stderr) == (description, "")


@pytest.mark.parametrize("name", ["otel_ws_session_ratio", "otel_ws_handshake"])
def test_a_wrong_argument_is_told_by_the_sdk_which_keeps_everything(name: str) -> None:
    done = configured(name, "10")
    assert done.stderr.splitlines()[0] == (
        f"Using default sampler. Failed to initialize sampler, {name}: "
        "OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1, got '10'. Did you mean 0.1?"
    )
    assert done.stdout.startswith("ParentBased{root:AlwaysOnSampler")


# --- telling which sampler cuts -----------------------------------------------------------------


def described(description: str) -> Any:
    """Return a provider whose sampler says this of itself."""
    return SimpleNamespace(sampler=SimpleNamespace(get_description=lambda: description))


@pytest.mark.parametrize(
    ("sampler", "cuts"),
    [
        (TraceIdRatioBased(0.1), True),
        (TraceIdRatioBased(1e-05), True),
        (ParentBased(TraceIdRatioBased(0.1)), True),
        (ParentBased(ParentBased(TraceIdRatioBased(0.999))), True),
        (TraceIdRatioBased(1), False),
        (ParentBased(TraceIdRatioBased(0)), False),
        (ALWAYS_ON, False),
        (ParentBased(ALWAYS_OFF), False),
        (ParentBased(ALWAYS_ON, local_parent_sampled=TraceIdRatioBased(0.1)), False),
        (HandshakeSampler(TraceIdRatioBased(0.1)), False),
        (HandshakeSampler(ParentBased(TraceIdRatioBased(0.1))), False),
        (ParentBased(HandshakeSampler(TraceIdRatioBased(0.1))), False),
        (SessionRatioSampler(0.1), False),
    ],
    ids=lambda each: each.get_description() if isinstance(each, Sampler) else str(each),
)
def test_a_sampler_that_cuts_sessions_is_known_by_its_description(
    sampler: Sampler, cuts: bool
) -> None:
    assert cuts_sessions(traced(sampler)) is cuts


@pytest.mark.parametrize(
    ("description", "cuts"),
    [
        ("AlwaysRecordSampler{ParentBased{root:TraceIdRatioBased{0.1},remote...}}", True),
        ("ComposableTraceIDRatioBased{threshold=e6666666666668, ratio=0.1}", True),
        (
            "ComposableParentThreshold{root=ComposableTraceIDRatioBased{threshold=0, ratio=1}}",
            False,
        ),
        ("TraceIdRatioBased{often}", False),
        ("TraceIdRatioBased{", False),
        ("MyTraceIdRatioBased{0.1}", False),
        ("", False),
    ],
)
def test_descriptions_of_other_versions(description: str, cuts: bool) -> None:
    assert cuts_sessions(described(description)) is cuts


def test_a_provider_that_is_not_the_sdks_cuts_nothing() -> None:
    assert not cuts_sessions(trace.NoOpTracerProvider())
    assert not cuts_sessions(described(None))  # type: ignore[arg-type]


def test_a_sampler_that_cannot_describe_itself_harms_nobody(our_log: list[str]) -> None:
    broken: Any = SimpleNamespace(sampler=object())
    assert not cuts_sessions(broken)
    assert our_log == ["_description failed; the application is unaffected"]


@pytest.mark.parametrize(
    ("name", "argument", "cuts"),
    [
        ("traceidratio", "0.1", True),
        ("ParentBased_TraceIdRatio", "0.1", True),
        ("parentbased_traceidratio", "1.0", False),
        ("parentbased_traceidratio", "", False),
        ("parentbased_traceidratio", "10%", False),
        ("parentbased_always_on", "0.1", False),
        ("otel_ws_session_ratio", "0.1", False),
        ("", "0.1", False),
    ],
)
def test_before_there_is_a_provider_the_environment_is_judged(
    name: str, argument: str, cuts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", name)
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", argument)
    assert cuts_sessions(ProxyTracerProvider()) is cuts
    assert not cuts_sessions(traced(ALWAYS_ON))


def test_the_log_says_once_that_sessions_are_cut(our_log: list[str]) -> None:
    cutting = traced(ParentBased(TraceIdRatioBased(0.1)))
    tell_if_cut(Config(tracer_provider=traced(SessionRatioSampler(0.1))))
    tell_if_cut(Config(tracer_provider=cutting, model="connection"))
    tell_if_cut(Config(tracer_provider=ProxyTracerProvider()))
    assert our_log == []
    for provider in cutting, cutting, traced(TraceIdRatioBased(0.1)):
        tell_if_cut(Config(tracer_provider=provider))
    assert our_log == [
        "the sampler decides about each message on its own, and sessions are cut apart; "
        "use one of otel_ws.sampling"
    ]
