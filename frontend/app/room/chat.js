// What the two say to each other, and who of them is there.
import { $, icon, language, on, text } from "../js/dom.js";
import { Line } from "./line.js";
import { Outbox } from "./outbox.js";
import { me, other, place, room } from "./place.js";
import { words } from "./words.js";

const LONGEST = 4000;
const SAY_TYPING_EVERY = 3 * 1000;
const TYPING_FADES = 6 * 1000;
// The server knows how many there are; should one be missing, nobody waits for it.
const REPLAY_ENDS = 3 * 1000;
const NEAR = 48;
const HEARD_FOR = 10 * 1000;

const time = timesOfDay();

/** In the zone of its reader's choice, as pages have it; a browser may not know that zone. */
function timesOfDay() {
  const style = { timeStyle: "short" };
  try {
    return new Intl.DateTimeFormat(language, { ...style, timeZone: place.dataset.zone });
  } catch {
    return new Intl.DateTimeFormat(language, style);
  }
}

export class Chat {
  constructor({ clock, onChange, onOver }) {
    this.clock = clock;
    this.onChange = onChange;
    this.last = 0;
    this.unread = 0;
    this.title = document.title.replace(/^\(\d+\+?\) /, "");
    this.log = $(".log", place);
    this.list = $("ol", this.log);
    this.form = $(".chat form", place);
    this.field = $("textarea", this.form);
    this.outbox = new Outbox({ send: (message) => this.#say("chat", message), onChange: () => this.#drawWaiting() });
    this.line = new Line({
      address: () => new URL(`/sessions/${room}/live?after=${this.last}`, location),
      ping: () => this.#say("ping"),
      onOpen: () => {},
      onMessage: (data) => this.#hear(JSON.parse(data)),
      onState: () => this.#stateChanged(),
      onOver,
    });
    this.#listen();
  }

  get isWaiting() {
    return !this.outbox.isEmpty;
  }

  start() {
    this.#drawWaiting();
    this.line.start();
  }

  stop() {
    this.line.stop();
    this.field.disabled = true;
    $("button", this.form).disabled = true;
    this.#showTyping(false);
  }

  /** In which file the other one is; undefined: nowhere. */
  where(name) {
    const button = $("[data-where]", place);
    button.hidden = !name;
    button.textContent = name ? text("where", button, { file: name }) : "";
  }

  #say(type, { client_id, body, on: isOn } = {}) {
    this.line.send(JSON.stringify({ type, client_id, body, on: isOn }));
  }

  // --- what comes

  #hear(message) {
    const acts = { welcome: this.#welcome, chat: this.#said, presence: this.#presence, typing: this.#typing };
    if (message.now) this.clock.set(message);
    acts[message.type]?.call(this, message);
    if (message.type === "error") this.outbox.refused(message);
  }

  #welcome({ seq, presence }) {
    this.newest = seq;
    for (const person of [me, other]) this.#presence({ user_id: person.id, online: false, typing: false });
    presence.forEach((person) => this.#presence(person));
    clearTimeout(this.replaying);
    this.replaying = setTimeout(() => this.#known(), REPLAY_ENDS);
    if (this.last >= seq) this.#known();
  }

  /** All that was said before is here: now what waits may follow. */
  #known() {
    if (this.replaying === undefined) return;
    clearTimeout(this.replaying);
    this.replaying = undefined;
    this.isKnown = true;
    this.outbox.open(true);
  }

  #stateChanged() {
    if (this.line.state !== "open") {
      clearTimeout(this.replaying);
      this.replaying = undefined;
      this.outbox.open(false);
      this.#showTyping(false);
      for (const person of [me, other]) this.#presence({ user_id: person.id, online: null });
    }
    this.onChange();
  }

