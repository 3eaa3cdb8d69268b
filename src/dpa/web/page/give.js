// How videos get in: chosen, dropped, by path, from the camera, or the example.

import { byId, complain, say, send, upload } from "./api.js";

export function giving(about, page) {
  let count = 0;

  const options = (name) => {
    const query = new URLSearchParams({ name });
    const quality = byId("quality").value;
    if (quality === "fast") query.set("every", "2");
    if (quality === "best") {
      query.set("model", "dpa-base");
      query.set("target", "dinov2");
    }
    return query;
  };

  async function give(file) {
    complain(null);
    if (file.size > about.max_size) {
      complain(new Error(say("error.size", { most: `${about.max_size / 1e9} GB` })));
      return;
    }
    const key = count++;
    const entry = { name: file.name, share: 0, abort() {} };
    page.uploads.set(key, entry);
    page.draw();
    try {
      const progress = (share) => { entry.share = share; page.draw(); };
      page.given(await upload(`api/videos?${options(file.name)}`, file, progress, (abort) => { entry.abort = abort; }));
    } catch (error) {
      complain(error);
    }
    page.uploads.delete(key);
    page.draw();
  }

  // One after the other: a slow line is no faster with ten at a time.
  async function giveAll(files) {
    for (const file of [...files]) await give(file);
  }

  function chosen() {
    const files = [...byId("file").files];
    byId("file").value = "";
    giveAll(files);
  }
  byId("file").addEventListener("change", chosen);
  chosen(); // before this page was ready
  const drop = byId("drop");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  }
  document.addEventListener("dragleave", () => drop.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    giveAll(event.dataTransfer.files);
  });

  async function request(path, body) {
    complain(null);
    try { page.given(await send(path, body)); } catch (error) { complain(error); }
  }
  byId("example").addEventListener("click", () => request(`api/videos/example?${options("")}`, {}));
  byId("path-form").hidden = !about.paths;
  byId("path-form").addEventListener("submit", (event) => {
    event.preventDefault();
    request(`api/videos/path?${options("")}`, { path: byId("path").value });
  });
  recording(give);
}

function recording(give) {
  const button = byId("record"), screen = byId("camera");
  let recorder = null;
  if (!navigator.mediaDevices || !window.MediaRecorder) {
    button.hidden = true;
    return;
  }

  function shown(on) {
    button.setAttribute("aria-pressed", String(on));
    button.textContent = say(on ? "give.stop" : "give.record");
    screen.hidden = !on;
  }

  button.addEventListener("click", async () => {
    if (recorder) {
      recorder.stop();
      return;
    }
    complain(null);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
      const parts = [];
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = (event) => parts.push(event.data);
      recorder.onstop = () => {
        for (const track of stream.getTracks()) track.stop();
        recorder = null;
        screen.srcObject = null;
        shown(false);
        const file = new File(parts, say("give.recorded"), { type: "video/webm" });
        if (file.size) give(file);
      };
      screen.srcObject = stream;
      await screen.play();
      recorder.start();
      shown(true);
    } catch {
      recorder = null;
      complain(new Error(say("error.camera")));
    }
  });
}
