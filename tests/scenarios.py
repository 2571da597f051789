"""What can happen on a WebSocket, and the trace it leaves in each model.

Every scenario is played by every driver that can, and leaves the same trace in all of them.
"""

from __future__ import annotations

import asyncio

from .drivers.script import (
    Accept,
    Background,
    Cancel,
    Close,
    Crash,
    Employ,
    HandOver,
    Hear,
    Leave,
    Metered,
    Pause,
    Push,
    Respond,
    Say,
    Scenario,
    Send,
    Server,
    Spawn,
    Streamed,
    Wake,
    Work,
)

STATUS = "http.response.status_code"
CLOSE = ("websocket.close.code", "websocket.close.status", "websocket.close.initiator")
MESSAGE = ("websocket.message.type", "websocket.message.size", "websocket.message.sequence")
STREAM = ("websocket.stream.chunk_count", "websocket.stream.size", "websocket.stream.end_reason")
SENT = ("websocket.sent.message_count",)
TASKS = frozenset({"tasks"})

_ECHO_SESSION = """
    GET /room
    websocket.open /room -> GET /room
    websocket.receive /room -> GET /room
      websocket.send /room
    websocket.close -> GET /room
"""
_ECHO_CONNECTION = """
    GET /room
      websocket.connection /room
        websocket.open /room
        websocket.receive /room
          websocket.send /room
        websocket.close
"""
_TRACEPARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_CARRIED = f'{{"say":"hello","_meta":{{"traceparent":"{_TRACEPARENT.decode()}"}}}}'


def _bad_header(name: str, *headers: tuple[bytes, bytes]) -> Scenario:
    return Scenario(name, _ECHO_SESSION, _ECHO_CONNECTION, headers=headers)


