// The page of the voice assistant: one socket, on which speech goes both ways.

import { TracedWebSocket } from "../otel-ws/otel-ws.js";
import { Player, openMicrophone, openRecording } from "./audio.js";
import { Level } from "./level.js";

const find = (id) => document.getElementById(id);
const log = find("log"), turns = find("turns"), talk = find("talk"), stop = find("stop");
const samples = [...find("samples").querySelectorAll("button")];

// Whoever brings OpenTelemetry into the page can have spans of what the page does.
const inSpan = window.inSpan ?? ((name, run) => run());

const STATES = {
  connecting: "Connecting …",
  loading: "Loading the models …",
  ready: "Ready",
  listening: "Listening …",
  thinking: "Thinking …",
  speaking: "Speaking …",
  broken: "Not available",
  lost: "Connection lost",
};
const TRACE = /^[0-9a-f]{32}$/;

const player = new Player();
let socket = null;
let state = "connecting";
let rate = 0; // of what we hear, samples a second
let traces = ""; // where the trace page is
let speech = null; // what is being said to us
let loudness = 0; // of that
let endedAt = 0; // when it was over
let asking = null; // the utterance that is being heard
let answering = null; // the one that is being answered
let sounding = null; // the one whose answer is all here, and still to be heard
let isStale = false; // what comes now is of the answer that was interrupted
let isDone = true; // no more of the answer is to come

const level = new Level(find("level"), () => (speech ? loudness : player.level));

// --- what is shown ------------------------------------------------------------------------------

function become(next) {
  state = next;
  document.body.dataset.state = next;
  find("status").textContent = STATES[next];
  const isUp = ["ready", "listening", "thinking", "speaking"].includes(next);
  talk.disabled = !isUp;
  talk.setAttribute("aria-pressed", String(next === "listening"));
  find("talk-label").textContent = next === "listening" ? "I am done" : "Speak";
  stop.disabled = !["thinking", "speaking"].includes(next);
  for (const button of samples) button.disabled = !isUp || next === "listening";
  if (isUp) level.show();
}

/** Add to the conversation; return the place for words and the one for what is said of them. */
function append(kind, text = "") {
  const item = document.createElement("li");
  const words = document.createElement("span");
  const about = document.createElement("footer");
  item.className = kind;
  words.className = "words";
  words.textContent = text;
  item.append(words, about);
  turns.append(item);
  find("welcome").hidden = true;
  scroll();
  return { item, words, about };
}

function scroll() {
  log.scrollTop = log.scrollHeight;
}

function note(turn, text) {
  const part = document.createElement("span");
  part.textContent = text;
  turn.about.append(part);
  scroll();
}

function link(turn, trace) {
  if (!traces || !TRACE.test(trace)) return;
  const anchor = document.createElement("a");
  anchor.href = `${traces}#/trace/${trace}`;
  anchor.target = "_blank";
  anchor.rel = "noopener";
  anchor.textContent = "See its trace";
  turn.about.append(anchor);
}

// --- speaking to it -----------------------------------------------------------------------------

function ask(kind, span) {
  inSpan(span, () => socket.send(JSON.stringify({ kind })));
}

/** Say what `open` gives; whoever is speaking to us is interrupted by that. */
async function speak(open) {
  if (speech) return;
  player.unlock();
  const mine = (speech = { close: null });
  try {
    mine.close = await open({ onFrame: hear, onSilence: fallSilent });
  } catch (error) {
    speech = null;
    append("told bad", error.message);
    return;
  }
  if (socket?.readyState !== WebSocket.OPEN) {
    fallSilent();
    return;
  }
  hush();
  ask("start", "speak");
  asking = append("asked partial");
  become("listening");
}

function hear(pcm, loud) {
  loudness = loud;
  if (speech && socket?.readyState === WebSocket.OPEN) socket.send(pcm);
}

function fallSilent() {
  const { close } = speech ?? {};
  if (!close) return;
  speech = null;
  loudness = 0;
  close();
  if (state !== "listening") return;
  endedAt = performance.now();
  ask("end", "fall silent");
  become("thinking");
}

/** Play no more of the answer, not even what is on its way. */
function hush() {
  if (player.isPlaying && sounding) note(sounding, "interrupted");
  sounding = null;
  player.stop();
  isStale = !isDone;
}

function interrupt() {
  if (stop.disabled) return;
  hush();
  if (isDone) become("ready");
  else ask("stop", "interrupt");
}

