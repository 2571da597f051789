/** What happened on one connection: the spans that begin something, each with what it caused. */

import { LINK, attribute, isError, kindOf, sessionOf } from "./model.js";
import { family } from "./tree.js";

const AROUND = new Set(["handshake", "connection"]); // what lies below them began by itself

const PUSHED = new Set(["send", "stream"]); // if somebody else has caused it, it is a push

/**
 * Return what a trace holds of a session, as items.
 *
 * An item is a span of the session that no other thing of this session has caused. It has the
 * `end` of its span and that of all it caused, its `tail`; the streams in it; and its `owner`,
 * the span of another session, or of none, that it lies below.
 */
export function itemsOf(trace, sessionId) {
  const { roots, children } = family(trace.spans);
  const items = [];
  const stack = roots.map((span) => ({ span, item: null, owner: null })).reverse();
  while (stack.length) {
    const { span, item, owner } = stack.pop();
    const here = place(span, item, owner, sessionId, trace);
    if (here !== null && here !== item) items.push(here);
    if (here !== null) tell(here, span);
    const next = sessionOf(span) || owner === null ? span : owner;
    for (const child of (children.get(span.s) ?? []).toReversed()) {
      stack.push({ span: child, item: here, owner: next });
    }
  }
  return items;
}

/** Return the item that a span belongs to: that of its parent, a new one, or none. */
function place(span, item, owner, sessionId, trace) {
  if (sessionOf(span) !== sessionId) return item;
  const kind = kindOf(span);
  if (kind === "connection") return null;
  const isInside =
    item !== null && owner !== null && sessionOf(owner) === sessionId && !AROUND.has(kindOf(owner));
  if (isInside) return item;
  const isElsewhere = owner !== null && sessionOf(owner) !== sessionId;
  return {
    span,
    kind: isElsewhere && PUSHED.has(kind) && sessionOf(owner) ? "push" : kind,
    trace: trace.id,
    start: span.b,
    end: span.e,
    tail: span.e,
    owner: isElsewhere ? owner : null,
    streams: [],
    spans: 0,
    failed: null,
  };
}

function tell(item, span) {
  item.spans++;
  item.tail = Math.max(item.tail, span.e);
  if (isError(span) && (item.failed === null || !isError(item.failed))) item.failed = span;
  if (kindOf(span) === "stream" && sessionOf(span) === sessionOf(item.span)) item.streams.push(span);
}

/**
 * Return where a push came from: `{ session, span }`, or null for what is no push.
 *
 * The session is "" where the span that caused it belongs to none, and the span undefined where
 * it is not in the buffer.
 */
export function originOf(item, store) {
  if (item.kind !== "push") return null;
  if (item.owner !== null) return { session: sessionAround(item.owner, store), span: item.owner };
  const link = (item.span.l ?? []).find((each) => attribute(each, LINK) === "event");
  if (link) {
    const span = store.span(link.t, link.s);
    return { session: span ? sessionAround(span, store) : "", span };
  }
  return item.span.p && !store.span(item.span.t, item.span.p)
    ? { session: "", span: undefined }
    : { session: sessionOf(item.span), span: item.span };
}

/** Return the session of a span, or of the nearest span above it that has one. */
function sessionAround(span, store) {
  let at = span;
  for (let steps = 0; at && steps < 1000; steps++) {
    if (sessionOf(at)) return sessionOf(at);
    at = store.span(at.t, at.p);
  }
  return "";
}

/** Put items into lanes, each into the first that is free: none hides another, up to `most`. */
export function lanesOf(items, most = 60) {
  const ends = [];
  for (const item of items) {
    const free = ends.findIndex((end) => end <= item.start);
    item.lane = free < 0 ? Math.min(ends.length, most - 1) : free;
    ends[item.lane] = Math.max(item.tail, item.start + 1, ends[item.lane] ?? 0);
  }
  return ends.length;
}
