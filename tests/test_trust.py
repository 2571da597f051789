"""What a trace context in a handshake or a message becomes: by trust, by limits, by the edge."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry.trace import get_current_span

from otel_ws import Session
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans

from .carrying import (
    PLAIN,
    RECEIVED,
    SPAN,
    TRACE,
    TRACEPARENT,
    Room,
    both_models,
    carried,
    converse,
    every_driver,
    received,
)
from .playing import ACCEPT, CONNECT, LEAVE, Told, echo, play
from .test_scenarios import DRIVERS, Driver

PARENT = (b"traceparent", b"00-%032x-%016x-01" % (TRACE, SPAN))
BAGGAGE = (b"baggage", b"tenant=acme")
FOLLOWED = """
    GET <- remote
    websocket.open -> GET
    websocket.receive -> GET
      websocket.send
    websocket.close -> GET
"""
LINKED = """
    GET -> remote
    websocket.open -> GET
    websocket.receive -> GET
      websocket.send
    websocket.close -> GET
"""
ALONE = """
    GET
    websocket.open -> GET
    websocket.receive -> GET
      websocket.send
    websocket.close -> GET
"""


class Application:
    """An echo that notes what it can see of the context that the handshake carried."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.tenant: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.session = scope["otel_ws"]
        self.tenant = baggage.get_baggage("tenant")
        await echo(scope, receive, send)


def carry(*headers: tuple[bytes, bytes], **settings: Any) -> Application:
    application = Application()
    play(TracingMiddleware(application, **settings), headers=headers)
    return application


def ask(scope: Any) -> Any:
    """Trust whom the application knows."""
    return dict(scope["headers"]).get(b"x-trust", b"ignore").decode()


@pytest.mark.parametrize(
    ("settings", "tree"),
    [
        ({}, FOLLOWED),
        ({"handshake_trust": "parent"}, FOLLOWED),
        ({"handshake_trust": "link"}, LINKED),
        ({"handshake_trust": "ignore"}, ALONE),
        ({"handshake_trust": ask}, ALONE),
        ({"edge": "public"}, LINKED),
        ({"edge": "public", "handshake_trust": lambda scope: "parent"}, LINKED),
        ({"edge": "public", "handshake_trust": "ignore"}, ALONE),
        ({"carriers": []}, ALONE),
    ],
    ids=repr,
)
def test_trust_says_what_a_context_becomes(settings: Any, tree: str, spans: CapturedSpans) -> None:
    application = carry(PARENT, BAGGAGE, **settings)
    assert spans == tree
    assert application.session is not None
    found = get_current_span(application.session.context).get_span_context()
    assert application.tenant == ("acme" if tree is FOLLOWED else None)
    assert found.is_valid is (tree is FOLLOWED)


@pytest.mark.parametrize(
    ("verdict", "tree"), [(b"parent", FOLLOWED), (b"link", LINKED), (b"ignore", ALONE)]
)
def test_a_function_judges_each_handshake(verdict: bytes, tree: str, spans: CapturedSpans) -> None:
    carry(PARENT, (b"x-trust", verdict), handshake_trust=ask)
    assert spans == tree


def test_a_link_says_that_it_is_remote(spans: CapturedSpans) -> None:
    carry(PARENT, handshake_trust="link")
    (link,) = spans[0].links
    assert (link.context.trace_id, link.context.span_id) == (TRACE, SPAN)
    assert link.attributes == {"websocket.link.type": "remote"}


def test_the_trace_of_a_trusted_client_goes_on(spans: CapturedSpans) -> None:
    carry(PARENT, model="connection")
    assert {span.context.trace_id for span in spans if span.context} == {TRACE}


