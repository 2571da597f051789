/** Where a span was made. */

import { make } from "./dom.js";
import { line } from "./format.js";

const PREFIX = "websocket.";

/** Return the name of a span, in which what all of ours begin with takes little attention. */
export function nameOf(span) {
  const name = line(span.n);
  if (!name.startsWith(PREFIX)) return [name];
  return [make("span.prefix", null, PREFIX), name.slice(PREFIX.length)];
}

/** Return a dot in the color of a span's service and instance, with their name. */
export function place(store, span) {
  const { color, name, service, instance } = store.resource(span);
  const title = `${line(service)} ${line(instance)}`;
  return make("span.place", { title }, make(`i.s${color}`), make("span.said", null, line(name, 60)));
}
