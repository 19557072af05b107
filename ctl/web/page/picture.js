// The picture of the process (GET /api/v1/live) as pages read it: lists of pools, backends and routes
// that are kept up by merge patches, and rates of what is counted.

const rateMS = 900; // between the two readings of a rate at least

// merge applies a merge patch (RFC 7396) in place. It reports whether objects have come or gone.
export function merge(target, patch) {
  let moved = false;
  for (const [name, value] of Object.entries(patch)) {
    if (name === "__proto__") {
      continue; // it would be no member
    }
    if (value === null) {
      moved = moved || typeof target[name] === "object";
      delete target[name];
    } else if (typeof value !== "object" || Array.isArray(value)) {
      target[name] = value;
    } else if (target[name] && typeof target[name] === "object" && !Array.isArray(target[name])) {
      moved = merge(target[name], value) || moved;
    } else {
      target[name] = value;
      moved = true;
    }
  }
  return moved;
}

export class Picture {
  constructor() {
    this.known = {};
    this.pools = []; // each with its name, and backends where they are known
    this.backends = null; // of all pools, each with its pool and address; null while they are not asked for
    this.rates = new Map(); // requests a second by "route NAME" and "backend POOL ADDRESS"
    this.before = new Map(); // counters by the same keys
    this.countedAt = 0;
  }

  // replace takes a whole picture.
  replace(known) {
    this.known = known;
    this.list();
    this.count();
  }

  // change takes what has become different.
  change(patch) {
    if (merge(this.known, patch)) {
      this.list();
    }
    this.count();
  }

  // list makes the lists anew: their items are the objects of the picture, which patches change in place.
  list() {
    const { pools = {}, backends } = this.known;
    this.pools = Object.keys(pools).sort().map((name) => Object.assign(pools[name], { name, backends: [] }));
    this.backends = backends || this.backends ? [] : null;
    for (const pool of this.pools) {
      for (const [address, b] of Object.entries((backends || {})[pool.name] || {})) {
        pool.backends.push(Object.assign(b, { pool: pool.name, address }));
      }
      this.backends?.push(...pool.backends);
    }
  }

  // count makes rates of two readings, once a second.
  count() {
    const at = this.known.at_ms;
    const passed = at - this.countedAt;
    if (passed < rateMS && passed >= 0) {
      return;
    }
    this.countedAt = at;
    const before = this.before;
    this.before = new Map();
    const one = (key, value) => {
      const was = before.get(key);
      if (was !== undefined && value >= was) {
        this.rates.set(key, (value - was) * 1000 / passed);
      }
      this.before.set(key, value);
    };
    this.backends?.forEach((b) => one("backend " + b.pool + " " + b.address, b.requests));
    Object.entries(this.known.routes || {}).forEach(([name, r]) => one("route " + name, r.requests));
  }

  // status is the process with what is counted of it, as GET /api/v1/status has it.
  status() {
    const { status, traffic, at_ms: at, requests } = this.known;
    return status && { ...status, uptime_seconds: (at - Date.parse(status.started)) / 1000, requests_total: requests || 0,
      connections: traffic ? traffic.active + traffic.idle : 0, pools: this.pools };
  }
}
