/** What the spans of a WebSocket are, by the names of docs/attributes.md. */

export const SESSION = "websocket.session.id";
export const ROUTE = "http.route";
export const STATUS = "http.response.status_code";
export const SEQUENCE = "websocket.message.sequence";
export const CUT = "websocket.message.cut";
export const LINK = "websocket.link.type";
export const ERROR = "error.type";
export const stream = (name) => `websocket.stream.${name}`;

const LONGEST_ID = 200;

// What a name begins with, and what such a span is. The order is that of the timeline's tracks.
const KINDS = new Map([
  ["websocket.connection", "connection"],
  ["websocket.open", "open"],
  ["websocket.close", "close"],
  ["websocket.receive", "turn"],
  ["process", "push"],
  ["websocket.send", "send"],
  ["websocket.stream", "stream"],
]);

const LIFE = new Set(["handshake", "open", "close"]);

/** Return an attribute, or undefined. */
export function attribute(span, name) {
  return span.a && Object.hasOwn(span.a, name) ? span.a[name] : undefined;
}

/** Return an attribute that is a number, or undefined. */
export function number(span, name) {
  const value = attribute(span, name);
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Return an attribute that is text, or "". */
export function text(span, name) {
  const value = attribute(span, name);
  return value === undefined || value === null ? "" : String(value);
}

/** Return the id of the connection that a span belongs to, or "". */
export function sessionOf(span) {
  return text(span, SESSION).slice(0, LONGEST_ID).toWellFormed();
}

/** Return what a span is: "handshake", "turn", "push", "stream", "close" and so on, or "other". */
export function kindOf(span) {
  const first = span.n.split(" ", 1)[0];
  if (KINDS.has(first)) return KINDS.get(first);
  const isRequest = span.k === "SERVER" || span.k === "CLIENT";
  return isRequest && attribute(span, SESSION) !== undefined ? "handshake" : "other";
}

/** Tell whether a span is of a connection's life, and not of what was said over it. */
export function isOfLife(kind) {
  return LIFE.has(kind);
}

export function isError(span) {
  return span.st === "error";
}

/** Return what went wrong, in words. */
export function errorOf(span) {
  const parts = [text(span, ERROR), span.sd].filter(Boolean);
  return isError(span) ? parts.join(": ") || "error" : "";
}

/** Return the measures of a stream's span, in seconds and bytes, or null. */
export function measuresOf(span) {
  if (kindOf(span) !== "stream") return null;
  return {
    name: text(span, stream("name")),
    count: number(span, stream("chunk_count")) ?? 0,
    size: number(span, stream("size")) ?? 0,
    first: number(span, stream("time_to_first_chunk")),
    last: number(span, stream("time_to_last_chunk")),
    average: number(span, stream("average_chunk_interval")),
    max: number(span, stream("max_chunk_interval")),
    reason: text(span, stream("end_reason")) || (attribute(span, CUT) ? "cut" : ""),
  };
}

/** Return when something came of a span: a stream begins to wait with what asks for it. */
export function beginOf(span) {
  return span.b + (measuresOf(span)?.first ?? 0) * 1e6;
}

/** Return the key under which a span is known. */
export function keyOf(traceId, spanId) {
  return `${traceId}/${spanId}`;
}
