// Single keys, as the dialog #keys lists them. Never while somebody types, and off for who does not want them.
import { $, $$ } from "./dom.js";
import { current, rows, select } from "./queue.js";

const TYPING =
  "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]:not([contenteditable=false])";
const PLACES = { q: "/app/queue", n: "/app/notifications", h: "/app" };
const SECOND = 1000;

const step = (by) => select(rows()[rows().indexOf(current()) + by]);
const send = (kind) => $(`form[data-${kind}]`, current())?.requestSubmit();
const go = (path) => (location.href = path);

const OF_ANY_PAGE = {
  "/": () => ($("#find") ? $("#find").focus() : go("/solved")),
  "?": () => $("#keys")?.showModal(),
  c: () => document.body.dataset.role === "student" && go("/app/ask"),
};
const OF_THE_QUEUE = {
  j: () => step(1),
  k: () => step(-1),
};
const OF_A_ROW = {
  a: () => send("accept"),
  p: () => send("pass"),
};

let pressedG = -SECOND;

function actOf({ key, timeStamp, repeat }) {
  if (!repeat && timeStamp - pressedG < SECOND && PLACES[key]) return () => go(PLACES[key]);
  if ($("[data-queue]") && OF_THE_QUEUE[key]) return OF_THE_QUEUE[key];
  if (repeat) return undefined;
  return (current() && OF_A_ROW[key]) || OF_ANY_PAGE[key];
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.isComposing || event.defaultPrevented) return;
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
    sendForm(target.form);
    return;
  }
  if (document.body.dataset.keys === "off" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.closest(`${TYPING}, [popover]`) || $("dialog[open]")) return;
  if (key === "Enter") {
    if (target === document.body) $("h3 a", current() ?? target)?.click();
    return;
  }
  if (key === "g") {
    pressedG = event.timeStamp;
    return;
  }
  const act = actOf(event);
  if (!act) return;
  event.preventDefault();
  pressedG = -SECOND;
  act();
});

/** Send a form by its main button, of which some show one for each thing that one may do. */
function sendForm(form) {
  if (!form) return;
  const main = $$("button.primary", form).find((button) => button.type === "submit" && button.checkVisibility());
  form.requestSubmit(main);
}