function toggle() {
  if (state === "listening") fallSilent();
  else if (!talk.disabled) speak(openMicrophone);
}

// --- what it says -------------------------------------------------------------------------------

const ON = {
  loading(told) {
    if (state !== "loading") become("loading");
    const id = `part-${told.part}`;
    const item = find(id) ?? find("parts").appendChild(document.createElement("li"));
    item.id = id;
    item.textContent = told.title;
    item.className = told.state === "ready" ? "ready" : "loading";
  },

  ready(told) {
    rate = told.rate;
    traces = /^https?:\/\//.test(told.traces) ? told.traces : "";
    find("traces").hidden = !traces;
    if (traces) find("traces").href = traces;
    find("loading").hidden = true;
    find("welcome").hidden = turns.childElementCount > 0;
    become("ready");
  },

  broken(told) {
    find("loading-title").textContent = "The engines are not here";
    find("loading-text").textContent = told.text;
    for (const part of find("parts").querySelectorAll(".loading")) part.className = "missing";
    become("broken");
  },

  hearing(told) {
    isStale = false;
    if (asking) asking.words.textContent = told.text;
    scroll();
  },

  heard(told) {
    isStale = isDone = false;
    asking ??= append("asked");
    asking.words.textContent = told.text;
    asking.item.classList.remove("partial");
    link(asking, told.trace);
    if (told.text) {
      answering = append("answered");
      asking = null;
    }
  },

  answer(told) {
    if (!isStale && answering) answering.words.append(told.text);
    scroll();
  },

  rang() {
    isDone = false;
    append("told", "A timer rings");
    answering = append("answered");
  },

  done(told) {
    isDone = true;
    if (answering) note(answering, `${told.seconds.toFixed(1)} s of speech`);
    sounding = isStale ? null : answering;
    answering = null;
    isStale = false;
  },

  stopped() {
    const stopped = answering ?? (state === "listening" ? null : asking);
    if (stopped) note(stopped, "interrupted");
    if (stopped === asking) asking = null;
    answering = null;
    isStale = false;
    isDone = true;
    if (state !== "listening") become("ready");
  },

  failed(told) {
    append("told bad", told.text);
    for (const turn of [asking, answering]) turn?.item.classList.remove("partial");
    if (asking && !asking.words.textContent) asking.item.remove();
    asking = answering = null;
    isDone = true;
    if (state !== "listening") become("ready");
  },
};

function play(sound) {
  if (isStale || isDone) return;
  if (state !== "speaking") {
    if (answering && endedAt) {
      const waited = (performance.now() - endedAt) / 1000;
      note(answering, `first sound after ${waited.toFixed(2)} s`);
    }
    endedAt = 0;
    become("speaking");
  }
  player.play(sound, rate);
}

function connect() {
  const url = new URL("/ws/voice", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new TracedWebSocket(url, [], { messages: true });
  socket.binaryType = "arraybuffer";
  find("again").hidden = true;
  become("connecting");
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") {
      play(data);
      return;
    }
    const told = JSON.parse(data);
    if (Object.hasOwn(ON, told.kind)) ON[told.kind](told);
  };
  socket.onclose = (event) => {
    player.stop();
    fallSilent();
    asking = answering = null;
    isDone = true;
    find("loading").hidden = false;
    find("loading-title").textContent = "The connection is lost";
    find("loading-text").textContent = `The server has closed it, with the code ${event.code}.`;
    find("parts").replaceChildren();
    find("again").hidden = false;
    become("lost");
  };
}

// What was said is over when the last of it has been heard.
setInterval(() => {
  if (state === "speaking" && isDone && !player.isPlaying) become("ready");
}, 100);

talk.addEventListener("click", toggle);
stop.addEventListener("click", interrupt);
find("again").addEventListener("click", () => {
  find("loading-title").textContent = "Getting ready";
  find("loading-text").textContent = "";
  connect();
});
for (const button of samples) {
  const url = new URL(`samples/${button.dataset.sample}.wav`, import.meta.url);
  button.addEventListener("click", () => speak((heard) => openRecording(url, heard)));
}
document.addEventListener("keydown", (event) => {
  const isPlain = !event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (event.key === "Escape") interrupt();
  else if (event.key === " " && isPlain && !event.target.closest("button, a, input")) {
    event.preventDefault();
    toggle();
  }
});

connect();
