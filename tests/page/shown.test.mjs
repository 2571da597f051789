// How it is shown: trees, items, lanes, ticks, scales, addresses and words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { handshake, link, of, span, trace } from "./told.mjs";

const from = (name) => import(new URL(name, process.env.STATIC));
const { Store } = await from("store.js");
const { rowsOf } = await from("tree.js");
const { itemsOf, lanesOf, originOf } = await from("items.js");
const { ticksOf } = await from("ticks.js");
const { Axis, Viewport, stepOf } = await from("scale.js");
const { parse, format } = await from("route.js");
const { bytes, duration, elapsed, line, mark, visible } = await from("format.js");

const child = (parent, more) => span({ t: parent.t, p: parent.s, ...more });
const print = (rows) => rows.map((row) => `${"  ".repeat(row.depth)}${row.span.n}`).join("\n");

// --- trees --------------------------------------------------------------------------------------

test("a trace is a tree, in the order of its starts", () => {
  const root = span({ n: "root", at: 1 });
  const late = child(root, { n: "late", at: 9 });
  const early = child(root, { n: "early", at: 2 });
  const below = child(early, { n: "below", at: 3 });
  assert.equal(print(rowsOf([late, below, early, root])), "root\n  early\n    below\n  late");
});

test("a stream stands where its first chunk was sent, though it waits from the beginning", () => {
  const root = span({ n: "turn" });
  const a = { "websocket.stream.time_to_first_chunk": 0.5 };
  const stream = child(root, { n: "websocket.stream reply", took: 900, a });
  const model = child(root, { n: "model", at: 100 });
  assert.equal(print(rowsOf([root, stream, model])), "turn\n  model\n  websocket.stream reply");
});

test("what is folded away is not there", () => {
  const root = span({ n: "root" });
  const rows = rowsOf([root, child(root)], (id) => id === root.s);
  assert.deepEqual([rows.length, rows[0].hasChildren, rows[0].isOpen], [1, true, false]);
});

test("a span whose parent is not here is a root", () => {
  assert.equal(print(rowsOf([span({ n: "orphan", p: "f".repeat(16) })])), "orphan");
});

test("spans that are their own ancestors are all seen, once", () => {
  const self = span({ n: "self", at: 1 });
  self.p = self.s;
  const one = span({ n: "one", at: 2 });
  const two = child(one, { n: "two", at: 3 });
  one.p = two.s;
  const below = child(two, { n: "below", at: 4 });
  assert.equal(print(rowsOf([below, two, one, self])), "self\none\n  two\n    below");
});

test("a trace may be as deep as it likes", () => {
  const spans = [span()];
  for (let depth = 1; depth < 20_000; depth++) spans.push(child(spans.at(-1), { at: depth }));
  assert.equal(rowsOf(spans).at(-1).depth, 19_999);
});

// --- what happened on a connection --------------------------------------------------------------

function story(...spans) {
  const store = new Store();
  store.add(spans);
  const items = (id) => [...store.traces.values()].flatMap((each) => itemsOf(each, id));
  return { store, items, kinds: (id) => items(id).map((item) => item.kind) };
}

test("each message is an item, with what it caused", () => {
  const turn = of("s", "websocket.receive /ws", { at: 10, took: 5 });
  const stream = of("s", "websocket.stream reply", { t: turn.t, p: turn.s, at: 12, took: 50 });
  const [item, ...others] = story(turn, stream, child(stream, { at: 20 })).items("s");
  assert.deepEqual(others, []);
  assert.deepEqual([item.kind, item.end, item.tail, item.spans], ["turn", 15_000, 62_000, 3]);
  assert.deepEqual(item.streams, [stream]);
});

test("what another session has caused is a push, and says whose", () => {
  const turn = of("ada", "websocket.receive /ws");
  const publish = child(turn, { n: "publish said" });
  const process = child(publish, { n: "process said" });
  const send = of("grace", "websocket.send /ws", { t: turn.t, p: process.s });
  const { store, items, kinds } = story(turn, publish, process, send);
  assert.deepEqual([kinds("ada"), kinds("grace")], [["turn"], ["push"]]);
  assert.equal(originOf(items("grace")[0], store).session, "ada");
});

