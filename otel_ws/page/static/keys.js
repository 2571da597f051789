/** The keys that work anywhere on the page. */

import { find } from "./dom.js";

const FIELDS = new Set(["INPUT", "SELECT", "TEXTAREA"]);

/** `acts`: `leave()`, `pause()`, `step(by)`. */
export function startKeys({ leave, pause, step }) {
  const help = find("help");
  const acts = {
    "?": () => help.showModal(),
    "/": search,
    p: pause,
    "[": () => step(-1),
    "]": () => step(1),
    Escape: leave,
  };
  find("keys").addEventListener("click", acts["?"]);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open || event.defaultPrevented) return;
    if (FIELDS.has(event.target.tagName)) return leaveField(event);
    if (!Object.hasOwn(acts, event.key)) return;
    event.preventDefault();
    acts[event.key]();
  });
}

function search() {
  find("q").focus();
  find("q").select();
}

/** Escape leaves a field for the list; all other keys are the field's. */
function leaveField(event) {
  if (event.key !== "Escape" || event.target.value) return;
  event.preventDefault();
  find("list").focus();
}
