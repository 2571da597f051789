import { TracedWebSocket } from "./otel-ws/otel-ws.js";

const find = (id) => document.getElementById(id);
const join = find("join"), room = find("room"), say = find("say"), log = find("log");

const address = new URLSearchParams(location.search);

// Whoever brings OpenTelemetry into the page can have spans of what the page does.
const inSpan = window.inSpan ?? ((name, run) => run());

let socket = null;

function show(message, name) {
  const item = document.createElement("li");
  item.className = message.kind;
  if (message.kind === "said") {
    const author = document.createElement("b");
    author.textContent = message.name;
    item.append(author, message.text);
    item.classList.toggle("own", message.name === name);
  } else {
    item.textContent = `${message.name} ${message.kind} the room`;
  }
  log.firstElementChild.append(item);
  log.scrollTop = log.scrollHeight;
}

function tell(status, isOpen) {
  find("status").textContent = status;
  find("status").classList.toggle("open", isOpen);
  join.querySelector("button").disabled = socket !== null;
  say.querySelector("button").disabled = !isOpen;
}

function connect(name, roomName, port) {
  const url = new URL(`/ws/chat/${encodeURIComponent(roomName)}`, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.port = port;
  url.searchParams.set("name", name);
  socket = new TracedWebSocket(url, [], { messages: true });
  tell("Connecting …", false);

  socket.onopen = () => {
    tell(`Connected as ${name}`, true);
    find("room-name").textContent = roomName;
    log.firstElementChild.replaceChildren();
    join.hidden = true;
    room.hidden = false;
    say.elements.text.focus();
  };
  socket.onmessage = (event) => inSpan("show", () => show(JSON.parse(event.data), name));
  socket.onclose = (event) => {
    socket = null;
    tell(event.code === 1000 ? "Not connected" : `Connection lost (${event.code})`, false);
    room.hidden = true;
    join.hidden = false;
    join.querySelector("button").focus();
  };
}

join.addEventListener("submit", (event) => {
  event.preventDefault();
  // The address names the room: whoever opens it meets us there.
  address.set("room", join.elements.room.value);
  history.replaceState(null, "", `?${address}`);
  connect(join.elements.name.value.trim(), join.elements.room.value, join.elements.port.value);
});

say.addEventListener("submit", (event) => {
  event.preventDefault();
  inSpan("click", () => socket.send(JSON.stringify({ text: say.elements.text.value })));
  say.reset();
});

find("leave").addEventListener("click", () => socket.close(1000));

join.elements.room.value = address.get("room") || "lobby";

// The servers of this host that one can choose from; without any, the one that sent the page.
const ports = address.getAll("port").filter((port) => /^\d+$/.test(port));
for (const [index, port] of (ports.length ? ports : [location.port]).entries()) {
  join.elements.port.add(new Option(`Server ${index + 1} (port ${port})`, port));
}
find("servers").hidden = ports.length < 2;
