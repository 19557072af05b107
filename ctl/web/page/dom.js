// How elements are made. Text of others comes onto the page as text nodes and as values of
// attributes alone; there is no markup in any string here, and the policy of the page
// (require-trusted-types-for) refuses whoever tries.

// h makes an element. props: class, on<event> (a function), value, checked and the like as
// properties, any other name as an attribute; null, undefined and false leave it out.
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    set(element, name, value);
  }
  element.append(...nodes(children));
  return element;
}

const properties = ["value", "checked", "disabled", "open", "selected", "readOnly"];

function set(element, name, value) {
  if (value === null || value === undefined || value === false) {
    return;
  }
  if (name.startsWith("on")) {
    element.addEventListener(name.slice(2), value);
  } else if (name === "class") {
    element.className = value;
  } else if (properties.includes(name)) {
    element[name] = value;
  } else {
    element.setAttribute(name, value === true ? "" : value);
  }
}

// nodes are the children of any depth without those that are nothing.
function nodes(children) {
  return children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false)
    .map((c) => (c instanceof Node ? c : document.createTextNode(String(c))));
}

// fill replaces what is in an element.
export function fill(element, ...children) {
  element.replaceChildren(...nodes(children));
  return element;
}

// say changes the text of an element, and touches nothing where it is that already, so that a
// selection stays and a screen reader is not told twice.
export function say(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

// facts is a list of names and values; pairs without a value are left out.
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, v]) => v !== undefined && v !== null && v !== "" && v !== false)
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

// table is a plain one, for what is short.
export function table(caption, heads, rows) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { "aria-label": caption },
      h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell)))))));
}

export function tag(text, kind) {
  return h("span", { class: "tag " + (kind || "") }, text);
}

// field is an input with its label.
export function field(label, input, kind) {
  return h("label", { class: kind || "" }, kind === "tick" ? [input, label] : [label, input]);
}

export function choice(options, props) {
  return h("select", props, options.map(([value, text]) => h("option", { value }, text)));
}

// later calls f once, when nothing has come for so long.
export function later(f, delayMS) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => f(...args), delayMS);
  };
}
