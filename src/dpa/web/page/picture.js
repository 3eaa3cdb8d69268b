// An image that follows quick changes: one request at a time, the newest wish next, the others never asked for.

import { ask, complain } from "./api.js";

export class Picture {
  constructor(image) {
    this.image = image;
    this.shown = this.wanted = null;
    this.running = null;
  }

  clear() {
    this.shown = this.wanted = null;
    this.image.removeAttribute("src");
    // An image that is taken away while it loads says nothing of it.
    this.image.onload?.();
  }

  load(address) {
    if (address === this.wanted) return this.running;
    this.wanted = this.image.dataset.wanted = address;
    this.running ??= this.run();
    return this.running;
  }

  async run() {
    while (this.wanted !== null && this.shown !== this.wanted) {
      const address = this.wanted;
      try {
        const blob = await (await ask(address)).blob();
        if (this.wanted === null) break;
        const old = this.image.src;
        // Not decode(): where the page is not in front, that may wait for ever.
        await new Promise((resolve) => {
          this.image.onload = this.image.onerror = resolve;
          this.image.src = URL.createObjectURL(blob);
        });
        if (old.startsWith("blob:")) URL.revokeObjectURL(old);
        this.shown = address;
        this.image.dataset.shown = address;
      } catch (error) {
        if (address === this.wanted) {
          this.wanted = this.shown;
          complain(error);
        }
      }
    }
    this.running = null;
  }
}
