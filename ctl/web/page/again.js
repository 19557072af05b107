// What is read again and again while it is looked at, beside the stream that every page has.

import { store } from "./store.js";

// again calls read now and then each everyMS, one call at a time; none while the tab is hidden,
// the process is not reached or a token is needed. now() does not wait for the next turn.
export function again(everyMS, read) {
  let timer = 0;
  let running = false;
  let once = false; // more, as soon as this one has ended
  let over = false;
  const turn = async () => {
    clearTimeout(timer);
    if (running) {
      once = true;
      return;
    }
    running = true;
    if (!document.hidden && store.online && !store.needsLogin) {
      await read();
    }
    running = false;
    if (!over) {
      timer = setTimeout(turn, once ? 0 : everyMS);
    }
    once = false;
  };
  const seen = () => !document.hidden && turn();
  document.addEventListener("visibilitychange", seen);
  turn();
  return {
    now: turn,
    stop: () => {
      over = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    },
  };
}
