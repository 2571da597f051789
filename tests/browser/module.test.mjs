// The module on Node: its own WebSocket, a real server, and a page that consists of one tag.
//
//     SERVER=ws://127.0.0.1:8000 MODULE=.../otel-ws.js node --experimental-websocket --test <this>

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

const { SERVER, MODULE } = process.env;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PAGE = `00-${TRACE}-b7ad6b7169203331-01`;
const SELECTOR = 'meta[name="traceparent"]';
const IN_MESSAGE = new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`);

const { TracedWebSocket, contextOf } = await import(MODULE);

let told, opened;

beforeEach(() => {
  told = [];
  opened = [];
  console.debug = (...line) => told.push(line);
  page(PAGE);
});

afterEach(() => {
  for (const socket of opened) socket.close();
});

function page(content) {
  globalThis.document = {
    querySelector: (selector) => (selector === SELECTOR && content !== undefined ? { content } : null),
  };
}

function open(url, ...rest) {
  const socket = new TracedWebSocket(url, ...rest);
  opened.push(socket);
  return socket;
}

function next(socket, type = "message") {
  return new Promise((resolve, reject) => {
    socket.addEventListener(type, resolve, { once: true });
    if (type !== "error") socket.addEventListener("error", reject, { once: true });
  });
}

/** Return what the server says of the handshake. */
async function handshake(...args) {
  const socket = open(...args);
  return JSON.parse((await next(socket)).data);
}

/** Return an open socket. */
async function connected(...args) {
  const socket = open(...args);
  await next(socket);
  return socket;
}

/** Return what arrives at the server when `data` is sent. */
async function sent(data, options = { messages: true }) {
  const socket = await connected(`${SERVER}/echo`, "chat", options);
  const answer = next(socket);
  socket.send(data);
  return (await answer).data;
}

// --- the handshake ------------------------------------------------------------------------------

test("the page's context is offered beside a protocol", async () => {
  const { offered } = await handshake(`${SERVER}/echo`, "chat");
  assert.deepEqual(offered, ["chat", `otel-ws.${PAGE}`]);
});

test("it is the last of all that is offered", async () => {
  const { offered } = await handshake(`${SERVER}/echo`, ["soup", "chat"]);
  assert.deepEqual(offered, ["soup", "chat", `otel-ws.${PAGE}`]);
});

test("without a protocol nothing is offered", async () => {
  assert.deepEqual(await handshake(`${SERVER}/echo`), { offered: [], query: "" });
  assert.deepEqual(await handshake(`${SERVER}/echo`, []), { offered: [], query: "" });
});

test("the query takes it where it is told to, and nothing is offered", async () => {
  const told = await handshake(`${SERVER}/echo`, undefined, { query: true });
  assert.deepEqual(told, { offered: [], query: `traceparent=${PAGE}` });
});

test("the query is for sockets without a protocol", async () => {
  const { offered, query } = await handshake(`${SERVER}/echo?a`, "chat", { query: true });
  assert.deepEqual([offered.length, query], [2, "a"]);
});

test("the query of the application stays as it is", async () => {
  const { query } = await handshake(new URL(`${SERVER}/echo?a=%20+b&c`), [], { query: true });
  assert.equal(query, `a=%20+b&c&traceparent=${PAGE}`);
});

test("a context that the application has put there is not doubled", async () => {
  const own = `traceparent=00-${"1".repeat(32)}-${"2".repeat(16)}-00`;
  const { query } = await handshake(`${SERVER}/echo?${own}`, [], { query: true });
  assert.equal(query, own);
  const { offered } = await handshake(`${SERVER}/echo`, ["chat", "otel-ws.mine"]);
  assert.deepEqual(offered, ["chat", "otel-ws.mine"]);
});

test("a handshake can be left alone", async () => {
  const { offered } = await handshake(`${SERVER}/echo`, "chat", { subprotocol: false });
  assert.deepEqual(offered, ["chat"]);
});

test("each socket has the context of its own time", async () => {
  await handshake(`${SERVER}/echo`, "chat");
  const later = PAGE.replace("b7ad", "c0de");
  page(later);
  const { offered } = await handshake(`${SERVER}/echo`, "chat");
  assert.deepEqual(offered, ["chat", `otel-ws.${later}`]);
});

for (const content of [
  undefined,
  "",
  "chat, other",
  `${PAGE}\r\nX-Evil: 1`,
  PAGE.toUpperCase(),
  PAGE.replace("00-", "ff-"),
  `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
  `00-${TRACE}-${"0".repeat(16)}-01`,
]) {
  test(`a page with the context ${JSON.stringify(content)} hands out nothing`, async () => {
    page(content);
    const { offered } = await handshake(`${SERVER}/echo`, "chat", { query: true });
    assert.deepEqual(offered, ["chat"]);
    assert.equal(await sent('{"a":1}'), '{"a":1}');
    assert.deepEqual(told, []);
  });
}

