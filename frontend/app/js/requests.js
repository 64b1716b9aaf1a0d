// htmx, set up for a strict content security policy and private pages.
import htmx from "htmx.org";

import { text } from "./dom.js";
import { toast } from "./toasts.js";

// Going back loads the page anew: the server says what it is, nothing private is kept by the browser.
htmx.config.history = "reload";
htmx.config.defaultTimeout = 20000;

// Attributes are no place for scripts.
document.addEventListener("htmx:before:on:init", (event) => event.preventDefault());

// Where only the fragment of the address changed, the page that is shown is the one asked for.
const address = () => location.pathname + location.search;
let shown = address();
for (const kind of ["push", "replace"]) {
  document.addEventListener(`htmx:after:history:${kind}`, () => (shown = address()));
}
document.addEventListener("htmx:before:history:restore", (event) => {
  if (event.detail.path === shown) event.preventDefault();
});

// A form with its errors (422) is swapped in, and what says where it belongs; any other error is not what was asked
// for, such as a proxy's page.
document.addEventListener("htmx:before:swap", (event) => {
  const { response, hx } = event.detail.ctx;
  if (response?.status >= 400 && response.status !== 422 && !hx.retarget) {
    event.preventDefault();
    toast(text("failed"));
  }
});

// No answer at all. What repeats by itself stays quiet: the banner says that one is offline.
document.addEventListener("htmx:error", ({ target, detail }) => {
  if (detail.ctx && !/\bevery\b/.test(target.getAttribute?.("hx-trigger"))) toast(text("failed"));
});

/**
 * Do something on the server whose answer is not shown.
 *
 * Rejects where it was not done.
 */
export async function post(url, body) {
  const headers = { Accept: "text/html", "HX-Request": "true" };
  const response = await fetch(url, { method: "POST", headers, body: body ?? new URLSearchParams() });
  const next = response.headers.get("HX-Redirect");
  if (next?.startsWith("/signin")) location.href = next;
  if (!response.ok || next?.startsWith("/signin")) throw new Error(`${url}: ${response.status}`);
}
