/** All that is known of one span. */

import { copyButton, make } from "./dom.js";
import { bytes, count, duration, line, moment, short, visible } from "./format.js";
import { LINK, attribute, errorOf, measuresOf, sessionOf, stream } from "./model.js";
import { place } from "./place.js";

const SHOWN = 2000; // characters of a value, until somebody wants all of it
const MOST = 200; // rows of a table, links, events
const SECOND = 1e6;

// What a link leads to, seen from its span, and from where it leads to.
const LEADS = new Map([
  ["handshake", "the handshake of its connection"],
  ["message", "who sent the message"],
  ["event", "who sent the event"],
  ["previous", "the segment before"],
  ["handoff", "who handed the work over"],
  ["remote", "the caller"],
]);

const MEASURES = [
  ["first chunk after", "time_to_first_chunk", (value) => duration(value * SECOND)],
  ["last chunk after", "time_to_last_chunk", (value) => duration(value * SECOND)],
  ["from one to the next", "average_chunk_interval", (value) => `${duration(value * SECOND)} on average`],
  ["longest gap", "max_chunk_interval", (value) => duration(value * SECOND)],
  ["chunks", "chunk_count", count],
  ["size", "size", bytes],
  ["ended", "end_reason", (value) => line(value, 40)],
];

/** Return the elements that tell of a span; `trace` is what it is part of, `go` opens another. */
export function detailsOf(span, trace, store, go) {
  const resource = store.resource(span);
  const error = errorOf(span);
  return [
    make("h3", null, line(span.n, 400)),
    error ? make("p.failure", null, ...value(error)) : null,
    make("p.facts", null, place(store, span), ...facts(span, trace)),
    ids(span),
    ...section("Stream", measures(span)),
    ...section("Parent", parent(span, store, go)),
    ...section("Links", links(span, store, go)),
    ...section("Linked from", linkedFrom(span, store, go)),
    ...section("Attributes", table(span.a)),
    ...section("Events", events(span)),
    ...section("Resource", table(resource.attributes)),
    ...section("Scope", [make("p.value", null, line(span.sc || "unknown", 200))]),
  ].filter(Boolean);
}

function section(title, content) {
  return content.length ? [make("h4", null, title), ...content] : [];
}

function facts(span, trace) {
  const status = span.st === "unset" ? null : `status ${line(span.st, 10)}`;
  const known = [
    `took ${duration(span.e - span.b)}`,
    `at +${duration(span.b - trace.start)}`,
    moment(span.b),
    line(span.k, 20).toLowerCase(),
    status,
  ];
  return known.filter(Boolean).map((each) => make("span.fact", null, each));
}

function ids(span) {
  return make(
    "dl.ids",
    null,
    ...[["trace", span.t], ["span", span.s]].flatMap(([name, id]) => [
      make("dt", null, name),
      make("dd", null, make("code", null, line(id, 40)), copyButton(id, "copy")),
    ]),
  );
}

function measures(span) {
  if (measuresOf(span) === null) return [];
  const known = MEASURES.filter(([, name]) => attribute(span, stream(name)) !== undefined);
  const cells = known.flatMap(([title, name, say]) => {
    const exact = attribute(span, stream(name));
    const told = typeof exact === "string" || Number.isFinite(exact) ? say(exact) : line(exact);
    return [make("dt", null, title), make("dd", { "data-measure": name, "data-exact": line(exact), title: line(exact) }, told)];
  });
  return [make("dl.pairs.measures", null, ...cells)];
}

// --- where it leads to --------------------------------------------------------------------------

function parent(span, store, go) {
  if (!span.p) return [];
  const found = store.span(span.t, span.p);
  return [found ? leadTo(found, store, go) : absent("Its parent", span.p)];
}

function links(span, store, go) {
  return (span.l ?? []).slice(0, MOST).map((link) => {
    const type = attribute(link, LINK);
    const says = LEADS.get(type) ?? (type === undefined ? "" : line(type, 60));
    const found = store.span(link.t, link.s);
    const others = Object.entries(link.a ?? {}).filter(([name]) => name !== LINK);
    return make(
      "div.lead",
      null,
      says ? make("span.faint", null, `${says}:`) : null,
      found ? leadTo(found, store, go) : absent("What it links to", link.s),
      ...(others.length ? table(Object.fromEntries(others)) : []),
    );
  });
}

function linkedFrom(span, store, go) {
  const from = store.linkedFrom(span);
  const shown = from.slice(0, MOST).map((each) => make("div.lead", null, leadTo(each, store, go)));
  return from.length > MOST ? [...shown, make("p.faint", null, `and ${count(from.length - MOST)} more`)] : shown;
}

function leadTo(span, store, go) {
  const open = () => go({ view: "trace", id: span.t, span: span.s });
  const session = sessionOf(span);
  return make(
    "button.link",
    { type: "button", onclick: open, "data-span": span.s },
    line(span.n, 100),
    make("span.faint", null, ` ${line(store.resource(span).name, 40)}${session ? `, session ${short(session)}` : ""}`),
  );
}

function absent(what, id) {
  return make("span.absent", null, `${what} is not in the buffer (span ${line(id, 16)}).`);
}

// --- strangers' values --------------------------------------------------------------------------

function table(attributes) {
  const all = Object.entries(attributes ?? {}).sort(([one], [other]) => (one < other ? -1 : 1));
  const cells = all
    .slice(0, MOST)
    .flatMap(([name, each]) => [make("dt", null, line(name, 200)), make("dd", { "data-attribute": line(name, 200) }, ...value(each))]);
  if (all.length === 0) return [];
  const more = all.length > MOST ? [make("p.faint", null, `and ${count(all.length - MOST)} more`)] : [];
  return [make("dl.pairs", null, ...cells), ...more];
}

/** Return a value as text; a long one is cut, with a button that shows the rest. */
function value(given) {
  const whole = typeof given === "string" ? given : say(given);
  if (whole.length <= SHOWN) return [make("span.value", null, visible(whole))];
  const shown = make("span.value", null, `${visible(whole.slice(0, SHOWN))}\u2026`);
  const more = make("button.small", { type: "button" }, `show all ${count(whole.length)} characters`);
  more.addEventListener("click", () => {
    shown.textContent = visible(whole);
    more.remove();
  });
  return [shown, more];
}

function say(given) {
  return Array.isArray(given) || (given !== null && typeof given === "object")
    ? JSON.stringify(given)
    : String(given);
}

function events(span) {
  return (span.v ?? []).slice(0, MOST).map((event) => {
    const { "exception.stacktrace": trace, ...others } = event.a ?? {};
    const isException = event.n === "exception";
    return make(
      "div.event",
      null,
      make(`p${isException ? ".failure" : ""}`, null, `${line(event.n, 100)} `, make("span.faint", null, `at +${duration(event.b - span.b)}`)),
      ...table(others),
      ...(trace === undefined ? [] : [make("pre", { tabindex: "0", "aria-label": "Stacktrace" }, ...value(trace))]),
    );
  });
}
