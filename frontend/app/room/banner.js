// Whether what one writes arrives.
import { $, text } from "../js/dom.js";

/** The banner that says so as long as one of the lines is down. */
export class Banner {
  constructor(element, onTry) {
    this.element = element;
    this.hasBegun = false;
    this.isDown = true;
    $("button", element).addEventListener("click", onTry);
  }

  /** From now on: at the beginning one is patient. */
  begin() {
    this.hasBegun = true;
    this.#draw();
  }

  show(...lines) {
    const wasUp = !this.isDown;
    this.isDown = lines.some((line) => line.state !== "open" && line.state !== "over");
    this.hasBegun ||= !this.isDown || wasUp;
    this.isWaiting = lines.some((line) => line.state === "waiting");
    this.#draw();
  }

  hide() {
    this.isDown = false;
    this.#draw();
  }

  #draw() {
    const isShown = this.hasBegun && this.isDown;
    const words = isShown ? text(navigator.onLine ? "reconnecting" : "offline", this.element) : "";
    const place = $("strong", this.element);
    // Said once, not again with every attempt.
    if (place.textContent !== words) place.textContent = words;
    this.element.hidden = !isShown;
    $("button", this.element).disabled = !this.isWaiting;
  }
}