test("what one hears of oneself belongs to the message", () => {
  const turn = of("ada", "websocket.receive /ws");
  const group = child(turn, { n: "group_send said" });
  const process = of("ada", "process said", { t: turn.t, p: group.s });
  assert.deepEqual(story(turn, group, process).kinds("ada"), ["turn"]);
});

test("a push that is linked says whose it is, or that it is not here", () => {
  const turn = of("ada", "websocket.receive /ws", { t: trace(1) });
  const sent = span({ t: trace(1), p: turn.s, n: "group_send said" });
  const known = of("grace", "process said", { t: trace(2), l: [link(sent, "event")] });
  const unknown = of("grace", "process said", { t: trace(3), l: [link(span({ t: trace(9) }), "event")] });
  const { store, items } = story(turn, sent, known, unknown);
  const [one, other] = items("grace").map((item) => originOf(item, store));
  assert.deepEqual([one.session, other.session, other.span], ["ada", "", undefined]);
});

test("under the model connection what lies below the connection are items too", () => {
  const shake = handshake("s");
  const life = of("s", "websocket.connection /ws", { t: shake.t, p: shake.s, at: 1, took: 99 });
  const below = (name, at) => of("s", name, { t: shake.t, p: life.s, at });
  const spans = [shake, life, below("websocket.open", 2), below("websocket.receive /ws", 3), below("websocket.close", 4)];
  assert.deepEqual(story(...spans).kinds("s"), ["handshake", "open", "turn", "close"]);
});

test("items that overlap are in lanes of their own", () => {
  const item = (start, tail) => ({ start, tail });
  const items = [item(0, 10), item(5, 15), item(10, 20), item(12, 13)];
  assert.equal(lanesOf(items), 3);
  assert.deepEqual(items.map((each) => each.lane), [0, 1, 0, 2]);
});

// --- chunks -------------------------------------------------------------------------------------

const measured = (more) => ({
  "websocket.stream.chunk_count": 3,
  "websocket.stream.time_to_first_chunk": 0.1,
  "websocket.stream.time_to_last_chunk": 0.3,
  ...more,
});

test("chunks whose times are known stand where they were", () => {
  const a = measured({ "websocket.stream.chunk_times": [0.1, 0.11, 0.3] });
  const { times, from } = ticksOf(of("s", "websocket.stream reply", { at: 1000, a }));
  assert.deepEqual([from, times], ["recorded", [1_100_000, 1_110_000, 1_300_000]]);
});

test("behind the last that was recorded they stand evenly", () => {
  const a = measured({ "websocket.stream.chunk_times": [0.1, 0.2], "websocket.stream.chunk_count": 4 });
  const { times, from } = ticksOf(of("s", "websocket.stream reply", { a }));
  assert.deepEqual([from, times], ["partly", [100_000, 200_000, 250_000, 300_000]]);
});

test("chunks of a turn that is measured by itself stand at the ends of their sends", () => {
  const turn = of("s", "websocket.receive /ws");
  const about = { t: turn.t, p: turn.s };
  const sends = [100, 110, 299].map((at) => of("s", "websocket.send /ws", { ...about, at, took: 1 }));
  const stranger = of("other", "websocket.send /ws", { ...about, at: 150 });
  const stream = of("s", "websocket.stream", { ...about, a: measured() });
  const { times, from } = ticksOf(stream, [turn, ...sends, stranger, stream]);
  assert.deepEqual([from, times], ["sends", [101_000, 111_000, 300_000]]);
});

test("of other chunks the number is known, and where they begin and end", () => {
  const { times, from } = ticksOf(of("s", "websocket.stream reply", { a: measured() }));
  assert.deepEqual([from, times], ["interpolated", [100_000, 200_000, 300_000]]);
});

test("a stream without chunks has no ticks, and a lie about them makes no more than thousands", () => {
  assert.deepEqual(ticksOf(of("s", "websocket.stream reply")).times, []);
  const a = measured({ "websocket.stream.chunk_count": 1e15 });
  assert.equal(ticksOf(of("s", "websocket.stream reply", { a })).times.length, 5000);
});

// --- scales -------------------------------------------------------------------------------------

