"""python-socketio: many events of many kinds on one connection, read by a task for each."""

from __future__ import annotations

import json

import socketio

from otel_ws import asgi, current_session

from .answers import answer

EVENTS = {"say", "shout"}


def event_of(scope, message):
    """Name the events that there are, and nothing that a client makes up."""
    packet = message.get("text") or ""
    try:
        name, *_ = json.loads(packet[packet.index("[") :])
    except ValueError:
        return None
    return name if isinstance(name, str) and name in EVENTS else None


class TracingMiddleware(asgi.TracingMiddleware):
    turns = "dispatch"

    def find_route(self, scope):
        return lambda: self.app.engineio_path


def traced(dispatch):
    async def message(sid, data):
        session = current_session()
        if session is None or not session.is_traced:
            return await dispatch(sid, data)
        packet = {"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data}
        await asgi.dispatch_traced(session.connection, lambda _: dispatch(sid, data), packet)

    return message


sio = socketio.AsyncServer(async_mode="asgi")
sio.eio.on("message", traced(sio.eio.handlers["message"]))


def speaking(server: socketio.AsyncServer) -> socketio.AsyncServer:
    @server.event
    async def say(sid: str, text: str) -> str:
        with answer(text) as said:
            await server.emit("said", said, to=sid)
        return "taken"

    return server


host = socketio.ASGIApp(sio)
app = TracingMiddleware(host, message_name=event_of)
speaking(sio)
# Without all of that: another server, because the first one's events are dispatched traced.
plain = speaking(socketio.AsyncServer(async_mode="asgi"))
bare = asgi.TracingMiddleware(socketio.ASGIApp(plain))
