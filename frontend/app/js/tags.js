// A field of comma separated tags becomes chips and a combobox with suggestions; what is sent stays the same.
//
//   <div class="combo">
//     <div class="taginput"> chips, <input role="combobox">, <input type="hidden" name="…" value="python, jwt"> </div>
//     <ul role="listbox" hidden></ul>
//   </div>
import { $, $$, announce, icon, language, on, text, whenNew } from "./dom.js";

const REST = 200;
const SHOWN = 8;
const MOST = 10;
const COMBO = ".combo input[role=combobox]";

let made = 0;

const split = (words) =>
  words
    .split(",")
    .map((word) => word.trim().toLowerCase())
    .filter(Boolean);
const partsOf = (combo) => ({
  combo,
  box: $(".taginput", combo),
  input: $("[role=combobox]", combo),
  hidden: $("input[type=hidden]", combo),
  list: $("[role=listbox]", combo),
});
const around = (element) => partsOf(element.closest(".combo"));

/** What may be written on the field itself or on a box that is there already. */
function setUp(element) {
  if (element.closest(".combo")) return;
  const field = element.matches("input") ? element : $("input", element);
  const combo = document.createElement("div");
  combo.className = element.classList.contains("grow") ? "combo grow" : "combo";
  element.before(combo);
  let box = element;
  if (box === field) {
    box = document.createElement("div");
    box.className = "taginput";
    box.append(field);
  }
  combo.append(box);
  field.before(inputFor(field));
  const list = document.createElement("ul");
  Object.assign(list, { className: "options", role: "listbox", id: `tag-options-${++made}`, hidden: true });
  list.ariaLabel = text("tag-options", combo);
  combo.append(list);
  $("[role=combobox]", combo).setAttribute("aria-controls", list.id);
  field.type = "hidden";
  field.removeAttribute("id");
  drawChips(partsOf(combo));
}

/** The field that one types in: has the label, hint and looks of the one that is sent, which stays out of sight. */
function inputFor(field) {
  const input = field.cloneNode();
  field.dataset.origin = field.defaultValue;
  for (const name of ["name", "value", "data-taginput", "required", "class", "data-htmx-powered"])
    input.removeAttribute(name);
  input.value = "";
  const aria = { role: "combobox", autocomplete: "off", "aria-autocomplete": "list", "aria-expanded": "false" };
  for (const [name, value] of Object.entries(aria)) input.setAttribute(name, value);
  return input;
}

function drawChips({ combo, input, hidden }) {
  $$(".tag", combo).forEach((chip) => chip.remove());
  for (const tag of split(hidden.value)) {
    const chip = document.createElement("span");
    chip.className = "tag hit";
    chip.dataset.tag = tag;
    chip.innerHTML = `<bdi></bdi><button type="button">${icon("x")}</button>`;
    chip.firstChild.textContent = tag;
    chip.lastChild.ariaLabel = text("tag-remove", combo, { tag }) || tag;
    input.before(chip);
  }
}

function change(parts, tags) {
  parts.hidden.value = tags.join(", ");
  drawChips(parts);
  parts.hidden.dispatchEvent(new Event("change", { bubbles: true }));
}

function add(parts, words) {
  const { combo, input, hidden } = parts;
  const most = Number((hidden.dataset.most || combo.closest("[data-most]")?.dataset.most) ?? MOST);
  const before = split(hidden.value);
  const tags = [...new Set([...before, ...split(words)])];
  input.value = "";
  close(parts);
  if (tags.length > most) announce(text("tags-full", combo, { n: most }));
  if (tags.length > before.length) change(parts, tags.slice(0, most));
}

function remove(parts, tag) {
  change(
    parts,
    split(parts.hidden.value).filter((each) => each !== tag),
  );
  parts.input.focus();
}

// Suggestions: the older question is dropped.
let timer;
let asking;

function drop() {
  clearTimeout(timer);
  asking?.abort();
}

