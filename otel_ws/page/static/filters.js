/** Which sessions and traces are listed. */

import { attribute } from "./model.js";

export const NO_FILTERS = Object.freeze({ q: "", route: "", slow: 0, errors: false, live: false });

/** Return the sessions that pass, the newest first. */
export function sessionsOf(store, filters) {
  const wanted = filters.q.trim().toLowerCase();
  return newest([...store.sessions.values()].filter((session) => passes(session, filters, wanted, store)));
}

function passes(session, { route, slow, errors, live }, wanted, store) {
  return (
    (!errors || session.errors > 0) &&
    (!live || session.state === "live") &&
    (!route || session.route === route) &&
    session.slowest >= slow * 1000 &&
    (!wanted || says(session, wanted, store))
  );
}

function says(session, wanted, store) {
  const { first, route, id, state, closeStatus, status } = session;
  const known = [route, id, state, closeStatus, status, store.resource(first).name];
  if (known.some((each) => each.toLowerCase().includes(wanted))) return true;
  for (const name of session.names) if (name.includes(wanted)) return true;
  return isId(wanted) && [...session.traces].some((trace) => trace.startsWith(wanted));
}

/** Return the traces without a session that pass, the newest first. */
export function tracesOf(store, { q, route, slow, errors }) {
  const wanted = q.trim().toLowerCase();
  const isWanted = (trace) =>
    trace.id.startsWith(wanted) ||
    trace.spans.some((span) => span.n.toLowerCase().includes(wanted)) ||
    store.resource(trace.root).name.toLowerCase().includes(wanted);
  return newest(
    store.otherTraces().filter(
      (trace) =>
        (!errors || trace.errors > 0) &&
        (!route || attribute(trace.root, "http.route") === route) &&
        trace.end - trace.start >= slow * 1000 &&
        (!wanted || isWanted(trace)),
    ),
  );
}

/** Return the routes that there are, in alphabetical order. */
export function routesOf(store) {
  const routes = new Set([...store.sessions.values()].map((session) => session.route));
  routes.delete("");
  return [...routes].sort();
}

function newest(all) {
  return all.sort((one, other) => other.start - one.start);
}

function isId(text) {
  return /^[0-9a-f]{6,32}$/.test(text);
}
