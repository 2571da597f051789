/** What is looked at, as it stands in the address behind the "#". */

import { NO_FILTERS } from "./filters.js";

/** Return what an address says: `{ view, id, span, list, filters }`. */
export function parse(hash) {
  const [path, query = ""] = split(hash.replace(/^#/, ""), "?");
  const [, view = "", id = "", span = ""] = path.split("/").map(decode);
  const said = new URLSearchParams(query);
  const isKnown = (view === "session" || view === "trace") && id !== "";
  return {
    view: isKnown ? view : "home",
    id: isKnown ? id : "",
    span: view === "trace" ? span : "",
    list: said.get("list") === "other" ? "other" : "sessions",
    filters: {
      q: said.get("q") ?? "",
      route: said.get("route") ?? "",
      slow: Math.min(1e9, Math.max(0, Number(said.get("slow")))) || 0,
      errors: said.get("errors") === "1",
      live: said.get("live") === "1",
    },
  };
}

/** Return the address of what is looked at. */
export function format({ view = "home", id = "", span = "", list, filters = NO_FILTERS }) {
  const path = view === "home" ? [] : [view, id, ...(span ? [span] : [])];
  const query = new URLSearchParams();
  if (list === "other") query.set("list", "other");
  for (const [name, value] of Object.entries(filters)) {
    if (value) query.set(name, value === true ? "1" : String(value).toWellFormed());
  }
  const said = query.toString();
  return `#/${path.map(encode).join("/")}${said ? `?${said}` : ""}`;
}

function split(text, by) {
  const at = text.indexOf(by);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function encode(part) {
  return encodeURIComponent(part.toWellFormed());
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