SCENARIOS = [
    Scenario(
        "echo of text",
        client=(Say("hello"), Hear("hello"), Say("grüße"), Hear("grüße"), Leave()),
        shown=(STATUS, *MESSAGE, *CLOSE),
        session="""
            GET /room {http.response.status_code=101}
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room {websocket.message.type=text, websocket.message.size=5, websocket.message.sequence=1}
              websocket.send /room {websocket.message.type=text, websocket.message.size=5, websocket.message.sequence=1}
            websocket.receive /room -> GET /room {websocket.message.type=text, websocket.message.size=7, websocket.message.sequence=2}
              websocket.send /room {websocket.message.type=text, websocket.message.size=7, websocket.message.sequence=2}
            websocket.close -> GET /room {websocket.close.code=1000, websocket.close.status=normal_closure, websocket.close.initiator=client}
        """,
        connection="""
            GET /room {http.response.status_code=101}
              websocket.connection /room
                websocket.open /room
                websocket.receive /room {websocket.message.type=text, websocket.message.size=5, websocket.message.sequence=1}
                  websocket.send /room {websocket.message.type=text, websocket.message.size=5, websocket.message.sequence=1}
                websocket.receive /room {websocket.message.type=text, websocket.message.size=7, websocket.message.sequence=2}
                  websocket.send /room {websocket.message.type=text, websocket.message.size=7, websocket.message.sequence=2}
                websocket.close {websocket.close.code=1000, websocket.close.status=normal_closure, websocket.close.initiator=client}
        """,
    ),
    Scenario(
        "echo of bytes",
        client=(Say(b"\0\xff"), Hear(b"\0\xff"), Leave()),
        shown=MESSAGE[:2],
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room {websocket.message.type=binary, websocket.message.size=2}
              websocket.send /room {websocket.message.type=binary, websocket.message.size=2}
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room {websocket.message.type=binary, websocket.message.size=2}
                  websocket.send /room {websocket.message.type=binary, websocket.message.size=2}
                websocket.close
        """,
    ),
    Scenario(
        "sends are not traced when the setting says so",
        settings={"trace_sends": False},
        shown=("websocket.sent.message_count", "websocket.sent.size"),
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
            websocket.close -> GET /room {websocket.sent.message_count=1, websocket.sent.size=5}
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                websocket.close {websocket.sent.message_count=1, websocket.sent.size=5}
        """,
    ),
    Scenario(
        "work in every handler",
        server=Server(
            connect=lambda: (Work("authenticate"), Accept("chat"), Work("load")),
            message=lambda data: (Work("think"), Send(data)),
            disconnect=lambda: (Work("save"),),
        ),
        shown=("websocket.subprotocol",),
        session="""
            GET /room {websocket.subprotocol=chat}
              authenticate
            websocket.open /room -> GET /room
              load
            websocket.receive /room -> GET /room
              think
              websocket.send /room
            websocket.close -> GET /room
              save
        """,
        connection="""
            GET /room {websocket.subprotocol=chat}
              authenticate
              websocket.connection /room
                websocket.open /room
                  load
                websocket.receive /room
                  think
                  websocket.send /room
                websocket.close
                  save
        """,
    ),
    Scenario(
        "crash in a handler",
        server=Server(message=lambda data: (Crash(),)),
        client=(Say("hello"),),
        raises=LookupError,
        shown=CLOSE,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room ! LookupError
            websocket.close -> GET /room ! LookupError {websocket.close.status=internal_error, websocket.close.initiator=server}
        """,
        connection="""
            GET /room
              websocket.connection /room ! LookupError
                websocket.open /room
                websocket.receive /room ! LookupError
                websocket.close ! LookupError {websocket.close.status=internal_error, websocket.close.initiator=server}
        """,
    ),
    Scenario(
        "crash before accept",
        server=Server(connect=lambda: (Crash(),)),
        client=(),
        raises=LookupError,
        shown=(STATUS,),
        session="GET /room ! LookupError",
        connection="GET /room ! LookupError",
    ),
    Scenario(
        "crash after accept",
        server=Server(connect=lambda: (Accept(), Crash())),
        client=(),
        raises=LookupError,
        session="""
            GET /room
            websocket.open /room -> GET /room ! LookupError
            websocket.close -> GET /room ! LookupError
        """,
        connection="""
            GET /room
              websocket.connection /room ! LookupError
                websocket.open /room ! LookupError
                websocket.close ! LookupError
        """,
    ),
    Scenario(
        "denial",
        server=Server(connect=lambda: (Close(),)),
        client=(Leave(1006),),
        shown=(STATUS,),
        session="GET /room {http.response.status_code=403}",
        connection="GET /room {http.response.status_code=403}",
    ),
    Scenario(
        "denial with a response",
        server=Server(connect=lambda: (Respond(401),)),
        client=(Leave(1006),),
        needs=frozenset({"responses"}),
        shown=(STATUS,),
        session="GET /room {http.response.status_code=401}",
        connection="GET /room {http.response.status_code=401}",
    ),
    Scenario(
        "denial with an error of the server",
        server=Server(connect=lambda: (Respond(503),)),
        client=(Leave(1006),),
        needs=frozenset({"responses"}),
        shown=(STATUS,),
        session="GET /room ! 503 {http.response.status_code=503}",
        connection="GET /room ! 503 {http.response.status_code=503}",
    ),
    Scenario(
        "server closes with a code",
        server=Server(message=lambda data: (Close(4001, "enough"),)),
        client=(Say("hello"), Leave(1005)),
        shown=CLOSE,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.close {websocket.close.code=4001, websocket.close.status=application, websocket.close.initiator=server}
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                websocket.close {websocket.close.code=4001, websocket.close.status=application, websocket.close.initiator=server}
        """,
    ),
    Scenario(
        "server closes because of an error of its own",
        server=Server(message=lambda data: (Close(1011),)),
        client=(Say("hello"), Leave(1005)),
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.close ! 1011
        """,
        connection="""
            GET /room
              websocket.connection /room ! 1011
                websocket.open /room
                websocket.receive /room
                websocket.close ! 1011
        """,
    ),
    Scenario(
        "client closes with a code that the settings call an error",
        client=(Leave(4002),),
        settings={"error_close_codes": [4002]},
        shown=CLOSE[2:],
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.close -> GET /room ! 4002 {websocket.close.initiator=client}
        """,
        connection="""
            GET /room
              websocket.connection /room ! 4002
                websocket.open /room
                websocket.close ! 4002 {websocket.close.initiator=client}
        """,
    ),
    Scenario(
        "client vanishes",
        client=(Leave(1006),),
        shown=CLOSE,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.close -> GET /room {websocket.close.code=1006, websocket.close.status=abnormal_closure, websocket.close.initiator=client}
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.close {websocket.close.code=1006, websocket.close.status=abnormal_closure, websocket.close.initiator=client}
        """,
    ),
    Scenario(
        "client closes without a code",
        client=(Leave(None),),
        shown=CLOSE,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.close -> GET /room {websocket.close.status=no_status, websocket.close.initiator=client}
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.close {websocket.close.status=no_status, websocket.close.initiator=client}
        """,
    ),
    Scenario(
        "cancellation",
        client=(Say("hello"), Hear("hello"), Cancel()),
        needs=TASKS,
        raises=asyncio.CancelledError,
        shown=CLOSE,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.send /room
            websocket.close -> GET /room {websocket.close.status=app_shutdown, websocket.close.initiator=server}
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.send /room
                websocket.close {websocket.close.status=app_shutdown, websocket.close.initiator=server}
        """,
    ),
    Scenario(
        "a task that accept has started does not live in the trace of the handshake",
        server=Server(
            connect=lambda: (Background((Send("early"),)), Accept(), Background((Send("late"),)))
        ),
        client=(Say("hello"), Hear("hello"), Wake(), Leave()),
        needs=TASKS,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.send /room
            websocket.send /room -> GET /room
            websocket.send /room -> GET /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.send /room
                websocket.send /room
                websocket.send /room
                websocket.close
        """,
    ),
    Scenario(
        "a task that a message has started stays in its trace",
        server=Server(message=lambda data: (Background((Send("done"),)), Send(data))),
        client=(Say("hello"), Hear("hello"), Wake(), Hear("done"), Leave()),
        needs=TASKS,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.send /room
              websocket.send /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.send /room
                  websocket.send /room
                websocket.close
        """,
    ),
    Scenario(
        "a push from elsewhere belongs to who pushes",
        client=(Push("news"), Hear("news"), Push("more", span="publish"), Hear("more"), Leave()),
        needs=TASKS,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.send /room -> GET /room
            publish
              websocket.send /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.send /room
                websocket.close
            publish
              websocket.send /room
        """,
    ),
    Scenario(
        "the handshake continues a trace",
        headers=((b"traceparent", _TRACEPARENT),),
        session=_ECHO_SESSION.replace(
            "GET /room\n    websocket.open", "GET /room <- remote\n    websocket.open", 1
        ),
        connection=_ECHO_CONNECTION.replace("GET /room", "GET /room <- remote", 1),
    ),
    Scenario(
        "the handshake links to a trace that is not trusted",
        headers=((b"traceparent", _TRACEPARENT),),
        settings={"edge": "public"},
        session=_ECHO_SESSION.replace(
            "GET /room\n    websocket.open", "GET /room -> remote\n    websocket.open", 1
        ),
        connection=_ECHO_CONNECTION.replace("GET /room", "GET /room -> remote", 1),
    ),
    Scenario(
        "a message carries a context",
        settings={"message_codec": "json"},
        client=(Say(_CARRIED), Hear(_CARRIED), Say("hello"), Hear("hello"), Leave()),
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> remote -> GET /room
              websocket.send /room
            websocket.receive /room -> GET /room
              websocket.send /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room -> remote
                  websocket.send /room
                websocket.receive /room
                  websocket.send /room
                websocket.close
        """,
    ),
    Scenario(
        "a message carries a context that is trusted",
        settings={"message_codec": "json", "message_trust": "parent"},
        client=(Say(_CARRIED), Hear(_CARRIED), Say("hello"), Hear("hello"), Leave()),
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room <- remote
              websocket.send /room
            websocket.receive /room -> GET /room
              websocket.send /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room -> remote
                  websocket.send /room
                websocket.receive /room
                  websocket.send /room
                websocket.close
        """,
    ),
    _bad_header("a malformed traceparent", (b"traceparent", b"00-xyz-1-01")),
    _bad_header("an oversized traceparent", (b"traceparent", _TRACEPARENT + b"-" + b"0" * 100)),
    _bad_header("two traceparents", (b"traceparent", _TRACEPARENT), (b"traceparent", _TRACEPARENT)),
    _bad_header(
        "an oversized tracestate",
        (b"traceparent", _TRACEPARENT),
        (b"tracestate", b"a=" + b"b" * 600),
    ),
    _bad_header("bytes that are no text", (b"traceparent", b"\xff\xfe"), (b"\xff", b"\xff")),
    Scenario(
        "an excluded route",
        settings={"excluded_routes": ["/health", "/ro*"]},
        session="",
        connection="",
    ),
    Scenario(
        "a metered stream",
        server=Server(
            message=lambda data: (
                Metered("reply", (Work("think"), Send("Tea"), Send(" for"), Send(" two"))),
                Send("end"),
            )
        ),
        client=(Say("order"), Hear("Tea"), Hear(" for"), Hear(" two"), Hear("end"), Leave()),
        shown=(*STREAM, *SENT),
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.stream reply {websocket.stream.chunk_count=3, websocket.stream.size=11, websocket.stream.end_reason=complete}
                think
              websocket.send /room
            websocket.close -> GET /room {websocket.sent.message_count=4}
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.stream reply {websocket.stream.chunk_count=3, websocket.stream.size=11, websocket.stream.end_reason=complete}
                    think
                  websocket.send /room
                websocket.close {websocket.sent.message_count=4}
        """,
    ),
    Scenario(
        "a metered loop to its end, and one that is left",
        server=Server(
            message=lambda data: (
                Streamed("whole", ("Tea", " for", " two")),
                Streamed("left", ("Tea", " for", " two"), left_after=2),
                Send("end"),
            )
        ),
        client=(Say("order"), Hear("end"), Leave()),
        shown=STREAM,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.stream whole {websocket.stream.chunk_count=3, websocket.stream.size=11, websocket.stream.end_reason=complete}
              websocket.stream left {websocket.stream.chunk_count=2, websocket.stream.size=7, websocket.stream.end_reason=cancelled}
              websocket.send /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.stream whole {websocket.stream.chunk_count=3, websocket.stream.size=11, websocket.stream.end_reason=complete}
                  websocket.stream left {websocket.stream.chunk_count=2, websocket.stream.size=7, websocket.stream.end_reason=cancelled}
                  websocket.send /room
                websocket.close
        """,
    ),
    Scenario(
        "a crash in a stream",
        server=Server(message=lambda data: (Metered("reply", (Send("Tea"), Crash())),)),
        client=(Say("order"), Hear("Tea")),
        raises=LookupError,
        shown=STREAM,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room ! LookupError
              websocket.stream reply ! LookupError {websocket.stream.chunk_count=1, websocket.stream.size=3, websocket.stream.end_reason=error}
            websocket.close -> GET /room ! LookupError
        """,
        connection="""
            GET /room
              websocket.connection /room ! LookupError
                websocket.open /room
                websocket.receive /room ! LookupError
                  websocket.stream reply ! LookupError {websocket.stream.chunk_count=1, websocket.stream.size=3, websocket.stream.end_reason=error}
                websocket.close ! LookupError
        """,
    ),
    Scenario(
        "every turn is metered if it sends more than one message",
        settings={"meter_turns": True},
        server=Server(message=lambda data: map(Send, data.split())),
        client=(Say("a b c"), Hear("c"), Say("d"), Hear("d"), Leave()),
        shown=STREAM,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.send /room
              websocket.send /room
              websocket.send /room
              websocket.stream {websocket.stream.chunk_count=3, websocket.stream.size=3, websocket.stream.end_reason=complete}
            websocket.receive /room -> GET /room
              websocket.send /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.send /room
                  websocket.send /room
                  websocket.send /room
                  websocket.stream {websocket.stream.chunk_count=3, websocket.stream.size=3, websocket.stream.end_reason=complete}
                websocket.receive /room
                  websocket.send /room
                websocket.close
        """,
    ),
    Scenario(
        "a stream in a task outlives its message",
        server=Server(
            message=lambda data: (
                Spawn((Metered("reply", (Send("Tea"), Pause(), Send(" for two"))),)),
                Send("one moment"),
            )
        ),
        client=(Say("order"), Hear("Tea"), Wake(), Hear(" for two"), Leave()),
        needs=TASKS,
        shown=STREAM,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.stream reply {websocket.stream.chunk_count=2, websocket.stream.size=11, websocket.stream.end_reason=complete}
              websocket.send /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.stream reply {websocket.stream.chunk_count=2, websocket.stream.size=11, websocket.stream.end_reason=complete}
                  websocket.send /room
                websocket.close
        """,
    ),
    Scenario(
        "the client leaves in the middle of a stream",
        server=Server(message=lambda data: (Spawn((Metered("reply", (Send("Tea"), Pause())),)),)),
        client=(Say("order"), Hear("Tea"), Leave(1006)),
        needs=TASKS,
        shown=STREAM,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              websocket.stream reply {websocket.stream.chunk_count=1, websocket.stream.size=3, websocket.stream.end_reason=disconnected}
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  websocket.stream reply {websocket.stream.chunk_count=1, websocket.stream.size=3, websocket.stream.end_reason=disconnected}
                websocket.close
        """,
    ),
    Scenario(
        "work goes through a queue to a task from before the message",
        server=Server(
            connect=lambda: (Accept(), Employ()),
            message=lambda data: (HandOver("render", (Work("draw"), Send("done"))),),
        ),
        client=(Say("order"), Hear("done"), Leave()),
        needs=TASKS,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              render
                draw
                websocket.send /room
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  render
                    draw
                    websocket.send /room
                websocket.close
        """,
    ),
    Scenario(
        "a stream goes on in a task from before the message",
        server=Server(
            connect=lambda: (Accept(), Employ()),
            message=lambda data: (HandOver("render", (Streamed("reply", ("Tea", " two")),)),),
        ),
        client=(Say("order"), Hear(" two"), Leave()),
        needs=TASKS,
        shown=STREAM,
        session="""
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              render
                websocket.stream reply {websocket.stream.chunk_count=2, websocket.stream.size=7, websocket.stream.end_reason=complete}
            websocket.close -> GET /room
        """,
        connection="""
            GET /room
              websocket.connection /room
                websocket.open /room
                websocket.receive /room
                  render
                    websocket.stream reply {websocket.stream.chunk_count=2, websocket.stream.size=7, websocket.stream.end_reason=complete}
                websocket.close
        """,
    ),
]
