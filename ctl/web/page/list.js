// A table of any length: only the rows that are seen are on the page. Rows keep their elements
// from one update to the next, so that the focus, a selection and the place stay.

import { h, fill } from "./dom.js";

const rowPixels = 37; // of parts.css: 36 and the line
const beyond = 8; // rows above and below what is seen

// list makes one. columns: {title, cell(row) a text, or {key, node()} which is made anew when its
// key changes, sort(row) a value, class}. options: caption, key(row), href(row), empty, sort (index).
export function list(columns, options) {
  const state = { rows: [], shown: [], sort: options.sort ?? -1, down: options.down ?? false };
  const body = h("tbody");
  const heads = columns.map((c, i) => head(c, i, state, () => draw()));
  const holder = h("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": options.caption, onscroll: () => paint() },
    h("table", { "aria-label": options.caption }, h("thead", {}, h("tr", {}, heads)), body));
  const top = gap(columns.length);
  const bottom = gap(columns.length);
  const made = new Map();
  let last = "";

  // paint puts the rows on the page that are seen now.
  function paint() {
    const first = Math.max(0, Math.floor(holder.scrollTop / rowPixels) - beyond);
    const until = Math.min(state.shown.length, first + Math.ceil((holder.clientHeight || 600) / rowPixels) + 2 * beyond);
    const seen = state.shown.slice(first, until);
    const keys = new Set(seen.map(options.key));
    for (const [key, row] of made) {
      if (!keys.has(key)) {
        row.element.remove();
        made.delete(key);
      }
    }
    const elements = seen.map((row, i) => update(made, columns, options, row, first + i));
    height(top, first * rowPixels);
    height(bottom, (state.shown.length - until) * rowPixels);
    const order = first + "|" + seen.map(options.key).join("\n");
    if (order !== last) {
      last = order;
      place(body, [top, ...elements, bottom]);
    }
  }

  function draw() {
    state.shown = sorted(state.rows, columns[state.sort], state.down);
    heads.forEach((th, i) => th.setAttribute("aria-sort", i !== state.sort ? "none" : state.down ? "descending" : "ascending"));
    holder.firstChild.setAttribute("aria-rowcount", String(state.shown.length + 1));
    if (state.shown.length === 0) {
      made.clear();
      last = "";
      fill(body, h("tr", {}, h("td", { class: "empty", colspan: columns.length }, options.empty)));
      return;
    }
    paint();
  }

  return {
    holder,
    show(rows) {
      state.rows = rows;
      draw();
    },
  };
}

function gap(span) {
  return h("tr", { class: "gap", "aria-hidden": "true" }, h("td", { colspan: span }));
}

function height(row, pixels) {
  row.firstChild.style.height = pixels + "px";
  row.hidden = pixels === 0;
}

// place brings the elements into their order, and moves none that is in its place.
function place(body, elements) {
  const wanted = new Set(elements);
  for (const child of [...body.children]) {
    if (!wanted.has(child)) {
      child.remove();
    }
  }
  elements.forEach((element, i) => {
    if (body.children[i] !== element) {
      body.insertBefore(element, body.children[i] || null);
    }
  });
}

function sorted(rows, column, down) {
  if (!column || !column.sort) {
    return rows;
  }
  const way = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const x = column.sort(a);
    const y = column.sort(b);
    return x < y ? -way : x > y ? way : 0;
  });
}

function head(column, i, state, draw) {
  const turn = () => {
    state.down = state.sort === i ? !state.down : Boolean(column.down);
    state.sort = i;
    draw();
  };
  return h("th", { scope: "col", class: column.class }, column.sort ? h("button", { type: "button", onclick: turn }, column.title) : column.title);
}

// update makes or changes the element of a row.
function update(made, columns, options, row, at) {
  const key = options.key(row);
  let one = made.get(key);
  if (!one) {
    one = { element: h("tr"), cells: columns.map(() => undefined), row };
    one.element.append(...columns.map((c) => h("td", { class: c.class })));
    if (options.pick) {
      one.element.classList.add("pick");
      one.element.addEventListener("click", (event) => {
        if (!event.target.closest("a, button, input")) {
          options.pick(one.row);
        }
      });
    }
    made.set(key, one);
  }
  one.row = row;
  one.element.setAttribute("aria-rowindex", String(at + 2));
  columns.forEach((c, i) => {
    const cell = c.cell(row);
    const text = typeof cell === "object" ? cell.key : String(cell);
    if (one.cells[i] !== text) {
      one.cells[i] = text;
      const td = one.element.children[i];
      fill(td, typeof cell === "object" ? cell.node() : text);
      td.title = typeof cell === "object" ? cell.title || "" : text;
    }
  });
  return one.element;
}
