/** A trace as a tree of spans, each with its bar, and its chunks as ticks. */

import { barsOf } from "./bars.js";
import { find, make, oncePerFrame } from "./dom.js";
import { line, mark, plural } from "./format.js";
import { VirtualList } from "./list.js";
import { LINK, attribute, errorOf, isError } from "./model.js";
import { nameOf } from "./place.js";
import { Axis, Viewport } from "./scale.js";
import { rowsOf } from "./tree.js";

const HEIGHT = 26;
const ZOOM = 1.5;
const LABEL = 40; // what a mark needs

export class Waterfall {
  /** `onMove(span)` is called with what the keys or a click have come to. */
  constructor(store, onMove) {
    this.store = store;
    this.onMove = onMove;
    this.closed = new Set(); // ids of spans whose children are folded away
    this.view = new Viewport(1);
    this.axis = new Axis([], 0, 1, false);
    this.head = make("div.columns", { role: "row" });
    this.element = find("rows");
    this.list = new VirtualList(this.element, {
      height: HEIGHT,
      key: (row) => row.span.s,
      version: (row) => `${this.drawn} ${row.depth} ${row.hasChildren} ${row.isOpen}`,
      fill: (element, row) => this.fill(element, row),
      onOpen: (row, event) => this.open(row, event),
      onMove: (row) => onMove(row.span),
      roles: { row: "row", body: "rowgroup" },
    });
    this.element.prepend(this.head);
    this.render = oncePerFrame(() => this.redraw());
    this.element.addEventListener("keydown", (event) => this.press(event));
    this.element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    new ResizeObserver(this.render).observe(this.element);
    this.drawn = 0; // every zoom is another drawing
  }

  /** Show a trace; another one is shown as a whole, with nothing folded. */
  set(trace) {
    const isOther = trace.id !== this.trace?.id;
    this.trace = trace;
    if (isOther) this.closed.clear();
    this.axis = new Axis([], trace.start, trace.end, false);
    this.view.resize(this.axis.length);
    if (isOther) this.view.fit();
    this.refresh();
    if (isOther) this.element.scrollTop = 0;
  }

  refresh() {
    this.rows = rowsOf(this.trace.spans, (id) => this.closed.has(id));
    this.element.setAttribute("aria-rowcount", this.rows.length + 1);
    this.drawn++;
    this.list.set(this.rows);
    this.fillHead();
  }

  redraw() {
    if (!this.trace) return;
    this.drawn++;
    this.list.draw();
    this.fillHead();
  }

  /** Make a span the active row; what it is folded away in is opened. */
  activate(spanId) {
    const known = new Map(this.trace.spans.map((span) => [span.s, span]));
    let isChanged = false;
    const passed = new Set();
    for (let at = known.get(spanId); at && !passed.has(at); at = known.get(at.p)) {
      if (passed.size) isChanged = this.closed.delete(at.s) || isChanged;
      passed.add(at);
    }
    if (isChanged) this.refresh();
    this.list.activate(spanId);
  }

  // --- drawing ----------------------------------------------------------------------------------

  /** Return where a time is, in percent of the bars' width. */
  percent(time) {
    return ((this.axis.place(time) - this.view.from) / this.view.width) * 100;
  }

  /** The width of the bars' column. */
  get wide() {
    return this.head.querySelector(".bars")?.clientWidth || 600;
  }

  fillHead() {
    const { view } = this;
    const marks = this.axis.marks(view.from, view.to, (90 / this.wide) * view.width);
    const cells = marks.map(({ place, time, step }) => {
      const share = (place - view.from) / view.width;
      const label = make("span.mark", null, (1 - share) * this.wide < LABEL ? "" : mark(time, step));
      label.style.left = `${share * 100}%`;
      return label;
    });
    const [pixels, step] = [this.wide / view.width, marks[0]?.step ?? view.width];
    this.element.style.setProperty("--grid-step", `${step * pixels}px`);
    this.element.style.setProperty("--grid-at", `${-(view.from % step) * pixels}px`);
    this.head.replaceChildren(
      make("span.name", { role: "columnheader" }, plural(this.rows.length, "span")),
      make("span.bars", { role: "columnheader", "aria-label": "time" }, ...cells),
    );
  }

