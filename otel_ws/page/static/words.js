/** What is said of sessions, and of what happens in them. */

import { make } from "./dom.js";
import { bytes, clock, count, duration, line, moment, plural } from "./format.js";
import { SEQUENCE, errorOf, isError, measuresOf, number, text } from "./model.js";
import { place } from "./place.js";

const KINDS = new Map([["turn", "message"], ["other", "span"]]);

/** Return what an item is, with the number of its message. */
export function kindWords({ kind, span }) {
  const sequence = number(span, SEQUENCE);
  return `${KINDS.get(kind) ?? kind}${sequence === undefined ? "" : ` ${count(sequence)}`}`;
}

/** Return what may be written on the bar of an item, the longest first. */
export function wordsOf(item) {
  const sequence = number(item.span, SEQUENCE);
  const name = line(item.span.n, 80).replace(/^websocket\./, "");
  return [name, kindWords(item), ...(sequence === undefined ? [] : [count(sequence)])];
}

/** Return how a session stands. */
export function badge(session) {
  const { state, closeStatus, initiator, status } = session;
  if (state === "closed") return `closed ${closeStatus}${initiator ? ` by ${initiator}` : ""}`;
  if (state === "denied") return `denied ${line(status, 20)}`;
  return state === "failed" ? "failed before it was accepted" : state === "in part" ? "no handshake in the buffer" : "live";
}

/** Return the class of what says so. */
export function badgeClass({ state, close }) {
  return state === "closed" && isError(close) ? "failed" : state.replace(" ", "-");
}

/** Return what is known of a session, as elements. */
export function facts(session, store) {
  const sizes = ["received", "sent"].map((way) => session.total(`websocket.${way}.size`));
  const size = (at) => (sizes[at] === undefined ? "" : `, ${bytes(sizes[at])}`);
  const shake = session.handshake;
  const isOpen = session.state !== "denied" && session.state !== "failed";
  const known = [
    session.start && moment(session.start),
    isOpen && (session.state === "live" ? `last seen ${clock(session.end)}` : duration(session.duration)),
    isOpen && `in ${count(session.received)}${size(0)}`,
    isOpen && `out ${count(session.sent)}${size(1)}`,
    session.errors ? make("span.error", null, `${plural(session.errors, "span")} failed`) : null,
    place(store, session.first),
    shake && line(text(shake, "websocket.subprotocol"), 40),
    shake && line(text(shake, "client.address"), 60),
    shake && line(text(shake, "user_agent.original"), 60),
  ];
  return known.filter(Boolean).map((each) => make("span.fact", null, each));
}

/** Return the measures of a stream in a line. */
export function streamWords(span) {
  const { name, count: chunks, first, reason } = measuresOf(span);
  const wait = first === undefined ? "" : `, first after ${duration(first * 1e6)}`;
  return `stream ${line(name, 40)}: ${plural(chunks, "chunk")}${wait}${reason && reason !== "complete" ? `, ${line(reason, 20)}` : ""}`;
}

/** Return how many chunks the streams of an item have. */
export function chunksOf(item) {
  return item.streams.reduce((sum, span) => sum + measuresOf(span).count, 0);
}

/** Return how something ended, where that is worth a word. */
export function ending(item) {
  const reasons = item.streams.map((span) => measuresOf(span).reason);
  const odd = reasons.find((reason) => reason && reason !== "complete");
  const words = odd && odd !== "error" ? [make("span.odd", null, line(odd, 20))] : [];
  if (item.failed === null) return words;
  const error = errorOf(item.failed);
  return [...words, make("span.error", { title: line(error) }, line(error, 80))];
}
