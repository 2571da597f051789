/** A session: what is known of it, its timeline, and the same as a table. */

import { copyButton, find, make } from "./dom.js";
import { count, duration, elapsed, line, short } from "./format.js";
import { itemsOf, originOf } from "./items.js";
import { VirtualList } from "./list.js";
import { errorOf, measuresOf } from "./model.js";
import { nameOf, place } from "./place.js";
import { Timeline } from "./timeline.js";
import { badge, badgeClass, chunksOf, ending, facts, kindWords, streamWords } from "./words.js";

const EXPORTABLE = /^[0-9A-Za-z_-]{1,128}$/;

export class SessionView {
  constructor(store, go) {
    this.store = store;
    this.go = go;
    this.element = find("session");
    this.known = new Map(); // items by trace, with the version they are of
    this.timeline = new Timeline(find("timeline"), {
      onOpen: (item) => this.open(item),
      onMove: (item) => this.list.activate(keyOf(item)),
      describe: (item) => this.describe(item),
      colorOf: (span) => store.resource(span).color,
    });
    this.list = new VirtualList(find("items"), {
      height: 26,
      key: keyOf,
      version: (item) => `${item.tail} ${item.spans} ${item.from}`,
      fill: (row, item) => this.fill(row, item),
      onOpen: (item) => this.open(item),
      onMove: (item) => this.timeline.activate(item),
      roles: { row: "row", body: "rowgroup" },
    });
    this.offerTools();
    find("items").prepend(head());
    find("items").addEventListener("keydown", (event) => this.press(event));
  }

  offerTools() {
    const { timeline } = this;
    const idle = make("button.small", { type: "button", "aria-pressed": "true" }, "Idle time short");
    idle.addEventListener("click", () => {
      timeline.compress(!timeline.isCompressed);
      idle.setAttribute("aria-pressed", timeline.isCompressed);
      this.tellPlaces(timeline.items);
    });
    this.element.querySelector(".buttons").append(
      idle,
      make("button.small", { type: "button", onclick: () => timeline.zoom(1 / 1.6), "aria-label": "Zoom out" }, "\u2212"),
      make("button.small", { type: "button", onclick: () => timeline.zoom(1.6), "aria-label": "Zoom in" }, "+"),
      make("button.small", { type: "button", onclick: () => timeline.fit() }, "All"),
    );
  }

  /** The theme has changed. */
  repaint() {
    this.timeline.painter.colors = null;
    this.timeline.render();
  }

  /** Show this session from the next refresh on. */
  show(id) {
    this.id = id;
    this.seen = null;
    this.known.clear();
  }

  /** The store has changed. */
  refresh() {
    const session = this.store.sessions.get(this.id);
    const seen = session ? this.versionOf(session) : "";
    if (seen === this.seen) return;
    this.seen = seen;
    this.element.querySelector(".head").replaceChildren(...(session ? this.head(session) : this.missing()));
    const items = session ? this.items(session) : [];
    for (const part of ["timeline", "items"]) find(part).hidden = items.length === 0;
    this.element.querySelector(".tools").hidden = items.length === 0;
    this.timeline.set(this.id, items);
    this.list.set(items);
    this.tellPlaces(items);
  }

  traces(session) {
    return [...session.traces].map((id) => this.store.traces.get(id)).filter(Boolean);
  }

  versionOf(session) {
    const versions = this.traces(session).reduce((sum, trace) => sum + trace.version, 0);
    return `${session.version} ${versions}`;
  }

  /** Return everything that happened, in order; a trace that has not changed is not read again. */
  items(session) {
    const all = [];
    for (const trace of this.traces(session)) {
      let known = this.known.get(trace.id);
      if (known?.version !== trace.version) {
        known = { version: trace.version, items: itemsOf(trace, session.id) };
        this.known.set(trace.id, known);
      }
      all.push(...known.items);
    }
    for (const item of all) item.from = this.fromOf(item);
    const first = all.reduce((least, item) => Math.min(least, item.start), Infinity);
    for (const item of all) item.offset = item.start - first;
    return all.sort((one, other) => one.start - other.start || one.tail - other.tail);
  }

  // --- words ------------------------------------------------------------------------------------

  missing() {
    return [
      make("h2", null, "This session is not in the buffer"),
      make("p.facts", null, "Its spans have made room for newer ones, or the server has started anew."),
    ];
  }