test("idle time is short, and every time has its place", () => {
  const busy = [{ start: 0, tail: 1e6 }, { start: 61e6, tail: 62e6 }];
  const axis = new Axis(busy, 0, 62e6, true);
  assert.deepEqual(axis.gaps.map(({ from, to }) => [from, to]), [[1e6, 61e6]]);
  assert.ok(axis.length < 4e6);
  for (const time of [0, 5e5, 1e6, 3e7, 61e6, 615e5, 62e6]) {
    assert.ok(Math.abs(axis.time(axis.place(time)) - time) < 1e-3);
  }
  assert.equal(new Axis(busy, 0, 62e6, false).length, 62e6);
});

test("nothing that lasts is longer than an idle stretch is shown", () => {
  const axis = new Axis([{ start: 5, tail: 5 }], 5, 5, true);
  assert.ok(axis.length > 0);
});

test("marks are round, and not too close", () => {
  const marks = new Axis([], 0, 1000, false).marks(0, 1000, 90);
  assert.deepEqual(marks.map((each) => each.time), [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000]);
  assert.deepEqual([1, 1.1, 3, 7, 12].map(stepOf), [1, 2, 5, 10, 20]);
});

test("one looks closer where one points, and never beyond the ends", () => {
  const view = new Viewport(1000);
  view.zoom(2, 0.25);
  assert.deepEqual([view.from, view.to], [125, 625]);
  view.move(-9);
  assert.deepEqual([view.from, view.to], [0, 500]);
  view.zoom(0.001);
  assert.ok(view.isWhole);
});

// --- addresses ----------------------------------------------------------------------------------

for (const id of ["abc", "a/b?c#d", "__proto__", "\u202e<img>", "100%", ".."]) {
  test(`the address of a session called ${id} leads back to it`, () => {
    const filters = { q: id, route: "/ws/{room}", slow: 2.5, errors: true, live: false };
    const state = { view: "session", id, span: "", list: "other", filters };
    assert.deepEqual(parse(format(state)), state);
  });
}

test("an address that says nothing is the list", () => {
  for (const hash of ["", "#", "#/", "#/nothing/x", "#/trace", "#/session/", "#%%%"]) {
    assert.equal(parse(hash).view, "home");
  }
  assert.equal(parse("#/trace/%E0%A4%A/x").id, "%E0%A4%A");
});

// --- words --------------------------------------------------------------------------------------

test("durations have three digits", () => {
  const said = [0, 1, 999, 1000, 12_345, 999_499, 1_234_567, 59_994_000, 61e6, 3600e6, 90_061e6].map(duration);
  assert.deepEqual(said, [
    "0 \u00b5s", "1 \u00b5s", "999 \u00b5s", "1.00 ms", "12.3 ms", "999 ms", "1.23 s", "60.0 s",
    "1 min 01 s", "1 h 00 min", "1 d 01 h",
  ]);
});

test("marks of an axis are as exact as its steps", () => {
  assert.deepEqual([mark(0, 1), mark(1500, 500), mark(2e6, 5e5), mark(200, 100)], ["0", "1.5 ms", "2.0 s", "200 \u00b5s"]);
  assert.deepEqual([mark(6e9, 1e6), mark(6e9 + 25e4, 5e4), mark(9e7, 1e6)], ["1:40:00", "1:40:00.25", "1:30"]);
});

test("what was long after the beginning is told as by a stopwatch", () => {
  const said = [1500, 59.99e6, 61e6, 3599.999e6, 6003.21e6].map(elapsed);
  assert.deepEqual(said, ["1.50 ms", "60.0 s", "1:01.00", "1:00:00.00", "1:40:03.2"]);
});

test("sizes", () => assert.deepEqual([0, 999, 1500, 2.5e6].map(bytes), ["0 B", "999 B", "1.50 kB", "2.50 MB"]));

test("what cannot be seen is shown by its number", () => {
  assert.equal(visible("a\u202eb\0c\u200b"), "a\u27e8U+202E\u27e9b\u27e8U+0000\u27e9c\u27e8U+200B\u27e9");
  assert.equal(visible("a\ud800b"), "a\ufffdb");
  assert.equal(line("one\ntwo\tthree"), "one two three");
  assert.equal(line("x".repeat(1_000_000)).length, 201);
});
