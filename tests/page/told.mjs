// Spans as the page is told them, for the tests of its modules on Node.

let last = 0;

/** Return a span; what is not said of it is as in most. Times are milliseconds. */
export function span({ at = 0, took = 1, ...more } = {}) {
  last++;
  return {
    t: "1".repeat(32),
    s: last.toString(16).padStart(16, "0"),
    p: null,
    n: "work",
    k: "INTERNAL",
    b: at * 1000,
    e: (at + took) * 1000,
    a: {},
    l: [],
    v: [],
    st: "unset",
    sd: "",
    sc: "otel_ws",
    r: 0,
    ...more,
  };
}

/** Return a span of a session. */
export function of(session, name, more = {}) {
  return span({ ...more, n: name, a: { "websocket.session.id": session, ...more.a } });
}

export function handshake(session, status = 101, more = {}) {
  const a = { "http.response.status_code": status, "http.route": "/ws", ...more.a };
  return of(session, "GET /ws", { k: "SERVER", ...more, a });
}

export function trace(number) {
  return number.toString(16).padStart(32, "0");
}

export function link(target, type) {
  return { t: target.t, s: target.s, a: type ? { "websocket.link.type": type } : {} };
}
