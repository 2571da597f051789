"""The envelope: what goes in comes out, and what a stranger puts there hurts nobody."""

from __future__ import annotations

import copy
import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import SpanContext, TraceFlags, TraceState

from otel_ws.envelope import KEY, Envelope, Event, envelope_of, new_id, seal, unseal

CONTEXT = SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1))
PARENT = f"00-{0xABC:032x}-{0xDEF:016x}-01"
EVENT = {"type": "room.said", "text": "hello", "deep": {"list": [1, None]}}
GOOD = {"v": "1", "traceparent": PARENT, "id": "0123456789abcdef", "sent": "1700000000.5"}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)
fields = st.sampled_from(["v", "traceparent", "tracestate", "id", "sent", "baggage", ""])
hostile = st.one_of(
    anything,
    st.dictionaries(fields, anything),
    st.dictionaries(fields, st.text(), max_size=6).map(lambda more: {**GOOD, **more}),
    st.dictionaries(fields, anything, max_size=2).map(lambda more: {**GOOD, **more}),
)
events = st.dictionaries(st.text(), anything, max_size=4)
contexts = st.builds(
    SpanContext,
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.integers(0, 255).map(TraceFlags),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True),
        st.from_regex(r"[a-zA-Z0-9]{1,10}", fullmatch=True),
        max_size=3,
    ).map(lambda items: TraceState(items.items())),
)


