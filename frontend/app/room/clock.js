// The server's clock: what is left of the session, and whether somebody asked for more.
import { $, announce, language, text } from "../js/dom.js";
import { me, other, place } from "./place.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const SOON = 2 * MINUTE;

const minutes = new Intl.NumberFormat(language, { style: "unit", unit: "minute", unitDisplay: "long" });
const two = (n) => String(n).padStart(2, "0");

function written(left) {
  const seconds = Math.ceil(left / SECOND);
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return hours ? `${hours}:${rest}` : rest;
}

/** Time by the server: never by the clock of this machine, which may be wrong, but counted on by it. */
export class Clock {
  constructor() {
    this.element = $("[data-clock]", place);
    const { status, startsAt, endsAt, now, extension } = place.dataset;
    this.set({ status, starts_at: startsAt, ends_at: endsAt, now, extension: JSON.parse(extension || "null") });
  }

  start() {
    this.ticking = setInterval(() => this.#draw(), SECOND / 2);
    this.#draw();
  }

  stop() {
    clearInterval(this.ticking);
    this.element.hidden = true;
    this.#ask(null);
  }

  /** What `welcome`, `time` and `pong` say of it. */
  set({ status, starts_at, ends_at, now, extension }) {
    this.now = Date.parse(now);
    this.heardAt = performance.now();
    if (status !== undefined) this.status = status;
    if (starts_at !== undefined) this.startsAt = Date.parse(starts_at);
    if (ends_at !== undefined && Date.parse(ends_at) !== this.endsAt) {
      this.endsAt = Date.parse(ends_at);
      this.wasSaid = undefined;
    }
    if (extension !== undefined) this.#ask(extension);
    if (this.ticking) this.#draw();
  }

  #left(until) {
    return Math.max(0, until - this.now - (performance.now() - this.heardAt));
  }

  #draw() {
    // The session's state follows its time, some seconds later.
    const isLive = this.status === "live" || this.#left(this.startsAt) === 0;
    const left = this.#left(isLive ? this.endsAt : this.startsAt);
    const isSoon = isLive && left <= SOON;
    this.element.textContent = written(left);
    this.element.ariaLabel = text(isLive ? "left" : "begins", this.element);
    this.element.classList.toggle("warn", isSoon);
    $("[data-before]", place).hidden = isLive;
    $("[data-grace]", place).hidden = !isLive || left > 0;
    for (const element of place.querySelectorAll("[data-while-live]")) element.hidden = !isLive;
    if (isSoon && left > 0 && this.wasSaid === undefined) announce(this.#sayLeft(left));
    this.wasSaid ??= isSoon || undefined;
  }

  #sayLeft(left) {
    return text("soon", place, { time: minutes.format(Math.max(1, Math.round(left / MINUTE))) });
  }

  /** Somebody asks for more time, or nobody does any longer. */
  #ask(extension) {
    const asker = extension?.asked_by;
    for (const [name, isShown] of [
      ["other-asks", asker === other.id],
      ["i-ask", asker === me.id],
    ]) {
      const notice = $(`[data-${name}]`, place);
      if (notice.hidden !== isShown) continue;
      notice.hidden = !isShown;
      if (!isShown) continue;
      const words = text("words", notice, { name: other.name, n: extension.minutes });
      $("span", notice).textContent = words;
      if (name === "other-asks") announce(words);
    }
    $("[data-more]", place).disabled = Boolean(extension);
  }
}
