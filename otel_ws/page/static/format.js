/** What is shown of numbers, times and strangers' text. All times are microseconds. */

const MILLISECOND = 1e3;
const SECOND = 1e6;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

// Controls, and what turns the direction of the text around it, or cannot be seen at all.
const UNSEEN =
  /[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

const NUMBER = new Intl.NumberFormat("en-US");
const pad = (number, width = 2) => String(number).padStart(width, "0");

/** Return text with what cannot be seen made visible. Lines and tabs stay. */
export function visible(text) {
  const named = (character) => `\u27e8U+${pad(character.charCodeAt(0).toString(16), 4).toUpperCase()}\u27e9`;
  return String(text).toWellFormed().replace(UNSEEN, named);
}

/** Return text for a line of at most `most` characters. */
export function line(text, most = 200) {
  const whole = String(text);
  const cut = whole.length > most ? `${whole.slice(0, most)}\u2026` : whole;
  return visible(cut.replace(/\s+/g, " "));
}

export function count(number) {
  return NUMBER.format(number);
}

/** Return "1 span" or "3 spans". */
export function plural(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return three digits of a number, and not fewer than there are before its point. */
function digits(number) {
  return number.toFixed(number >= 99.95 ? 0 : number >= 9.995 ? 1 : 2);
}

/** Return a duration as people say it: 812 µs, 4.20 ms, 1.32 s, 4 min 05 s, 2 h 10 min. */
export function duration(time) {
  if (!Number.isFinite(time)) return "";
  if (time < 0) return `\u2212${duration(-time)}`;
  if (time < 999.5) return `${Math.round(time)} \u00b5s`;
  if (time < 999.5 * MILLISECOND) return `${digits(time / MILLISECOND)} ms`;
  if (time < 59.995 * SECOND) return `${digits(time / SECOND)} s`;
  return long(time);
}

function long(time) {
  const [unit, large, small, name] =
    time < HOUR - SECOND / 2 ? [SECOND, MINUTE, "s", "min"]
      : time < 24 * HOUR ? [MINUTE, HOUR, "min", "h"]
        : [HOUR, 24 * HOUR, "h", "d"];
  const rounded = Math.round(time / unit) * unit;
  const rest = Math.round((rounded % large) / unit);
  return `${Math.floor(rounded / large)} ${name} ${pad(rest)} ${small}`;
}

/** Return how long after the beginning something was: 812 ms, 3.14 s, 1:40:59.13. */
export function elapsed(time) {
  return time < MINUTE - SECOND / 200 ? duration(time) : watch(time, time < HOUR ? 2 : 1);
}

/** Return a time as a stopwatch shows it. */
function watch(time, places) {
  const tick = SECOND / 10 ** places;
  const rounded = Math.round(time / tick) * tick;
  const seconds = ((rounded % MINUTE) / SECOND).toFixed(places).padStart(places ? 3 + places : 2, "0");
  const minutes = Math.floor((rounded % HOUR) / MINUTE);
  if (rounded < HOUR) return `${minutes}:${seconds}`;
  return `${Math.floor(rounded / HOUR)}:${pad(minutes)}:${seconds}`;
}

/** Return a mark of an axis, exact to its `step` if it has one. */
export function mark(time, step) {
  if (step === undefined) return elapsed(time);
  if (Math.abs(time) < 1e-3) return "0";
  const [unit, name] =
    time >= SECOND ? [SECOND, "s"] : time >= MILLISECOND ? [MILLISECOND, "ms"] : [1, "\u00b5s"];
  if (time >= MINUTE) return watch(time, Math.max(0, Math.ceil(-Math.log10(step / SECOND) - 1e-9)));
  const places = Math.max(0, Math.min(6, -Math.floor(Math.log10(step / unit) + 1e-9)));
  return `${(time / unit).toFixed(places)} ${name}`;
}

/** Return the time of day of a moment: 14:02:11.123. */
export function clock(time) {
  const date = new Date(time / MILLISECOND);
  if (Number.isNaN(date.getTime())) return "";
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part));
  return `${parts.join(":")}.${pad(date.getMilliseconds(), 3)}`;
}

/** Return a moment with its day, in the zone of whoever looks. */
export function moment(time) {
  const date = new Date(time / MILLISECOND);
  if (Number.isNaN(date.getTime())) return "";
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${clock(time)}`;
}

export function bytes(number) {
  if (number < 1000) return `${count(number)} B`;
  if (number < 999_950) return `${digits(number / 1000)} kB`;
  return `${digits(number / 1_000_000)} MB`;
}

/** Return the beginning of an id, which is enough to know it again. */
export function short(id) {
  return line(id, 8);
}
