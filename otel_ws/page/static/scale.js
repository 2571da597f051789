/** From times to places and back: idle time takes little room, and one can look closer. */

const STEPS = [1, 2, 5];
const IDLE_SHARE = 0.5; // of the busy time, for all idle stretches together

/** A line of time on which long idle stretches are short. Times are real, places are not. */
export class Axis {
  /** `busy` are `{ start, tail }`, in the order of their start. */
  constructor(busy, start, end, isCompressed) {
    this.start = start;
    this.end = Math.max(end, start + 1);
    this.gaps = [];
    this.length = this.end - this.start;
    if (isCompressed) this.compress(idleOf(busy, this.start, this.end));
  }

  compress(idle) {
    const all = idle.reduce((sum, { from, to }) => sum + to - from, 0);
    const room = (Math.max(this.length - all, 1000) * IDLE_SHARE) / Math.max(1, idle.length);
    let saved = 0;
    for (const { from, to } of idle) {
      if (to - from < 2 * room) continue;
      this.gaps.push({ from, to, at: from - this.start - saved, width: room });
      saved += to - from - room;
    }
    this.length -= saved;
  }

  /** Return the place of a time. */
  place(time) {
    const gap = this.gaps[last(this.gaps, (each) => each.from < time)];
    if (gap === undefined) return time - this.start;
    if (time >= gap.to) return gap.at + gap.width + time - gap.to;
    return gap.at + ((time - gap.from) / (gap.to - gap.from)) * gap.width;
  }

  /** Return the time at a place. */
  time(place) {
    const gap = this.gaps[last(this.gaps, (each) => each.at < place)];
    if (gap === undefined) return this.start + place;
    if (place >= gap.at + gap.width) return gap.to + place - gap.at - gap.width;
    return gap.from + ((place - gap.at) / gap.width) * (gap.to - gap.from);
  }

  /**
   * Return marks `{ place, time, step }` that are at least `room` apart, between two places.
   *
   * One without a step stands where an idle stretch ends.
   */
  marks(from, to, room) {
    const step = stepOf(room);
    const marks = [];
    let free = -Infinity;
    for (const { begin, end } of this.stretches()) {
      const start = this.place(begin);
      if (begin > this.start && start >= Math.max(free, from) && start <= to) {
        marks.push({ place: start, time: begin - this.start });
        free = start + room * 0.8;
      }
      const first = Math.max(begin, this.time(from));
      const final = Math.min(end, this.time(to));
      for (let at = Math.ceil((first - this.start) / step); ; at++) {
        const time = this.start + at * step;
        if (time > final || marks.length > 500) break;
        const place = this.place(time);
        if (place >= free) marks.push({ place, time: time - this.start, step });
        free = Math.max(free, place + room * 0.8);
      }
    }
    return marks;
  }

  /** Return the stretches of time between the gaps. */
  stretches() {
    const begins = [this.start, ...this.gaps.map((gap) => gap.to)];
    const ends = [...this.gaps.map((gap) => gap.from), this.end];
    return begins.map((begin, index) => ({ begin, end: ends[index] }));
  }
}

function idleOf(busy, start, end) {
  const idle = [];
  let until = start;
  for (const item of busy) {
    if (item.start > until) idle.push({ from: until, to: item.start });
    until = Math.max(until, item.tail);
  }
  if (end > until) idle.push({ from: until, to: end });
  return idle;
}

/** Return the index of the last for which this is true, where it is for all before it. */
function last(sorted, isBefore) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBefore(sorted[middle])) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Return the smallest of 1, 2, 5, 10, 20 ... that is not less than `least`. */
export function stepOf(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1e-3)));
  return power * (STEPS.find((step) => step * power >= least * 0.999999) ?? 10);
}

/** The part of an axis that is looked at. */
export class Viewport {
  constructor(length) {
    this.length = length;
    this.fit();
  }

  get width() {
    return this.to - this.from;
  }

  get isWhole() {
    return this.from <= 0 && this.to >= this.length;
  }

  fit() {
    this.from = 0;
    this.to = this.length;
  }

  /** The axis has become longer: who sees all of it goes on seeing all. */
  resize(length) {
    const { isWhole } = this;
    this.length = length;
    if (isWhole) this.fit();
    else this.move(0);
  }

  /** Look closer by a factor above 1; the share `at` of the width stays where it is. */
  zoom(factor, at = 0.5) {
    const width = Math.min(this.length, Math.max(this.width / factor, Math.min(10, this.length)));
    this.from += (this.width - width) * at;
    this.to = this.from + width;
    this.move(0);
  }

  /** Move by a share of the width. */
  move(share) {
    const { width } = this;
    this.from = Math.min(Math.max(0, this.from + share * width), Math.max(0, this.length - width));
    this.to = Math.min(this.length, this.from + width);
  }

  /** Bring a stretch into sight. */
  show(from, to) {
    if (from >= this.from && to <= this.to) return;
    const { width } = this;
    this.from = (from + to) / 2 - width / 2;
    this.to = this.from + width;
    this.move(0);
  }
}
