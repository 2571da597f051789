/** Making elements. Everything is text: nothing in this page is ever parsed as HTML. */

import { line } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * Return a new element: `make("button.quiet", { onclick, title }, "Clear")`.
 *
 * Properties that begin with "on" are listeners, others attributes; null, undefined and false ones
 * are left out. Children are elements or text; null and undefined ones are left out.
 */
export function make(name, properties, ...children) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElement(tag), classes, properties, children);
}

/** Return a new element of SVG. */
export function draw(name, properties, ...children) {
  const [tag, ...classes] = name.split(".");
  return fill(document.createElementNS(SVG, tag), classes, properties, children);
}

function fill(element, classes, properties, children) {
  if (classes.length) element.classList.add(...classes);
  for (const [key, value] of Object.entries(properties ?? {})) set(element, key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

function set(element, key, value) {
  if (value === null || value === undefined || value === false) return;
  if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
  else element.setAttribute(key, value === true ? "" : value);
}

/** Return the element of the page with this id. */
export function find(id) {
  return document.getElementById(id);
}

/** Return a function that runs `task` once before the next frame, however often it is called. */
export function oncePerFrame(task) {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    requestAnimationFrame(() => {
      isPlanned = false;
      task();
    });
  };
}

/** Put text into the clipboard; where that is not allowed, return false. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Return a button that copies `text`, and says that it did. */
export function copyButton(text, label) {
  const button = make("button.small", { type: "button", title: `Copy ${line(text)}` }, label);
  button.addEventListener("click", async () => {
    const isDone = await copy(text);
    if (!isDone) getSelection().selectAllChildren(button.previousElementSibling ?? button);
    button.textContent = isDone ? "copied" : "select and copy";
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}
