/** Draws a timeline: axis, idle stretches, tracks, and in their lanes the items and streams. */

import { duration, mark } from "./format.js";
import { measuresOf } from "./model.js";
import { ticksOf } from "./ticks.js";
import { BETWEEN, LANE, MOST_STREAMS, STRIP, TOP, heightOf, laneOf } from "./tracks.js";
import { wordsOf } from "./words.js";

const BAR = 13;
const LABEL = 78; // the names of the tracks
const MARK = 76; // between two marks of the axis
const LEAST = 6; // letters of what is cut
const COLORS = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];
const SHADES = ["ink", "faint", "line", "error", "surface", "accent", "on-bar"];

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.left = LABEL;
    this.width = 1;
  }

  /** Read the colors of the theme, which the canvas cannot. */
  mix() {
    const probe = document.createElement("i");
    document.body.append(probe);
    this.colors = {};
    for (const name of [...COLORS, ...SHADES]) {
      probe.style.color = `var(--${name})`;
      this.colors[name] = getComputedStyle(probe).color;
    }
    this.font = getComputedStyle(document.body).fontFamily;
    probe.remove();
  }

  /** Draw, and return the height of the drawing. */
  paint(timeline) {
    const { axis, view, tracks } = timeline;
    const whole = timeline.element.clientWidth;
    const height = TOP + tracks.reduce((sum, track) => sum + heightOf(track) + BETWEEN, 0);
    this.left = whole < 560 ? 0 : LABEL;
    this.width = whole - this.left - 10;
    this.axis = axis;
    this.view = view;
    this.resize(whole, height);
    if (!this.colors) this.mix();
    this.context.clearRect(0, 0, whole, height);
    this.context.textBaseline = "middle";
    this.context.font = `11px ${this.font}`;
    this.paintGaps(height);
    this.paintMarks(height);
    let top = TOP;
    for (const track of tracks) {
      this.paintTrack(timeline, track, top, whole);
      top += heightOf(track) + BETWEEN;
    }
    return height;
  }

  resize(width, height) {
    const ratio = globalThis.devicePixelRatio || 1;
    const size = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== size[0] || this.canvas.height !== size[1]) {
      [this.canvas.width, this.canvas.height] = size;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  x(time) {
    return this.xOf(this.axis.place(time));
  }

  xOf(place) {
    return this.left + ((place - this.view.from) / this.view.width) * this.width;
  }

  /** Return which share of the time in sight is left of a point. */
  share(x) {
    return Math.min(1, Math.max(0, (x - this.left) / this.width));
  }

  paintGaps(height) {
    const { context, colors } = this;
    for (const { at, width, from, to } of this.axis.gaps) {
      const [left, right] = [this.xOf(at), this.xOf(at + width)];
      if (right < this.left || left > this.left + this.width) continue;
      context.globalAlpha = 0.45;
      context.fillStyle = colors.line;
      context.fillRect(left, TOP, right - left, height - TOP);
      context.globalAlpha = 1;
      const text = `idle ${duration(to - from)}`;
      if (context.measureText(text).width > right - left - 8) continue;
      context.fillStyle = colors.faint;
      context.textAlign = "center";
      context.fillText(text, (left + right) / 2, TOP - 12);
    }
  }

  paintMarks(height) {
    const { context, colors, axis, view } = this;
    const room = (MARK / this.width) * view.width;
    context.textAlign = "left";
    let free = -Infinity;
    for (const { place, time, step } of axis.marks(view.from, view.to, room)) {
      const x = Math.round(this.xOf(place)) + 0.5;
      context.fillStyle = colors.line;
      context.fillRect(x - 0.5, TOP - 6, 1, height - TOP + 6);
      const text = mark(time, step);
      const wide = context.measureText(text).width;
      if (x + 4 < free || x + 4 + wide > this.left + this.width + 10 || this.isIdle(x, x + wide + 8)) continue;
      context.fillStyle = colors.faint;
      context.fillText(text, x + 4, TOP - 12);
      free = x + wide + 12;
    }
  }

  /** Tell whether something is written there about an idle stretch. */
  isIdle(left, right) {
    return this.axis.gaps.some(({ at, width, from, to }) => {
      const [begin, end] = [this.xOf(at), this.xOf(at + width)];
      const half = this.context.measureText(`idle ${duration(to - from)}`).width / 2;
      const middle = (begin + end) / 2;
      return half * 2 <= end - begin - 8 && middle - half - 4 < right && middle + half + 4 > left;
    });
  }

  paintTrack(timeline, track, top, whole) {
    const { context, colors } = this;
    context.fillStyle = colors.line;
    context.fillRect(0, top - BETWEEN / 2, whole, 1);
    if (this.left) {
      context.fillStyle = colors.faint;
      context.textAlign = "left";
      context.fillText(track.name, 12, top + LANE / 2 - 2);
    }
    context.save();
    context.beginPath();
    context.rect(this.left, top - BETWEEN, this.width + 10, heightOf(track) + BETWEEN);
    context.clip();
    const drawn = new Array(track.lanes).fill(-Infinity);
    const until = this.axis.time(this.view.to);
    const from = this.axis.time(this.view.from);
    for (const item of track.items) {
      if (item.start > until) break;
      if (item.tail < from) continue;
      this.paintItem(timeline, item, top + item.lane * laneOf(track), drawn);
    }
    context.restore();
  }

  paintItem(timeline, item, top, drawn) {
    const { context, colors } = this;
    const left = this.x(item.start);
    const right = Math.max(left + 3, this.x(item.end));
    const isActive = timeline.active?.span === item.span;
    const tail = this.x(item.tail);
    const isHidden = Math.max(right, tail) <= drawn[item.lane] + 1;
    if (isHidden && !item.failed && !isActive) return;
    drawn[item.lane] = Math.max(right, drawn[item.lane]);
    const color = colors[COLORS[timeline.colorOf(item.span)]];
    context.fillStyle = color;
    if (tail > right + 1) {
      context.globalAlpha = 0.28;
      context.fillRect(right, top + 2, tail - right, BAR);
      context.globalAlpha = 1;
    }
    context.fillRect(left, top + 2, right - left, BAR);
    if (item.failed) this.paintError(left, right, top);
    const words = wordsOf(item);
    if (right - left > 40) this.write(words, left, right, top, colors["on-bar"]);
    else if (tail - right > 40) this.write(words, right, tail, top, colors.ink);
    item.streams.slice(0, MOST_STREAMS).forEach((span, index) => {
      this.paintStream(span, top + 3 + BAR + index * STRIP, color);
    });
    if (isActive) {
      context.strokeStyle = colors.ink;
      context.lineWidth = 2;
      context.strokeRect(left - 2, top, Math.max(right, tail) - left + 4, BAR + 4);
    }
  }

  paintError(left, right, top) {
    this.context.fillStyle = this.colors.surface;
    this.context.fillRect(left - 1, top, Math.max(7, right - left + 2), 4);
    this.context.fillStyle = this.colors.error;
    this.context.fillRect(left, top, Math.max(5, right - left), 3);
  }

  /** Write the first of some words that fits, or what fits of the very first. */
  write(words, left, right, top, color) {
    const { context } = this;
    const begin = Math.max(left, this.left) + 5;
    const room = Math.min(right, this.left + this.width) - begin - 4;
    const width = (text) => context.measureText(text).width;
    const most = Math.floor((words[0].length * room) / width(words[0])) - 1;
    const cut = most < LEAST ? "" : `${words[0].slice(0, most)}\u2026`;
    const text = words.find((each) => width(each) <= room) ?? cut;
    context.fillStyle = color;
    context.textAlign = "left";
    context.fillText(text, begin, top + 2 + BAR / 2 + 0.5);
  }

  /** Draw the wait for the first chunk as a thin line, and each chunk as a tick. */
  paintStream(span, top, color) {
    const { context } = this;
    const { first } = measuresOf(span);
    const begin = this.x(span.b);
    context.fillStyle = color;
    const sent = first === undefined ? this.x(span.e) : this.x(span.b + first * 1e6);
    context.fillRect(begin, top + 2, Math.max(1, sent - begin), 1);
    let free = -Infinity;
    for (const time of ticksOf(span).times) {
      const x = this.x(time);
      if (x < free || x < this.left || x > this.left + this.width) continue;
      context.fillRect(x, top, 1, 5);
      free = x + 2;
    }
  }

  /** Return the item of a lane that is at most three pixels from `x`, the nearest. */
  nearest(track, lane, x) {
    let found;
    let least = 4;
    for (const item of track.items) {
      if (item.lane !== lane) continue;
      const [left, right] = [this.x(item.start), this.x(item.tail)];
      const away = x < left ? left - x : x > right ? x - right : 0;
      if (away < least) [found, least] = [item, away];
    }
    return found;
  }
}
