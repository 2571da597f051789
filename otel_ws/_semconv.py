"""Every name that leaves the process: spans, attributes, and the values they take.

Our own copies, so that no ``_incubating`` module is imported: a convention that moves upstream
moves here, with an opt-in first.
The tables of ``docs/attributes.md`` are checked against this module.
"""

from __future__ import annotations

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"
SCOPE_NAME: Final = "otel_ws"

# Span names. A target, the message's name or the route, follows after a space where there is one.
SPAN_CONNECTION: Final = "websocket.connection"
SPAN_OPEN: Final = "websocket.open"
SPAN_RECEIVE: Final = "websocket.receive"
SPAN_SEND: Final = "websocket.send"
SPAN_CLOSE: Final = "websocket.close"
SPAN_STREAM: Final = "websocket.stream"

# Stable HTTP and network conventions, on the handshake.
HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
HTTP_ROUTE: Final = "http.route"
URL_PATH: Final = "url.path"
URL_SCHEME: Final = "url.scheme"
URL_QUERY: Final = "url.query"
URL_FULL: Final = "url.full"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
CLIENT_ADDRESS: Final = "client.address"
USER_AGENT_ORIGINAL: Final = "user_agent.original"
ERROR_TYPE: Final = "error.type"
NETWORK_PROTOCOL_NAME: Final = "network.protocol.name"

# WebSocket: no convention exists upstream yet.
SESSION_ID: Final = "websocket.session.id"
SUBPROTOCOL: Final = "websocket.subprotocol"
MESSAGE_TYPE: Final = "websocket.message.type"
MESSAGE_SIZE: Final = "websocket.message.size"
MESSAGE_SEQUENCE: Final = "websocket.message.sequence"
MESSAGE_NAME: Final = "websocket.message.name"
MESSAGE_DIRECTION: Final = "websocket.message.direction"
MESSAGE_CUT: Final = "websocket.message.cut"
CLOSE_CODE: Final = "websocket.close.code"
CLOSE_STATUS: Final = "websocket.close.status"
CLOSE_INITIATOR: Final = "websocket.close.initiator"
CLOSE_REASON: Final = "websocket.close.reason"
RECEIVED_COUNT: Final = "websocket.received.message_count"
RECEIVED_SIZE: Final = "websocket.received.size"
SENT_COUNT: Final = "websocket.sent.message_count"
SENT_SIZE: Final = "websocket.sent.size"
CONNECTION_SEGMENT: Final = "websocket.connection.segment"
CONNECTION_DURATION: Final = "websocket.connection.duration"
LINK_TYPE: Final = "websocket.link.type"
STREAM_NAME: Final = "websocket.stream.name"
STREAM_CHUNK_COUNT: Final = "websocket.stream.chunk_count"
STREAM_SIZE: Final = "websocket.stream.size"
STREAM_TIME_TO_FIRST_CHUNK: Final = "websocket.stream.time_to_first_chunk"
STREAM_TIME_TO_LAST_CHUNK: Final = "websocket.stream.time_to_last_chunk"
STREAM_AVERAGE_CHUNK_INTERVAL: Final = "websocket.stream.average_chunk_interval"
STREAM_MAX_CHUNK_INTERVAL: Final = "websocket.stream.max_chunk_interval"
STREAM_CHUNK_TIMES: Final = "websocket.stream.chunk_times"
STREAM_END_REASON: Final = "websocket.stream.end_reason"
HANDOFF_WAIT_DURATION: Final = "websocket.handoff.wait_duration"

# Messaging conventions, on what passes through a channel layer or a fan-out.
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION_NAME: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION_NAME: Final = "messaging.destination.name"
MESSAGING_DESTINATION_TEMPLATE: Final = "messaging.destination.template"
MESSAGING_MESSAGE_ID: Final = "messaging.message.id"
MESSAGING_CHANNELS_MESSAGE_TYPE: Final = "messaging.django.channels.message.type"

# Values of ``websocket.link.type``.
LINK_HANDSHAKE: Final = "handshake"
LINK_MESSAGE: Final = "message"
LINK_REMOTE: Final = "remote"
LINK_EVENT: Final = "event"
LINK_HANDOFF: Final = "handoff"
LINK_PREVIOUS: Final = "previous"

# Values of ``websocket.stream.end_reason``.
END_COMPLETE: Final = "complete"
END_CANCELLED: Final = "cancelled"
END_DISCONNECTED: Final = "disconnected"
END_ERROR: Final = "error"

# Where a messaging system has a word of its own for the type of an event.
EVENT_TYPE_BY_SYSTEM: Final = {"django.channels": MESSAGING_CHANNELS_MESSAGE_TYPE}

# Values of ``messaging.operation.type``, and the name of the span around a handler of an event.
OPERATION_SEND: Final = "send"
OPERATION_PROCESS: Final = "process"

# Values of ``websocket.close.status``, by close code (RFC 6455, section 7.4 and the IANA registry).
CLOSE_STATUS_BY_CODE: Final = {
    1000: "normal_closure",
    1001: "going_away",
    1002: "protocol_error",
    1003: "unsupported_data",
    1005: "no_status",
    1006: "abnormal_closure",
    1007: "invalid_payload",
    1008: "policy_violation",
    1009: "message_too_big",
    1010: "mandatory_extension",
    1011: "internal_error",
    1012: "app_shutdown",
    1013: "try_again_later",
    1014: "bad_gateway",
    1015: "tls_handshake",
}
CLOSE_TIMEOUT: Final = "timeout"
CLOSE_APPLICATION: Final = "application"
