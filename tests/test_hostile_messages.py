"""Whatever a stranger sends, a codec raises nothing and changes nothing but the carrier.

`python -m tests.hostile` asks the same of a million frames.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from otel_ws.codecs import PRESETS, Found

from .hostile.codecs import CARRIER, PATHS, faults
from .hostile.frames import PARENT, hostile_frames

fuzzed = settings(max_examples=200, derandomize=True, database=None, deadline=None)

# What a peer may write: characters beyond Unicode's, numbers beyond a float's, any white space.
texts = st.text(st.characters(exclude_categories=()), max_size=8)
names = st.sampled_from(
    ["traceparent", "tracestate", "baggage", "_meta", "params", "extensions", "type", "\ud800"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts | st.just(PARENT)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | texts, inner, max_size=4),
    max_leaves=8,
)
carriers = values | st.dictionaries(st.sampled_from([*CARRIER, "other"]), values | texts)
rests = st.dictionaries(names | texts, values, max_size=3)


def merged(rest: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {**rest, **members}


messages = st.one_of(
    st.builds(merged, rests, _meta=carriers),
    st.builds(
        merged,
        rests,
        jsonrpc=st.just("2.0"),
        method=st.just("m"),
        params=values | st.builds(merged, rests, _meta=carriers),
    ),
    st.builds(
        merged, rests, jsonrpc=st.just("2.0"), result=values | st.builds(merged, rests, _meta=rests)
    ),
    st.builds(
        merged,
        rests,
        type=st.sampled_from(["subscribe", "start", "next", "data"]),
        payload=values | st.builds(merged, rests, extensions=carriers),
    ),
    st.builds(merged, rests, specversion=st.just("1.0")),
    st.builds(merged, rests, type=st.integers(0, 9), headers=carriers),
    values,
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    document = json.dumps(
        draw(messages),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, 0, 2, "\t"])),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": "), ("\n,\r", " : ")])),
    )
    return document + draw(st.sampled_from(["", " ", "\n", "\x1e", "\x1e" + document + "\x1e"]))


def as_frame(document: str) -> Any:
    """Return a document as text, or as bytes where it can be."""
    return st.just(document) | st.just(document.encode("utf-8", "surrogatepass"))


headers = st.lists(
    st.tuples(
        st.sampled_from(["traceparent", "tracestate", "destination", "content-length", "x\\cy"]),
        texts | st.just(PARENT) | st.sampled_from(["0", "5", "\\c", "\\n", "\\x", "\\"]),
    ),
    max_size=5,
)
stomp = st.builds(
    lambda command, eol, headers, body: (
        command + eol + "".join(f"{k}:{v}{eol}" for k, v in headers) + eol + body
    ),
    st.sampled_from(["SEND", "MESSAGE", "\nSEND", "CONNECT", ""]),
    st.sampled_from(["\n", "\r\n"]),
    headers,
    st.sampled_from(["\0", "hello\0", "hello\0\n\r\n", "hello", "a\0b\0", ""]) | texts,
)


@fuzzed
@given(frame=documents().flatmap(as_frame))
def test_any_json_is_handled_without_a_fault(frame: Any) -> None:
    assert list(faults(frame)) == []


@fuzzed
@given(frame=stomp.flatmap(as_frame))
def test_any_frame_of_stomp_is_handled_without_a_fault(frame: Any) -> None:
    assert list(faults(frame)) == []


@fuzzed
@given(
    frame=texts | st.binary() | st.builds(lambda a, b: a + b"traceparent" + b, *[st.binary()] * 2)
)
@example(frame="")
@example(frame=b"")
@example(frame='{"traceparent":')
@example(frame="traceparent" * 6_000)
def test_anything_at_all_is_handled_without_a_fault(frame: Any) -> None:
    assert list(faults(frame)) == []


# --- the generator of hostile frames ------------------------------------------------------------

FRAMES = list(hostile_frames(seed=20, count=6_000))


def test_hostile_frames_are_handled_without_a_fault() -> None:
    found = Counter(fault for frame in FRAMES for fault in faults(frame))
    assert found == {}


def test_hostile_frames_are_the_same_for_the_same_seed() -> None:
    assert list(hostile_frames(seed=20, count=500)) == FRAMES[:500]
    assert list(hostile_frames(seed=21, count=500)) != FRAMES[:500]


@pytest.mark.parametrize("name", PATHS)
def test_hostile_frames_reach_every_branch_of_a_codec(name: str) -> None:
    codec = PRESETS[name]
    found = [(frame, codec.read(frame)) for frame in FRAMES]
    assert sum(each is not None for _, each in found) > 20
    assert sum(codec.write(frame, CARRIER) is not frame for frame in FRAMES) > 20
    stuck = [frame for frame, each in found if each and each.strip and each.strip() is frame]
    assert bool(stuck) == (name not in ("stomp", "cloudevents"))


class Careless:
    """A codec as one might write it at first."""

    def read(self, data: Any) -> Found | None:
        message = json.loads(data)
        meta = message.get("_meta", {})
        if "traceparent" not in meta:
            return None
        rest = {key: value for key, value in message.items() if key != "_meta"}
        return Found(meta, message, lambda: json.dumps(rest))

    def write(self, data: Any, carrier: Any) -> Any:
        return json.dumps({**json.loads(data), "_meta": dict(carrier)})


def test_a_careless_codec_would_be_caught() -> None:
    found = {fault for frame in FRAMES for fault in faults(frame, {**PRESETS, "json": Careless()})}
    assert {
        "json: exception JSONDecodeError",
        "json: exception UnicodeDecodeError",
        "json: exception RecursionError",
        "json: exception AttributeError",
        "json: altered: the type",
        "json: altered: there was a context already",
        "json: altered: by taking the carrier out",
        "json: altered: by writing",
        "json: a message that is too long was written",
    } <= found
