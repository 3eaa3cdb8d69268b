// How far a result is, in words.

import { say } from "./api.js";

function seconds(count) {
  const whole = Math.max(0, Math.round(count));
  return whole < 60 ? say("time.seconds", { s: whole }) : say("time.minutes", { m: Math.floor(whole / 60), s: whole % 60 });
}

export function progressOf(result) {
  if (result.state === "waiting") return say("state.waiting");
  if (result.state !== "working") return say(`state.${result.state}`);
  if (!result.total || !result.done) return say("state.starting");
  const left = result.seconds_left == null ? "" : seconds(result.seconds_left);
  return say("state.working", { done: result.done, total: result.total, rate: result.frames_a_second.toFixed(1), left });
}