def carried(carrier: Any) -> Envelope | None:
    """Return what an event that carries `carrier` brings along."""
    return envelope_of(unseal({"type": "x", KEY: carrier}))


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal where not-a-number is equal to itself."""
    return repr(one) == repr(other)


# --- there and back -----------------------------------------------------------------------------


@given(events, contexts, st.floats(0, 2**40))
def test_what_goes_in_comes_out(event: dict[str, Any], context: SpanContext, now: float) -> None:
    event.pop(KEY, None)
    before = copy.deepcopy(event)
    sealed = seal(event, context, "an id", now)
    received = unseal(sealed)
    envelope = envelope_of(received)
    assert same(event, before)
    assert same(dict(received), event)
    assert envelope is not None
    assert envelope.context.trace_id == context.trace_id
    assert envelope.context.span_id == context.span_id
    assert envelope.context.trace_flags.sampled == context.trace_flags.sampled
    assert dict(envelope.context.trace_state) == dict(context.trace_state)
    assert envelope.context.is_remote
    assert envelope.id == "an id"
    assert envelope.sent == pytest.approx(now, abs=1e-5)


def test_it_is_one_flat_mapping_of_strings() -> None:
    context = SpanContext(
        0xABC, 0xDEF, False, TraceFlags(1), TraceState([("vendor", "a"), ("other", "b")])
    )
    assert seal(EVENT, context, "0123456789abcdef", 1700000000.5)[KEY] == {
        "v": "1",
        "traceparent": PARENT,
        "tracestate": "vendor=a,other=b",
        "id": "0123456789abcdef",
        "sent": "1700000000.500000",
    }


@given(contexts)
def test_it_survives_json(context: SpanContext) -> None:
    sealed = json.loads(json.dumps(seal(EVENT, context, new_id(), 1.0)))
    assert unseal(sealed) == EVENT
    assert envelope_of(unseal(sealed)) is not None


def test_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000


def test_an_event_without_an_envelope_is_handed_on_as_it_is() -> None:
    assert unseal(EVENT) is EVENT
    assert envelope_of(EVENT) is None


def test_an_event_with_an_envelope_of_somebody_else_keeps_that() -> None:
    sealed = seal({**EVENT, KEY: {"mine": 1}}, CONTEXT, new_id(), 1.0)
    assert sealed == {**EVENT, KEY: {"mine": 1}}


def test_what_is_forwarded_gets_an_envelope_of_its_own() -> None:
    received = unseal(seal(EVENT, CONTEXT, "first", 1.0))
    again = unseal(seal(received, CONTEXT, "second", 2.0))
    envelope = envelope_of(again)
    assert envelope is not None
    assert envelope.id == "second"


def test_recipients_of_one_dict_get_events_of_their_own() -> None:
    shared = seal(EVENT, CONTEXT, new_id(), 1.0)
    before = copy.deepcopy(shared)
    first, second = unseal(shared), unseal(shared)
    first.clear()
    assert second == EVENT
    assert shared == before


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_a_handler_may_copy_its_event(clone: Any) -> None:
    event = unseal(seal(EVENT, CONTEXT, "an id", 1.0))
    cloned = clone(event)
    assert cloned == EVENT
    assert type(cloned) is Event
    assert envelope_of(cloned) == envelope_of(event)
    assert type(event.copy()) is dict
    assert {**event} == EVENT


# --- strangers ----------------------------------------------------------------------------------


@given(events, hostile)
def test_whatever_stands_there_is_taken_out_and_harms_nobody(
    event: dict[str, Any], carrier: Any
) -> None:
    event[KEY] = carrier
    before = copy.deepcopy(event)
    received = unseal(event)
    assert same(event, before)
    assert KEY not in received
    assert same(dict(received), {key: value for key, value in event.items() if key != KEY})
    envelope = envelope_of(received)
    if envelope is not None:
        assert carrier["v"] == "1"
        assert envelope.context.is_valid
        assert envelope.context.is_remote
        assert len(envelope.id) <= 64
        assert math.isfinite(envelope.sent)
        assert all(type(value) is str for value in carrier.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"v": "2"},
        {"v": "0"},
        {"v": 1},
        {"v": None},
        {"v": "1 "},
        {"traceparent": ""},
        {"traceparent": PARENT.encode()},
        {"traceparent": [PARENT]},
        {"traceparent": "00-" + "0" * 32 + "-" + "1" * 16 + "-01"},
        {"traceparent": "00-" + "1" * 32 + "-" + "0" * 16 + "-01"},
        {"traceparent": PARENT + "x"},
        {"traceparent": PARENT.upper().replace("ABC", "XYZ")},
        {"traceparent": f"{PARENT}-{'x' * 1_000_000}"},
        {"traceparent": "\x00" * 55},
        {"tracestate": "a=" + "b" * 511},
        {"tracestate": None},
        {"tracestate": {}},
        {"id": 5},
        {"sent": 1700000000.5},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_not_as_agreed_is_not_believed(wrong: dict[str, Any]) -> None:
    assert carried(GOOD) is not None
    assert carried({**GOOD, **wrong}) is None


@pytest.mark.parametrize("carrier", [None, "", PARENT, 1, [], [GOOD], {}, b"\x00", True, 1.5])
def test_what_is_no_envelope_at_all_is_taken_out(carrier: Any) -> None:
    received = unseal({**EVENT, KEY: carrier})
    assert received == EVENT
    assert envelope_of(received) is None


def test_a_neighbouring_version_is_taken_out_and_not_read() -> None:
    newer = {"v": "2", "trace": {"parent": PARENT}, "traceparent": PARENT, "hops": 3}
    assert unseal({**EVENT, KEY: newer}) == EVENT
    assert carried(newer) is None


def test_a_field_that_a_later_version_adds_is_passed_over() -> None:
    envelope = carried({**GOOD, "route": "/room"})
    assert envelope is not None
    assert envelope.id == GOOD["id"]


@pytest.mark.parametrize(
    ("wrong", "id", "sent"),
    [
        ({"id": "x" * 1_000_000}, "x" * 64, 1700000000.5),
        ({"id": ""}, "", 1700000000.5),
        ({"sent": ""}, GOOD["id"], 0.0),
        ({"sent": "yesterday"}, GOOD["id"], 0.0),
        ({"sent": "nan"}, GOOD["id"], 0.0),
        ({"sent": "inf"}, GOOD["id"], 0.0),
        ({"sent": "-inf"}, GOOD["id"], 0.0),
        ({"sent": "1e999"}, GOOD["id"], 0.0),
        ({"sent": "9" * 100_000}, GOOD["id"], 0.0),
    ],
    ids=lambda value: str(value)[:20],
)
def test_an_id_and_a_time_have_limits(wrong: dict[str, str], id: str, sent: float) -> None:
    envelope = carried({**GOOD, **wrong})
    assert envelope is not None
    assert (envelope.id, envelope.sent) == (id, sent)


@pytest.mark.parametrize("missing", ["id", "sent"])
def test_without_an_id_or_a_time_the_context_still_counts(missing: str) -> None:
    envelope = carried({key: value for key, value in GOOD.items() if key != missing})
    assert envelope is not None
    assert envelope.context.span_id == 0xDEF


@pytest.mark.parametrize("event", [None, 5, "text with __otel__ in it", [KEY], (KEY,), {KEY}])
def test_what_is_no_event_is_handed_on_as_it_is(event: Any) -> None:
    assert unseal(event) is event
