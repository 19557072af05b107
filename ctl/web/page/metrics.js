// Rates, errors and quantiles: the difference of what was counted at two moments.

const sampleMS = 500; // samples are a second apart; what an event has read between is left out

// quantile is between the bounds of the bucket that has it, in seconds; null where there is nothing.
export function quantile(q, bounds, cumulative) {
  const total = cumulative.at(-1);
  if (!total) {
    return null;
  }
  const rank = q * total;
  const i = cumulative.findIndex((c) => c >= rank);
  const low = i > 0 ? bounds[i - 1] : 0;
  if (bounds[i] === Infinity) {
    return low;
  }
  const below = i > 0 ? cumulative[i - 1] : 0;
  return low + (bounds[i] - low) * (rank - below) / (cumulative[i] - below);
}

// between is what happened from one picture to the next.
function between(a, b) {
  const seconds = (b.at - a.at) / 1000;
  const codes = b.codes.map((n, i) => n - a.codes[i]);
  const requests = b.requests - a.requests;
  const grown = b.counts.map((n, i) => n - (a.counts[i] || 0));
  return {
    at: b.at / 1000, rate: requests / seconds, errors: (codes[5] + codes[0]) / seconds, clientErrors: codes[4] / seconds,
    share: requests > 0 ? (codes[5] + codes[0]) / requests : 0, requests, bounds: b.bounds,
    buckets: grown.map((n, i) => n - (i > 0 ? grown[i - 1] : 0)),
    p50: quantile(0.5, b.bounds, grown), p95: quantile(0.95, b.bounds, grown), p99: quantile(0.99, b.bounds, grown),
    cpu: (b.cpu - a.cpu) / seconds, memory: b.memory, active: b.active, idle: b.idle, bytes: (b.bytes - a.bytes) / seconds,
  };
}

// reading adds up what was counted at one moment.
function reading(t) {
  let sum = 0;
  return {
    at: t.at_ms, codes: t.codes, requests: t.codes.reduce((total, n) => total + n, 0), bounds: [...t.bounds_seconds, Infinity],
    counts: t.durations.map((n) => { sum += n; return sum; }),
    cpu: t.cpu_seconds, memory: t.memory_bytes, active: t.active, idle: t.idle, bytes: t.bytes,
  };
}

// Traffic makes a sample of each second.
export class Traffic {
  constructor() {
    this.last = null;
  }

  // next is what happened since the sample before; null for the first one, and where it is not time yet.
  next(traffic) {
    const before = this.last;
    if (before && traffic.at_ms >= before.at && traffic.at_ms - before.at < sampleMS) {
      return null;
    }
    const now = reading(traffic);
    this.last = now;
    const isSame = before && now.at > before.at && now.requests >= before.requests && now.cpu >= before.cpu; // else it was started anew
    return isSame ? between(before, now) : null;
  }
}
