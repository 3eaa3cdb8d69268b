// The page: what was given, what became of it, and which video is looked at.

import { ask, byId, complain, get, learn, make, pause, say } from "./api.js";
import { giving } from "./give.js";
import { progressOf } from "./progress.js";
import { Viewer } from "./viewer.js";

const state = { videos: [], uploads: new Map(), chosen: null, spoken: "", version: 0 };
let wake = () => {};
let viewer;

function row(video) {
  const first = video.results[0];
  const working = first.state === "working" || first.state === "waiting";
  const parts = [
    make("span", { class: "name" }, video.name),
    make("span", { class: "state" }, progressOf(first)),
    make("button", { type: "button", "data-show": video.id, onclick: () => choose(video.id) }, say("list.show")),
    make("button", { type: "button", "data-remove": video.id, onclick: () => remove(video.id) },
      say(working ? "list.cancel" : "list.remove")),
  ];
  for (const button of parts.slice(2)) button.setAttribute("aria-label", `${button.textContent}: ${video.name}`);
  if (working) {
    const bar = make("progress", { max: first.total || 1, "aria-label": video.name });
    if (first.total) bar.value = first.done;
    parts.push(bar);
  }
  if (first.problem) parts.push(make("span", { class: "bad" }, first.problem));
  for (const warning of first.warnings) parts.push(make("span", { class: "state" }, warning));
  return make("li", { class: video.id === state.chosen ? "chosen" : "", "data-video": video.id, "data-state": first.state }, ...parts);
}

function uploadRow([key, upload]) {
  const bar = make("progress", { max: 1, value: upload.share, "aria-label": upload.name });
  return make("li", { "data-state": "uploading" },
    make("span", { class: "name" }, upload.name),
    make("span", { class: "state" }, say("state.uploading", { share: Math.round(100 * upload.share) })),
    make("button", { type: "button", onclick: () => { upload.abort(); state.uploads.delete(key); draw(); } }, say("list.cancel")),
    bar);
}

// The list is drawn anew only where it has changed, and the focus stays where it was.
let drawn = "";
function draw() {
  const text = JSON.stringify([state.videos, [...state.uploads.values()], state.chosen]);
  if (text === drawn) return;
  drawn = text;
  const held = document.activeElement?.dataset ?? {};
  byId("videos").replaceChildren(...[...state.uploads].map(uploadRow), ...[...state.videos].reverse().map(row));
  for (const name of ["show", "remove"]) {
    if (held[name]) document.querySelector(`[data-${name}="${held[name]}"]`)?.focus();
  }
  const video = state.videos.find((one) => one.id === state.chosen);
  if (!video) state.chosen = null;
  viewer.show(video || null);
  speak(video);
}

// For those who do not see the bars: when a state changes, not at every frame.
function speak(video) {
  const text = video ? `${video.name}: ${say(`state.${video.results[0].state}.spoken`)}` : "";
  if (text !== state.spoken) byId("spoken").textContent = state.spoken = text;
}

function choose(id) {
  state.chosen = id;
  draw();
}

async function remove(id) {
  try { await ask(`api/videos/${id}`, { method: "DELETE" }); } catch (error) { complain(error); }
  wake();
}

async function refresh() {
  const { version } = state;
  const videos = await get("api/videos");
  // Asked before a video was given: it would not be among them.
  if (version !== state.version) return true;
  state.videos = videos;
  draw();
  const runs = state.videos.flatMap((video) => [...video.results, ...video.corrections]);
  return runs.some((run) => ["waiting", "working"].includes(run.state));
}

async function follow() {
  for (;;) {
    let busy = false;
    try { busy = await refresh(); } catch (error) { complain(error); }
    await Promise.race([pause(busy ? 500 : 10000), new Promise((resolve) => { wake = resolve; })]);
  }
}

const about = await get("api/about");
await learn();
viewer = new Viewer(about, () => wake());
giving(about, {
  uploads: state.uploads,
  draw,
  given(video) {
    state.version += 1;
    state.videos.push(video);
    choose(video.id);
    wake();
  },
});
follow();
