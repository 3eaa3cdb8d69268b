// One video: its frames before and after, the settings, and the files that are made of it.

import { ask, byId, complain, make, pause, say, send, upload } from "./api.js";
import { Corrections } from "./correct.js";
import { Picture } from "./picture.js";
import { madeWith, progressOf } from "./progress.js";

const KIND = { overlay: "overlay", mask: "masks", cutout: "cutout", background: "background" };
const MASKS = ["threshold", "smooth"];

export class Viewer {
  constructor(about, wake) {
    this.about = about;
    this.video = null;
    this.part = null;
    this.scene = "";
    this.wake = wake;
    this.before = new Picture(byId("before"));
    this.after = new Picture(byId("after"));
    byId("kind").append(...about.kinds.map((kind) => make("option", { value: kind }, say(`kind.${kind}`))));
    byId("frame").addEventListener("input", () => this.draw());
    byId("split").addEventListener("input", () => this.split());
    byId("back").addEventListener("click", () => this.move(-1));
    byId("forth").addEventListener("click", () => this.move(1));
    byId("views").addEventListener("change", () => this.lookAt(this.view));
    byId("stage").addEventListener("pointermove", (event) => this.drag(event));
    byId("settings").addEventListener("input", () => this.draw());
    byId("scene").addEventListener("change", () => this.takeScene());
    byId("behind").addEventListener("change", () => this.lookAt("background"));
    byId("settings").addEventListener("reset", () => setTimeout(() => this.draw()));
    byId("settings").addEventListener("submit", (event) => event.preventDefault());
    byId("make").addEventListener("submit", (event) => { event.preventDefault(); this.make(); });
    byId("in").addEventListener("click", () => this.cut(this.index, this.part?.[1] ?? this.ready));
    byId("out").addEventListener("click", () => this.cut(this.part?.[0] ?? 0, this.index + 1));
    byId("all").addEventListener("click", () => this.cut(0, this.ready));
    byId("stage").addEventListener("keydown", (event) => this.key(event));
    this.corrections = new Corrections(this);
    this.split();
    this.play();
  }

  get index() { return Number(byId("frame").value); }

  get view() { return document.querySelector("input[name=view]:checked").value; }

  // Frames that can be shown: while the network works, those beside which it has seen the next one.
  get ready() {
    if (!this.video) return 0;
    const first = this.video.results[0];
    return first.state === "working" ? Math.max(0, first.done - 2) : first.done;
  }

  get ended() { return this.video && ["done", "damaged"].includes(this.video.results[0].state); }

  show(video) {
    const other = video?.id !== this.video?.id;
    this.video = video;
    byId("work").hidden = !video || !this.ready;
    if (!video) return;
    if (other) {
      this.part = null;
      byId("frame").value = 0;
      this.before.clear();
      this.after.clear();
    }
    byId("work-title").textContent = video.name;
    byId("frame").max = Math.max(0, this.ready - 1);
    byId("live").hidden = this.ended;
    byId("live").style.setProperty("--shape", `${video.facts.width || 16} / ${video.facts.height || 9}`);
    for (const id of ["in", "out", "all"]) byId(id).disabled = !this.ended;
    document.querySelector("#make button").disabled = !this.ended;
    byId("results").replaceChildren(...video.results.map((result) => this.row(result)).reverse());
    this.corrections.show();
    if (this.ready) this.draw();
  }

  row(result) {
    const parts = [make("span", { class: "name" }, say(`kind.${result.kind}`)), make("span", { class: "state" }, progressOf(result))];
    const path = `api/videos/${this.video.id}/results/${result.id}`;
    const made = madeWith(result, this.about.settings);
    if (made) parts.push(make("span", { class: "state" }, made));
    if (result.state === "done" || result.state === "damaged") {
      const label = `${say("make.download")}: ${result.name}`;
      parts.push(make("a", { class: "button main", href: path, download: result.name, "aria-label": label }, say("make.download")));
    } else if (result.state !== "failed" && result.total) {
      const bar = make("progress", { max: result.total, "aria-label": result.name });
      bar.value = result.done;
      parts.push(bar);
    }
    if (result.id !== this.video.results[0].id) {
      const label = say(["waiting", "working"].includes(result.state) ? "list.cancel" : "list.remove");
      const spoken = `${label}: ${result.name}`;
      parts.push(make("button", { type: "button", "aria-label": spoken, onclick: () => this.drop(path) }, label));
    }
    if (result.problem) parts.push(make("span", { class: "bad" }, result.problem));
    for (const warning of result.warnings) parts.push(make("span", { class: "state" }, warning));
    return make("li", { "data-result": result.id, "data-state": result.state }, ...parts);
  }