  fill(element, row) {
    const { span, depth, hasChildren, isOpen } = row;
    const { color, name } = this.store.resource(span);
    element.setAttribute("aria-level", depth + 1);
    element.setAttribute("aria-setsize", row.siblings);
    element.setAttribute("aria-posinset", row.position);
    if (hasChildren) element.setAttribute("aria-expanded", isOpen);
    else element.removeAttribute("aria-expanded");
    const twist = make(`span.twist${hasChildren ? "" : ".leaf"}`, { "aria-hidden": "true" }, hasChildren ? (isOpen ? "\u25be" : "\u25b8") : "");
    const title = `${line(span.n)}\n${line(name)}`;
    const others = (span.l ?? []).filter((link) => attribute(link, LINK) !== "handshake").length;
    const label = make(
      "span.name",
      { role: "gridcell", title },
      twist,
      make(`i.s${color}`),
      make(`span.text${isError(span) ? ".error" : ""}`, null, ...nameOf(span)),
      span.p && !this.store.span(span.t, span.p) ? make("span.note", null, "parent not here") : null,
      others ? make("span.note", null, plural(others, "link")) : null,
      isError(span) ? make("span.note.error", null, line(errorOf(span), 120)) : null,
    );
    label.style.paddingLeft = `${4 + Math.min(depth, 24) * 13}px`;
    element.append(label, barsOf(this, span, color));
  }

  // --- hands ------------------------------------------------------------------------------------

  open(row, event) {
    if (event?.target?.closest?.(".twist:not(.leaf)")) this.fold(row, row.isOpen);
    this.onMove(row.span, true);
  }

  fold(row, isClosed) {
    if (isClosed) this.closed.add(row.span.s);
    else this.closed.delete(row.span.s);
    this.refresh();
  }

  press(event) {
    if (event.target !== this.element || event.altKey || event.ctrlKey || event.metaKey) return;
    const row = this.list.activeItem;
    const acts = {
      "+": () => this.zoom(ZOOM),
      "=": () => this.zoom(ZOOM),
      "-": () => this.zoom(1 / ZOOM),
      0: () => this.zoom(0),
      ArrowRight: () => (event.shiftKey ? this.move(0.2) : row && this.inward(row)),
      ArrowLeft: () => (event.shiftKey ? this.move(-0.2) : row && this.outward(row)),
    };
    if (!Object.hasOwn(acts, event.key)) return;
    event.preventDefault();
    acts[event.key]();
  }

  inward(row) {
    if (row.hasChildren && !row.isOpen) this.fold(row, false);
    else if (row.hasChildren) this.list.goto(this.list.indexOf(row.span.s) + 1);
  }

  outward(row) {
    if (row.isOpen) this.fold(row, true);
    else if (row.depth > 0) this.list.goto(this.list.indexOf(row.span.p));
  }

  /** Look closer, at the active span if there is one; 0 shows everything. */
  zoom(factor, at) {
    const { span } = this.list.activeItem ?? {};
    const share = span ? this.percent((span.b + span.e) / 2) / 100 : 0.5;
    if (factor === 0) this.view.fit();
    else this.view.zoom(factor, at ?? (share >= 0 && share <= 1 ? share : 0.5));
    this.render();
  }

  move(share) {
    this.view.move(share);
    this.render();
  }

  /** With Control, as when two fingers spread, the wheel zooms; with Shift it moves. */
  wheel(event) {
    const bars = this.head.querySelector(".bars").getBoundingClientRect();
    if (event.ctrlKey) this.zoom(Math.exp(-event.deltaY / 200), Math.min(1, Math.max(0, (event.clientX - bars.left) / bars.width)));
    else if (event.shiftKey) this.move(event.deltaY / bars.width);
    else return;
    event.preventDefault();
  }
}