@pytest.mark.parametrize(
    "headers",
    [
        [(b"traceparent", b"")],
        [(b"traceparent", b"nonsense")],
        [(b"traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01")],
        [(b"traceparent", PARENT[1].upper().replace(b"00-", b"zz-", 1))],
        [(b"traceparent", b"\xff" * 55)],
        [(b"traceparent", b"01" + PARENT[1][2:] + b"-" + b"x" * 100)],
        [PARENT, PARENT],
        [PARENT, (b"tracestate", b"a=" + b"x" * 511)],
        [PARENT, (b"tracestate", b"a=" + b"x" * 300), (b"tracestate", b"b=" + b"x" * 300)],
        [(b"tracestate", b"a=1")],
        [BAGGAGE],
    ],
    ids=[
        "empty",
        "nonsense",
        "zeros",
        "unknown version",
        "not ASCII",
        "too long",
        "twice",
        "tracestate too long",
        "tracestates too long together",
        "tracestate alone",
        "baggage alone",
    ],
)
def test_a_context_that_is_malformed_or_oversized_is_dropped_whole(
    headers: Any, spans: CapturedSpans
) -> None:
    carry(*headers)
    assert spans == ALONE


def test_a_context_within_the_limits_is_taken_whole(spans: CapturedSpans) -> None:
    carry(PARENT, (b"tracestate", b"a=" + b"x" * 256), (b"tracestate", b"b=1"))
    parent = spans[0].parent
    assert spans == FOLLOWED
    assert parent is not None
    assert dict(parent.trace_state) == {"a": "x" * 256, "b": "1"}


def test_header_names_have_no_case(spans: CapturedSpans) -> None:
    carry((b"TraceParent", PARENT[1]))
    assert spans == FOLLOWED


def test_what_is_current_at_the_server_is_not_mixed_in(spans: CapturedSpans) -> None:
    with trace.get_tracer(__name__).start_as_current_span("the server's"):
        carry()
    assert spans.named("GET")[0].parent is None


# --- in messages --------------------------------------------------------------------------------


def known(scope: Any) -> Any:
    """Trust whoever comes to this room."""
    return "parent" if scope["path"] == "/room" else "ignore"


@every_driver
@both_models
@pytest.mark.parametrize(
    ("settings", "level"),
    [
        ({}, "link"),
        ({"message_trust": "link"}, "link"),
        ({"message_trust": "parent"}, "parent"),
        ({"message_trust": "ignore"}, "ignore"),
        ({"message_trust": known}, "parent"),
        ({"message_trust": lambda scope: "ignore"}, "ignore"),
        ({"message_trust": "parent", "edge": "public"}, "link"),
        ({"message_trust": known, "edge": "public"}, "link"),
        ({"message_trust": "ignore", "edge": "public"}, "ignore"),
    ],
    ids=[
        *("default", "link", "parent", "ignore", "asked", "asked in vain"),
        *("public parent", "public asked", "public ignore"),
    ],
)
def test_trust_says_what_the_context_of_a_message_becomes(
    driver: Driver, settings: Any, level: str, model: str, spans: CapturedSpans
) -> None:
    room, lines = Room(), RECEIVED[model]
    converse(driver, room, carried(baggage="tenant=acme"), PLAIN, model=model, **settings)
    assert received(spans) == [lines[level], lines["ignore"]]
    # Baggage goes with trust, and no longer than the message.
    assert room.tenants == ["acme" if level == "parent" else None, None]


def raising(scope: Any) -> Any:
    raise LookupError("a bug of the application")


@every_driver
@pytest.mark.parametrize(
    ("function", "line"),
    [
        (raising, "a trust function failed; the context it judged is ignored"),
        *(
            (
                lambda scope, answer=answer: answer,
                f"a trust function returned a {type(answer).__name__} that is not 'parent', "
                "'link' or 'ignore'; the context it judged is ignored",
            )
            for answer in (None, True, "PARENT", ["parent"], {"parent": 1})
        ),
    ],
    ids=["raises", "None", "True", "PARENT", "a list", "a dict"],
)
def test_who_cannot_say_trusts_nobody(
    driver: Driver, function: Any, line: str, spans: CapturedSpans, our_log: list[str]
) -> None:
    room = Room()
    converse(driver, room, *[carried(baggage="tenant=acme")] * 5, message_trust=function)
    assert received(spans) == [RECEIVED["session"]["ignore"]] * 5
    assert room.tenants == [None] * 5
    assert our_log == [line]


