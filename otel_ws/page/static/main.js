/** The page: what comes in goes into the store, and the address says what is shown of it. */

import { find, make, oncePerFrame } from "./dom.js";
import { count, plural } from "./format.js";
import { Inbox } from "./inbox.js";
import { startKeys } from "./keys.js";
import { format, parse } from "./route.js";
import { Side } from "./sessions.js";
import { SessionView } from "./sessionview.js";
import { Live, address } from "./socket.js";
import { Store } from "./store.js";
import { startTheme } from "./theme.js";
import { TraceView } from "./traceview.js";

const store = new Store();
let state = parse(location.hash);

// --- where we are -------------------------------------------------------------------------------

/** Look at something else; `isSame` if that is nothing to go back from. */
function go(change, isSame = false) {
  const leaves = "view" in change;
  state = { ...state, ...(leaves ? { span: "" } : {}), ...change };
  const url = format(state);
  if (url === location.hash) return show();
  history[isSame ? "replaceState" : "pushState"](null, "", url);
  if (!isSame || !leaves) show();
}

function show() {
  document.body.dataset.view = state.view;
  for (const name of ["home", "session", "trace"]) find(name).hidden = name !== state.view;
  if (state.view === "session" && views.session.id !== state.id) views.session.show(state.id);
  if (state.view === "trace" && !views.trace.isAt(state)) views.trace.show(state.id, state.span);
  side.show(state);
  drawAll();
}

/** Return what the list has marked: the session that is open, or that of the open trace. */
function chosen() {
  if (state.view === "session") return state.id;
  if (state.view !== "trace") return null;
  return state.list === "other" ? state.id : views.trace.owner;
}

/** Go up: from a span to its trace, its session, the list. */
function leave() {
  const { owner } = views.trace;
  if (state.view === "trace" && owner) go({ view: "session", id: owner });
  else go({ view: "home", id: "" });
  find(state.view === "session" ? "items" : "list").focus();
}

// --- what has come ------------------------------------------------------------------------------

function drawAll() {
  tell();
  if (inbox.isLoading) return;
  if (state.view === "session") views.session.refresh();
  if (state.view === "trace") views.trace.refresh();
  side.refresh(chosen());
}

const refresh = oncePerFrame(drawAll);

function tell() {
  const { size, limit, dropped } = store;
  const waiting = inbox.waiting ? `, ${plural(inbox.waiting, "new span")} waiting` : "";
  const lost = dropped ? [make("span.error", null, ` ${count(dropped)} dropped`)] : [];
  find("counts").replaceChildren(`${count(size)} of ${plural(limit, "span")}${waiting}`, ...lost);
  const isEmpty = size === 0;
  find("home").firstElementChild.textContent = isEmpty
    ? "No spans yet. Open a WebSocket of your application: its session appears in the list."
    : "Choose a session: it opens as one timeline. Press ? for the keys.";
}

const STATES = {
  connecting: () => "connecting",
  loading: () => "loading",
  live: () => (inbox.isPaused ? "paused" : "live"),
  waiting: ({ seconds }) => `not connected, again in ${seconds} s`,
};
let connection = { state: "connecting" };

function tellState(now = connection) {
  connection = now;
  const words = STATES[now.state](now);
  const said = find("state").querySelector("span");
  if (said.textContent !== words) said.textContent = words;
  find("state").className = `state ${inbox.isPaused && now.state === "live" ? "paused" : now.state}`;
  find("clear").disabled = now.state !== "live";
}

function pause() {
  inbox.pause(!inbox.isPaused);
  find("pause").setAttribute("aria-pressed", inbox.isPaused);
  find("pause").textContent = inbox.isPaused ? "Go on" : "Pause";
  tellState();
}

// --- begin --------------------------------------------------------------------------------------

const inbox = new Inbox(store, refresh);
const side = new Side(store, go);
const views = { session: new SessionView(store, go), trace: new TraceView(store, go) };
const live = new Live(address(), (message) => inbox.take(message), tellState);

startTheme(() => views.session.repaint());
startKeys({ leave, pause, step: (by) => state.view === "trace" && views.trace.step(by) });
find("state").addEventListener("click", () => live.retry());
find("pause").addEventListener("click", pause);
find("up").addEventListener("click", leave);
find("clear").addEventListener("click", () => live.send({ type: "clear" }));
addEventListener("popstate", () => {
  state = parse(location.hash);
  show();
});
show();
