/** The tracks of a timeline, and how much room they take: a lane for what overlaps. */

import { lanesOf } from "./items.js";
import { isOfLife } from "./model.js";

export const TOP = 26; // the axis
export const LANE = 24;
export const STRIP = 6; // what each further stream of an item needs
export const MOST_STREAMS = 3;
export const BETWEEN = 10; // two tracks

const NAMES = ["connection", "turns", "pushes", "other"];

/** Return the tracks that these items need; each item knows its lane. */
export function tracksOf(items) {
  return NAMES.map((name) => ({ name, items: items.filter((item) => nameOf(item) === name) }))
    .filter((track) => track.items.length > 0)
    .map((track) => ({ ...track, lanes: lanesOf(track.items), streams: streamsOf(track.items) }));
}

function nameOf({ kind }) {
  if (isOfLife(kind)) return "connection";
  return kind === "turn" ? "turns" : kind === "push" ? "pushes" : "other";
}

function streamsOf(items) {
  const most = items.reduce((so, item) => Math.max(so, item.streams.length), 1);
  return Math.min(most, MOST_STREAMS);
}

/** Return how high a lane of a track is: there is a strip for each stream of an item. */
export function laneOf(track) {
  return LANE + (track.streams - 1) * STRIP;
}

/** Return how high a track is. */
export function heightOf(track) {
  return track.lanes * laneOf(track);
}

/** Return the track and the lane at a height, or null. */
export function laneAt(tracks, y) {
  let top = TOP;
  for (const track of tracks) {
    const lane = Math.floor((y - top) / laneOf(track));
    if (lane >= 0 && lane < track.lanes) return { track, lane };
    top += heightOf(track) + BETWEEN;
  }
  return null;
}
