/** A trace: what is known of it, its waterfall, and the span that is chosen. */

import { copyButton, find, make } from "./dom.js";
import { count, duration, line, moment, plural, short } from "./format.js";
import { detailsOf } from "./details.js";
import { kindOf, sessionOf } from "./model.js";
import { place } from "./place.js";
import { ticksOf } from "./ticks.js";
import { Waterfall } from "./waterfall.js";

const CHIPS = 6;
const TRACE_ID = /^[0-9a-f]{32}$/;
const TICKS = new Map([
  ["recorded", "a chunk"],
  ["partly", "a chunk; behind those that were recorded evenly"],
  ["sends", "a chunk, by the span of its send"],
  ["interpolated", "chunks, interpolated: evenly from the first to the last"],
]);

export class TraceView {
  constructor(store, go) {
    this.store = store;
    this.go = go;
    this.element = find("trace");
    this.details = find("details");
    this.waterfall = new Waterfall(store, (span, isOpened) => this.choose(span, isOpened));
    this.offerTools();
  }

  offerTools() {
    const { waterfall } = this;
    const button = (label, title, act) =>
      make("button.small", { type: "button", onclick: act, "aria-label": title, title }, label);
    this.element.querySelector(".buttons").append(
      button("\u2039", "The trace before, in this session", () => this.step(-1)),
      button("\u203a", "The trace after, in this session", () => this.step(1)),
      button("\u2212", "Zoom out", () => waterfall.zoom(1 / 1.6)),
      button("+", "Zoom in", () => waterfall.zoom(1.6)),
      button("All", "Show all of it", () => waterfall.zoom(0)),
    );
  }

  /** Show a trace from the next refresh on, and in it a span; without one its root. */
  show(id, spanId) {
    this.id = id;
    this.spanId = spanId;
    this.seen = null;
    this.isNew = true;
  }

  /** Tell whether this is what is shown. */
  isAt({ id, span }) {
    return id === this.id && span === this.spanId;
  }

  get trace() {
    return this.store.traces.get(this.id);
  }

  /** The span that is chosen, if it is here. */
  get span() {
    return this.spanId ? this.store.span(this.id, this.spanId) : undefined;
  }

  /** The store has changed. */
  refresh() {
    const { trace } = this;
    const seen = trace ? `${trace.id} ${trace.version}` : "";
    if (seen !== this.seen) {
      this.seen = seen;
      this.tellTrace(trace);
    }
    if (!trace) return;
    this.tellSpan(trace);
    if (this.isNew) this.waterfall.activate((this.span ?? trace.root).s);
    this.isNew = false;
  }

  tellTrace(trace) {
    this.element.querySelector(".head").replaceChildren(...(trace ? this.head(trace) : missing()));
    for (const part of [".split", ".tools"]) this.element.querySelector(part).hidden = !trace;
    if (!trace) return;
    this.waterfall.set(trace);
    this.tellLegend(trace);
  }

  /** Tell of the chosen span, unless nothing has changed: somebody may be reading. */
  tellSpan(trace) {
    const span = this.span ?? (this.spanId ? null : trace.root);
    const told = span ? this.versionOf(span) : `${this.spanId} is gone`;
    if (told === this.told) return;
    this.told = told;
    const gone = make("p.absent", null, `The span ${line(this.spanId, 16)} is not in the buffer.`);
    this.details.replaceChildren(...(span ? detailsOf(span, trace, this.store, this.go) : [gone]));
    this.details.scrollTop = 0;
  }

  versionOf(span) {
    const { store } = this;
    const around = [{ t: span.t, s: span.p }, ...(span.l ?? [])];
    const known = around.filter((each) => store.span(each.t, each.s)).length;
    return `${span.t} ${span.s} ${known} ${store.linkedFrom(span).length}`;
  }

  /** A row was come to: the address says so, but it is nothing to go back to. */
  choose(span, isOpened) {
    this.spanId = span.s;
    this.tellSpan(this.trace);
    this.go({ view: "trace", id: this.id, span: span.s }, true);
    if (isOpened && matchMedia("(max-width: 1000px)").matches) this.details.scrollIntoView({ block: "nearest" });
  }

  /** The session that the trace belongs to: that of its first span that has one, or "". */
  get owner() {
    const { trace } = this;
    if (!trace || trace.sessions.size === 0) return "";
    const first = (one, other) => (sessionOf(one) && (!sessionOf(other) || one.b <= other.b) ? one : other);
    return sessionOf(trace.root) || sessionOf(trace.spans.reduce(first));
  }

  /** Open the trace before or after this one in its session. */
  step(by) {
    const session = this.store.sessions.get(this.owner);
    const traces = session ? [...session.traces] : [];
    const known = traces.map((id) => this.store.traces.get(id)).filter(Boolean);
    known.sort((one, other) => one.start - other.start);
    const next = known[known.findIndex((trace) => trace.id === this.id) + by];
    if (next && session) this.go({ view: "trace", id: next.id, span: "" });
  }

  // --- words ------------------------------------------------------------------------------------

  head(trace) {
    const exported = TRACE_ID.test(trace.id)
      ? make("a.button.small", { href: `export/trace/${trace.id}`, download: "" }, "Export OTLP JSON")
      : null;
    const known = [
      moment(trace.start),
      duration(trace.end - trace.start),
      plural(trace.spans.length, "span"),
      trace.errors ? make("span.error", null, `${count(trace.errors)} failed`) : null,
    ];
    return [
      make(
        "div.title",
        null,
        make("h2", null, line(trace.root.n)),
        make("span.ids", null, make("code", null, line(trace.id, 40)), copyButton(trace.id, "copy")),
        exported,
      ),
      make("p.facts", null, ...known.filter(Boolean).map((each) => make("span.fact", null, each)), ...this.chips(trace)),
    ];
  }

  /** Buttons that lead to the sessions that have a part in the trace, its owner's first. */
  chips(trace) {
    const { owner } = this;
    const ids = [owner, ...[...trace.sessions.keys()].filter((id) => id !== owner)].filter(Boolean);
    const chips = ids.slice(0, CHIPS).map((id) => {
      const route = this.store.sessions.get(id)?.route;
      const open = () => this.go({ view: "session", id });
      const words = `${id === owner ? "session" : "reached"} ${route ? `${line(route, 40)} ` : ""}${short(id)}`;
      return make(`button.link${id === owner ? ".owner" : ""}`, { type: "button", onclick: open }, words);
    });
    if (ids.length > CHIPS) chips.push(make("span.fact", null, `and ${count(ids.length - CHIPS)} more`));
    return chips;
  }

  tellLegend(trace) {
    const spans = new Map(trace.spans.map((span) => [this.store.resource(span).place, span]));
    const places = [...spans.values()].slice(0, 8).map((span) => place(this.store, span));
    const kinds = new Set();
    for (const span of trace.spans) {
      if (kindOf(span) !== "stream") continue;
      const { times, from } = ticksOf(span, trace.spans);
      if (times.length) kinds.add(from);
    }
    const ticks = [...kinds].map((from) => make("span.place", null, make(`i.ticks.${from}`), TICKS.get(from)));
    const wait = kinds.size ? [make("span.place", null, make("i.wait"), "until the first chunk")] : [];
    this.element.querySelector(".legend").replaceChildren(...places, ...wait, ...ticks);
  }
}

function missing() {
  return [
    make("h2", null, "This trace is not in the buffer"),
    make("p.facts", null, "Its spans have made room for newer ones, or have not come here."),
  ];
}
