// What is known of the process: one picture that every page reads. It comes by one stream while the tab is
// seen, a whole one first and then what becomes different, with the events of the process between. A
// page names the parts it needs, so that 10,000 routes are not sent to who looks at certificates.

import { call, query, Problem, Unreachable } from "./api.js";
import { follow } from "./stream.js";
import { Picture } from "./picture.js";
import { Traffic } from "./metrics.js";

const againMS = 1000; // before a stream that was lost or refused is tried again
const silenceMS = 12000; // a stream says something each second: then it is lost
const askEveryMS = 5000; // parts that no stream has
const samplesMax = 600; // of the series: ten minutes
const eventsMax = 100;

// Parts of the stream by what pages call them, and paths of those that are asked for.
const streamed = { pools: "backends", routes: "routes" };
const paths = { listeners: "/api/v1/listeners", certificates: "/api/v1/certificates", limits: "/api/v1/limits", overlay: "/api/v1/overlay" };

class Store extends EventTarget {
  constructor() {
    super();
    this.data = {}; // by part: what is known
    this.problems = {}; // by part: why there is nothing
    this.traffic = []; // samples of the whole process, a second apart, oldest first
    this.events = []; // newest first: {type, data}
    this.online = true;
    this.needsLogin = false;
    this.parts = [];
    this.turn = new AbortController();
    this.forget();
  }

  get rates() {
    return this.picture.rates;
  }

  // forget drops what is known of a process, or of what somebody else might see.
  forget() {
    this.picture = new Picture();
    this.counted = new Traffic();
    this.data = {};
  }

  // need says which parts are asked for from now on. The process and its pools always are, so that charts
  // have no gap where somebody has looked at another page.
  need(...parts) {
    const before = this.wish();
    this.parts = parts;
    if (this.wish() !== before) {
      this.restart();
    }
    this.refresh();
  }

  wish() {
    return this.parts.map((p) => streamed[p]).filter(Boolean).sort().join(",");
  }

  // restart begins the stream anew.
  restart() {
    this.turn.abort();
  }

  // run follows the stream for as long as the page lives.
  async run() {
    for (;;) {
      await this.isSeen();
      this.turn = new AbortController();
      const { signal } = this.turn;
      try {
        await follow("/api/v1/live" + query({ parts: this.wish() }), { signal, silenceMS, opened: () => this.opened(),
          headers: this.lastID ? { "Last-Event-ID": this.lastID } : {}, event: (type, data, id) => this.take(type, data, id) });
      } catch (error) {
        this.refused(error);
      }
      if (!signal.aborted) {
        await new Promise((resolve) => { setTimeout(resolve, againMS); });
      }
    }
  }

  // isSeen waits until the tab is seen, and nobody has to log in.
  isSeen() {
    return new Promise((resolve) => {
      const look = () => {
        if (document.hidden || this.needsLogin) {
          return;
        }
        document.removeEventListener("visibilitychange", look);
        this.removeEventListener("login", look);
        resolve();
      };
      document.addEventListener("visibilitychange", look);
      this.addEventListener("login", look);
      look();
    });
  }

  opened() {
    delete this.problems.stream;
    this.setOnline(true);
  }

  refused(error) {
    if (error instanceof Unreachable) {
      this.setOnline(false);
      return;
    }
    if (error instanceof Problem && error.status === 401) {
      this.setLogin(true);
    }
    this.problems.stream = error;
    this.changed();
  }

  // take is one event of the stream.
  take(type, data, id) {
    if (id !== null) {
      this.lastID = id;
    }
    if (type === "picture" || type === "change") {
      this.picture[type === "picture" ? "replace" : "change"](data);
      this.show();
    } else if (type) {
      this.events.unshift({ type, data });
      this.events.splice(eventsMax);
      this.dispatchEvent(new CustomEvent("event", { detail: { type, data } }));
      this.refresh(); // what no stream has is different, too
    }
  }

  // show makes what pages read of the picture.
  show() {
    const { known } = this.picture;
    const generation = this.data.status?.generation;
    this.data.status = this.picture.status();
    if (this.picture.backends && this.parts.includes("pools")) {
      this.data.pools = this.picture.pools;
    }
    const sample = known.traffic && this.counted.next(known.traffic);
    if (sample) {
      this.traffic.push(sample);
      this.traffic.splice(0, this.traffic.length - samplesMax);
    }
    if (this.data.status?.generation !== generation) {
      this.refresh(); // other routes
    }
    this.countRoutes();
    this.changed();
  }

  // countRoutes puts what is counted to the routes that were read.
  countRoutes() {
    const counts = this.picture.known.routes;
    if (counts && this.data.routes) {
      for (const r of this.data.routes) {
        const c = counts[r.name];
        if (c) {
          r.requests = c.requests;
          r.last_used = c.last_used > 0 ? c.last_used * 1000 : undefined;
        }
      }
    }
  }

  // changed has the page drawn, once for each frame of the screen.
  changed() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.dispatchEvent(new Event("change"));
    });
  }

  // refresh asks for the parts that no stream has, now and then each few seconds. There is one round at a time.
  async refresh() {
    clearTimeout(this.timer);
    if (this.asking) {
      this.again = true;
      return;
    }
    this.asking = true;
    if (!document.hidden && !this.needsLogin && this.online) {
      await Promise.all(this.parts.filter((p) => paths[p] || p === "routes" && this.isOther()).map((p) => this.ask(p)));
    }
    this.asking = false;
    const hurry = this.again;
    this.again = false;
    if (hurry || this.parts.some((p) => paths[p])) {
      this.timer = setTimeout(() => this.refresh(), hurry ? 0 : askEveryMS);
    }
  }

  // isOther reports that the routes are of another generation than those that were read.
  isOther() {
    return !this.data.routes || this.routesOf !== this.data.status?.generation;
  }

  // ask reads one part; what is wrong with it is kept where the page shows it.
  async ask(part) {
    try {
      const of = this.data.status?.generation;
      this.data[part] = (await call(paths[part] || "/api/v1/" + part)).body;
      if (part === "routes") {
        this.routesOf = of;
        this.data.routes.forEach((r) => { r.last_used = r.last_used && Date.parse(r.last_used); });
        this.countRoutes();
      }
      delete this.problems[part];
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        this.setLogin(true);
      }
      if (!(error instanceof Unreachable)) { // which the stream notices
        this.problems[part] = error;
      }
    }
    this.changed();
  }

  setOnline(online) {
    if (this.online !== online) {
      this.online = online;
      this.lostAt = online ? null : Date.now();
      this.counted = new Traffic(); // a pause is no second
      this.dispatchEvent(new Event("online"));
      this.refresh();
    }
  }

  setLogin(needed) {
    if (this.needsLogin !== needed) {
      this.needsLogin = needed;
      if (needed) {
        this.forget();
      }
      this.dispatchEvent(new Event("login"));
      this.refresh();
    }
  }
}

export const store = new Store();

document.addEventListener("visibilitychange", () => {
  store.counted = new Traffic();
  if (document.hidden) {
    store.restart(); // nothing is read for who does not look
  } else {
    store.refresh();
  }
});

store.run();