function close({ input, list }) {
  drop();
  list.hidden = true;
  list.replaceChildren();
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

async function suggest(parts) {
  const { combo, input, hidden, list } = parts;
  const query = input.value.trim();
  if (!query) return;
  asking = new AbortController();
  try {
    const response = await fetch(`/tags?${new URLSearchParams({ q: query, limit: SHOWN })}`, { signal: asking.signal });
    if (!response.ok) return;
    const taken = split(hidden.value);
    const items = (await response.json()).items.filter(({ name }) => !taken.includes(name));
    list.replaceChildren(...items.map((item, k) => option(combo, item, `${list.id}-${k}`)));
    list.hidden = items.length === 0;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.removeAttribute("aria-activedescendant");
  } catch {
    // Another question took its place, or there is no answer: one can type a tag in full.
  }
}

function option(combo, { name, mentors, tickets }, id) {
  const item = document.createElement("li");
  Object.assign(item, { role: "option", id, ariaSelected: "false" });
  item.dataset.tag = name;
  item.innerHTML = '<span class="mono"></span> <span class="muted"></span>';
  const format = (n) => n.toLocaleString(language);
  item.firstChild.textContent = name;
  item.lastChild.textContent = text("tag-counts", combo, { mentors: format(mentors), tickets: format(tickets) });
  return item;
}

function choose({ input, list }, by) {
  const options = [...list.children];
  if (options.length === 0) return;
  const at = options.findIndex((each) => each.ariaSelected === "true");
  // One more place than options: from both ends one comes back to what was typed.
  const places = options.length + 1;
  const next = options[((((at + 1 + by) % places) + places) % places) - 1];
  for (const each of options) each.ariaSelected = String(each === next);
  if (next) input.setAttribute("aria-activedescendant", next.id);
  else input.removeAttribute("aria-activedescendant");
  next?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  ArrowDown: (parts) => choose(parts, 1),
  ArrowUp: (parts) => choose(parts, -1),
  Enter(parts, event) {
    const chosen = $("[aria-selected=true]", parts.list)?.dataset.tag;
    const words = chosen ?? parts.input.value;
    const isSent = event.ctrlKey || event.metaKey || !words.trim();
    if (words.trim()) add(parts, words);
    return isSent;
  },
  Escape(parts) {
    const isOpen = !parts.list.hidden;
    close(parts);
    return !isOpen;
  },
  Backspace(parts) {
    const last = split(parts.hidden.value).at(-1);
    if (!last || parts.input.value) return true;
    remove(parts, last);
  },
};

whenNew("[data-taginput]", setUp);

// While capturing, so that a key which only adds a tag does not also send the form.
document.addEventListener(
  "keydown",
  (event) => {
    if (!event.target.matches?.(COMBO) || event.isComposing) return;
    const isElsewhere = KEYS[event.key]?.(around(event.target), event) ?? !KEYS[event.key];
    if (!isElsewhere) event.preventDefault();
  },
  true,
);

on("input", COMBO, (_, input) => {
  const parts = around(input);
  drop();
  if (/[,\n]/.test(input.value)) add(parts, input.value);
  else if (input.value.trim()) timer = setTimeout(suggest, REST, parts);
  else close(parts);
});

// What was typed and not added is meant all the same.
on("focusout", COMBO, (_, input) => {
  const parts = around(input);
  if (input.value.trim()) add(parts, input.value);
  else close(parts);
});

// It has no name: a change of it is no change of the form.
document.addEventListener("change", (event) => event.target.matches?.(COMBO) && event.stopPropagation(), true);

// Pressing keeps the focus where it is, so that leaving the field does not come before choosing.
on("pointerdown", ".combo .options", (event) => event.preventDefault());
on("mousedown", ".combo .options", (event) => event.preventDefault());
on("click", ".combo [role=option]", (_, { dataset, parentNode }) => {
  const parts = around(parentNode);
  add(parts, dataset.tag);
});
on("click", ".combo .tag button", (_, button) => remove(around(button), button.parentNode.dataset.tag));
on("click", ".combo .taginput", (event, box) => event.target === box && $("[role=combobox]", box).focus());

// After the browser has put back all other fields.
on("reset", "form", (_, form) => {
  setTimeout(() => {
    for (const combo of $$(".combo", form)) {
      const parts = partsOf(combo);
      parts.hidden.value = parts.hidden.dataset.origin;
      change(parts, split(parts.hidden.value));
    }
  });
});
