// Corrections: a click, or the cross moved by keys, on what is to go or to come in.

import { ask, byId, complain, say, send } from "./api.js";

const STEP = 0.02;

export class Corrections {
  constructor(viewer) {
    this.viewer = viewer;
    this.at = [0.5, 0.5];
    byId("correct").addEventListener("change", () => this.show());
    byId("undo").addEventListener("click", () => this.undo());
    byId("stage").addEventListener("click", (event) => this.click(event));
  }

  get what() { return document.querySelector("input[name=correct]:checked").value; }

  show() {
    const { video, ended } = this.viewer;
    const clicks = video?.corrections ?? [];
    byId("correct").disabled = !ended;
    byId("undo").disabled = !clicks.length;
    byId("stage").classList.toggle("correcting", Boolean(this.what));
    byId("cross").hidden = !this.what;
    const last = clicks.at(-1);
    const key = last && ["waiting", "working"].includes(last.state) ? "correct.following" : "correct.followed";
    byId("corrected").value = last ? say(key, { first: last.first, last: last.last, frames: last.frames }) : "";
    this.mark();
  }

  // Where the picture lies in its box, which it need not fill.
  place() {
    const box = byId("after").getBoundingClientRect();
    const { naturalWidth: w, naturalHeight: h } = byId("after");
    const scale = Math.min(box.width / (w || 1), box.height / (h || 1));
    const left = box.left + (box.width - w * scale) / 2, top = box.top + (box.height - h * scale) / 2;
    return { left, top, width: w * scale, height: h * scale };
  }

  mark() {
    const place = this.place(), stage = byId("stage").getBoundingClientRect();
    byId("cross").style.left = `${place.left - stage.left + this.at[0] * place.width}px`;
    byId("cross").style.top = `${place.top - stage.top + this.at[1] * place.height}px`;
  }

  click(event) {
    if (!this.what) return;
    const place = this.place();
    const at = [(event.clientX - place.left) / place.width, (event.clientY - place.top) / place.height];
    if (at.some((share) => !(share >= 0 && share <= 1))) return;
    this.at = at;
    this.make();
  }

  // Whether the key was for the cross.
  key(event) {
    if (!this.what) return false;
    const step = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
    if (step) this.at = this.at.map((share, side) => Math.min(1, Math.max(0, share + step[side])));
    else if (event.key === "Enter" || event.key === " ") this.make();
    else return false;
    event.preventDefault();
    this.mark();
    return true;
  }

  async make() {
    const { viewer } = this, [x, y] = this.at;
    this.mark();
    complain(null);
    const body = { index: viewer.index, x, y, what: this.what, settings: viewer.settings() };
    try { await send(`api/videos/${viewer.video.id}/corrections`, body); } catch (error) { complain(error); }
    viewer.wake();
  }

  async undo() {
    complain(null);
    const path = `api/videos/${this.viewer.video.id}/corrections/last`;
    try { await ask(path, { method: "DELETE" }); } catch (error) { complain(error); }
    this.viewer.wake();
  }
}
