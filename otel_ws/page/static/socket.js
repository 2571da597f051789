/** The page's own WebSocket: it comes back when it is lost, and says how it stands. */

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

/**
 * Tells `onMessage` each message, and `onState` how it stands: `{ state, seconds }`, of which
 * "connecting", "loading" (the snapshot comes), "live" and "waiting" (so many seconds) are states.
 */
export class Live {
  constructor(url, onMessage, onState) {
    this.url = url;
    this.onMessage = onMessage;
    this.onState = onState;
    this.tries = 0;
    addEventListener("online", () => this.retry());
    this.connect();
  }

  connect() {
    clearInterval(this.timer);
    this.timer = null;
    this.onState({ state: "connecting" });
    this.socket = new WebSocket(this.url);
    this.socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    this.socket.onclose = () => this.wait();
  }

  hear(message) {
    if (message.type === "hello" || message.type === "lagging") this.onState({ state: "loading" });
    this.onMessage(message);
    if (message.type !== "ready") return;
    this.tries = 0;
    this.onState({ state: "live" });
  }

  /** Try again later: twice as late each time, and not in step with other pages. */
  wait() {
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.tries++);
    const until = Date.now() + longest * (0.75 + Math.random() / 2);
    const tell = () => {
      const seconds = Math.ceil((until - Date.now()) / 1000);
      if (seconds <= 0) this.connect();
      else this.onState({ state: "waiting", seconds });
    };
    this.timer = setInterval(tell, 250);
    tell();
  }

  /** Try now, if there is no connection. */
  retry() {
    if (this.timer) this.connect();
  }

  /** Send a message; return whether it could be sent. */
  send(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }
}

/** Return where the page's socket is, wherever the page is mounted. */
export function address() {
  const url = new URL(".otel-ws/live", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = url.search = "";
  return url;
}
