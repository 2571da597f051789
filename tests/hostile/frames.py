"""Frames that a stranger might send, the same for the same seed.

Each begins as a message of some protocol, with a carrier that is forged, of wrong types, too large,
too deep, twice there or escaped; many are then damaged, and a third are bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

Frame = str | bytes

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_GOOD = {
    '"traceparent"': f'"{PARENT}"',
    '"tracestate"': '"vendor=1,other=x:y"',
    '"baggage"': '"tenant=acme"',
}
_KEYS = (
    *_GOOD,
    '"traceparent"',
    '"trace\\u0070arent"',
    '"Traceparent"',
    '"_meta"',
    '"params"',
    '"result"',
    '"payload"',
    '"extensions"',
    '"headers"',
    '"type"',
    '"specversion"',
    '""',
    '"\\ud800"',
    '"\ud800"',
    '"key"',
)
_SCALARS = (
    f'"{PARENT}"',
    f'"{PARENT}"',
    f'"{PARENT.upper()}"',
    f'"ff{PARENT[2:]}"',
    f'"{PARENT}-more"',
    f'"00-{"0" * 32}-{"0" * 16}-00"',
    '"a=1,b=2"',
    '"\\ud83d\\ude00"',
    '"\\udc00"',
    '"grüße 😀"',
    '"\\\\\\"}"',
    '"traceparent"',
    '""',
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "-0.0",
    "0.1000000000000000055511151231257827",
    "12345678901234567890123",
    "NaN",
    "-Infinity",
    "[]",
    "{}",
    "[{}]",
)
_TOKENS = (
    "\x1e",
    "\0",
    "\ufeff",
    "\ud800",
    "\x7f",
    "\r\n",
    "\n\n",
    " ",
    "{",
    "}",
    "[",
    '"',
    ",",
    ":",
    "\\",
    "\\u",
    "traceparent",
    f'"traceparent":"{PARENT}",',
    "_meta",
)
_SPACES = ("", "", "", "", " ", "\n", "\t ", "\r\n  ")
_BYTES = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88", b"\x80", b"\0")
_DEPTHS = (20, 400, 990, 5_000, 30_000)


def hostile_frames(seed: int, count: int) -> Iterator[Frame]:
    """Yield `count` frames, which depend on nothing but `seed`."""
    random = Random(seed)
    for _ in range(count):
        frame = random.choice(_PROTOCOLS)(random)
        while random.random() < 0.3:
            frame = random.choice(_DAMAGES)(random, frame)
        yield _as_bytes(random, frame) if random.random() < 0.35 else frame


# --- values and members -------------------------------------------------------------------------


def _value(random: Random) -> str:
    chance = random.random()
    if chance < 0.9:
        return random.choice(_SCALARS)
    if chance < 0.98:
        return _object(random)
    return random.choice((_long, _huge_integer, _deep))(random)


def _long(random: Random) -> str:
    """A bomb: around each of the limits, and seldom above that of a message."""
    size = random.choice((128, 129, 512, 513, 8192, 8193, 8193, 20_000, 70_000))
    return f'"{"k=v," * (size // 4)}{"x" * (size % 4)}"'


def _huge_integer(random: Random) -> str:
    return "9" * random.choice((300, 4_300, 4_301, 9_000))


def _deep(random: Random) -> str:
    depth = random.choice(_DEPTHS)
    opening, closing = random.choice((("[", "]"), ('{"a":', "}"), ('[{"_meta":', "}]")))
    inner = random.choice(("", "1")) if opening == "[" else "1"
    return opening * depth + inner + closing * random.choice((depth, depth, depth - 1, 0))


def _object(random: Random, *members: str) -> str:
    """An object with these members, and others before, between and after them."""
    found = list(members)
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        member = f"{random.choice(_KEYS)}{random.choice(_SPACES)}:{_value(random)}"
        found.insert(random.randint(0, len(found)), member)
    if found and random.random() < 0.1:
        found.append(random.choice(found))
    space = random.choice(_SPACES)
    return f"{space}{{{space}{f'{space},'.join(found)}{space}}}{space}"


def _carrier(random: Random) -> str:
    """What may stand where a carrier belongs."""
    if random.random() < 0.1:
        return _value(random)
    return _object(random, *_fields(random))


def _fields(random: Random) -> list[str]:
    """Some fields of a carrier, every other one as it should be."""
    return [
        f"{field}:{good if random.random() < 0.5 else _value(random)}"
        for field, good in _GOOD.items()
        if random.random() < 0.5
    ]


# --- protocols ----------------------------------------------------------------------------------


def _json(random: Random) -> str:
    slot = [f'"_meta":{_carrier(random)}'] if random.random() < 0.7 else []
    return _object(random, '"type":"chat.said"', *slot, '"text":"hello"')


_CALLS = (
    *(('"method":"tools/call"', '"params"'),) * 6,
    *(('"id":7', '"result"'),) * 4,
    ('"id":7', '"error"'),
    ('"method":5', '"params"'),
    ('"method":"x"', '"result"'),
)


def _jsonrpc(random: Random) -> str:
    version = random.choice((*('"2.0"',) * 8, "2.0", "null"))
    kind, name = random.choice(_CALLS)
    members = [f'"jsonrpc":{version}', kind]
    if random.random() < 0.8:
        members.append(f"{name}:{_holding(random, '_meta')}")
    message = _object(random, *members)
    return f"[{message},{message}]" if random.random() < 0.05 else message


def _graphql(random: Random) -> str:
    kind = random.choice(('"subscribe"', '"subscribe"', '"start"', '"next"', '"ping"', "1", "[]"))
    members = ['"id":"1"', f'"type":{kind}']
    if random.random() < 0.8:
        members.append(f'"payload":{_holding(random, "extensions")}')
    return _object(random, *members)


def _holding(random: Random, key: str) -> str:
    if random.random() < 0.1:
        return _value(random)
    slot = [f'"{key}":{_carrier(random)}'] if random.random() < 0.7 else []
    return _object(random, '"name":"x"', *slot)


def _cloudevents(random: Random) -> str:
    version = random.choice(('"1.0"', '"1.0"', '"1.0"', '"0.3"', "1.0"))
    return _object(
        random,
        f'"specversion":{version}',
        '"type":"said"',
        *_fields(random),
        '"data":{"traceparent":null}',
    )


def _signalr(random: Random) -> str:
    records = [_record(random) for _ in range(random.choice((1, 1, 1, 2, 3)))]
    return "\x1e".join(records) + random.choice(("\x1e", "\x1e", "\x1e", "\x1e", "", "\x1e\x1e"))


def _record(random: Random) -> str:
    if random.random() < 0.05:
        return random.choice(("{}", '{"protocol":"json","version":1}', "", "[]", "5"))
    kind = random.choice((*range(1, 10), *range(1, 6), "true", '"1"', "1.0", "null"))
    headers = [f'"headers":{_carrier(random)}'] if random.random() < 0.7 else []
    return _object(random, f'"type":{kind}', *headers, '"target":"Send","arguments":[42]')


_STOMP_VALUES = (
    PARENT,
    PARENT,
    PARENT.upper(),
    "a=1",
    "a\\cb",
    "\\t",
    "\\",
    "a:b",
    "",
    " x ",
    "grüße",
    "k=v," * 3_000,
)
_STOMP_NAMES = ("destination", "traceparent", "tracestate", "baggage", "x\\cy", "Traceparent")
_LENGTHS = ("0", "5", "6", "7", "-1", "+5", "5_0", "\u0665", "", "9" * 30, "9" * 5_000)


def _stomp(random: Random) -> str:
    command = random.choice((*("SEND", "MESSAGE") * 6, "CONNECT", "send", "SEND ", ""))
    eol = random.choice((*("\n", "\r\n") * 6, "\r"))
    names = random.choices(_STOMP_NAMES, k=random.choice((0, 1, 1, 2, 2, 3, 6)))
    lines = [f"{name}:{random.choice(_STOMP_VALUES)}" for name in names]
    if random.random() < 0.2:
        lines.append(f"content-length:{random.choice(_LENGTHS)}")
    if random.random() < 0.05:
        lines.append(random.choice(("traceparent", ":", f":{PARENT}")))
    body = random.choice(("", "hello", "gr\0üße", f"traceparent:{PARENT}\n\n"))
    head = "".join(f"{line}{eol}" for line in (command, *lines))
    before = random.choice((*("", "", "", "\n", "\r\n\n") * 3, " "))
    after = random.choice((*("\0", "\0\n") * 6, "", "\0x", "\0\0"))
    return f"{before}{head}{eol}{body}{after}"


def _noise(random: Random) -> str:
    tokens = random.choices((*_TOKENS, *_SCALARS, *_KEYS), k=random.randint(0, 12))
    return random.choice(("", "\n", "{", "SEND\n")) + "".join(tokens)


def _abyss(random: Random) -> str:
    return random.choice(("", f'{{"traceparent":"{PARENT}","_meta":')) + _deep(random)


_PROTOCOLS: tuple[Callable[[Random], str], ...] = (
    *(_json, _jsonrpc, _graphql, _signalr, _cloudevents, _stomp) * 16,
    *(_noise,) * 6,
    _abyss,
)


# --- damage -------------------------------------------------------------------------------------


def _truncated(random: Random, frame: str) -> str:
    return frame[: random.randint(0, len(frame))]


def _cut(random: Random, frame: str) -> str:
    start = random.randint(0, len(frame))
    return frame[:start] + frame[start + random.randint(1, 9) :]


def _doubled(random: Random, frame: str) -> str:
    start = random.randint(0, len(frame))
    end = start + random.randint(1, 90)
    return frame[:end] + frame[start:]


def _pierced(random: Random, frame: str) -> str:
    at = random.choice((0, len(frame), random.randint(0, len(frame))))
    return frame[:at] + random.choice(_TOKENS) + frame[at:]


def _padded(random: Random, frame: str) -> str:
    """Whitespace that is allowed in JSON, and some that is not."""
    return random.choice((" ", "\n\t", "\xa0", "\x0b", "\u2028")) + frame + random.choice(_SPACES)


_DAMAGES = (_truncated, _cut, _doubled, _pierced, _padded)


def _as_bytes(random: Random, frame: str) -> bytes:
    """Encode a frame, half of the time with UTF-8 broken somewhere."""
    encoded = frame.encode("utf-8", "surrogatepass")
    if random.random() < 0.5:
        return encoded
    at = random.randint(0, len(encoded))
    return encoded[:at] + random.choice(_BYTES) + encoded[at:]
