// Calls of the admin API. A refusal is a Problem (RFC 9457), which is shown as it was said.

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || "status " + status);
    this.status = status;
    this.body = body;
  }
}

// Unreachable is no answer at all: the process, or the way to it, is gone.
export class Unreachable extends Error {}

const patienceMS = 15000; // of one call; a plan or an apply may take longer

// call asks, and gives {status, body, etag, headers}. options: method, json, text with type,
// headers, patienceMS, signal.
export async function call(path, options = {}) {
  const request = { method: options.method || "GET", headers: { Accept: "application/json", ...options.headers }, credentials: "same-origin", cache: "no-store" };
  if (options.json !== undefined) {
    request.body = JSON.stringify(options.json);
    request.headers["Content-Type"] = "application/json";
  } else if (options.text !== undefined) {
    request.body = options.text;
    request.headers["Content-Type"] = options.type;
  }
  const bound = AbortSignal.timeout(options.patienceMS || patienceMS);
  request.signal = options.signal ? AbortSignal.any([bound, options.signal]) : bound;
  let response, text;
  try {
    response = await fetch(path, request);
    text = await response.text();
  } catch (cause) {
    if (options.signal && options.signal.aborted) {
      throw cause;
    }
    throw new Unreachable("no answer from " + location.host, { cause });
  }
  return readAnswer(response, text);
}

// readAnswer is what came; a refusal is thrown.
export function readAnswer(response, text) {
  const media = (response.headers.get("Content-Type") || "").split(";")[0];
  let body = text;
  if (text && (media === "application/json" || media === "application/problem+json")) {
    body = JSON.parse(text);
  }
  if (!response.ok && response.status !== 304) {
    throw new Problem(response.status, typeof body === "object" ? body : { title: response.statusText, detail: text });
  }
  return { status: response.status, body, etag: response.headers.get("ETag"), headers: response.headers };
}

export async function get(path) {
  return (await call(path)).body;
}

export function backendPath(pool, address) {
  return "/api/v1/pools/" + encodeURIComponent(pool) + "/backends/" + encodeURIComponent(address);
}

export function overlayPath(pool, address) {
  return "/api/v1/overlay/" + encodeURIComponent(pool) + "/" + encodeURIComponent(address);
}

// query makes ?a=b of what has a value.
export function query(params) {
  const set = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== "" && value !== null && value !== undefined && value !== false) {
      set.set(name, value === true ? "1" : value);
    }
  }
  const text = set.toString();
  return text ? "?" + text : "";
}
