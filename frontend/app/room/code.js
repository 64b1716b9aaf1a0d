// The shared code: its files, the editor, and what the line below says of it.
import { $, on, text } from "../js/dom.js";
import { toast } from "../js/toasts.js";
import { Editor } from "./editor.js";
import { Files, LONGEST_NAME, MOST_FILES } from "./files.js";
import { isKnown, nameOf } from "./languages.js";
import { me, other, place } from "./place.js";
import { Shared } from "./shared.js";

// For pages that are not ours; here, colours come from the style sheet.
const COLOURS = ["#1b7a5f", "#184d83"];
const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

// A keyboard, and room for code: what lacks both is for reading.
const phone = matchMedia("(width < 45rem) and (pointer: coarse)");

export class Code {
  constructor({ onChange, onOver, onWhere }) {
    this.onWhere = onWhere;
    this.shared = new Shared({
      onChange: () => this.#drawState(),
      onSynced: () => this.#allowWriting(),
      onState: onChange,
      onOver,
    });
    this.files = new Files(this.shared.doc);
    this.element = $(".edit", place);
    this.tabs = $("[role=tablist]", this.element);
    this.select = $("select", this.element);
    this.dialog = $("dialog#file");
    this.editor = new Editor($("[data-source]", this.element), {
      shared: this.shared,
      onMove: (line, column) => this.#drawPlace(line, column),
      onTooMuch: (words) => toast(words),
    });
    const colour = COLOURS[me.id < other.id ? 0 : 1];
    this.shared.show("user", { name: me.name, color: colour, colorLight: `${colour}33` });
    this.files.observe(() => this.#draw());
    this.shared.awareness.on("change", () => this.#drawOther());
    this.#listen();
  }

  get line() {
    return this.shared.line;
  }

  get isWaiting() {
    return !this.shared.isStored;
  }

  start() {
    this.shared.start();
    this.#draw();
    this.#drawState();
  }

  stop() {
    this.isOver = true;
    this.shared.stop();
    this.#allowWriting();
    this.#draw();
    this.#drawState();
    this.onWhere("");
  }

  /** Go to where the other one is. */
  follow() {
    const state = this.#otherState();
    if (!state || !this.#fileOf(state)) return;
    this.#show(state.file);
    this.editor.goTo(state);
    this.editor.focus();
  }

  #allowWriting() {
    const mayWrite = this.shared.isSynced && !this.isOver;
    this.editor.setReadOnly(!mayWrite || phone.matches, phone.matches);
    this.mayWrite = mayWrite && !phone.matches;
    $("[data-read-only]", this.element).hidden = !phone.matches;
    $("[data-place]", this.element).hidden = phone.matches;
    this.#draw();
  }

  // --- files

  /** The one that is open, or the first where that one is gone. */
  get current() {
    const files = this.files.all();
    return files.find((file) => file.id === this.shown) ?? files[0];
  }

  #show(id) {
    this.shown = id;
    this.#draw();
  }

  #draw() {
    const files = this.files.all();
    const { current } = this;
    this.#drawTabs(files, current);
    this.#drawTools(files, current);
    if (current?.text !== this.editor.text || current?.name !== this.drawn?.name) this.#open(current);
    else if (current && current.language !== this.drawn.language) this.editor.speak(current.language);
    this.drawn = current;
    if (current) {
      this.shown = current.id;
      if (this.shared.awareness.getLocalState()?.file !== current.id) this.shared.show("file", current.id);
    }
    this.#drawOther();
  }