test("a library that takes a class gets one with options", async () => {
  class Quiet extends TracedWebSocket {
    static options = { subprotocol: false };
  }
  const socket = new Quiet(`${SERVER}/echo`, "chat");
  opened.push(socket);
  assert.deepEqual(JSON.parse((await next(socket)).data).offered, ["chat"]);
});

// --- a drop-in ----------------------------------------------------------------------------------

test("it is a WebSocket", async () => {
  const socket = await connected(`${SERVER}/echo`, "chat");
  assert.ok(socket instanceof WebSocket);
  assert.equal(Object.prototype.toString.call(socket), "[object WebSocket]");
  assert.equal(TracedWebSocket.CLOSING, 2);
  assert.equal(socket.readyState, socket.OPEN);
  assert.equal(socket.protocol, "chat");
  assert.equal(socket.url, `${SERVER}/echo`);
  socket.binaryType = "arraybuffer";
  const answer = next(socket);
  socket.send(new Uint8Array([1, 2]));
  assert.deepEqual(new Uint8Array((await answer).data), new Uint8Array([1, 2]));
  const closing = next(socket, "close");
  socket.close(4000, "bye");
  assert.equal((await closing).code, 4000);
});

test("wrong arguments meet the native errors", () => {
  const wrong = [
    [],
    ["no address at all"],
    [`${SERVER}/echo`, "two words"],
    [`${SERVER}/echo`, ["chat", "chat"]],
    [`${SERVER}/echo`, [Symbol("chat")]],
    [Symbol("url"), [], { query: true }],
    [{ toString: () => assert.fail("not ours to ask") }],
  ];
  for (const args of wrong) {
    const [ours, native] = [TracedWebSocket, WebSocket].map((Socket) => failure(() => new Socket(...args)));
    assert.deepEqual([ours.name, ours.message], [native.name, native.message]);
  }
});

test("a message too early meets the native error", () => {
  const socket = open(`${SERVER}/echo`, "chat", { messages: true });
  const native = new WebSocket(`${SERVER}/echo`, "chat");
  opened.push(native);
  for (const args of [['{"a":1}'], []]) {
    const [ours, theirs] = [socket, native].map((each) => failure(() => each.send(...args)));
    assert.deepEqual([ours?.name, ours?.message], [theirs?.name, theirs?.message]);
  }
});

function failure(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
}

test("our own failure is told once, and the call goes through", async () => {
  const fresh = await import(`${MODULE}?fresh`);
  globalThis.document = {
    querySelector() {
      throw new Error("a broken page");
    },
  };
  const socket = new fresh.TracedWebSocket(`${SERVER}/echo`, "chat", { messages: true });
  opened.push(socket);
  assert.deepEqual(JSON.parse((await next(socket)).data).offered, ["chat"]);
  for (const text of ['{"a":1}', '{"b":2}']) {
    const answer = next(socket);
    socket.send(text);
    assert.equal((await answer).data, text);
  }
  const lines = told.map(([who, error]) => `${who} ${error.message}`);
  assert.deepEqual(lines, ["otel-ws: a broken page"]);
});

test("two copies in the place of the native one do not offer twice", async () => {
  const native = globalThis.WebSocket;
  try {
    globalThis.WebSocket = TracedWebSocket;
    globalThis.WebSocket = (await import(`${MODULE}?copy`)).TracedWebSocket;
    const socket = new WebSocket(`${SERVER}/echo`, "chat");
    opened.push(socket);
    const { offered } = JSON.parse((await next(socket)).data);
    assert.deepEqual(offered, ["chat", `otel-ws.${PAGE}`]);
  } finally {
    globalThis.WebSocket = native;
  }
});

test("where there are no sockets it can be imported, and makes none", async () => {
  const native = globalThis.WebSocket;
  try {
    delete globalThis.WebSocket;
    const { TracedWebSocket } = await import(`${MODULE}?nowhere`);
    assert.throws(() => new TracedWebSocket(SERVER), TypeError);
  } finally {
    globalThis.WebSocket = native;
  }
});

// --- handlers -----------------------------------------------------------------------------------

test("handlers are added, called and removed as ever", async () => {
  const socket = await connected(`${SERVER}/echo`, "chat");
  const calls = [];
  const named = function (event) {
    calls.push([this === socket, event.data]);
  };
  const object = { handleEvent: (event) => calls.push(["object", event.data]) };
  const once = () => calls.push(["once"]);
  socket.onmessage = named;
  assert.equal(socket.onmessage, named);
  socket.addEventListener("message", named);
  socket.addEventListener("message", named);
  socket.addEventListener("message", object);
  socket.addEventListener("message", once, { once: true });
  socket.addEventListener("message", null);
  const say = async (text) => {
    const answer = next(socket);
    socket.send(text);
    await answer;
  };
  await say("1");
  const first = [[true, "1"], [true, "1"], ["object", "1"], ["once"]];
  assert.deepEqual(calls, first);
  socket.removeEventListener("message", named);
  socket.removeEventListener("message", object);
  await say("2");
  assert.deepEqual(calls, [...first, [true, "2"]]);
  socket.onmessage = null;
  assert.equal(socket.onmessage, null);
  await say("3");
  assert.equal(calls.length, 5);
});

