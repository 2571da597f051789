/** A trace as a tree, and its rows as they stand below each other. */

import { beginOf } from "./model.js";

/**
 * Return the rows of a trace, each below its parent, in the order in which they begin; a stream
 * stands where its first chunk was sent.
 *
 * A span whose parent is not here is a root, and so is one of a circle of parents. `isClosed(id)`
 * tells whose children are folded away. Nothing here recurses: a trace may be as deep as it likes.
 */
export function rowsOf(spans, isClosed = () => false) {
  const { roots, children } = family(spans);
  const rows = [];
  const stack = [];
  const push = (siblings, depth) => {
    for (let at = siblings.length - 1; at >= 0; at--) {
      stack.push({ span: siblings[at], depth, position: at + 1, siblings: siblings.length });
    }
  };
  push(roots, 0);
  while (stack.length) {
    const row = stack.pop();
    const below = children.get(row.span.s) ?? [];
    row.hasChildren = below.length > 0;
    row.isOpen = row.hasChildren && !isClosed(row.span.s);
    rows.push(row);
    if (row.isOpen) push(below, row.depth + 1);
  }
  return rows;
}

/** Return the roots of a trace, and the children of each span by its id. */
export function family(spans) {
  const begins = new Map(spans.map((span) => [span, beginOf(span)]));
  const first = (one, other) => begins.get(one) - begins.get(other) || other.e - one.e;
  const inOrder = [...spans].sort(first);
  const known = new Map(inOrder.map((span) => [span.s, span]));
  const children = new Map();
  const roots = [];
  for (const span of inOrder) {
    if (!known.has(span.p) || span.p === span.s) roots.push(span);
    else if (children.has(span.p)) children.get(span.p).push(span);
    else children.set(span.p, [span]);
  }
  openCircles(inOrder, roots, children);
  return { roots, children, known };
}

/** Make a root of a span in each circle of parents: no root leads there. */
function openCircles(spans, roots, children) {
  const reached = new Set();
  const reach = (from) => {
    const stack = [...from];
    while (stack.length) {
      const span = stack.pop();
      reached.add(span);
      for (const child of children.get(span.s) ?? []) stack.push(child);
    }
  };
  reach(roots);
  if (reached.size === spans.length) return;
  for (const span of spans) {
    if (reached.has(span)) continue;
    const siblings = children.get(span.p);
    children.set(span.p, siblings.filter((each) => each !== span));
    roots.push(span);
    reach([span]);
  }
}
