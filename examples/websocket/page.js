import { WebSocketClient } from "./websocket-client.js";

const MAX_LINES = 200;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`expected ${type.name} #${id}`);
  return found;
}

const status = element("state", HTMLElement);
const statusText = element("state-text", HTMLElement);
const toggle = element("toggle", HTMLButtonElement);
const log = element("log", HTMLOListElement);
const waiting = element("waiting", HTMLElement);
const progress = element("progress", HTMLProgressElement);

// `?slow` asks for longer pauses, to have the time to look at them.
const ws = new WebSocketClient("/talk", { reconnectionDelay: location.search === "?slow" ? 4000 : 500 });

/** @type {ReturnType<typeof setInterval> | undefined} */
let countdown;

ws.on("state", (state) => {
  clearInterval(countdown);
  status.dataset.name = state.name;
  toggle.textContent = state.name === "closed" ? "Connect" : "Close";
  switch (state.name) {
    case "connecting":
      say(state.attempt ? `connecting, attempt ${state.attempt}` : "connecting");
      break;
    case "open":
      say("open");
      break;
    case "closed":
      say(state.closure ? `closed: ${describe(state.closure)}` : "closed");
      break;
    case "reconnecting": {
      const due = Date.now() + state.delay;
      const tick = () => {
        const seconds = Math.max(0, Math.ceil((due - Date.now()) / 1000));
        say(`lost: ${describe(state.closure)}; attempt ${state.attempt} in ${seconds} s`);
      };
      tick();
      countdown = setInterval(tick, 1000);
    }
  }
  showWaiting();
});

ws.on("json", (value) => note("in", "JSON", JSON.stringify(value)));
ws.on("message", (message) => {
  if (typeof message === "string") note("in", "text", message);
  else if (message instanceof ArrayBuffer) note("in", "ArrayBuffer", hex(message));
});

/** @param {import("./websocket-client.js").Closure} closure */
function describe({ code, reason }) {
  return reason ? `${code} ${reason}` : String(code);
}

/** @param {string} text */
function say(text) {
  if (statusText.textContent !== text) statusText.textContent = text;
}

function showWaiting() {
  const bytes = ws.state.name === "open" ? 0 : ws.bufferedAmount;
  waiting.hidden = bytes === 0;
  waiting.textContent = "What was sent waits for the connection.";
}

/** @param {ArrayBuffer} buffer */
function hex(buffer) {
  const bytes = new Uint8Array(buffer);
  const shown = [...bytes.subarray(0, 32)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.length > 32 ? `${shown} … ${bytes.length} bytes` : shown;
}

/**
 * @param {"in" | "out"} way
 * @param {string} kind
 * @param {string} content
 */
function note(way, kind, content) {
  const line = document.createElement("li");
  line.dataset.way = way;
  for (const [tag, name, text] of [
    ["span", "way", way === "in" ? "←" : "→"],
    ["code", "", content],
    ["span", "kind", kind],
  ]) {
    const part = document.createElement(String(tag));
    part.className = String(name);
    part.textContent = String(text);
    line.append(part);
  }
  line.title = new Date().toLocaleTimeString();
  log.prepend(line);
  while (log.children.length > MAX_LINES) log.lastElementChild?.remove();
}

/**
 * @param {string} id
 * @param {(form: FormData) => void | Promise<void>} work
 */
function onSubmit(id, work) {
  const form = element(id, HTMLFormElement);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await work(new FormData(form));
    } catch (error) {
      note("out", "failed", String(error));
    }
    showWaiting();
  });
}

onSubmit("send-text", (form) => {
  const text = String(form.get("text"));
  ws.send(text);
  note("out", "text", text);
});

onSubmit("send-json", (form) => {
  const value = JSON.parse(String(form.get("json")));
  ws.sendJson(value);
  note("out", "JSON", JSON.stringify(value));
});

onSubmit("send-bytes", (form) => {
  const bytes = crypto.getRandomValues(new Uint8Array(Number(form.get("size"))));
  ws.send(bytes.buffer);
  note("out", "ArrayBuffer", hex(bytes.buffer));
});

onSubmit("send-file", async (form) => {
  const file = form.get("file");
  if (!(file instanceof File)) return;
  await ws.connect();
  ws.sendJson({ file: { name: file.name, size: file.size } });
  note("out", "file", `${file.name}, ${file.size} bytes`);
  progress.hidden = false;
  try {
    await ws.sendFile(file, {
      onProgress: (sent) => {
        progress.value = sent / file.size;
      },
    });
  } finally {
    progress.hidden = true;
    progress.value = 0;
  }
});

toggle.addEventListener("click", () => {
  if (ws.state.name === "closed") void ws.connect();
  else void ws.close();
});
element("clear", HTMLButtonElement).addEventListener("click", () => log.replaceChildren());

void ws.connect();
