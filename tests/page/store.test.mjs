// What the page knows: sessions and traces, told span by span.

import assert from "node:assert/strict";
import { test } from "node:test";
import { handshake, link, of, span, trace } from "./told.mjs";

const from = (name) => import(new URL(name, process.env.STATIC));
const { Store } = await from("store.js");
const { Inbox } = await from("inbox.js");
const { sessionsOf, tracesOf, routesOf, NO_FILTERS } = await from("filters.js");

function store(...spans) {
  const made = new Store();
  made.add(spans);
  return made;
}

function session(...spans) {
  return store(...spans).sessions.get("s");
}

test("an accepted connection is live until its close is seen", () => {
  assert.equal(session(handshake("s")).state, "live");
  assert.equal(session(handshake("s", 200)).state, "live");
  assert.equal(session(handshake("s"), of("s", "websocket.close")).state, "closed");
});

test("a handshake that was not accepted is denied, and one without an answer failed", () => {
  assert.equal(session(handshake("s", 403)).state, "denied");
  assert.equal(session(of("s", "GET /ws", { k: "SERVER" })).state, "failed");
});

test("a session without its handshake was seen in part", () => {
  assert.equal(session(of("s", "websocket.receive /ws")).state, "in part");
});

test("messages are counted by their sequence, until the close tells the totals", () => {
  const spans = [
    of("s", "websocket.receive /ws", { a: { "websocket.message.sequence": 7 } }),
    of("s", "websocket.send /ws", { a: { "websocket.message.sequence": 3 } }),
  ];
  const open = session(...spans);
  assert.deepEqual([open.received, open.sent], [7, 3]);
  const a = { "websocket.received.message_count": 9, "websocket.sent.message_count": 12 };
  const closed = session(...spans, of("s", "websocket.close", { a }));
  assert.deepEqual([closed.received, closed.sent], [9, 12]);
});

test("how a connection closed is told in words", () => {
  const a = { "websocket.close.code": 1000, "websocket.close.status": "normal_closure" };
  assert.equal(session(of("s", "websocket.close", { a })).closeStatus, "1000 normal_closure");
});

test("a span that comes twice is there once", () => {
  const twice = handshake("s");
  const made = store(twice, { ...twice });
  assert.deepEqual([made.size, made.sessions.get("s").size], [1, 1]);
});

test("beyond the limit the first that came are forgotten, with all that led to them", () => {
  const made = new Store();
  made.limit = 2;
  const first = handshake("old", 101, { t: trace(1) });
  const second = of("new", "websocket.receive /ws", { t: trace(2), l: [link(first, "handshake")] });
  made.add([first, second, span({ t: trace(3) }), span({ t: trace(4) })]);
  assert.equal(made.size, 2);
  assert.deepEqual([...made.sessions.keys()], []);
  assert.deepEqual([...made.traces.keys()], [trace(3), trace(4)]);
  assert.equal(made.linking.size, 0);
});

test("links are known from both ends", () => {
  const target = handshake("s");
  const turn = of("s", "websocket.receive /ws", { t: trace(2), l: [link(target, "handshake")] });
  assert.deepEqual(store(turn, target).linkedFrom(target), [turn]);
});

for (const id of ["__proto__", "constructor", "toString", "\ud800", "", "x".repeat(1_000_000)]) {
  test(`a session may be called ${JSON.stringify(id.slice(0, 20))}`, () => {
    const made = store(handshake(id, 101, { a: { [id]: id } }), handshake("other", 101, { t: trace(2) }));
    assert.equal(made.sessions.size, id ? 2 : 1);
    const wanted = { ...NO_FILTERS, q: id.slice(0, 100).toWellFormed() };
    assert.equal(sessionsOf(made, wanted).length, 1);
  });
}

test("each service and instance has a color of its own", () => {
  const made = new Store();
  const told = ["a", "b", "a"].map((name) => ({ "service.name": name, "service.instance.id": "1" }));
  told.forEach((attributes, index) => made.addResource(index, attributes));
  const colors = [0, 1, 2].map((r) => made.resource({ r }).color);
  assert.deepEqual(colors, [0, 1, 0]);
});

// --- filters ------------------------------------------------------------------------------------

