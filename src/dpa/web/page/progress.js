// How far a result is, in words.

import { say } from "./api.js";

function seconds(count) {
  const whole = Math.max(0, Math.round(count));
  return whole < 60 ? say("time.seconds", { s: whole }) : say("time.minutes", { m: Math.floor(whole / 60), s: whole % 60 });
}

// What a result was made with, where that is not what it is without a choice.
export function madeWith(result, defaults) {
  const parts = [];
  for (const [name, value] of Object.entries(result.settings)) {
    if (value !== defaults[name]) parts.push(say(`made.${name}`, { value: name === "refine" ? say(`refine.${value}`) : value }));
  }
  if (result.part) parts.push(say("part.is", { start: result.part[0], end: result.part[1] - 1 }));
  if (result.corrections) parts.push(say("made.corrections", { count: result.corrections }));
  return parts.join(", ");
}

export function progressOf(result) {
  if (result.state === "waiting") return say("state.waiting");
  if (result.state !== "working") return say(`state.${result.state}`);
  if (!result.total || !result.done) return say("state.starting");
  const left = result.seconds_left == null ? "" : seconds(result.seconds_left);
  return say("state.working", { done: result.done, total: result.total, rate: result.frames_a_second.toFixed(1), left });
}