@every_driver
@both_models
@pytest.mark.parametrize("settings", [{}, {"edge": "public"}, {"message_trust": "ignore"}])
def test_an_application_may_trust_who_has_logged_in(
    driver: Driver, settings: Any, model: str, spans: CapturedSpans
) -> None:
    room = Room(then=lambda session: session.trust("parent"))
    message = carried(baggage="tenant=acme")
    before = "ignore" if settings.get("message_trust") else "link"
    lines = RECEIVED[model]
    converse(driver, room, message, "login", message, PLAIN, model=model, **settings)
    assert received(spans) == [lines[before], lines["ignore"], lines["parent"], lines["ignore"]]
    assert room.tenants == [None, None, "acme", None]

    spans.clear()  # the next one to come is nobody that it knows
    converse(driver, room, message, model=model, **settings)
    assert received(spans) == [lines[before]]


@every_driver
@pytest.mark.parametrize("level", ["link", "ignore"])
def test_an_application_may_trust_less_too(
    driver: Driver, level: Any, spans: CapturedSpans
) -> None:
    room = Room(then=lambda session: session.trust(level))
    converse(driver, room, carried(), "login", carried(), message_trust="parent")
    lines = RECEIVED["session"]
    assert received(spans) == [lines["parent"], lines["ignore"], lines[level]]


def test_trust_is_raised_for_one_connection_only(spans: CapturedSpans) -> None:
    """Two are open at the same time, in one application."""
    both = [Told(message_codec="json").receive(CONNECT).send(ACCEPT) for _ in range(2)]
    both[0].connection.session.trust("parent")
    for told in both:
        told.receive({"type": "websocket.receive", "text": carried()}, LEAVE).end()
    assert received(spans) == [
        RECEIVED["session"]["parent"],
        RECEIVED["session"]["link"],
    ]


@pytest.mark.parametrize("level", ["", "Parent", "remote", None, True, ["parent"]])
def test_there_are_three_levels_of_trust(level: Any) -> None:
    for settings in ({"message_codec": "json"}, {}):
        session = Told(**settings).connection.session
        with pytest.raises(ValueError, match="expected one of 'parent', 'link', 'ignore', got"):
            session.trust(level)


def test_to_trust_a_connection_that_is_over_does_nothing(spans: CapturedSpans) -> None:
    room = Room()
    converse(DRIVERS[1], room, carried())
    assert room.session is not None
    room.session.trust("parent")


def test_the_link_of_a_message_says_what_it_is(spans: CapturedSpans) -> None:
    converse(DRIVERS[0], Room(), carried(tracestate="a=1"))
    link, other = spans.named("websocket.receive")[0].links
    assert (link.context.trace_id, link.context.span_id) == (TRACE, SPAN)
    assert dict(link.context.trace_state) == {"a": "1"}
    assert link.attributes == {"websocket.link.type": "message"}
    assert other.attributes == {"websocket.link.type": "handshake"}


@every_driver
def test_who_is_trusted_decides_what_is_recorded(driver: Driver, spans: CapturedSpans) -> None:
    unsampled = carried(TRACEPARENT[:-2] + "00")
    sent = converse(driver, Room(), unsampled, PLAIN, message_trust="parent", inject_sends=True)
    assert received(spans) == [RECEIVED["session"]["ignore"]]
    assert sent[0] == unsampled
    spans.clear()
    converse(driver, Room(), unsampled, message_trust="link")
    assert received(spans) == [RECEIVED["session"]["link"]]


