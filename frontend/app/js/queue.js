// The queue: one current row, which keys move and act on; passing a ticket does not wait for the server.
import { $, $$, on, text } from "./dom.js";
import { post } from "./requests.js";
import { toast } from "./toasts.js";

const WIDE = matchMedia("(width >= 80rem)");

export const rows = () => $$("[data-queue] > li:not([hidden])");
export const current = () => $("[data-queue] > [aria-current]");

function mark(row) {
  if (row === current()) return;
  current()?.removeAttribute("aria-current");
  row.setAttribute("aria-current", "true");
}

export function select(row) {
  if (!row) return;
  mark(row);
  $("h3 a", row).focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

on("focusin", "[data-queue] > li", (_, row) => mark(row));

// The ticket beside the list is loaded by its row, where there is room for it and it is another than before.
document.addEventListener("htmx:before:request", (event) => {
  const { sourceElement, target } = event.detail.ctx;
  const pane = target?.closest?.(".peek");
  if (!pane || !sourceElement.matches("[data-queue] > li")) return;
  const isShown = $("[data-ticket]", pane)?.dataset.ticket === sourceElement.dataset.ticket;
  if (isShown || !WIDE.matches) event.preventDefault();
});

function rowOf(form) {
  const id = form.closest("[data-ticket]")?.dataset.ticket;
  return form.closest("[data-queue] > li") ?? (id && $(`[data-queue] > li[data-ticket="${id}"]`));
}

function showOrHide(row, isShown) {
  row.hidden = !isShown;
  const nothing = $("[data-queue-empty]");
  if (nothing) nothing.hidden = rows().length > 0;
}

on("submit", "form[data-pass]", async (event, form) => {
  const row = rowOf(form);
  if (!row || !text("passed", row)) return; // Sent as any form is.
  event.preventDefault();
  const all = rows();
  const next = all[all.indexOf(row) + 1] ?? all[all.indexOf(row) - 1];
  const title = $("h3", row).textContent.trim();
  const comeBack = () => {
    showOrHide(row, true);
    select(row);
  };
  const fail = () => toast(text("failed", row, { title }));
  showOrHide(row, false);
  if (next) select(next);
  else $(".peek")?.replaceChildren();
  const passing = post(form.action, new URLSearchParams(new FormData(form)));
  toast(text("passed", row, { title }), async () => {
    comeBack();
    // In the order in which they were meant, also where the first is still on its way.
    await passing.catch(() => {});
    await post(form.dataset.undo).catch(fail);
  });
  await passing.catch(() => {
    comeBack();
    fail();
  });
});
