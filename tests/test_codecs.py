"""Codecs: a context travels in the place that its protocol has for it, and nothing else changes."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from otel_ws.codecs import PRESETS, Found, accepted, codec_of

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-00"
CARRIER = {"traceparent": PARENT}
FULL = {**CARRIER, "tracestate": "vendor=1:2", "baggage": "tenant=acme"}
P = f'"traceparent":"{PARENT}"'
ATTRIBUTES = ',"tracestate":"vendor=1:2","baggage":"tenant=acme"'

# What is sent, and what it is with a carrier. Stripped, it is what was sent, to the byte.
WRITTEN: dict[str, list[tuple[Any, Any]]] = {
    "json": [
        ('{"a":1}', f'{{"a":1,"_meta":{{{P}}}}}'),
        ("{}", f'{{"_meta":{{{P}}}}}'),
        (" { } \n", f' {{"_meta":{{{P}}} }} \n'),
        ('{\n  "a": 1\n}\n', f'{{\n  "a": 1,"_meta":{{{P}}}\n}}\n'),
        ('{"_meta":{"v": 2 },"a":1}', f'{{"_meta":{{"v": 2,{P} }},"a":1}}'),
        ('{"a":1,"a":2}', f'{{"a":1,"a":2,"_meta":{{{P}}}}}'),
        ('{"traceparent":1}', f'{{"traceparent":1,"_meta":{{{P}}}}}'),
        ('{"t":"\\"_meta\\":{}}"}', f'{{"t":"\\"_meta\\":{{}}}}","_meta":{{{P}}}}}'),
        ('{"n":1e400,"m":NaN}', f'{{"n":1e400,"m":NaN,"_meta":{{{P}}}}}'),
        ('{"n":0.10000000000000000001}', f'{{"n":0.10000000000000000001,"_meta":{{{P}}}}}'),
        (f'{{"n":{"9" * 400}}}', f'{{"n":{"9" * 400},"_meta":{{{P}}}}}'),
        ('{"t":"\\ud800"}', f'{{"t":"\\ud800","_meta":{{{P}}}}}'),
        ('{"t":"\ud800 ü"}', f'{{"t":"\ud800 ü","_meta":{{{P}}}}}'),
        (b'{"t":"gr\xc3\xbc\xc3\x9fe"}', b'{"t":"gr\xc3\xbc\xc3\x9fe","_meta":{%b}}' % P.encode()),
    ],
    "jsonrpc": [
        (
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}}',
            f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","_meta":{{{P}}}}}}}',
        ),
        (
            '{"jsonrpc": "2.0", "method": "ping"}',
            f'{{"jsonrpc": "2.0", "method": "ping","params":{{"_meta":{{{P}}}}}}}',
        ),
        (
            '{"params":{"_meta":{"progressToken":1}},"method":"m","jsonrpc":"2.0"}',
            f'{{"params":{{"_meta":{{"progressToken":1,{P}}}}},"method":"m","jsonrpc":"2.0"}}',
        ),
        (
            '{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}',
            f'{{"jsonrpc":"2.0","id":1,"result":{{"tools":[],"_meta":{{{P}}}}}}}',
        ),
        (
            '{"jsonrpc":"2.0","id":1,"result":{}}',
            f'{{"jsonrpc":"2.0","id":1,"result":{{"_meta":{{{P}}}}}}}',
        ),
    ],
    "graphql-ws": [
        (
            '{"id":"1","type":"subscribe","payload":{"query":"{ a }"}}',
            f'{{"id":"1","type":"subscribe","payload":{{"query":"{{ a }}","extensions":{{{P}}}}}}}',
        ),
        (
            '{"id":"1","type":"start","payload":{"extensions":{"q":1},"query":""}}',
            f'{{"id":"1","type":"start","payload":{{"extensions":{{"q":1,{P}}},"query":""}}}}',
        ),
        (
            '{"id":"1","type":"next","payload":{"data":{"a":1}}}',
            f'{{"id":"1","type":"next","payload":{{"data":{{"a":1}},"extensions":{{{P}}}}}}}',
        ),
        (
            '{"id":"1","type":"data","payload":{"data":null}}',
            f'{{"id":"1","type":"data","payload":{{"data":null,"extensions":{{{P}}}}}}}',
        ),
    ],
    "signalr": [
        (
            f'{{"type":{kind},"invocationId":"1"}}\x1e',
            f'{{"type":{kind},"invocationId":"1","headers":{{{P}}}}}\x1e',
        )
        for kind in range(1, 6)
    ]
    + [
        (
            '{"type":1,"headers":{"a":"b"},"target":"x"}\x1e{"type":6}\x1e{"type":3}\x1e',
            f'{{"type":1,"headers":{{"a":"b",{P}}},"target":"x"}}\x1e'
            f'{{"type":6}}\x1e{{"type":3,"headers":{{{P}}}}}\x1e',
        ),
        (
            '{"protocol":"json","version":1}\x1e{"type":1,"target":"x"}\x1e',
            f'{{"protocol":"json","version":1}}\x1e{{"type":1,"target":"x","headers":{{{P}}}}}\x1e',
        ),
    ],
    "cloudevents": [
        (
            '{"specversion":"1.0","id":"1","data":{"traceparent":"x"}}',
            f'{{"specversion":"1.0","id":"1","data":{{"traceparent":"x"}},{P}}}',
        ),
    ],
    "stomp": [
        (
            "SEND\ndestination:/a\n\nhello\0",
            f"SEND\ndestination:/a\ntraceparent:{PARENT}\n\nhello\0",
        ),
        (
            "\n\r\nMESSAGE\r\ndestination:/a\r\n\r\n\0\r\n",
            f"\n\r\nMESSAGE\r\ndestination:/a\r\ntraceparent:{PARENT}\r\n\r\n\0\r\n",
        ),
        ("SEND\n\n\0", f"SEND\ntraceparent:{PARENT}\n\n\0"),
        (
            "SEND\ncontent-length:7\n\nü\0abß\0",
            f"SEND\ncontent-length:7\ntraceparent:{PARENT}\n\nü\0abß\0",
        ),
        (
            b"SEND\ncontent-length:3\n\n\0\xff\0\0",
            b"SEND\ncontent-length:3\ntraceparent:%b\n\n\0\xff\0\0" % PARENT.encode(),
        ),
        (
            f"SEND\nx:y\n\ntraceparent:{OTHER}\0",
            f"SEND\nx:y\ntraceparent:{PARENT}\n\ntraceparent:{OTHER}\0",
        ),
    ],
}
WRITTEN["mcp"] = WRITTEN["jsonrpc"]

# What has no place for a carrier, or has one already, or is not of the protocol's shape.
LEFT_ALONE: dict[str, list[Any]] = {
    "json": [
        "",
        "hello",
        "5",
        "null",
        "[]",
        '[{"a":1}]',
        '{"a":1',
        '{"a":1}}',
        '{"a":1} x',
        '{"a":1,}',
        "{'a':1}",
        '{"a":"\n"}',
        '\ufeff{"a":1}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        '{"a":1}'.encode("utf-16"),
        '{"_meta":null}',
        '{"_meta":[]}',
        '{"_meta":"x"}',
        f'{{"_meta":{{"traceparent":"{OTHER}"}}}}',
        '{"_meta":{"traceparent":null}}',
        f'{{"_meta":{{"trace\\u0070arent":"{OTHER}"}}}}',
        f'{{"\\u005fmeta":{{"traceparent":"{OTHER}"}}}}',
        '{"_meta":{"tracestate":"a=1"}}',
        '{"_meta":{"baggage":"a=1"}}',
        '{"_meta":{},"_meta":{}}',
        f'{{"n":{"9" * 5000}}}',
        "[" * 60_000,
        "[" * 30_000 + "]" * 30_000,
        '{"a":' * 10_000 + "1" + "}" * 10_000,
        '{"a":"' + "x" * 65_536 + '"}',
        '{"a":"' + "x" * 65_520 + '"}',
    ],
    "jsonrpc": [
        '{"a":1}',
        '{"jsonrpc":"1.0","method":"x","params":{}}',
        '{"method":"x","params":{}}',
        '{"jsonrpc":"2.0","method":5,"params":{}}',
        '{"jsonrpc":"2.0","method":"x","params":[1]}',
        '{"jsonrpc":"2.0","method":"x","params":null}',
        '{"jsonrpc":"2.0","method":"x","params":{"_meta":[]}}',
        '{"jsonrpc":"2.0","method":"x","params":{},"params":{}}',
        '{"jsonrpc":"2.0","id":1,"result":"done"}',
        '{"jsonrpc":"2.0","id":1,"result":[{}]}',
        '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"m","data":{}}}',
        '[{"jsonrpc":"2.0","method":"x","params":{}}]',
        f'{{"jsonrpc":"2.0","method":"x","params":{{"_meta":{{"traceparent":"{OTHER}"}}}}}}',
    ],
    "graphql-ws": [
        '{"type":"connection_init","payload":{}}',
        '{"type":"connection_ack"}',
        '{"type":"ping","payload":{}}',
        '{"type":"complete","id":"1"}',
        '{"type":"error","id":"1","payload":[{"message":"m"}]}',
        '{"type":"subscribe","id":"1"}',
        '{"type":"subscribe","id":"1","payload":"x"}',
        '{"type":"subscribe","id":"1","payload":{"extensions":null}}',
        '{"type":["subscribe"],"payload":{}}',
        '{"payload":{}}',
    ],
    "signalr": [
        '{"protocol":"json","version":1}\x1e',
        "{}\x1e",
        '{"type":6}\x1e',
        '{"type":7,"error":"x"}\x1e',
        '{"type":8,"sequenceId":1}\x1e',
        '{"type":9,"sequenceId":1}\x1e',
        '{"type":1,"target":"x"}',
        '{"type":1,"target":"x"}\x1e{"type":1',
        '{"type":1,"target":"x"}\x1e\x1e',
        '{"type":1,"target":"x"}\x1e[]\x1e',
        '{"type":true}\x1e',
        '{"type":1.0}\x1e',
        '{"type":"1"}\x1e',
        '{"type":1,"headers":null}\x1e',
        '{"type":1,"headers":null}\x1e{"type":1}\x1e',
        f'{{"type":1,"headers":{{"traceparent":"{OTHER}"}}}}\x1e{{"type":1}}\x1e',
        "\x1e",
        "",
    ],
    "cloudevents": [
        '{"id":"1","type":"said"}',
        '{"specversion":1.0,"id":"1"}',
        '[{"specversion":"1.0","id":"1"}]',
        f'{{"specversion":"1.0","traceparent":"{OTHER}"}}',
        '{"specversion":"1.0","tracestate":"a=1"}',
    ],
    "stomp": [
        "\n",
        "\r\n",
        b"\n",
        "",
        "CONNECT\naccept-version:1.2\n\n\0",
        "CONNECTED\nversion:1.2\n\n\0",
        "SUBSCRIBE\nid:0\ndestination:/a\n\n\0",
        "send\ndestination:/a\n\n\0",
        "SENDER\ndestination:/a\n\n\0",
        "SEND destination:/a\n\n\0",
        "SEND\ndestination\n\n\0",
        "SEND\n:x\n\n\0",
        "SEND\nde\rst:/a\n\n\0",
        "SEND\rdestination:/a\r\r\0",
        "SEND\ndestination:/a\n\nhello",
        "SEND\ndestination:/a\n",
        "SEND\ndestination:/a\n\nhello\0SEND\n\n\0",
        "SEND\ndestination:/a\n\nhello\0x",
        "SEND\ncontent-length:4\n\nhello\0",
        "SEND\ncontent-length:6\n\nhello\0",
        "SEND\ncontent-length:-5\n\nhello\0",
        "SEND\ncontent-length:+5\n\nhello\0",
        "SEND\ncontent-length: 5\n\nhello\0",
        "SEND\ncontent-length:0_5\n\nhello\0",
        "SEND\ncontent-length:\u0665\n\nhello\0",
        f"SEND\ncontent-length:{'9' * 5000}\n\nhello\0",
        "SEND\nx:\ud800\n\n\0",
        f"SEND\ntraceparent:{OTHER}\n\n\0",
        "SEND\ntracestate:\n\n\0",
        "SEND\n" + "a:b\n" * 16_000,
    ],
}
LEFT_ALONE["mcp"] = LEFT_ALONE["jsonrpc"]


def rows(table: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(name, row, id=f"{name}-{index}")
        for name, found in table.items()
        for index, row in enumerate(found)
    ]


@pytest.mark.parametrize(("name", "row"), rows(WRITTEN))
def test_a_carrier_goes_where_the_protocol_has_a_place_for_it(name: str, row: Any) -> None:
    message, expected = row
    written = codec_of(name).write(message, CARRIER)
    assert written == expected
    assert type(written) is type(message)


@pytest.mark.parametrize(("name", "row"), rows(WRITTEN))
def test_what_was_written_is_read_and_taken_out_again(name: str, row: Any) -> None:
    message, _ = row
    codec = codec_of(name)
    found = codec.read(codec.write(message, FULL))
    assert found is not None and found.strip is not None
    expected = {k: v for k, v in FULL.items() if name != "cloudevents" or k != "baggage"}
    assert found.carrier == accepted(found.carrier) == expected
    assert found.strip() == message
    assert type(found.strip()) is type(message)
    assert codec.read(message) is None


@pytest.mark.parametrize(("name", "row"), rows(WRITTEN))
def test_a_context_that_is_there_already_is_left_alone(name: str, row: Any) -> None:
    _, written = row
    assert codec_of(name).write(written, {"traceparent": OTHER}) is written


@pytest.mark.parametrize(("name", "message"), rows(LEFT_ALONE))
def test_a_message_without_a_place_passes_as_the_same_object(name: str, message: Any) -> None:
    assert codec_of(name).write(message, FULL) is message


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - {"json"}))
def test_a_message_of_another_protocol_passes_as_the_same_object(name: str) -> None:
    others = [found for found in WRITTEN.values() if found is not WRITTEN[name]]
    for found in others:
        for message, _ in found:
            assert codec_of(name).write(message, CARRIER) is message


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("carrier", [{}, {"tracestate": "a=1"}, {"b3": "0"}], ids=repr)
def test_without_a_traceparent_nothing_is_written(name: str, carrier: Any) -> None:
    for message, _ in WRITTEN[name]:
        assert codec_of(name).write(message, carrier) is message


def test_only_fields_of_w3c_are_written() -> None:
    assert codec_of("json").write("{}", {"b3": "0", **CARRIER}) == f'{{"_meta":{{{P}}}}}'


def test_what_is_written_is_escaped_as_the_protocol_wants_it() -> None:
    odd = {**CARRIER, "tracestate": 'a="\\\r\n:é'}
    for name, message in (("json", "{}"), ("stomp", "SEND\n\n\0")):
        codec = codec_of(name)
        written = codec.write(message, odd)
        found = codec.read(written)
        assert found is not None and found.carrier == odd
    assert '\ntracestate:a="\\\\\\r\\n\\cé\n' in written


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [None, 5, 1.5, True, [], {}, "", "x" * 129, "\ud800"], ids=lambda v: repr(v)[:9]
)
def test_a_carrier_is_found_as_it_came(value: Any) -> None:
    message = json.dumps({"_meta": {"traceparent": value, "other": 1}})
    found = codec_of("json").read(message)
    assert found is not None and found.carrier == {"traceparent": value}
    assert found.strip is not None and found.strip() == '{"_meta": {"other": 1}}'


NOT_FOUND: list[tuple[str, Any]] = [
    ("json", f'{{"_meta":{{"other":{{{P}}}}}}}'),
    ("json", f'{{"text":"{{\\"traceparent\\":\\"{PARENT}\\"}}"}}'),
    ("json", f"{{{P}}}"),
    ("json", f'{{"_meta":[{{{P}}}]}}'),
    ("json", f'[{{"_meta":{{{P}}}}}]'),
    ("json", f'{{"_meta":{{{P}}}'),
    ("json", f'{{"_meta":{{{P}}}}},'),
    ("json", f'\ufeff{{"_meta":{{{P}}}}}'),
    ("json", f'{{"_meta":{{{P}}}}}'.encode() + b"\xff"),
    ("json", f'{{"_meta":{{{P}}}}}'.encode("utf-16")),
    ("json", f'{{"_meta":{{{P}}},"n":{"9" * 5000}}}'),
    ("json", f'{{"_meta":{{{P}}},"n":{"[" * 30_000}{"]" * 30_000}}}'),
    ("json", f'{{"_meta":{{{P}}},"n":"{"x" * 65_536}"}}'),
    ("json", '{"_meta":{"tracestate":"traceparent"}}'),
    ("jsonrpc", f'{{"jsonrpc":"2.0","_meta":{{{P}}},"method":"x"}}'),
    ("jsonrpc", f'{{"method":"x","params":{{"_meta":{{{P}}}}}}}'),
    ("jsonrpc", f'[{{"jsonrpc":"2.0","method":"x","params":{{"_meta":{{{P}}}}}}}]'),
    ("graphql-ws", f'{{"type":"connection_init","payload":{{"extensions":{{{P}}}}}}}'),
    ("graphql-ws", f'{{"type":"subscribe","payload":{{{P}}}}}'),
    ("signalr", f'{{"type":1,"headers":{{{P}}}}}'),
    ("signalr", f'{{"type":6,"headers":{{{P}}}}}\x1e'),
    (
        "signalr",
        f'{{"type":1,"headers":{{{P}}}}}\x1e{{"type":1,"headers":{{"traceparent":"{OTHER}"}}}}\x1e',
    ),
    ("cloudevents", f"{{{P}}}"),
    ("cloudevents", f'{{"specversion":"1.0","data":{{{P}}}}}'),
    ("cloudevents", f'[{{"specversion":"1.0",{P}}}]'),
    ("stomp", f"SUBSCRIBE\ntraceparent:{PARENT}\n\n\0"),
    ("stomp", f"SEND\nTraceparent:{PARENT}\n\n\0"),
    ("stomp", f"SEND\n\ntraceparent:{PARENT}\n\0"),
    ("stomp", "SEND\ntraceparent:a\\tb\n\n\0"),
    ("stomp", "SEND\ntraceparent:a\\\n\n\0"),
    ("stomp", f"SEND\ntraceparent:{PARENT}\ntracestate:\\x\n\n\0"),
    ("stomp", b"SEND\ntraceparent:\xff\n\n\0"),
    ("stomp", f"SEND\ntraceparent:{PARENT}\n\nhello"),
    ("stomp", f"SEND\ntraceparent:{PARENT}\n\n\0SEND\n\n\0"),
]


@pytest.mark.parametrize(("name", "message"), NOT_FOUND, ids=map(str, range(len(NOT_FOUND))))
def test_no_carrier_is_found_elsewhere(name: str, message: Any) -> None:
    assert codec_of(name).read(message) is None


def test_what_is_too_long_or_says_nothing_of_a_context_is_not_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def loads(text: str) -> Any:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(json, "loads", loads)
    long = f'{{"_meta":{{{P}}},"text":"{"x" * 65_536}"}}'
    for name in PRESETS:
        assert codec_of(name).read('{"a":1}\x1e') is None
        for message in (long, long.encode()):
            assert codec_of(name).read(message) is None
            assert codec_of(name).write(message, CARRIER) is message


def test_the_parsed_message_comes_along() -> None:
    message = {"_meta": CARRIER, "n": [1, 2.5, None]}
    for data in (json.dumps(message), json.dumps(message).encode()):
        found = codec_of("json").read(data)
        assert found is not None and found.parsed == message


def test_of_a_repeated_header_of_stomp_the_first_counts() -> None:
    message = f"SEND\ntraceparent:{PARENT}\nx:y\ntraceparent:{OTHER}\n\n\0"
    found = codec_of("stomp").read(message)
    assert found is not None and found.carrier == CARRIER
    assert found.strip is not None and found.strip() == "SEND\nx:y\n\n\0"


def test_the_records_of_a_frame_of_signalr_may_share_a_context() -> None:
    record = f'{{"type":1,"headers":{{{P}}}}}\x1e'
    found = codec_of("signalr").read(f'{record}{{"type":6}}\x1e{record}')
    assert found is not None and found.carrier == CARRIER and found.parsed is None
    assert found.strip is not None and found.strip() == '{"type":1}\x1e{"type":6}\x1e{"type":1}\x1e'


# --- stripping ----------------------------------------------------------------------------------


STRIPPED = [
    ("json", f'{{"_meta":{{{P}}},"a":1}}', '{"a":1}'),
    ("json", f'{{"a":1, "_meta" : {{ {P} }} , "b":2}}', '{"a":1 , "b":2}'),
    ("json", f'{{ {P}, "_meta":{{{P},"v":1}}}}', f'{{ {P}, "_meta":{{"v":1}}}}'),
    ("json", f'{{"_meta":{{"v":1,{P},"w":2}}}}', '{"_meta":{"v":1,"w":2}}'),
    ("json", f'{{"_meta":{{{P},{P},"v":1}}}}', '{"_meta":{"v":1}}'),
    ("json", f'{{"_meta":{{{P}{ATTRIBUTES}}}}}', "{}"),
    ("json", f'{{"a":1,"a":1e400,"_meta":{{{P}}},"a":NaN}}', '{"a":1,"a":1e400,"a":NaN}'),
    ("json", f'{{"_m\\u0065ta":{{{P}}},"\\ud800":0}}', '{"\\ud800":0}'),
    (
        "json",
        f'{{"_meta":{{"trace\u0070arent":"{PARENT}","v":"traceparent"}}}}',
        '{"_meta":{"v":"traceparent"}}',
    ),
    (
        "mcp",
        f'{{"jsonrpc":"2.0","method":"m","params":{{"_meta":{{{P}}}}}}}',
        '{"jsonrpc":"2.0","method":"m"}',
    ),
    (
        "mcp",
        f'{{"jsonrpc":"2.0","id":1,"result":{{"_meta":{{{P}}}}}}}',
        '{"jsonrpc":"2.0","id":1,"result":{}}',
    ),
    (
        "graphql-ws",
        f'{{"type":"subscribe","payload":{{"extensions":{{{P}}}}}}}',
        '{"type":"subscribe","payload":{}}',
    ),
    (
        "cloudevents",
        f'{{"specversion":"1.0",{P}{ATTRIBUTES}}}',
        '{"specversion":"1.0","baggage":"tenant=acme"}',
    ),
]


@pytest.mark.parametrize(
    ("name", "message", "expected"), STRIPPED, ids=map(str, range(len(STRIPPED)))
)
def test_the_carrier_goes_with_what_it_leaves_empty(name: str, message: str, expected: str) -> None:
    found = codec_of(name).read(message)
    assert found is not None and found.strip is not None
    assert found.strip() == expected
    assert found.bare is not None
    before = json.dumps(found.parsed)
    assert json.dumps(found.bare()) == json.dumps(json.loads(expected))
    assert json.dumps(found.parsed) == before


@pytest.mark.parametrize(
    "message",
    [
        f'{{"_meta":{{"v":1}},"_meta":{{{P}}}}}',
        f'{{"_meta":{{{P}}},"_m\\u0065ta":{{{P}}}}}',
    ],
)
def test_a_slot_that_is_there_twice_stays(message: str) -> None:
    """Parsers differ in which one counts; without the last, the first would."""
    found = codec_of("json").read(message)
    assert found is not None and found.strip is not None
    assert found.strip() is message
    assert found.bare is not None and found.bare() is found.parsed


# --- what is handed over ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_buffers_count_as_bytes(kind: Any) -> None:
    codec = codec_of("json")
    written = codec.write(kind(b'{"a":1}'), CARRIER)
    assert written == f'{{"a":1,"_meta":{{{P}}}}}'.encode()
    found = codec.read(kind(written))
    assert found is not None and found.strip is not None
    assert found.strip() == b'{"a":1}'
    plain = kind(b"hello")
    assert codec.write(plain, CARRIER) is plain


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("data", [None, 5, [], object(), {"a": 1}], ids=repr)
def test_what_is_no_message_passes(name: str, data: Any) -> None:
    codec = codec_of(name)
    assert codec.read(data) is None
    assert codec.write(data, CARRIER) is data


def test_a_released_buffer_passes() -> None:
    buffer = memoryview(b'{"a":1}')
    buffer.release()
    for codec in PRESETS.values():
        assert codec.read(buffer) is None
        assert codec.write(buffer, CARRIER) is buffer


def test_near_the_end_of_the_stack_a_message_passes() -> None:
    """Or is read and written, but nothing is raised that the application would see."""
    codec = codec_of("jsonrpc")
    message = '{"jsonrpc":"2.0","method":"m","params":{"a":[[[[]]]]}}'
    written = codec.write(message, CARRIER)
    seen: list[Any] = []

    def descend() -> None:
        found = codec.read(written)
        seen.append((codec.write(message, CARRIER), found and found.strip and found.strip()))
        descend()

    def run() -> None:
        with pytest.raises(RecursionError):
            descend()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert {each for each, _ in seen} <= {message, written}
    assert {each for _, each in seen} <= {message, written, None}


# --- what is accepted ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "carrier",
    [
        {},
        CARRIER,
        FULL,
        {"tracestate": "x" * 512},
        {"traceparent": "x" * 128, "baggage": "x" * 8192},
    ],
    ids=["none", "traceparent", "all", "a long tracestate", "a long baggage"],
)
def test_a_carrier_within_the_limits_is_accepted(carrier: Any) -> None:
    assert accepted({**carrier, "other": object()}) == carrier


@pytest.mark.parametrize(
    "change",
    [
        {"traceparent": None},
        {"traceparent": 5},
        {"traceparent": [PARENT]},
        {"traceparent": "x" * 129},
        {"tracestate": "x" * 513},
        {"tracestate": {}},
        {"baggage": "x" * 8193},
        {"baggage": b"a=1"},
    ],
    ids=lambda each: repr(each)[:30],
)
def test_a_carrier_beyond_a_limit_is_dropped_whole(change: Any) -> None:
    assert accepted({**FULL, **change}) == {}


# --- codecs by name, and an application's own ---------------------------------------------------


class Shouting:
    """An application's own: the context is the last line."""

    def read(self, data: Any) -> Found | None:
        text, mark, parent = data.partition("\nTRACE ")
        return Found({"traceparent": parent.lower()}, strip=lambda: text) if mark else None

    def write(self, data: Any, carrier: Any) -> Any:
        return f"{data}\nTRACE {carrier['traceparent'].upper()}"


def test_an_application_may_have_its_own_codec() -> None:
    codec = Shouting()
    assert codec_of(codec) is codec
    found = codec.read(codec.write("MILK", CARRIER))
    assert found is not None and found.strip is not None
    assert (found.carrier, found.strip()) == (CARRIER, "MILK")


class OnlyReads:
    def read(self, data: Any) -> None: ...


class IsAsync(OnlyReads):
    async def write(self, data: Any, carrier: Any) -> Any: ...


@pytest.mark.parametrize(
    "value",
    ["", "JSON", "xml", None, 5, ["json"], Shouting, OnlyReads(), IsAsync(), json.loads],
    ids=lambda value: repr(value)[:30],
)
def test_anything_else_is_no_codec(value: Any) -> None:
    with pytest.raises(ValueError, match="expected one of 'json', 'jsonrpc', "):
        codec_of(value)


def test_a_name_that_is_nearly_right_is_told() -> None:
    with pytest.raises(ValueError, match=r"got 'graphql'\. Did you mean 'graphql-ws'\?"):
        codec_of("graphql")
