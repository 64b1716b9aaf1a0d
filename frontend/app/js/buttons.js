// Buttons that act on the page alone.
import { $, on, text } from "./dom.js";
import { toast } from "./toasts.js";

async function copy(words) {
  if (navigator.clipboard) return navigator.clipboard.writeText(words);
  // Over plain http there is no clipboard but this.
  const write = (event) => {
    event.preventDefault();
    event.clipboardData.setData("text/plain", words);
  };
  document.addEventListener("copy", write, { once: true });
  if (!document.execCommand("copy")) throw new Error("The browser does not let us copy.");
}

on("click", "button[data-copy]", (_, button) => {
  const words = button.dataset.copy || $("code", button.closest("figure")).textContent;
  copy(words).then(
    () => toast(text("copied", button)),
    () => toast(text("not-copied", button)),
  );
});

const reveal = (ids, isShown) => {
  for (const id of ids.split(" ")) document.getElementById(id).type = isShown ? "text" : "password";
};

on("click", "button[data-show]", (_, button) => {
  button.ariaPressed = String(button.ariaPressed !== "true");
  reveal(button.dataset.show, button.ariaPressed === "true");
});

on("change", "input[data-show]", (_, input) => reveal(input.dataset.show, input.checked));

function toggle(button) {
  button.ariaPressed = String(button.ariaPressed !== "true");
  const controlled = document.getElementById(button.getAttribute("aria-controls"));
  if (controlled) controlled.hidden = button.ariaPressed !== "true";
}

on("click", "button[data-toggle][type=button]", (_, button) => toggle(button));

// A button that sends shows its new state at once, and the old one again where the server did not agree.
const toggled = new WeakSet();
document.addEventListener("htmx:before:request", ({ target }) => {
  const button = target.matches?.("form") && $("[data-toggle]:not([type=button])", target);
  if (!button) return;
  toggle(button);
  toggled.add(button);
});
for (const event of ["htmx:error", "htmx:response:error"]) {
  document.addEventListener(event, ({ target }) => {
    const button = target.matches?.("form") && $("[data-toggle]", target);
    if (button && toggled.delete(button)) toggle(button);
  });
}

// Dialogs in browsers that do not know these attributes yet.
if (!("commandForElement" in HTMLButtonElement.prototype)) {
  on("click", "button[commandfor]", (_, button) => {
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "show-modal") dialog?.showModal();
    if (button.getAttribute("command") === "close") dialog?.close(button.value);
  });
}

// A link to a page of its own opens the dialog that has the same form, where there is one.
on("click", "a[data-dialog]", (event, link) => {
  const dialog = document.getElementById(link.dataset.dialog);
  if (!dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  dialog.showModal();
});