  #said(message) {
    const isNew = message.seq > this.last;
    if (isNew) {
      this.last = message.seq;
      const isMine = message.user_id === me.id;
      // What stood there when the page was opened is not news.
      const isNews = !isMine && this.isKnown;
      this.#append(message, isMine);
      if (isNews) this.#tell(message);
      if (!isMine) this.#showTyping(false);
    }
    this.outbox.stored(message.client_id);
    if (this.last >= this.newest) this.#known();
  }

  #presence({ user_id, online, typing }) {
    const entry = $(`[data-person="${user_id}"]`, place);
    if (!entry) return;
    $(".dot", entry).classList.toggle("on", online === true);
    // Unknown, while there is no line: nothing is said of it.
    const state = online === null ? "" : text(online ? "here" : "not-here", entry);
    const label = $("small", entry);
    if (label.textContent !== state) label.textContent = state;
    if (user_id === other.id && typing !== undefined) this.#showTyping(typing);
  }

  #typing({ user_id, on: isOn }) {
    if (user_id === other.id) this.#showTyping(isOn);
  }

  #showTyping(isShown) {
    clearTimeout(this.typingFades);
    const hint = $(".hint", this.form);
    const said = isShown ? text("writing", hint, { name: other.name }) : "";
    if (hint.textContent !== said) hint.textContent = said;
    if (isShown) this.typingFades = setTimeout(() => this.#showTyping(false), TYPING_FADES);
  }

  // --- showing

  #append({ seq, body, at }, isMine) {
    const bubble = bubbleOf(body, isMine);
    const moment = new Date(at);
    const stamp = Object.assign(document.createElement("time"), { dateTime: at, textContent: time.format(moment) });
    bubble.dataset.seq = seq;
    bubble.append(stamp);
    this.#keepingPlace(isMine, () => this.list.insertBefore(bubble, $(".wait", this.list)));
  }

  #drawWaiting() {
    for (const bubble of this.list.querySelectorAll(".wait")) bubble.remove();
    const bubbles = this.outbox.messages.map((message) => this.#waitingBubble(message));
    this.#keepingPlace(true, () => this.list.append(...bubbles));
    this.onChange();
  }

  #waitingBubble({ client_id, body, refused }) {
    const bubble = bubbleOf(body, true);
    bubble.classList.add("wait");
    const state = document.createElement("small");
    state.innerHTML = icon(refused ? "circle-alert" : "clock");
    state.append(` ${refused ? text("refused", this.log) : text("waiting", this.log)}`);
    bubble.append(state);
    if (!refused) return bubble;
    state.append(` ${refused} `);
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "btn sm", textContent: text("back", this.log) });
    button.addEventListener("click", () => this.#takeBack(client_id));
    bubble.append(button);
    return bubble;
  }

  #takeBack(clientId) {
    const body = this.outbox.take(clientId);
    this.field.value = [body, this.field.value].filter(Boolean).join("\n");
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    this.field.focus();
  }

  /** Who reads further up stays there; else the newest is in sight. */
  #keepingPlace(isMine, change) {
    const wasAtEnd = this.#isAtEnd();
    change();
    if (wasAtEnd || (isMine && this.field === document.activeElement)) this.#goToEnd();
    else this.#drawUnread();
  }

  #isAtEnd() {
    return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR;
  }

  #goToEnd() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  #isSeen() {
    return document.visibilityState === "visible" && this.log.checkVisibility() && this.#isAtEnd();
  }

  /** A message of the other one that came just now. */
  #tell({ body }) {
    const spoken = document.createElement("p");
    spoken.textContent = text("said", this.log, { name: other.name, words: body });
    $("[data-heard]", place).append(spoken);
    setTimeout(() => spoken.remove(), HEARD_FOR);
    if (this.#isSeen()) return;
    this.unread += 1;
    this.#drawUnread();
  }

  #read() {
    if (this.unread && this.#isSeen()) this.unread = 0;
    this.#drawUnread();
  }

  #drawUnread() {
    const count = $(".pane-choice .count", place);
    count.hidden = this.unread === 0;
    $("[aria-hidden]", count).textContent = this.unread;
    $(".sr", count).textContent = this.unread ? text("unread", count, { n: this.unread }) : "";
    $("[data-newest]", place).hidden = this.unread === 0 || this.#isAtEnd();
    const title = this.unread ? text("title", place, { n: this.unread, title: this.title }) : this.title;
    if (title !== this.shownTitle) document.title = this.shownTitle = title;
  }

  // --- writing

  #listen() {
    on("submit", ".chat form", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.field.addEventListener("keydown", (event) => {
      // A word that is being put together by an input method is not finished by this Enter.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.#send();
    });
    this.field.addEventListener("input", () => this.#tellTyping());
    this.log.addEventListener("scroll", () => this.#read(), { passive: true });
    document.addEventListener("visibilitychange", () => this.#read());
    on("change", "[name=see]", () => {
      if (this.log.checkVisibility() && this.unread) this.#goToEnd();
      this.#read();
    });
    $("[data-newest]", place).addEventListener("click", () => {
      this.#goToEnd();
      this.#read();
    });
  }

  #send() {
    const body = this.field.value.trim();
    if (!body || this.line.state === "over") return;
    for (const part of parts(body)) this.outbox.add(part);
    this.form.reset();
    this.saidTypingAt = undefined;
    this.#goToEnd();
  }

  #tellTyping() {
    clearTimeout(this.typingEnds);
    const isOn = this.field.value.trim() !== "";
    const moment = performance.now();
    if (isOn && moment - (this.saidTypingAt ?? -Infinity) > SAY_TYPING_EVERY) {
      this.saidTypingAt = moment;
      this.#say("typing", { on: true });
    }
    if (isOn) this.typingEnds = setTimeout(() => this.#stopTyping(), TYPING_FADES);
    else this.#stopTyping();
  }

  #stopTyping() {
    if (this.saidTypingAt === undefined) return;
    this.saidTypingAt = undefined;
    this.#say("typing", { on: false });
  }
}

function bubbleOf(body, isMine) {
  const bubble = document.createElement("li");
  bubble.className = isMine ? "bubble me" : "bubble";
  bubble.dir = "auto";
  const who = Object.assign(document.createElement("span"), { className: "sr" });
  who.textContent = `${isMine ? text("you", place) : other.name}: `;
  bubble.append(who, words(body));
  return bubble;
}

/** What is too long for one message, cut at lines or words where there are any. */
function parts(body) {
  const found = [];
  let rest = body;
  while (rest.length > LONGEST) {
    const cut = Math.max(rest.lastIndexOf("\n", LONGEST), rest.lastIndexOf(" ", LONGEST));
    const end = cut > LONGEST / 2 ? cut : LONGEST - (isHalf(rest.charCodeAt(LONGEST - 1)) ? 1 : 0);
    found.push(rest.slice(0, end).trim());
    rest = rest.slice(end).trim();
  }
  return [...found, rest].filter(Boolean);
}

const isHalf = (code) => code >= 0xd800 && code < 0xdc00;
