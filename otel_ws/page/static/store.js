/** The spans that the page knows, by trace and by session. Keys are strangers': Maps, no objects. */

import { Session } from "./session.js";
import { attribute, isError, keyOf, sessionOf } from "./model.js";

const COLORS = 8;
const NOWHERE = { attributes: {}, service: "", instance: "", name: "unknown service", color: 0 };

/** What was seen of a trace. */
export class Trace {
  constructor(id) {
    this.id = id;
    this.spans = [];
    this.sessions = new Map(); // how many spans of each, by id
    this.errors = 0;
    this.start = Infinity;
    this.end = -Infinity;
    this.version = 0;
  }

  add(span) {
    this.spans.push(span);
    this.start = Math.min(this.start, span.b);
    this.end = Math.max(this.end, span.e);
    this.errors += isError(span) ? 1 : 0;
    const session = sessionOf(span);
    if (session) this.sessions.set(session, (this.sessions.get(session) ?? 0) + 1);
    this.version++;
  }

  /** Forget the span that came first. */
  shift() {
    const span = this.spans.shift();
    const session = sessionOf(span);
    const left = (this.sessions.get(session) ?? 0) - 1;
    if (left > 0) this.sessions.set(session, left);
    else this.sessions.delete(session);
    this.errors -= isError(span) ? 1 : 0;
    this.version++;
  }

  /** The span that stands for the whole: the first without a parent here. */
  get root() {
    if (this.rootOf !== this.version) {
      const known = new Set(this.spans.map((span) => span.s));
      const roots = this.spans.filter((span) => !known.has(span.p));
      const first = (one, other) => (other.b < one.b ? other : one);
      this.found = (roots.length ? roots : this.spans).reduce(first);
      this.rootOf = this.version;
    }
    return this.found;
  }
}

/** Everything, up to `limit` spans; beyond it the first that came are the first to go. */
export class Store {
  constructor() {
    this.limit = 20_000;
    this.dropped = 0;
    this.resources = new Map();
    this.colors = new Map();
    this.clear();
  }

  clear() {
    this.spans = new Map();
    this.traces = new Map();
    this.sessions = new Map();
    this.linking = new Map(); // spans that link to one, by its key
    this.version = (this.version ?? 0) + 1;
  }

  get size() {
    return this.spans.size;
  }

  /** Return a span, or undefined. */
  span(traceId, spanId) {
    return this.spans.get(keyOf(traceId, spanId));
  }

  resource(span) {
    return this.resources.get(span.r) ?? NOWHERE;
  }

  /** Return the spans that link to this one. */
  linkedFrom(span) {
    return this.linking.get(keyOf(span.t, span.s)) ?? [];
  }

  /** Return the traces that no session has a part in, in no order. */
  otherTraces() {
    return [...this.traces.values()].filter((trace) => trace.sessions.size === 0);
  }

  addResource(index, attributes) {
    const said = (name) => String(attribute({ a: attributes }, name) ?? "");
    const service = said("service.name") || "unknown service";
    const instance = said("service.instance.id") || said("process.pid");
    const place = JSON.stringify([service, instance]);
    if (!this.colors.has(place)) this.colors.set(place, this.colors.size % COLORS);
    const name = instance ? `${service} ${instance.slice(0, 8)}` : service;
    const color = this.colors.get(place);
    this.resources.set(index, { attributes, service, instance, name, color, place });
  }

  /** Add spans; one that is known already is not added twice. */
  add(spans) {
    for (const span of spans) this.addSpan(span);
    while (this.spans.size > this.limit) this.forget();
    this.version++;
  }

  addSpan(span) {
    const key = keyOf(span.t, span.s);
    if (this.spans.has(key)) return;
    this.spans.set(key, span);
    this.trace(span.t).add(span);
    const id = sessionOf(span);
    if (id) this.session(id).add(span);
    for (const link of span.l ?? []) {
      const target = keyOf(link.t, link.s);
      if (this.linking.has(target)) this.linking.get(target).push(span);
      else this.linking.set(target, [span]);
    }
  }

  trace(id) {
    if (!this.traces.has(id)) this.traces.set(id, new Trace(id));
    return this.traces.get(id);
  }

  session(id) {
    if (!this.sessions.has(id)) this.sessions.set(id, new Session(id));
    return this.sessions.get(id);
  }

  /** Forget the span that came first of all. */
  forget() {
    const [key, span] = this.spans.entries().next().value;
    this.spans.delete(key);
    const trace = this.traces.get(span.t);
    trace.shift();
    const session = this.sessions.get(sessionOf(span));
    session?.forget(span, trace.sessions.has(session.id));
    if (trace.spans.length === 0) this.traces.delete(span.t);
    if (session?.size === 0) this.sessions.delete(session.id);
    for (const link of span.l ?? []) this.unlink(keyOf(link.t, link.s), span);
  }

  unlink(target, span) {
    const left = (this.linking.get(target) ?? []).filter((each) => each !== span);
    if (left.length) this.linking.set(target, left);
    else this.linking.delete(target);
  }
}
