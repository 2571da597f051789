/** When the chunks of a stream were sent. */

import { attribute, kindOf, measuresOf, sessionOf, stream } from "./model.js";

const SECOND = 1e6;
const MOST = 5000; // more than any screen has columns

/**
 * Return `{ times, from }` of a stream's span, times in microseconds since the epoch.
 *
 * From "recorded" they are the span's own attribute, and "partly" if that has only the first of
 * them; from "sends" the ends of the spans of these very chunks, among `spans` of its trace;
 * "interpolated" ones stand evenly between the first chunk and the last.
 */
export function ticksOf(span, spans = []) {
  const measures = measuresOf(span);
  if (measures === null || measures.first === undefined) return { times: [], from: "recorded" };
  const recorded = attribute(span, stream("chunk_times"));
  if (Array.isArray(recorded) && recorded.every(Number.isFinite)) {
    const times = recorded.slice(0, MOST).map((time) => span.b + time * SECOND);
    return times.length < measures.count ? rest(span, measures, times) : { times, from: "recorded" };
  }
  const sent = sendsOf(span, spans);
  if (sent.length === measures.count) return { times: sent, from: "sends" };
  return { times: evenly(span, measures), from: "interpolated" };
}

/** A turn that is measured by itself keeps the spans of its sends, beside that of the stream. */
function sendsOf(span, spans) {
  const session = sessionOf(span);
  const parents = new Map(spans.map((each) => [each.s, each.p]));
  const owner = measuresOf(span).name ? span.s : span.p;
  const isBelow = (each) => {
    let steps = 0;
    let id = each.p;
    while (id && id !== owner && steps++ < 100) id = parents.get(id);
    return id === owner;
  };
  return spans
    .filter((each) => kindOf(each) === "send" && sessionOf(each) === session && isBelow(each))
    .map((each) => each.e)
    .sort((one, other) => one - other);
}

function evenly(span, { count, first, last = first }) {
  return between(span.b + first * SECOND, span.b + last * SECOND, count);
}

/** Add those that were not recorded: they stand evenly behind the last that was. */
function rest(span, { count, last }, times) {
  if (times.length === 0 || last === undefined) return { times, from: "partly" };
  const further = between(times.at(-1), span.b + last * SECOND, count - times.length + 1);
  return { times: [...times, ...further.slice(1)], from: "partly" };
}

/** Return so many times, evenly from the first to the last. */
function between(begin, end, count) {
  const number = Math.min(MOST, Math.max(0, Math.floor(count)));
  const step = number > 1 ? (end - begin) / (number - 1) : 0;
  return Array.from({ length: number }, (_, index) => begin + index * step);
}
