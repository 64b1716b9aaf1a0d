import { $, text, whenNew } from "./dom.js";

const SHOWN = 8000;

/** Say what has happened; `undo` is called when its reader wants it undone. */
export function toast(words, undo) {
  if (!words) return;
  const element = document.createElement("div");
  element.className = "toast";
  element.append(Object.assign(document.createElement("span"), { textContent: words }));
  if (undo) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: text("undo") });
    button.addEventListener("click", () => {
      element.remove();
      undo();
    });
    element.append(button);
  }
  show(element);
}

/** One at a time: a new toast takes the place of the one before. */
export function show(element) {
  $(".toasts").replaceChildren(element);
  removeLater(element);
}

/** Nobody is hurried: it stays while it is pointed at or has the focus. */
function removeLater(element) {
  let timer;
  const stay = () => clearTimeout(timer);
  const wait = () => {
    stay();
    timer = setTimeout(() => element.remove(), SHOWN);
  };
  for (const event of ["pointerenter", "focusin"]) element.addEventListener(event, stay);
  for (const event of ["pointerleave", "focusout"]) element.addEventListener(event, wait);
  wait();
}

whenNew(".toasts > .toast", removeLater);