  #open(file) {
    if (!file) {
      this.editor.close();
      return;
    }
    const hadFocus = this.editor.view.hasFocus;
    this.editor.open(file, text("editor", this.element, { file: file.name, name: other.name }));
    if (hadFocus) this.editor.focus();
  }

  #drawTabs(files, current) {
    const hadFocus = this.tabs.contains(document.activeElement);
    const drawn = new Map([...this.tabs.children].map((tab) => [tab.dataset.file, tab]));
    const tabs = files.map((file) => drawn.get(file.id) ?? this.#newTab(file.id));
    for (const [index, tab] of tabs.entries()) {
      const isCurrent = files[index].id === current?.id;
      if (tab.textContent !== files[index].name) tab.textContent = files[index].name;
      tab.ariaSelected = String(isCurrent);
      tab.tabIndex = isCurrent ? 0 : -1;
      if (this.tabs.children[index] !== tab) this.tabs.insertBefore(tab, this.tabs.children[index] ?? null);
    }
    for (const tab of [...this.tabs.children]) if (!tabs.includes(tab)) tab.remove();
    const selected = $("[aria-selected=true]", this.tabs);
    if (hadFocus && !this.tabs.contains(document.activeElement)) selected?.focus();
    if (selected) $("[role=tabpanel]", this.element).setAttribute("aria-labelledby", selected.id);
  }

  #newTab(id) {
    const tab = Object.assign(document.createElement("button"), { type: "button", id: `tab-${id}` });
    tab.role = "tab";
    tab.dir = "auto";
    tab.dataset.file = id;
    tab.setAttribute("aria-controls", "source");
    return tab;
  }

  #drawTools(files, current) {
    const [add, rename, remove] = ["add", "rename", "remove"].map((act) => $(`[data-file-act=${act}]`, this.element));
    add.disabled = files.length >= MOST_FILES;
    remove.disabled = files.length < 2;
    for (const button of [add, rename, remove]) button.hidden = !this.mayWrite;
    const name = current?.name ?? "";
    for (const button of [rename, remove]) button.ariaLabel = button.title = text("label", button, { file: name });
    this.select.disabled = !this.mayWrite || !current;
    this.#drawLanguage(current?.language ?? "");
  }

  #drawLanguage(language) {
    const value = nameOf(language);
    const own = $("[data-own]", this.select);
    own.hidden = isKnown(value);
    own.value = own.hidden ? "-" : value;
    own.textContent = own.hidden ? "" : value;
    this.select.value = value;
  }

  #listen() {
    on("click", ".edit [role=tab]", (_, tab) => this.#show(tab.dataset.file));
    on("dblclick", ".edit [role=tab]", () => this.mayWrite && this.#askName("rename"));
    this.tabs.addEventListener("keydown", (event) => this.#keyOnTab(event));
    on("click", "[data-file-act]", (_, button) => this.#act(button.dataset.fileAct));
    this.select.addEventListener("change", () => this.current && this.files.speak(this.current.id, this.select.value));
    on("submit", "dialog#file form", (event, form) => this.#named(event, form));
    $("input", this.dialog).addEventListener("input", ({ target }) => target.setCustomValidity(""));
    phone.addEventListener("change", () => this.#allowWriting());
  }

  #keyOnTab(event) {
    if (event.key === "F2" && this.mayWrite) this.#askName("rename");
    if (event.key === "Delete" && this.mayWrite) this.#act("remove");
    const tabs = [...this.tabs.children];
    const here = tabs.indexOf(document.activeElement);
    const places = { Home: 0, End: tabs.length - 1, ...(event.key in STEPS && { [event.key]: here + STEPS[event.key] }) };
    const to = tabs.at((places[event.key] ?? NaN) % tabs.length);
    if (!(event.key in places) || !to) return;
    event.preventDefault();
    to.focus();
    this.#show(to.dataset.file);
  }

  #act(act) {
    if (act !== "remove") {
      this.#askName(act);
      return;
    }
    const { current } = this;
    const files = this.files.all();
    if (files.length < 2) return;
    const index = files.findIndex((file) => file.id === current.id);
    this.shown = (files[index + 1] ?? files[index - 1]).id;
    const putBack = this.files.remove(current.id);
    toast(text("removed", this.element, { file: current.name }), () => {
      if (!this.isOver) this.#show(putBack());
    });
  }

  #askName(act) {
    const title = $("h2", this.dialog);
    const field = $("input", this.dialog);
    title.textContent = text(act === "add" ? "new-file" : "rename-file", this.dialog, { file: this.current?.name ?? "" });
    field.maxLength = LONGEST_NAME;
    field.value = act === "add" ? "" : this.current.name;
    field.setCustomValidity("");
    this.naming = act === "add" ? undefined : this.current.id;
    this.dialog.showModal();
    field.select();
  }

  #named(event, form) {
    if (event.submitter?.value === "cancel") return;
    const field = $("input", form);
    const name = field.value.trim();
    const isTaken = this.files.all().some((file) => file.name === name && file.id !== this.naming);
    if (!name || isTaken) {
      event.preventDefault();
      field.setCustomValidity(text(name ? "taken" : "no-name", this.dialog));
      field.reportValidity();
      return;
    }
    if (this.naming !== undefined) this.files.rename(this.naming, name);
    else if (this.files.all().length < MOST_FILES) this.#show(this.files.add(name));
    this.naming = undefined;
    requestAnimationFrame(() => this.editor.focus());
  }

  // --- what is said of it

  #drawState() {
    const { isStored, isOpen } = this.shared;
    const open = isStored ? "saved" : "saving";
    const state = this.isOver ? (isStored ? "saved" : "lost") : isOpen ? open : this.shared.isFull ? "full" : "offline";
    const place = $("[data-saved]", this.element);
    if (this.stateShown === state) return;
    this.stateShown = state;
    for (const each of place.children) each.hidden = each.dataset.state !== state;
    place.className = { saved: "good", saving: "muted", offline: "warn", full: "danger", lost: "danger" }[state];
  }

  #drawPlace(line, column) {
    const element = $("[data-place]", this.element);
    element.textContent = text("place", element, { line, column });
  }

  #otherState() {
    const states = [...this.shared.awareness.getStates().values()];
    return states.find((state) => state.user?.name === other.name);
  }

  #fileOf(state) {
    return this.files.all().find((file) => file.id === state?.file);
  }

  #drawOther() {
    this.onWhere(this.isOver ? "" : (this.#fileOf(this.#otherState())?.name ?? ""));
  }
}
