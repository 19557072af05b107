// What is known of the process: one picture that every page reads, asked for once a second
// while the tab is seen. A page names the parts it needs, so that 10,000 routes are not read
// for who looks at certificates.

import { call, Problem, Unreachable } from "./api.js";
import { Scrape } from "./metrics.js";

const everyMS = 1000;
const restFactor = 4; // of what a round took: 10,000 routes are read less often
const samplesMax = 600; // of the series: ten minutes

// Parts by their paths.
const paths = {
  status: "/api/v1/status", pools: "/api/v1/pools", routes: "/api/v1/routes", listeners: "/api/v1/listeners",
  certificates: "/api/v1/certificates", limits: "/api/v1/limits", overlay: "/api/v1/overlay",
};

class Store extends EventTarget {
  constructor() {
    super();
    this.data = {}; // by part: its last answer
    this.problems = {}; // by part: why there is none
    this.rates = new Map(); // requests a second by "route NAME" and "backend POOL ADDRESS"
    this.before = new Map(); // counters with the time they were read at
    this.traffic = []; // samples of the whole process, oldest first
    this.online = true;
    this.needsLogin = false;
    this.parts = new Set();
    this.scrape = new Scrape();
    this.running = false;
  }

  // need says which parts are asked for from now on. Status always is, and so are the metrics, so
  // that charts have no gap where somebody has looked at another page.
  need(...parts) {
    this.parts = new Set(["status", "metrics", ...parts]);
    this.refresh();
  }

  // refresh asks now, and then each second. There is one round at a time.
  async refresh() {
    clearTimeout(this.timer);
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    const began = performance.now();
    try {
      await this.round();
    } finally {
      this.running = false;
    }
    const hurry = this.again;
    this.again = false;
    this.timer = setTimeout(() => this.refresh(), hurry ? 0 : Math.max(everyMS, restFactor * (performance.now() - began)));
  }

  async round() {
    if (document.hidden || this.needsLogin) {
      return;
    }
    const asked = [...this.parts];
    const outcomes = await Promise.all(asked.map((part) => this.ask(part)));
    if (outcomes.includes("unreachable")) {
      this.setOnline(false);
      return;
    }
    this.setOnline(true);
    if (!this.needsLogin) {
      this.dispatchEvent(new Event("change"));
    }
  }

  // ask reads one part; what is wrong with it is kept where the page shows it.
  async ask(part) {
    try {
      if (part === "metrics") {
        const sample = await this.scrape.next();
        if (sample) {
          this.traffic.push(sample);
          this.traffic.splice(0, this.traffic.length - samplesMax);
        }
      } else {
        this.take(part, (await call(paths[part])).body);
      }
      delete this.problems[part];
      return "read";
    } catch (error) {
      if (error instanceof Unreachable) {
        return "unreachable";
      }
      if (error instanceof Problem && error.status === 401) {
        this.setLogin(true);
      }
      this.problems[part] = error;
      return "refused";
    }
  }

  take(part, body) {
    this.data[part] = body;
    const now = performance.now();
    if (part === "routes") {
      body.forEach((r) => this.count("route " + r.name, r.requests, now));
    } else if (part === "pools") {
      for (const p of body) {
        p.backends.forEach((b) => this.count("backend " + p.name + " " + b.address, b.requests, now));
      }
    }
  }

  // count makes a rate of two readings of a counter, at least half a second apart.
  count(key, value, now) {
    const before = this.before.get(key);
    if (before && now - before.at < 500) {
      return;
    }
    if (before && value >= before.value) {
      this.rates.set(key, (value - before.value) * 1000 / (now - before.at));
    }
    this.before.set(key, { value, at: now });
  }

  setOnline(online) {
    if (this.online !== online) {
      this.online = online;
      this.lostAt = online ? null : Date.now();
      this.scrape.forget(); // a pause is no second
      this.dispatchEvent(new Event("online"));
    }
  }

  setLogin(needed) {
    if (this.needsLogin !== needed) {
      this.needsLogin = needed;
      this.dispatchEvent(new Event("login"));
      if (!needed) {
        this.refresh();
      }
    }
  }
}

export const store = new Store();

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    store.scrape.forget();
    store.refresh();
  }
});
