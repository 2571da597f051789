/** A list of which only the rows in sight are in the page; moved through with the keys. */

import { make, oncePerFrame } from "./dom.js";

const BEYOND = 6; // rows above and below those in sight

/**
 * `options`: `height` of a row; `key(item)` and `version(item)`, by which a row is known and seen
 * to have changed; `fill(row, item)`; `onOpen(item)` for Enter and clicks, `onMove(item)` for what
 * the keys have come to; `roles`, of the list and its rows.
 */
export class VirtualList {
  constructor(element, options) {
    Object.assign(this, { element, ...options });
    this.items = [];
    this.rows = new Map(); // by key
    this.active = null; // a key
    this.body = make("div.rows", { role: this.roles.body ?? "presentation" });
    element.append(this.body);
    this.render = oncePerFrame(() => this.draw());
    element.addEventListener("scroll", this.render, { passive: true });
    element.addEventListener("keydown", (event) => this.press(event));
    element.addEventListener("click", (event) => this.click(event));
    new ResizeObserver(this.render).observe(element);
  }

  /** Show these items. What is in sight stays in sight, unless that is the top. */
  set(items) {
    const { scrollTop } = this.element;
    const anchor = scrollTop > 0 ? this.items[Math.floor(scrollTop / this.height)] : undefined;
    this.items = items;
    this.places = null;
    this.body.style.height = `${items.length * this.height}px`;
    if (anchor !== undefined) {
      const place = this.indexOf(this.key(anchor));
      if (place >= 0) this.element.scrollTop = place * this.height + (scrollTop % this.height);
    }
    this.render();
  }

  indexOf(key) {
    if (key === null) return -1;
    this.places ??= new Map(this.items.map((item, index) => [this.key(item), index]));
    return this.places.get(key) ?? -1;
  }

  get activeItem() {
    return this.items[this.indexOf(this.active)];
  }

  /** Make an item the active one, and bring it into sight. */
  activate(key, isShown = true) {
    this.active = key;
    const index = this.indexOf(key);
    if (isShown && index >= 0) this.show(index);
    this.render();
  }

  show(index) {
    const { scrollTop, clientHeight } = this.element;
    const top = index * this.height;
    if (top < scrollTop) this.element.scrollTop = top;
    const bottom = top + this.height + this.head();
    if (bottom > scrollTop + clientHeight) this.element.scrollTop = bottom - clientHeight;
  }

  /** How much of the element its sticky head takes. */
  head() {
    return this.body.offsetTop;
  }

  draw() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / this.height) - BEYOND);
    const final = Math.ceil((scrollTop + clientHeight) / this.height) + BEYOND;
    const seen = new Map();
    for (let index = first; index < Math.min(final, this.items.length); index++) {
      const item = this.items[index];
      seen.set(this.key(item), this.row(item, index));
    }
    for (const [key, row] of this.rows) if (!seen.has(key)) row.remove();
    this.rows = seen;
    const active = seen.get(this.active);
    if (active) this.element.setAttribute("aria-activedescendant", active.id);
    else this.element.removeAttribute("aria-activedescendant");
  }

  row(item, index) {
    const key = this.key(item);
    let row = this.rows.get(key);
    if (!row) {
      row = make("div.row", { role: this.roles.row });
      this.body.append(row);
    }
    const version = this.version(item);
    if (row.version !== version) {
      row.replaceChildren();
      this.fill(row, item);
      row.version = version;
    }
    row.id = `${this.element.id}-${index}`;
    row.item = item;
    row.style.transform = `translateY(${index * this.height}px)`;
    row.setAttribute("aria-selected", key === this.active);
    row.setAttribute(this.roles.row === "row" ? "aria-rowindex" : "aria-posinset", index + 1);
    if (this.roles.row === "option") row.setAttribute("aria-setsize", this.items.length);
    return row;
  }

  click(event) {
    const row = event.target.closest?.(".row");
    if (!row || event.target.closest("a, button")) return;
    this.activate(this.key(row.item), false);
    this.onOpen(row.item, event);
  }

  press(event) {
    if (event.target !== this.element || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && this.activeItem) {
      event.preventDefault();
      return this.onOpen(this.activeItem, event);
    }
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const ends = { Home: 0, End: this.items.length - 1 };
    const at = this.indexOf(this.active);
    if (!(event.key in steps) && !(event.key in ends)) return;
    event.preventDefault();
    const to = ends[event.key] ?? (at < 0 ? 0 : at + steps[event.key]);
    this.goto(Math.min(this.items.length - 1, Math.max(0, to)));
  }

  goto(index) {
    if (this.items[index] === undefined) return;
    this.activate(this.key(this.items[index]));
    this.onMove?.(this.items[index]);
  }
}