NOT_TAKEN = {
    "empty": carried(""),
    "nonsense": carried("nonsense"),
    "zeros": carried(f"00-{'0' * 32}-{'0' * 16}-01"),
    "unknown version": carried(TRACEPARENT.replace("00-", "zz-", 1)),
    "too long": carried(f"01{TRACEPARENT[2:]}-{'x' * 80}"),
    "null": carried(None),
    "a number": carried(5),
    "a list": carried([TRACEPARENT]),
    "an object": carried({"traceparent": TRACEPARENT}),
    "tracestate is null": carried(tracestate=None),
    "tracestate too long": carried(tracestate="a=" + "x" * 511),
    "baggage is a list": carried(baggage=["a=1"]),
    "baggage too long": carried(baggage="a=" + "x" * 8191),
    "the message too long": carried(text="x" * 65_536),
}


@pytest.mark.parametrize("message", NOT_TAKEN.values(), ids=NOT_TAKEN)
@pytest.mark.parametrize("trust", ["link", "parent"])
def test_a_context_in_a_message_is_taken_whole_or_not_at_all(
    message: str, trust: str, spans: CapturedSpans
) -> None:
    room = Room()
    converse(DRIVERS[1], room, message, message_trust=trust)
    assert received(spans) == [RECEIVED["session"]["ignore"]]
    assert room.got == [message]


# --- what OpenTelemetry would complain of -------------------------------------------------------


STATES = {
    "a=1,b=2": "a=1,b=2",
    " a=1 ,\t, t0@v*-/_=x!~ ": "a=1,t0@v*-/_=x!~",
    "a=1,b": "",
    "a=1,a=2": "",
    "A=1": "",
    "a=é": "",
    "a=": "",
    "a=1=2": "",
    "": "",
    ",".join(f"k{n}=1" for n in range(32)): ",".join(f"k{n}=1" for n in range(32)),
    ",".join(f"k{n}=1" for n in range(33)): "",
    "traceparent": "",
}
PAIRS = {
    "tenant=acme,n=1": {"tenant": "acme", "n": "1"},
    " tenant = acme ;p;q = r, n=%20%C3%A9": {"tenant": "acme;p;q=r", "n": "é"},
    "tenant=acme,nonsense,=1,b=\u00e9,c=a b": {"tenant": "acme"},
    "k=v," * 2000 + "tenant=acme": {"k": "v"},
    "a=b" * 2000: {},
    "": {},
    ",;=,": {},
    "a=" + "x" * 4095: {},
}


@pytest.mark.parametrize("trust", ["link", "parent"])
@pytest.mark.parametrize("state", STATES, ids=lambda state: ascii(state[-20:]))
def test_a_tracestate_that_is_wrong_is_left_out_without_a_word(
    state: str, trust: Any, spans: CapturedSpans, caplog: pytest.LogCaptureFixture
) -> None:
    converse(DRIVERS[1], Room(), carried(tracestate=state), message_trust=trust)
    header = (b"tracestate", state.encode())
    play(TracingMiddleware(echo), headers=[PARENT, header], handshake_trust=trust)
    (message,) = spans.named("websocket.receive /room")
    origin = message.links[0].context if trust == "link" else message.parent
    handshake = spans.named("GET")[-1].parent
    assert origin is not None and handshake is not None
    assert [each.trace_state.to_header() for each in (origin, handshake)] == [STATES[state]] * 2
    assert caplog.messages == []


@pytest.mark.parametrize("pairs", PAIRS, ids=lambda pairs: ascii(pairs)[:30])
def test_of_a_baggage_what_is_right_is_taken_without_a_word(
    pairs: str, spans: CapturedSpans, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[Any] = []

    def message(data: Any) -> Any:
        found.append(dict(baggage.get_all()))
        return ()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(dict(baggage.get_all()))
        await echo(scope, receive, send)

    converse(DRIVERS[1], message, carried(baggage=pairs), message_trust="parent")
    headers = [(b"baggage", each) for each in pairs.encode("latin-1", "replace").split(b"|")]
    play(TracingMiddleware(app), headers=[PARENT, *headers])
    assert found == [PAIRS[pairs]] * 2
    assert caplog.messages == []


def test_several_headers_of_baggage_are_one(spans: CapturedSpans) -> None:
    assert carry(PARENT, (b"baggage", b"n=1"), (b"Baggage", b"tenant=acme")).tenant == "acme"
