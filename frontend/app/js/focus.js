// Where one goes on after something new came: at what is wrong, or where the new content says.
import { $, whenNew } from "./dom.js";

// A keyboard that comes up by itself hides half of what one came to read.
if (matchMedia("(hover: hover) and (pointer: fine)").matches && !location.hash) {
  $("[data-autofocus]")?.focus({ preventScroll: true });
}
whenNew("[data-focus]", (element) => {
  element.removeAttribute("data-focus");
  element.focus();
});
whenNew("[role=alert][tabindex='-1']", (summary) => summary.focus());
