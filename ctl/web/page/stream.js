// Server-sent events by fetch: unlike EventSource it tells why a stream is refused, and notices one
// that says nothing any more.

import { Unreachable, readAnswer } from "./api.js";

// follow reads a stream until it ends. opened() is called once it is there, event(type, data, id) for each
// event. A refusal is thrown as a Problem, no answer and silence as Unreachable; who aborts by signal gets
// no error.
export async function follow(path, { signal, headers, silenceMS, opened, event }) {
  const silence = new AbortController();
  let watch = 0;
  const alive = () => {
    clearTimeout(watch);
    watch = setTimeout(() => silence.abort(), silenceMS);
  };
  alive();
  try {
    const response = await fetch(path, { headers: { Accept: "text/event-stream", ...headers }, credentials: "same-origin", cache: "no-store",
      signal: AbortSignal.any([signal, silence.signal]) });
    if (!response.ok) {
      readAnswer(response, await response.text());
    }
    opened();
    await blocks(response.body, alive, (block) => say(block, event));
  } catch (cause) {
    if (signal.aborted) {
      return;
    }
    throw cause instanceof TypeError || cause.name === "AbortError" ? new Unreachable("no answer from " + location.host, { cause }) : cause;
  } finally {
    clearTimeout(watch);
  }
}

// blocks hands on what stands between empty lines.
async function blocks(body, alive, take) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) {
      return;
    }
    alive();
    let from = Math.max(0, text.length - 1);
    text += value;
    for (let end = text.indexOf("\n\n", from); end >= 0; end = text.indexOf("\n\n")) {
      take(text.slice(0, end));
      text = text.slice(end + 2);
    }
  }
}

// say hands on one event. Its data is one line of JSON; comments, and ids alone, are no events.
function say(block, event) {
  let type = "";
  let data = "";
  let id = null;
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    const name = line.slice(0, colon);
    if (name === "event") {
      type = line.slice(colon + 2);
    } else if (name === "data") {
      data = line.slice(colon + 2);
    } else if (name === "id") {
      id = line.slice(colon + 2);
    }
  }
  if (type || id !== null) {
    event(type, data ? JSON.parse(data) : null, id);
  }
}
