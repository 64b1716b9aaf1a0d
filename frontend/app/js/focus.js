// Where one goes on after something new came: at what is wrong, or where the new content says.
import { whenNew } from "./dom.js";

whenNew("[data-focus]", (element) => {
  element.removeAttribute("data-focus");
  element.focus();
});
whenNew("[role=alert][tabindex='-1']", (summary) => summary.focus());
