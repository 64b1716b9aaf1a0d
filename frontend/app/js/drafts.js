// What somebody writes is kept in the browser until it is sent or discarded.
import { $, $$, language, on, text, whenNew } from "./dom.js";

const REST = 500;
const KEY = "draft:";
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });

const fieldsOf = (form) =>
  [...form.elements].filter(
    (field) =>
      field.name &&
      field.matches("input:not([type=hidden], [type=password], [type=file], [type=submit]), textarea, [data-origin]"),
  );
const isChoice = (field) => field.matches("[type=checkbox], [type=radio]");
const nameOf = (field) => (isChoice(field) ? `${field.name}=${field.value}` : field.name);
const read = (field) => (isChoice(field) ? field.checked : field.value);
const origin = (field) => field.dataset.origin ?? (isChoice(field) ? field.defaultChecked : field.defaultValue);

/** Storage may be full or forbidden; a page without drafts is still a page. */
function stored(act) {
  try {
    return act(localStorage);
  } catch {
    return null;
  }
}

const timers = new Map();

function forget(key) {
  clearTimeout(timers.get(key));
  stored((storage) => storage.removeItem(KEY + key));
}

/** Each field with what the server had put there, so that a draft never overwrites something newer. */
function save(form) {
  const fields = fieldsOf(form).map((field) => [nameOf(field), [origin(field), read(field)]]);
  if (fields.every(([, [from, value]]) => from === value)) {
    discard(form);
    return;
  }
  const isKept = stored((storage) => {
    storage.setItem(KEY + form.dataset.draft, JSON.stringify(Object.fromEntries(fields)));
    return true;
  });
  if (isKept) say(form, { time: clock.format(new Date()) });
}

function discard(form) {
  forget(form.dataset.draft);
  say(form, null);
}

/** That it is saved, or nothing. */
function say(form, values) {
  const place = $("[data-draft-status]", form);
  const words = values ? text("saved", place ?? form, values) : "";
  // Said once a minute at most: what has not changed is not announced.
  if (place && place.textContent !== words) place.textContent = words;
}

function restore(form) {
  const draft = JSON.parse(stored((storage) => storage.getItem(KEY + form.dataset.draft)) ?? "{}");
  for (const field of fieldsOf(form)) {
    const [from, value] = draft[nameOf(field)] ?? [];
    if (value === undefined || from !== read(field) || value === from) continue;
    if (isChoice(field)) field.checked = value;
    else field.value = value;
    // Previews and the like follow what is written.
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// First what is done, so that its form starts empty.
whenNew("[data-draft-clear]", (element) => forget(element.dataset.draftClear));
whenNew("form[data-draft]", restore);

for (const event of ["input", "change"]) {
  on(event, "form[data-draft]", (_, form) => {
    clearTimeout(timers.get(form.dataset.draft));
    timers.set(
      form.dataset.draft,
      setTimeout(() => form.isConnected && save(form), REST),
    );
  });
}

on("click", "button[data-draft-discard]", (_, button) => {
  if (button.type !== "reset") button.form.reset();
});
on("reset", "form[data-draft]", (_, form) => discard(form));

// Others may use this browser next.
on("submit", "form[action='/signout']", () => {
  stored((storage) => {
    for (const key of Object.keys(storage)) if (key.startsWith(KEY)) storage.removeItem(key);
  });
});
