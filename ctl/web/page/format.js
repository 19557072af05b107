// Numbers, times and durations in words.

const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

export function count(n) {
  return n === undefined || n === null ? "–" : counts.format(n);
}

export function rate(n) {
  if (n === undefined || n === null || !Number.isFinite(n)) {
    return "–";
  }
  return (n >= 1000 ? counts.format(n) : small.format(n)) + "/s";
}

export function percent(share) {
  if (share === undefined || share === null || !Number.isFinite(share)) {
    return "–";
  }
  return small.format(share * 100) + " %";
}

// times is how many times as much: 14x, 1.5x.
export function times(n) {
  return (n >= 10 ? counts.format(n) : n.toFixed(1)) + "x";
}

export function milliseconds(ms) {
  if (ms === undefined || ms === null || !Number.isFinite(ms)) {
    return "–";
  }
  return ms >= 10000 ? duration(ms / 1000) : small.format(ms) + " ms";
}

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(n) {
  if (n === undefined || n === null || !Number.isFinite(n)) {
    return "–";
  }
  let unit = 0;
  while (n >= 1024 && unit < byteUnits.length - 1) {
    n /= 1024;
    unit++;
  }
  return small.format(n) + " " + byteUnits[unit];
}

// duration is the two largest units of a number of seconds.
export function duration(seconds) {
  if (!Number.isFinite(seconds)) {
    return "–";
  }
  let left = Math.max(0, Math.round(seconds));
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
    if (left >= size && parts.length < 2) {
      parts.push(Math.floor(left / size) + unit);
      left %= size;
    }
  }
  return parts.join(" ") || "0s";
}

// ago is how long a time has passed; in says how long it is until one.
export function ago(at) {
  if (!at) {
    return "–";
  }
  const seconds = (Date.now() - new Date(at)) / 1000;
  return seconds < 1 ? "now" : duration(seconds) + " ago";
}

export function until(at) {
  const seconds = (Date.parse(at) - Date.now()) / 1000;
  return seconds < 0 ? duration(-seconds) + " ago" : "in " + duration(seconds);
}

export function clock(at) {
  return new Date(at).toLocaleTimeString("en-GB");
}

export function when(at) {
  return new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" });
}
