// The server's interface, see docs/web.md.

export let words = {};

export async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(say("error.lost"));
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let sentence = text;
  try { sentence = JSON.parse(text).error || text; } catch { /* not ours: shown as it is */ }
  throw new Error(sentence);
}

export const get = async (path) => (await ask(path)).json();

export const send = async (path, body) => (await ask(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
})).json();

// XMLHttpRequest, for fetch does not tell how far an upload is.
export function upload(path, file, progress, started = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.upload.onprogress = (event) => progress(event.loaded / (event.total || file.size || 1));
    request.onload = () => {
      let answer = {};
      try { answer = JSON.parse(request.responseText); } catch { /* said below */ }
      if (request.status < 300) resolve(answer);
      else reject(new Error(answer.error || say("error.lost")));
    };
    request.onerror = () => reject(new Error(say("error.lost")));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    started(() => request.abort());
    request.send(file);
  });
}

export function say(key, values = {}) {
  const text = words[key] || key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
}

export async function learn() {
  words = await get("words.json");
  document.title = say("title");
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", say(element.dataset.label));
    if (element.tagName === "BUTTON") element.title = say(element.dataset.label);
  }
}

export const byId = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

export function complain(error) {
  if (error && error.name === "AbortError") return;
  byId("problem").textContent = error ? error.message : "";
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
