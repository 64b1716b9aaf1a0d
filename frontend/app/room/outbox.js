// Messages that are not on the server yet: in their order, one at a time, and kept by this tab until they are.
import { keep, recall } from "./kept.js";

const AGAIN_AFTER = 10 * 1000;
// The server takes five a second for long.
const APART = 250;

/** What the server will not take, whenever it is asked. Anything else is worth another try. */
const FINAL = new Set(["bad_message", "too_long", "session_not_live"]);

/** A message is `{client_id, body, refused}`; the same `client_id` is stored once, however often it is sent. */
export class Outbox {
  /** `send` sends a message, if the line is open; `onChange` draws. */
  constructor({ send, onChange }) {
    Object.assign(this, { send, onChange });
    this.messages = recall("outbox") ?? [];
    this.isOpen = false;
    this.sentAt = -APART;
  }

  get isEmpty() {
    return this.messages.length === 0;
  }

  add(body) {
    this.messages.push({ client_id: crypto.randomUUID?.() ?? uuid(), body });
    this.#changed();
  }

  /** The line is open and what was said before is known; or it is no longer. */
  open(isOpen) {
    this.isOpen = isOpen;
    this.#forgetFlight();
    this.#next();
  }

  /** A message came back: it is stored. */
  stored(clientId) {
    const before = this.messages.length;
    this.messages = this.messages.filter((message) => message.client_id !== clientId);
    if (this.messages.length === before) return;
    if (this.flying === clientId) this.#forgetFlight();
    this.#changed();
  }

  /** The server said why not. */
  refused({ client_id, code, detail }) {
    const message = this.messages.find((each) => each.client_id === client_id);
    if (!message || !FINAL.has(code)) return;
    message.refused = detail;
    if (this.flying === client_id) this.#forgetFlight();
    this.#changed();
  }

  /** Its writer takes it back; returns what was written. */
  take(clientId) {
    const message = this.messages.find((each) => each.client_id === clientId);
    this.stored(clientId);
    return message?.body ?? "";
  }

  #changed() {
    keep("outbox", this.isEmpty ? null : this.messages);
    this.onChange();
    this.#next();
  }

  #forgetFlight() {
    clearTimeout(this.timer);
    this.flying = undefined;
  }

  #next() {
    const message = this.messages.find((each) => !each.refused);
    if (!this.isOpen || this.flying || !message) return;
    this.flying = message.client_id;
    const pause = Math.max(0, this.sentAt + APART - performance.now());
    this.timer = setTimeout(() => this.#fly(message), pause);
  }

  #fly(message) {
    this.sentAt = performance.now();
    this.send(message);
    // The line says by itself when it is broken; this is for a server that could not store it just then.
    this.timer = setTimeout(() => {
      this.#forgetFlight();
      this.#next();
    }, AGAIN_AFTER);
  }
}

/** Over plain http, browsers have no `randomUUID`. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
