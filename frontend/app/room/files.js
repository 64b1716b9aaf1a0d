// The files of the document: id → {name, language, position, text}.
import * as Y from "yjs";

import { guess } from "./languages.js";

export const MOST_FILES = 8;
export const LONGEST_NAME = 60;

/** Files in their order; of two at the same place, both people see the same one first. */
export class Files {
  constructor(doc) {
    this.doc = doc;
    this.map = doc.getMap("files");
  }

  /** `onChange` is called when a file comes, goes, or is called otherwise; not when its text changes. */
  observe(onChange) {
    this.map.observeDeep((events) => {
      if (events.some((event) => event.path.length < 2)) onChange();
    });
  }

  all() {
    const found = [...this.map].filter(([, file]) => file instanceof Y.Map && file.get("text") instanceof Y.Text);
    return found
      .map(([id, file]) => ({
        id,
        name: String(file.get("name") ?? ""),
        language: String(file.get("language") ?? ""),
        position: Number(file.get("position")) || 0,
        text: file.get("text"),
      }))
      .sort((a, b) => a.position - b.position || (a.id < b.id ? -1 : 1));
  }

  /** Returns its id. */
  add(name, { language = guess(name) ?? "text", position = this.#after(), content = "" } = {}) {
    const id = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const text = new Y.Text(content);
    this.map.set(id, new Y.Map(Object.entries({ name, language, position, text })));
    return id;
  }

  rename(id, name) {
    this.doc.transact(() => {
      const file = this.map.get(id);
      const language = guess(name);
      file?.set("name", name);
      if (language) file?.set("language", language);
    });
  }

  speak(id, language) {
    this.map.get(id)?.set("language", language);
  }

  /** Returns what puts it back, as it was when it went; it is called again by the same name, at the same place. */
  remove(id) {
    const file = this.all().find((each) => each.id === id);
    const content = file.text.toString();
    this.map.delete(id);
    return () => this.add(file.name, { ...file, content });
  }

  #after() {
    return Math.max(0, ...this.all().map((file) => file.position)) + 1;
  }
}