  settings() {
    const values = Object.fromEntries(MASKS.map((name) => [name, Number(byId(name).value)]));
    return { ...values, refine: byId("refine").checked ? "auto" : "off" };
  }

  look() {
    const chosen = byId("behind").value;
    const background = chosen === "colour" ? byId("colour").value : chosen;
    const known = background === "file" && this.video.id !== this.scene ? "green" : background;
    return { strength: Number(byId("strength").value), background: known };
  }

  async takeScene() {
    const file = byId("scene").files[0];
    if (!file) return;
    complain(null);
    try {
      const query = new URLSearchParams({ name: file.name });
      await upload(`api/videos/${this.video.id}/background?${query}`, file, () => {});
      this.scene = this.video.id;
      this.after.clear();
      this.lookAt("background");
    } catch (error) { complain(error); }
  }

  address(index, view, settings) {
    // The server does not look at the last: it makes the address a new one when corrections change.
    const made = view === "frame" ? "" : this.video.corrections.map((click) => click.frames).join("-");
    const query = new URLSearchParams({ view, ...settings, made });
    return `api/videos/${this.video.id}/frames/${index}?${query}`;
  }

  draw() {
    byId("colour-field").hidden = byId("behind").value !== "colour";
    byId("scene-field").hidden = byId("behind").value !== "file";
    for (const output of document.querySelectorAll("#settings output")) output.value = byId(output.htmlFor.value).value;
    if (!this.video || !this.ready) return;
    const { index, view } = this;
    byId("clock").value = say("view.clock", { index, count: this.ready, time: (index / (this.video.facts.rate || 25)).toFixed(2) });
    byId("frame").setAttribute("aria-valuetext", byId("clock").value);
    byId("after").alt = say("view.alt", { view: say(`view.${view}`), index });
    byId("before").alt = say("view.alt", { view: say("view.frame"), index });
    this.before.load(this.address(index, "frame", {}));
    this.after.load(this.address(index, view, { ...this.settings(), ...this.look() }));
  }

  // What is looked at is what is made next, unless something else is chosen.
  lookAt(view) {
    document.querySelector(`input[name=view][value=${view}]`).checked = true;
    byId("kind").value = KIND[view];
    this.draw();
  }

  // The seam follows a finger or a pressed mouse.
  drag(event) {
    if (!event.buttons || this.corrections.what) return;
    const box = byId("after").getBoundingClientRect();
    byId("split").value = 100 * (event.clientX - box.left) / box.width;
    this.split();
  }

  split() {
    const share = byId("split").value;
    byId("before").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
    byId("seam").style.left = `${share}%`;
  }

  move(step) {
    byId("frame").value = this.index + step;
    this.draw();
  }

  key(event) {
    if (this.corrections.key(event)) return;
    const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.move(step);
  }

  cut(start, end) {
    if (start >= end) return complain(new Error(say("error.part", { start, end, count: this.ready })));
    complain(null);
    this.part = start === 0 && end === this.ready ? null : [start, end];
    byId("part").value = this.part ? say("part.is", { start, end: end - 1 }) : "";
    return undefined;
  }

  async make() {
    complain(null);
    const [start, end] = this.part ?? [null, null];
    const body = { kind: byId("kind").value, settings: this.settings(), ...this.look(), start, end };
    try { await send(`api/videos/${this.video.id}/results`, body); } catch (error) { complain(error); }
    this.wake();
  }

  async drop(path) {
    complain(null);
    try { await ask(path, { method: "DELETE" }); } catch (error) { complain(error); }
    this.wake();
  }

  // The first second, again and again, until all of the video is there.
  async play() {
    const images = [...document.querySelectorAll("#live img")];
    const pictures = images.map((image) => [new Picture(image), image.dataset.view]);
    for (let at = 0; ; at += 1) {
      await pause(200);
      if (!this.video || this.ended || !this.ready || byId("live").hidden) continue;
      const index = at % Math.min(this.ready, Math.ceil(this.video.facts.rate || 25));
      await Promise.all(pictures.map(([picture, view]) => picture.load(this.address(index, view, {}))));
    }
  }
}