  head(session) {
    const title = make("h2", null, line(session.route || "session"));
    const id = make("span.ids", null, make("code", null, line(session.id, 40)), copyButton(session.id, "copy"));
    const link = EXPORTABLE.test(session.id)
      ? make("a.button.small", { href: `export/session/${session.id}`, download: "" }, "Export OTLP JSON")
      : null;
    return [
      make("div.title", null, title, make(`span.badge.${badgeClass(session)}`, null, badge(session)), id, link),
      make("p.facts", null, ...facts(session, this.store)),
    ];
  }

  /** Return what caused a push, as a key of what is shown and a session to go to. */
  fromOf(item) {
    const origin = originOf(item, this.store);
    if (origin === null) return "";
    if (origin.session === this.id) return "";
    if (origin.session) return origin.session;
    return origin.span ? ` ${origin.span.n}` : " not in the buffer";
  }

  describe(item) {
    const { span } = item;
    const parts = [`+${elapsed(item.offset)}`, line(span.n, 120), duration(item.end - item.start)];
    if (item.tail > item.end + 1) parts.push(`and what it caused ${duration(item.tail - item.start)}`);
    for (const each of item.streams) parts.push(streamWords(each));
    if (item.from) parts.push(`from ${this.who(item.from)}`);
    if (item.failed) parts.push(line(errorOf(item.failed), 200));
    parts.push(line(this.store.resource(span).name, 60));
    return parts.join("  \u00b7  ");
  }

  who(from) {
    if (from.startsWith(" ")) return line(from.slice(1), 60);
    const session = this.store.sessions.get(from);
    return `${session?.route ? `${line(session.route, 40)} ` : ""}${short(from)}`;
  }

  fill(row, item) {
    const { span } = item;
    const firsts = item.streams.map((each) => measuresOf(each).first).filter(Number.isFinite);
    const cell = (name, ...children) => make(`span.${name}`, { role: "gridcell" }, ...children);
    row.append(
      cell("offset", `+${elapsed(item.offset)}`),
      cell("kind", kindWords(item)),
      cell("name", ...nameOf(span)),
      cell("where", place(this.store, span)),
      cell("spans", count(item.spans)),
      cell("first", firsts.length ? duration(Math.min(...firsts) * 1e6) : ""),
      cell("chunks", item.streams.length ? count(chunksOf(item)) : ""),
      cell("took", duration(item.end - item.start)),
      cell("all", item.tail > item.end + 1 ? duration(item.tail - item.start) : ""),
      cell("end", ...ending(item), ...this.fromWhom(item)),
    );
  }

  /** What caused a push; where that is a session, the words lead there. */
  fromWhom({ from }) {
    if (!from) return [];
    const words = `from ${this.who(from)}`;
    if (from.startsWith(" ")) return [make("span.faint", null, words)];
    const open = () => this.go({ view: "session", id: from });
    return [make("button.link", { type: "button", tabindex: "-1", onclick: open }, words)];
  }

  tellPlaces(items) {
    const spans = new Map(items.map(({ span }) => [this.store.resource(span).place, span]));
    const places = [...spans.values()].slice(0, 8).map((span) => place(this.store, span));
    const hasStreams = items.some((item) => item.streams.length);
    find("items").classList.toggle("no-streams", !hasStreams);
    find("items").classList.toggle("one-place", spans.size < 2);
    const ticks = make("span.place", null, make("i.ticks"), "wait for the first chunk, chunks");
    const idle = make("span.place", null, make("i.idle"), "idle, shortened");
    const { gaps } = this.timeline.axis;
    this.element.querySelector(".legend").replaceChildren(
      ...places,
      ...(hasStreams ? [ticks] : []),
      ...(gaps.length ? [idle] : []),
    );
  }

  // --- hands ------------------------------------------------------------------------------------

  open(item) {
    this.go({ view: "trace", id: item.trace, span: item.span.s });
  }

  press(event) {
    const { from } = this.list.activeItem ?? {};
    if (event.key === "o" && from && !from.startsWith(" ")) this.go({ view: "session", id: from });
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") this.timeline.press(event);
    if ("+-=0".includes(event.key)) this.timeline.press(event);
  }
}

function keyOf(item) {
  return `${item.trace}/${item.span.s}`;
}

function head() {
  const names = ["offset", "kind", "name", "where", "spans", "first", "chunks", "took", "all", "end"];
  const titles = ["at", "what", "name", "where", "spans", "1st chunk", "chunks", "took", "in all", ""];
  const cells = names.map((name, index) => make(`span.${name}`, { role: "columnheader" }, titles[index]));
  return make("div.columns", { role: "row" }, ...cells);
}
