/** The list on the left: sessions or other traces, and what they are filtered by. */

import { find, make } from "./dom.js";
import { NO_FILTERS, routesOf, sessionsOf, tracesOf } from "./filters.js";
import { clock, count, duration, line, moment, plural } from "./format.js";
import { VirtualList } from "./list.js";
import { place } from "./place.js";

const HEIGHT = 52;
const STATES = new Map([
  ["live", "live"],
  ["denied", "denied"],
  ["failed", "failed"],
  ["in part", "seen in part"],
]);

export class Side {
  /** `go(change)` is called with what is to be looked at now. */
  constructor(store, go) {
    this.store = store;
    this.go = go;
    this.filters = NO_FILTERS;
    this.kind = "sessions";
    this.list = new VirtualList(find("list"), {
      height: HEIGHT,
      key: (item) => item.id,
      version: (item) => `${item.version} ${item.size ?? ""}`,
      fill: (row, item) => this.fill(row, item),
      onOpen: (item) => this.open(item),
      roles: { row: "option" },
    });
    this.listen();
  }

  listen() {
    for (const kind of ["sessions", "other"]) {
      find(`tab-${kind}`).addEventListener("click", () => this.go({ list: kind }));
    }
    const form = find("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => this.go({ filters: this.read() }, true));
    find("q").addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "Enter") return;
      event.preventDefault();
      find("list").focus();
      if (!this.list.activeItem) this.list.goto(0);
    });
  }

  read() {
    return {
      q: find("q").value,
      route: find("route").value,
      slow: Math.max(0, find("slow").valueAsNumber) || 0,
      errors: find("errors").checked,
      live: find("live").checked,
    };
  }

  /** Be filtered as the address says. */
  show({ list, filters }) {
    this.kind = list;
    this.filters = filters;
    const fields = { q: filters.q, slow: filters.slow || "" };
    for (const [id, value] of Object.entries(fields)) {
      if (document.activeElement !== find(id)) find(id).value = value;
    }
    find("errors").checked = filters.errors;
    find("live").checked = filters.live;
    find("live").disabled = list === "other";
    for (const kind of ["sessions", "other"]) {
      find(`tab-${kind}`).setAttribute("aria-pressed", kind === list);
    }
    find("list").setAttribute("aria-label", `${this.title}, the newest first`);
  }

  get title() {
    return this.kind === "sessions" ? "Sessions" : "Other traces";
  }

  /** Show the list anew; `chosen` is the id of what is open. */
  refresh(chosen) {
    const { store, filters, kind } = this;
    this.offerRoutes();
    const items = kind === "sessions" ? sessionsOf(store, filters) : tracesOf(store, filters);
    this.list.set(items);
    if (chosen && chosen !== this.chosen) this.list.activate(chosen);
    this.chosen = chosen;
    find("tab-sessions").textContent = `Sessions ${count(store.sessions.size)}`;
    find("tab-other").textContent = `Other traces ${count(store.otherTraces().length)}`;
    find("list").hidden = items.length === 0;
    find("none").hidden = items.length > 0;
    find("none").textContent = this.nothing();
  }

  nothing() {
    const isFiltered = Object.values(this.filters).some(Boolean);
    if (isFiltered) return "Nothing passes the filters.";
    return this.kind === "sessions"
      ? "No session yet. It appears as soon as a WebSocket is accepted or denied."
      : "No trace without a session.";
  }

  offerRoutes() {
    const routes = routesOf(this.store);
    const { route } = this.filters;
    if (route && !routes.includes(route)) routes.push(route);
    const select = find("route");
    if (JSON.stringify(routes) !== this.offered) {
      this.offered = JSON.stringify(routes);
      const options = routes.map((each) => make("option", { value: each }, line(each, 60)));
      select.replaceChildren(make("option", { value: "" }, "All routes"), ...options);
    }
    select.value = route;
  }

  open(item) {
    this.go(this.kind === "sessions" ? { view: "session", id: item.id } : { view: "trace", id: item.id });
  }

  fill(row, item) {
    if (this.kind === "sessions") this.fillSession(row, item);
    else this.fillTrace(row, item);
  }

  fillSession(row, session) {
    const { state, first } = session;
    const how = STATES.get(state) ?? session.closeStatus.split(" ", 1)[0];
    const isBad = state === "denied" || state === "failed";
    row.title = `${moment(session.start)}\n${line(session.id)}`;
    row.append(
      make(`span.dot.${state.replace(" ", "-")}`),
      make("span.name", null, line(session.route || session.id)),
      make("span.took", null, state === "live" || isBad ? "" : duration(session.duration)),
      make("span.more", null, clock(session.start).slice(0, 8), ...messages(session), place(this.store, first)),
      make(
        "span.end",
        null,
        session.errors && !isBad ? make("span.error", null, `${count(session.errors)} failed`) : null,
        isBad ? make("span.error", null, `${how} ${line(session.status, 20)}`) : null,
        session.errors || isBad ? null : make(`span.how.${state.replace(" ", "-")}`, null, line(how, 20)),
      ),
    );
  }

  fillTrace(row, trace) {
    const { root } = trace;
    row.title = `${moment(trace.start)}\n${line(trace.id)}`;
    row.append(
      make("span.dot.none"),
      make("span.name", null, line(root.n)),
      make("span.took", null, duration(trace.end - trace.start)),
      make("span.more", null, `${clock(trace.start)}  ${plural(trace.spans.length, "span")}`, place(this.store, root)),
      make("span.end", null, trace.errors ? make("span.error", null, `${count(trace.errors)} failed`) : null),
    );
  }
}

function messages(session) {
  if (session.state === "denied" || session.state === "failed") return [];
  return [
    make("span.way", { "aria-label": "received" }, `\u2193${count(session.received)}`),
    make("span.way", { "aria-label": "sent" }, `\u2191${count(session.sent)}`),
  ];
}
