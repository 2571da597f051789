"""The contrib instrumentations of ASGI, Starlette and FastAPI, around ours and inside of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from inspect import isfunction, unwrap
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode
from starlette import applications as starlette_applications
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute

import otel_ws_starlette
from otel_ws import _handshake, _neighbours, asgi
from otel_ws.testing import CapturedSpans, capture_spans
from tests.playing import CONNECT, LEAVE, play
from tests.project import Project

from .applications import ECHOED, FRAMEWORKS, TREE, TREES, fastapi, sent, starlette

contrib = pytest.importorskip("opentelemetry.instrumentation.asgi").OpenTelemetryMiddleware
Ours = otel_ws_starlette.TracingMiddleware
PREFIX = "opentelemetry.instrumentation."
TAKEN_OVER = (
    "the handshake's span was opened by {}, and is ours from there on; "
    "put TracingMiddleware around the application to have it from the beginning"
)


@pytest.fixture(autouse=True)
def _let_in() -> Iterator[None]:
    """No test profits from the one before."""
    _neighbours.let_in()
    yield
    _neighbours.let_in()


@pytest.fixture(autouse=True)
def _no_ended_span_is_written_on(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    assert [r.getMessage() for r in caplog.records if r.name.startswith("opentelemetry")] == []


def around(app: Any, ours: Any, **settings: Any) -> Any:
    return ours(contrib(app), **settings)


def inside(app: Any, ours: Any, **settings: Any) -> Any:
    return contrib(ours(app, **settings))


def instrumentor(name: str) -> Any:
    module = pytest.importorskip(PREFIX + name.lower())
    return getattr(module, f"{name}Instrumentor")


def instrumented(name: str, app: Any) -> Any:
    instrumentor(name).instrument_app(app)
    return app


def added(app: Any, **settings: Any) -> Any:
    app.add_middleware(Ours, **settings)
    return app


PLACES: dict[str, tuple[Callable[..., Any], str | None]] = {
    "around StarletteInstrumentor": (
        lambda **s: Ours(instrumented("Starlette", starlette()), **s),
        None,
    ),
    "inside StarletteInstrumentor": (
        lambda **s: instrumented("Starlette", starlette(middleware=[Middleware(Ours, **s)])),
        "starlette",
    ),
    "around FastAPIInstrumentor": (lambda **s: Ours(instrumented("FastAPI", fastapi()), **s), None),
    "inside FastAPIInstrumentor": (
        lambda **s: instrumented("FastAPI", added(fastapi(), **s)),
        "fastapi",
    ),
    **{
        f"around contrib, {name}": (lambda f=f, **s: around(f[0](), f[1], **s), None)
        for name, f in FRAMEWORKS.items()
    },
    **{
        f"inside contrib, {name}": (lambda f=f, **s: inside(f[0](), f[1], **s), "asgi")
        for name, f in FRAMEWORKS.items()
    },
}


@pytest.mark.parametrize("model", TREES)
@pytest.mark.parametrize("place", PLACES)
def test_wherever_we_stand_one_handshake_is_one_span(
    place: str, model: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    make, opened_by = PLACES[place]
    app = make(model=model)
    for _ in range(2):
        spans.clear()
        assert sent(app) == ECHOED
        assert spans == TREES[model]
        assert all(span.end_time for span in spans)
    (handshake,) = (span for span in spans if span.kind is SpanKind.SERVER)
    scope = handshake.instrumentation_scope
    assert scope and scope.name == (PREFIX + opened_by if opened_by else "otel_ws")
    assert our_log == ([TAKEN_OVER.format(PREFIX + opened_by)] if opened_by else [])


def test_a_span_that_is_taken_over_says_what_our_own_says(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    query = {"query_string": b"token=secret&room=1", "path": "/room"}
    sent(Ours(starlette(), query_allow=["room"]), **query)
    sent(contrib(Ours(starlette(), query_allow=["room"])), **query)
    own, taken = (dict(span.attributes or {}) for span in spans.named("GET"))
    session_ids = {own.pop("websocket.session.id"), taken.pop("websocket.session.id")}
    assert len(session_ids) == 2
    assert own.items() <= taken.items()
    assert [value for value in taken.values() if "secret" in str(value)] == []
    assert taken["http.url"].endswith("/room?token=REDACTED&room=1")


@pytest.mark.parametrize("answer", ["websocket.close", "websocket.http.response.start"])
def test_a_refusal_ends_it_too(answer: str, spans: CapturedSpans, our_log: list[str]) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": answer, "status": 403})
        if answer != "websocket.close":
            await send({"type": "websocket.http.response.body"})
        assert spans[0].end_time

    play(contrib(asgi.TracingMiddleware(refuse)), CONNECT, LEAVE)
    assert spans.tree("http.response.status_code") == "GET {http.response.status_code=403}"


@pytest.mark.parametrize("when", ["before accept", "after accept"])
@pytest.mark.parametrize("place", [around, inside])
def test_an_exception_is_recorded_once(
    place: Any, when: str, spans: CapturedSpans, our_log: list[str]
) -> None:
    async def fail(websocket: Any) -> None:
        if when == "after accept":
            await websocket.accept()
        raise RuntimeError(when)

    app = place(Starlette(routes=[WebSocketRoute("/room", fail)]), Ours)
    with pytest.raises(RuntimeError, match=when):
        sent(app)
    events = [event.name for span in spans for event in span.events]
    assert events == ["exception"]
    failed = [span.name for span in spans if span.status.status_code is StatusCode.ERROR]
    late = ["websocket.open /room", "websocket.close"]
    assert failed == (late if when == "after accept" else ["GET /room"])


def test_what_comes_between_keeps_contribs_spans_of_every_call(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    """Its wrappers are stepped around only where nobody else's stand in between."""

    def between(app: Any) -> Any:
        async def call(scope: Any, receive: Any, send: Any) -> None:
            async def counting() -> Any:
                return await receive()

            await app(scope, counting, send)

        return call

    assert sent(contrib(between(Ours(starlette())))) == ECHOED
    waits = spans.named("HTTP /room websocket receive") or spans.named("/room websocket receive")
    assert len(waits) == 3
    theirs = {span.context.span_id for span in waits}
    assert [s for s in spans if s.parent and s.parent.span_id in theirs] == []
    ours = [span for span in spans if span not in waits]
    with capture_spans() as alone:
        sent(Ours(starlette()))
    assert [span.name for span in ours] == [span.name for span in alone]


