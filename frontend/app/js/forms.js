// A form is sent once, however often its button is pressed; meanwhile the button says that it works.
import { $ } from "./dom.js";

// After this long it was no page that came, but a download.
const LONGEST = 10000;

const working = new WeakMap();

function begin(form, submitter) {
  const button = submitter ?? $("button:not([type=button], [type=reset])", form);
  working.set(form, button);
  // Not `disabled`: that would take the focus away, and its value out of the form.
  button?.setAttribute("aria-disabled", "true");
  button?.classList.add("htmx-request");
}

function end(form) {
  if (!working.has(form)) return;
  const button = working.get(form);
  working.delete(form);
  button?.removeAttribute("aria-disabled");
  button?.classList.remove("htmx-request");
}

document.addEventListener(
  "submit",
  (event) => {
    if (!working.has(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

// On the window, which is last: whoever handles a form otherwise has prevented it by then.
window.addEventListener("submit", (event) => {
  const form = event.target;
  const method = event.submitter?.getAttribute("formmethod") ?? form.method;
  if (event.defaultPrevented || method !== "post") return;
  begin(form, event.submitter);
  setTimeout(() => end(form), LONGEST);
});

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.matches("form") && ctx.request.method !== "GET")
    begin(ctx.sourceElement, ctx.request.submitter);
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => end(ctx.sourceElement));

// A page that comes back as it was left.
window.addEventListener("pageshow", () => [...document.forms].forEach(end));