test("one handler serves two sockets and other events", async () => {
  const calls = [];
  const handler = function (event) {
    calls.push([this.url.slice(-1), event.type]);
  };
  for (const name of ["a", "b"]) {
    const socket = open(`${SERVER}/echo?${name}`, "chat");
    socket.addEventListener("open", handler);
    socket.addEventListener("message", handler);
    await next(socket);
  }
  const [a, b] = ["a", "b"].map((name) => [[name, "open"], [name, "message"]]);
  assert.deepEqual(calls, [...a, ...b]);
});

// --- messages -----------------------------------------------------------------------------------

test("a message is given a fresh context of the page's trace", async () => {
  const first = JSON.parse(await sent('{"text":"Milk?"}'));
  const second = JSON.parse(await sent('{"text":"Milk?"}'));
  for (const { text, _meta } of [first, second]) {
    assert.equal(text, "Milk?");
    assert.deepEqual(Object.keys(_meta), ["traceparent"]);
    assert.match(_meta.traceparent, IN_MESSAGE);
  }
  assert.notEqual(first._meta.traceparent, second._meta.traceparent);
});

test("messages are left alone unless it is asked for", async () => {
  assert.equal(await sent('{"a":1}', {}), '{"a":1}');
});

for (const text of [
  "",
  "hello",
  "{",
  "{not json}",
  "[1]",
  '["{}"]',
  "null",
  "1",
  '"{}"',
  `{"_meta":{"traceparent":"mine"}}`,
  `{"_meta":{"tracestate":"mine=1"}}`,
  `{"_meta":{"baggage":"mine=1"}}`,
  `{"_meta":null}`,
  `{"_meta":[1]}`,
  `{"_meta":"text"}`,
  `{"_meta":7,"a":{"_meta":{}}}`,
  `{"a":"${"x".repeat(64000)}"}`,
]) {
  test(`${text.slice(0, 40) || "nothing"} is sent as it is`, async () => {
    assert.equal(await sent(text), text);
    assert.deepEqual(told, []);
  });
}

for (const [text, expected] of [
  ["{}", '{"_meta":M}'],
  [" \n{ } ", ' \n{"_meta":M } '],
  ['{"n":12345678901234567890,"n":1e999}', '{"_meta":M,"n":12345678901234567890,"n":1e999}'],
  ['{ "a" : "{" }', '{"_meta":M, "a" : "{" }'],
  ['{"_meta":{}}', '{"_meta":T}'],
  ['{"a":1,"_meta" : { "k": 1.0 }}', '{"a":1,"_meta" : {T, "k": 1.0 }}'],
  ['{"a":{"_meta":{"x":1}},"_meta":{"y":2}}', '{"a":{"_meta":{"x":1}},"_meta":{T,"y":2}}'],
  ['{"a\\"_meta":{"x":1},"_meta":{"y":2}}', '{"a\\"_meta":{"x":1},"_meta":{T,"y":2}}'],
  ['{"a":"\\"_meta\\":{","_meta":{}}', '{"a":"\\"_meta\\":{","_meta":T}'],
]) {
  test(`${text} is changed in one place`, async () => {
    const arrived = await sent(text);
    const { traceparent } = JSON.parse(arrived)._meta;
    assert.match(traceparent, IN_MESSAGE);
    const member = `"traceparent":"${traceparent}"`;
    const whole = expected.replace("_meta\":T}", `_meta":{${member}}}`);
    assert.equal(arrived, whole.replace("M", `{${member}}`).replace("{T", `{${member}`));
  });
}

test("what is no text is sent as it is", async () => {
  const bytes = new TextEncoder().encode('{"a":1}');
  assert.equal(await (await sent(bytes)).text(), '{"a":1}');
  assert.equal(await (await sent(new Blob([bytes]))).text(), '{"a":1}');
});

test("the context of a message is handed to the page", async () => {
  const socket = await connected(`${SERVER}/echo`, "chat");
  const answer = next(socket);
  socket.send(JSON.stringify({ _meta: { traceparent: PAGE } }));
  assert.deepEqual(contextOf(await answer), {
    traceparent: PAGE,
    traceId: TRACE,
    spanId: "b7ad6b7169203331",
    traceFlags: 1,
    isRemote: true,
  });
});

for (const data of [
  "hello",
  '"traceparent"',
  '{"traceparent":1',
  '{"_meta":null,"traceparent":1}',
  '{"_meta":{"traceparent":1}}',
  '{"_meta":{"traceparent":{}}}',
  '{"_meta":{"traceparent":"00-0-0-00"}}',
  JSON.stringify({ _meta: { traceparent: PAGE }, a: "x".repeat(65536) }),
  new ArrayBuffer(1),
  undefined,
]) {
  test(`there is no context in ${String(data).slice(0, 40)}`, () => {
    assert.equal(contextOf(new MessageEvent("message", { data })), undefined);
    assert.deepEqual(told, []);
  });
}

test("what is no event has no context", () => {
  for (const event of [{}, { data: 1 }]) assert.equal(contextOf(event), undefined);
});