def test_what_is_not_sampled_is_nobodys(our_log: list[str]) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF)
    settings = {"tracer_provider": provider}
    with capture_spans(provider) as spans:
        sent(contrib(Ours(untraced(), **settings), **settings))
        sent(Ours(contrib(untraced(), **settings), **settings))
    assert spans == ""


def untraced() -> Starlette:
    async def echo(websocket: Any) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await websocket.send_text(text)

    return Starlette(routes=[WebSocketRoute("/room", echo)])


def test_http_is_contribs_as_ever(spans: CapturedSpans) -> None:
    app = Ours(contrib(starlette()))
    sent(app)
    spans.clear()
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    play(app, {"type": "http.request"}, scope=scope)
    assert spans[0].kind is SpanKind.SERVER
    assert {s.instrumentation_scope.name for s in spans if s.instrumentation_scope} == {
        PREFIX + "asgi"
    }


def test_what_we_do_not_trace_is_contribs(spans: CapturedSpans) -> None:
    sent(Ours(contrib(starlette())))
    spans.clear()
    sent(contrib(starlette()))
    assert spans[0].name in ("HTTP /room", "/room")
    assert spans[0].kind is SpanKind.SERVER


def test_what_is_excluded_here_is_contribs(spans: CapturedSpans) -> None:
    sent(Ours(contrib(starlette()), excluded_routes=["/room"]))
    (handshake,) = (span for span in spans if span.kind is SpanKind.SERVER)
    assert handshake.name in ("HTTP /room", "/room")


