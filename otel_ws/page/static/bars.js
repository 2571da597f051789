/** The bar of a span in a waterfall, with its chunks and what is written to it. */

import { draw, make } from "./dom.js";
import { duration, line, plural } from "./format.js";
import { isError, measuresOf } from "./model.js";
import { ticksOf } from "./ticks.js";

const SECOND = 1e6;
const GRAIN = 1000; // places on a row, for ticks
const LETTER = 6.3; // pixels, about

/** Return the cell of a span's bar; the waterfall knows what time is where, and how `wide` it is. */
export function barsOf(waterfall, span, color) {
  const left = waterfall.percent(span.b);
  const right = waterfall.percent(span.e);
  const stream = measuresOf(span);
  const bar = make(`span.bar.s${color}${isError(span) ? ".failed" : ""}${stream ? ".stream" : ""}`);
  put(bar, left, right);
  const parts = [bar];
  let first = left;
  if (stream?.first !== undefined) {
    first = waterfall.percent(span.b + stream.first * SECOND);
    const wait = make(`span.wait.s${color}`);
    put(wait, left, first);
    parts.push(wait, ticks(waterfall, span, color));
  }
  const words = labels(span, stream);
  const label = write(words, waterfall.wide, left, right, first);
  return make("span.bars", { role: "gridcell", title: words[0] }, ...parts, label);
}

function put(element, left, right) {
  const [from, to] = [Math.max(-1, left), Math.min(101, right)];
  element.style.left = `min(${from}%, 100% - 2px)`;
  element.style.width = `${Math.max(0, to - from)}%`;
  element.hidden = left > 101 || right < -1;
}

/** The chunks, as one path: a tick for each, but not two at the same place. */
function ticks(waterfall, span, color) {
  const { times, from } = ticksOf(span, waterfall.trace.spans);
  const places = new Set();
  for (const time of times) {
    const at = Math.round((waterfall.percent(time) / 100) * GRAIN);
    if (at >= 0 && at <= GRAIN) places.add(at);
  }
  const path = [...places].map((at) => `M${at} 0V10`).join("");
  return draw(
    `svg.ticks.s${color}.${from}`,
    { viewBox: `0 0 ${GRAIN} 10`, preserveAspectRatio: "none", "aria-hidden": "true", "data-ticks": times.length },
    draw("path", { d: path, "vector-effect": "non-scaling-stroke" }),
  );
}

/** Of what may be written to a bar, the most that fits: behind it, before it, or where it waits. */
function write(words, wide, left, right, first) {
  const label = make("span.label");
  if (left > 100 || right < 0) return label;
  const [from, to] = [Math.max(0, left), Math.min(100, right)];
  for (const text of words) {
    const needs = ((text.length * LETTER + 16) / wide) * 100;
    label.textContent = text;
    if (100 - to >= needs) label.style.left = `${to}%`;
    else if (from >= needs) label.style.right = `${100 - from}%`;
    else if (first - from >= needs * 0.92) label.classList.add("waiting");
    else continue;
    if (label.classList.contains("waiting")) label.style.left = `${from}%`;
    return label;
  }
  label.style.left = `${from}%`;
  label.classList.add(first > left ? "over" : "within");
  return label;
}

/** Return what may be written to a bar, the longest first. */
function labels(span, stream) {
  const took = duration(span.e - span.b);
  if (!stream) return [took];
  const first = stream.first === undefined ? "no chunk" : `first ${duration(stream.first * SECOND)}`;
  const chunks = plural(stream.count, "chunk");
  const odd = stream.reason && stream.reason !== "complete" ? [line(stream.reason, 20)] : [];
  return [[took, first, chunks, ...odd], [took, first, ...odd], [took, ...odd], [took]].map((parts) =>
    parts.join(" \u00b7 "),
  );
}