const shop = [
  handshake("slow", 101, { t: trace(1), at: 10, a: { "http.route": "/slow" } }),
  of("slow", "websocket.receive /slow", { t: trace(2), at: 20, took: 900 }),
  handshake("bad", 101, { t: trace(3), at: 30, a: { "http.route": "/bad" } }),
  of("bad", "websocket.receive /bad", { t: trace(4), at: 40, st: "error" }),
  of("bad", "websocket.close", { t: trace(5), at: 50 }),
  span({ t: trace(6), at: 60, n: "cron" }),
];
const pass = (filters) =>
  sessionsOf(store(...shop), { ...NO_FILTERS, ...filters }).map((each) => each.id);

test("sessions are listed with the newest first", () => assert.deepEqual(pass({}), ["bad", "slow"]));
test("by route", () => assert.deepEqual(pass({ route: "/bad" }), ["bad"]));
test("by failure", () => assert.deepEqual(pass({ errors: true }), ["bad"]));
test("by slowness", () => assert.deepEqual(pass({ slow: 500 }), ["slow"]));
test("live ones", () => assert.deepEqual(pass({ live: true }), ["slow"]));
test("by the name of a span", () => assert.deepEqual(pass({ q: "receive /B" }), ["bad"]));
test("by the id of a trace", () => assert.deepEqual(pass({ q: trace(2) }), ["slow"]));
test("all at once", () => assert.deepEqual(pass({ q: "bad", live: true }), []));

test("traces without a session are listed apart", () => {
  assert.deepEqual(tracesOf(store(...shop), NO_FILTERS).map((each) => each.id), [trace(6)]);
  assert.deepEqual(tracesOf(store(...shop), { ...NO_FILTERS, q: "corn" }), []);
});

test("the routes that there are", () => assert.deepEqual(routesOf(store(...shop)), ["/bad", "/slow"]));

// --- what comes in ------------------------------------------------------------------------------

function inbox() {
  const made = new Inbox(new Store(), () => {});
  const tell = (type, more) => made.take({ type, ...more });
  tell("hello", { limit: 100, dropped: 0 });
  tell("resource", { index: 0, attributes: { "service.name": "shop" } });
  tell("spans", { spans: [handshake("s")] });
  tell("ready");
  return { made, tell, store: made.store };
}

test("while it is paused nothing changes, and then everything comes", () => {
  const { made, tell, store } = inbox();
  made.pause(true);
  tell("spans", { spans: [handshake("t", 101, { t: trace(2) })] });
  assert.deepEqual([store.size, made.waiting], [1, 1]);
  made.pause(false);
  assert.deepEqual([store.size, made.waiting], [2, 0]);
});

test("a pause keeps no more than there is room for", () => {
  const { made, tell, store } = inbox();
  made.pause(true);
  for (let batch = 0; batch < 50; batch++) {
    tell("spans", { spans: Array.from({ length: 10 }, () => span({ t: trace(batch) })) });
  }
  assert.equal(made.waiting, 100);
  made.pause(false);
  assert.equal(store.size, 100);
});

test("a new hello starts anew, also in a pause", () => {
  const { made, tell, store } = inbox();
  made.pause(true);
  tell("spans", { spans: [span({ t: trace(9) })] });
  tell("hello", { limit: 100, dropped: 3 });
  tell("resource", { index: 0, attributes: { "service.name": "shop" } });
  tell("spans", { spans: [handshake("again")] });
  tell("ready");
  made.pause(false);
  assert.deepEqual([...store.sessions.keys()], ["again"]);
  assert.deepEqual([store.size, store.dropped, store.resource({ r: 0 }).service], [1, 3, "shop"]);
});

test("cleared is cleared, and what comes then is shown", () => {
  const { tell, store } = inbox();
  tell("cleared");
  assert.equal(store.size, 0);
  tell("spans", { spans: [handshake("next")] });
  assert.equal(store.resource({ r: 0 }).service, "shop");
  assert.equal(store.size, 1);
});

test("a page that lags starts anew", () => {
  const { made, tell, store } = inbox();
  tell("lagging");
  assert.deepEqual([store.size, made.isLoading], [0, true]);
});

test("what it does not know it leaves alone", () => {
  const { tell, store } = inbox();
  tell("__proto__");
  tell("constructor");
  assert.equal(store.size, 1);
});