def test_what_fails_here_is_contribs(
    spans: CapturedSpans, our_log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asgi, "Connection", None)
    assert sent(Ours(contrib(starlette()))) == ECHOED
    assert [span.kind for span in spans].count(SpanKind.SERVER) == 1
    assert our_log == ["TracingMiddleware._open failed; the application is unaffected"]


def test_the_span_of_a_request_is_never_taken_for_a_handshake(spans: CapturedSpans) -> None:
    """An application that plays a WebSocket while it serves a request."""
    attributes = {"http.method": "GET"}
    tracer = trace.get_tracer(PREFIX + "asgi")
    with tracer.start_as_current_span("GET /", kind=SpanKind.SERVER, attributes=attributes) as span:
        sent(Ours(starlette()))
        assert span.is_recording()
    assert str(spans) == f"GET /\n{TREE}"


@pytest.mark.parametrize("place", [around, inside])
def test_reused_everything_stays_as_they_make_it(
    place: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    sent(place(starlette(), Ours, neighbours="reuse"))
    assert spans.named("HTTP /room") or spans.named("/room")
    if place is around:
        assert [span.name for span in spans if span.kind is SpanKind.SERVER] == ["GET /room"]
        assert our_log == []
    else:
        (handshake,) = (span for span in spans if span.kind is SpanKind.SERVER)
        assert handshake.name != "GET /room"
        linked = {link.context.span_id for span in spans for link in span.links}
        assert linked == {handshake.context.span_id}
        assert len(our_log) == 1
        assert "used in place of our own" in our_log[0]


PARTS = [
    name
    for name, part in vars(_neighbours).items()
    if isfunction(part) and part.__module__ == _neighbours.__name__ and name != "let_in"
]


def broken(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError


def test_a_span_that_cannot_be_told_hurts_nobody(
    monkeypatch: pytest.MonkeyPatch, our_log: list[str]
) -> None:
    monkeypatch.setattr(_handshake.Handshake, "_describe", broken)
    assert sent(contrib(Ours(starlette()))) == ECHOED
    assert our_log[-1] == "TracingMiddleware._open failed; the application is unaffected"


@pytest.mark.parametrize("place", [around, inside])
@pytest.mark.parametrize("part", PARTS)
def test_what_breaks_here_hurts_nobody(
    part: str, place: Any, monkeypatch: pytest.MonkeyPatch, our_log: list[str]
) -> None:
    function = vars(_neighbours)[part]
    shield = [c for c in function.__closure__ or () if c.cell_contents is unwrap(function)]
    if shield:
        monkeypatch.setattr(shield[0], "cell_contents", broken)
    for module in (_neighbours, _handshake, asgi):
        if not shield and part in vars(module):
            monkeypatch.setattr(module, part, broken)
    assert sent(place(starlette(), Ours), query_string=b"token=secret") == ECHOED


def test_a_check_says_that_contrib_is_around_us(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = Project(settings, monkeypatch)
    project.application = contrib(project.application)
    ((number, _, hint),) = project.check()
    assert number == "W002"
    assert hint.startswith("Put it around everything")


def test_it_is_wrapped_once_and_unwrapped_again() -> None:
    original = vars(contrib)["__call__"]
    app = Ours(contrib(starlette()))
    sent(app)
    wrapped = vars(contrib)["__call__"]
    sent(app)
    assert vars(contrib)["__call__"] is wrapped is not original
    assert wrapped.__wrapped__ is original
    _neighbours.let_in()
    assert vars(contrib)["__call__"] is original


def test_an_instrumentor_for_all_applications_is_kept_out_as_well(spans: CapturedSpans) -> None:
    instrument = instrumentor("Starlette")()
    instrument.instrument()
    try:
        app = starlette_applications.Starlette(routes=starlette().routes)
        assert sent(Ours(app)) == ECHOED
    finally:
        instrument.uninstrument()
    assert spans == TREE
