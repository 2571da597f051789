/** What is known of one connection, told span by span. */

import { ROUTE, SEQUENCE, STATUS, attribute, isError, kindOf, measuresOf, number, text } from "./model.js";

const ACCEPTED = new Set([101, 200]);
const TIMED = new Set(["handshake", "open", "turn", "push", "close"]);
const MOST_NAMES = 40;

export class Session {
  constructor(id) {
    this.id = id;
    this.size = 0;
    this.errors = 0;
    this.start = Infinity;
    this.end = -Infinity;
    this.slowest = 0;
    this.route = "";
    this.handshake = null;
    this.close = null;
    this.first = null; // the span that tells which service it is
    this.traces = new Set(); // their ids
    this.names = new Set();
    this.heard = 0; // messages, as far as spans tell before the close does
    this.said = 0;
    this.chunks = 0;
    this.version = 0;
  }

  add(span) {
    const kind = kindOf(span);
    this.size++;
    this.version++;
    this.start = Math.min(this.start, span.b);
    this.end = Math.max(this.end, span.e);
    this.errors += isError(span) ? 1 : 0;
    this.traces.add(span.t);
    this.route ||= text(span, ROUTE);
    if (this.names.size < MOST_NAMES) this.names.add(span.n.slice(0, 200).toLowerCase());
    if (TIMED.has(kind)) this.slowest = Math.max(this.slowest, span.e - span.b);
    if (kind === "handshake") this.handshake = span;
    if (kind === "close") this.close = span;
    if (kind !== "other" || this.first === null) this.first = span;
    this.count(kind, span);
  }

  /** Forget a span, and its trace unless that has more of this session. */
  forget(span, hasMore) {
    this.size--;
    this.version++;
    if (!hasMore) this.traces.delete(span.t);
  }

  count(kind, span) {
    const sequence = number(span, SEQUENCE) ?? 0;
    if (kind === "turn") this.heard = Math.max(this.heard, sequence);
    if (kind === "send") this.said = Math.max(this.said, sequence);
    if (kind === "stream") this.chunks += measuresOf(span).count;
  }

  /** "live", "closed", "denied", "failed" before it was accepted, or "in part": no handshake seen. */
  get state() {
    if (this.close) return "closed";
    if (!this.handshake) return "in part";
    const status = attribute(this.handshake, STATUS);
    if (ACCEPTED.has(status)) return "live";
    return status === undefined ? "failed" : "denied";
  }

  /** The status that its handshake was answered with, or "". */
  get status() {
    return this.handshake ? text(this.handshake, STATUS) : "";
  }

  /** Why it closed, as a word with its code. */
  get closeStatus() {
    if (!this.close) return "";
    const code = text(this.close, "websocket.close.code");
    return [code, text(this.close, "websocket.close.status")].filter(Boolean).join(" ");
  }

  get initiator() {
    return this.close ? text(this.close, "websocket.close.initiator") : "";
  }

  /** How many messages came in. */
  get received() {
    return this.total("websocket.received.message_count") ?? this.heard;
  }

  /** How many went out; before the close at least so many. */
  get sent() {
    return this.total("websocket.sent.message_count") ?? Math.max(this.said, this.chunks);
  }

  /** A total that the close tells. */
  total(name) {
    return this.close ? number(this.close, name) : undefined;
  }

  /** How long it lasted, or was seen so far, in microseconds. */
  get duration() {
    const told = this.total("websocket.connection.duration");
    return told === undefined ? this.end - this.start : told * 1e6;
  }
}
