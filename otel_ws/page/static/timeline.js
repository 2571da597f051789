/** A session as one line of time: a track for its life, its turns, its pushes, and the rest. */

import { make, oncePerFrame } from "./dom.js";
import { Painter } from "./paint.js";
import { Axis, Viewport } from "./scale.js";
import { laneAt, tracksOf } from "./tracks.js";

const ZOOM = 1.4;

export class Timeline {
  /** `options`: `onOpen(item)`, `onMove(item)`, `describe(item)` in words, `colorOf(span)`. */
  constructor(element, options) {
    Object.assign(this, { element, ...options });
    this.canvas = element.querySelector("canvas");
    this.said = element.querySelector("[role=status]");
    this.tip = document.getElementById("tip");
    this.painter = new Painter(this.canvas);
    this.isCompressed = true;
    this.view = new Viewport(1);
    this.tracks = [];
    this.items = [];
    this.active = null;
    this.render = oncePerFrame(() => this.draw());
    new ResizeObserver(this.render).observe(element);
    this.listen();
  }

  /** Show these items; another `id` is another session, which is shown as a whole. */
  set(id, items) {
    this.items = items;
    this.tracks = tracksOf(items);
    this.measure();
    if (id !== this.id) {
      this.view.fit();
      this.active = null;
      this.id = id;
    }
    this.render();
  }

  measure() {
    const start = this.items[0]?.start ?? 0;
    const end = this.items.reduce((latest, item) => Math.max(latest, item.tail), start);
    this.axis = new Axis(this.items, start, end, this.isCompressed);
    this.view.resize(this.axis.length);
  }

  compress(isCompressed) {
    this.isCompressed = isCompressed;
    this.measure();
    this.view.fit();
    this.render();
  }

  zoom(factor, at) {
    this.view.zoom(factor, at);
    this.render();
  }

  fit() {
    this.view.fit();
    this.render();
  }

  /** Make an item the active one, and bring it into sight. */
  activate(item) {
    this.active = item;
    this.view.show(this.axis.place(item.start), this.axis.place(item.end));
    this.said.textContent = this.describe(item);
    this.render();
  }

  draw() {
    if (!this.element.clientWidth || !this.axis) return;
    const bottom = this.painter.paint(this);
    this.element.style.setProperty("--height", `${bottom}px`);
    const drawn = this.tracks.reduce((sum, track) => sum + track.items.length, 0);
    this.element.setAttribute("aria-label", `Timeline of ${drawn} items`);
  }

  /** Return the item that is drawn at a point of the canvas, or undefined. */
  at(x, y) {
    const found = laneAt(this.tracks, y);
    return found ? this.painter.nearest(found.track, found.lane, x) : undefined;
  }

  // --- hands ------------------------------------------------------------------------------------

  listen() {
    const { element } = this;
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.grab(event));
    element.addEventListener("pointermove", (event) => this.hover(event));
    element.addEventListener("pointerleave", () => (this.tip.hidden = true));
    element.addEventListener("keydown", (event) => this.press(event));
  }

  point(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  /** The wheel zooms where the pointer is; sideways, or with Shift, it moves. */
  wheel(event) {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.deltaY) || event.shiftKey) {
      this.view.move(sideways / this.element.clientWidth);
    } else {
      const at = this.painter.share(this.point(event)[0]);
      this.view.zoom(Math.exp(-event.deltaY / 300), at);
    }
    event.preventDefault();
    this.render();
  }

  grab(event) {
    if (event.button !== 0) return;
    const from = { x: event.clientX, y: event.clientY, view: this.view.from };
    let isMoved = false;
    const move = (moved) => {
      const by = moved.clientX - from.x;
      isMoved ||= Math.abs(by) > 4;
      if (!isMoved) return;
      this.view.move((from.view - this.view.from) / this.view.width - by / this.painter.width);
      this.render();
    };
    const end = (ended) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      const item = this.at(...this.point(event));
      if (!isMoved && item && ended.type === "pointerup") this.onOpen(item);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  hover(event) {
    const item = event.buttons ? undefined : this.at(...this.point(event));
    this.tip.hidden = item === undefined;
    this.element.classList.toggle("over", item !== undefined);
    if (item === undefined) return;
    this.tip.replaceChildren(make("span", null, this.describe(item)));
    const left = Math.min(event.clientX + 12, innerWidth - this.tip.offsetWidth - 8);
    this.tip.style.left = `${Math.max(8, left)}px`;
    this.tip.style.top = `${event.clientY + 16}px`;
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const { key, shiftKey } = event;
    const acts = {
      "+": () => this.zoom(ZOOM, this.focus()),
      "=": () => this.zoom(ZOOM, this.focus()),
      "-": () => this.zoom(1 / ZOOM, this.focus()),
      0: () => this.fit(),
      Enter: () => this.active && this.onOpen(this.active),
      ArrowLeft: () => (shiftKey ? this.move(-0.25) : this.step(-1)),
      ArrowRight: () => (shiftKey ? this.move(0.25) : this.step(1)),
      Home: () => this.step(-Infinity),
      End: () => this.step(Infinity),
    };
    if (!Object.hasOwn(acts, key)) return;
    event.preventDefault();
    acts[key]();
  }

  move(share) {
    this.view.move(share);
    this.render();
  }

  /** Where a zoom by key looks at: the active item, if it is in sight. */
  focus() {
    if (!this.active) return 0.5;
    const at = (this.axis.place(this.active.start) - this.view.from) / this.view.width;
    return at >= 0 && at <= 1 ? at : 0.5;
  }

  step(by) {
    if (this.items.length === 0) return;
    const at = this.items.findIndex((item) => item.span === this.active?.span);
    const to = at < 0 && Number.isFinite(by) ? 0 : at + by;
    const item = this.items[Math.min(this.items.length - 1, Math.max(0, to))];
    this.activate(item);
    this.onMove(item);
  }
}
