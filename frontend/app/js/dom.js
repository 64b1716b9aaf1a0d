// What the modules share. They listen on the document, so that swapped content needs no set-up, and do nothing where
// their elements are absent.

export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

export const language = document.documentElement.lang || undefined;

/** Listen for events on elements that match, now and later. */
export function on(type, selector, handle) {
  document.addEventListener(type, (event) => {
    const element = event.target.closest?.(selector);
    if (element) handle(event, element);
  });
}

/** Set up each matching element of the page, and of what is swapped in later. htmx also reports the page itself. */
export function whenNew(selector, setUp) {
  document.addEventListener("htmx:after:process", ({ target }) => {
    if (target.matches?.(selector)) setUp(target);
    $$(selector, target).forEach(setUp);
  });
}

/** A text in the reader's language: `data-text-{name}` of the element or of the nearest one around it, filled in. */
export function text(name, element = document.body, values = {}) {
  const attribute = `data-text-${name}`;
  const template = element.closest(`[${attribute}]`)?.getAttribute(attribute) ?? "";
  return template.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** Have screen readers say something. */
export function announce(words) {
  const place = $("#say");
  if (!place || !words) return;
  // The same words twice are said twice only if the place was empty in between.
  place.textContent = "";
  setTimeout(() => (place.textContent = words), 50);
}

/** The address of an icon, beside the ones that the page shows already: it names the version of the file. */
export const icon = (name) =>
  `<svg class="i" aria-hidden="true"><use href="${$("use").getAttribute("href").split("#")[0]}#${name}"/></svg>`;
