// A connection that comes back by itself.
import { ask } from "./server.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30 * 1000;
const LASTS = 15 * 1000;
const PING_EVERY = 20 * 1000;
const ANSWER_WITHIN = 10 * 1000;

const OVER = 4409;
const SIGNED_OUT = 4401;
const NO_PARTY = 4403;
const LOST = 1006;

/**
 * A WebSocket, and the next one whenever it breaks.
 *
 * `states`: "connecting", "open", "waiting" for the next attempt, "over" for good. A line is open from the first message
 * on: a socket alone says nothing, the server speaks first.
 */
export class Line {
  /** `address` gives it anew for each attempt; `ping` says something that the server answers. */
  constructor({ address, ping, onOpen, onMessage, onState, onOver }) {
    Object.assign(this, { address, ping, onOpen, onMessage, onState, onOver });
    this.state = "waiting";
    this.pause = FIRST_PAUSE;
  }

  start() {
    this.#connect();
  }

  /** Send, if it is open: whoever needs to be sure waits for the answer. */
  send(data) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(data);
  }

  /** No waiting: somebody pressed the button. */
  now() {
    if (this.state === "waiting") this.#connect();
  }

  /** The network may have come or gone: try at once, or find out whether the server still answers. */
  check() {
    if (this.state === "open") this.#probe();
    else this.now();
  }

  stop() {
    this.#set("over");
    this.#drop();
  }

  #set(state) {
    if (this.state === state || this.state === "over") return;
    this.state = state;
    this.onState();
  }

  #drop() {
    clearTimeout(this.again);
    clearTimeout(this.deadline);
    clearInterval(this.pinging);
    const socket = this.socket;
    this.socket = undefined;
    if (!socket) return;
    // A dead connection takes a minute to say that it is closed: nobody waits for it.
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #connect() {
    if (this.state === "over") return;
    this.#drop();
    this.#set("connecting");
    const address = this.address();
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address, "mentorq.v1");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#await(() => this.onOpen());
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#closed(code);
    this.socket = socket;
    this.deadline = setTimeout(() => this.#closed(LOST), ANSWER_WITHIN);
  }

  #hear(data) {
    clearTimeout(this.deadline);
    if (this.state === "connecting") {
      this.openedAt = performance.now();
      this.pinging = setInterval(() => this.#probe(), PING_EVERY);
      this.#set("open");
    }
    this.onMessage(data);
  }

  #probe() {
    if (this.state === "open") this.#await(() => this.ping());
  }

  /** Say something that has to be answered soon. */
  #await(say) {
    clearTimeout(this.deadline);
    this.deadline = setTimeout(() => this.#closed(LOST), ANSWER_WITHIN);
    say();
  }

  async #closed(code) {
    const wasOpen = this.state === "open";
    // One that closes again and again at once is not hurried.
    if (wasOpen && performance.now() - this.openedAt > LASTS) this.pause = FIRST_PAUSE;
    this.code = code;
    this.#drop();
    if (code === OVER) {
      this.#set("over");
      this.onOver();
      return;
    }
    this.#set("waiting");
    // Refused before it was open: the reason is not told to scripts. Ask, which also renews a sign-in that has run out.
    const mayTry = (wasOpen && code !== SIGNED_OUT && code !== NO_PARTY) || (await ask());
    if (!mayTry || this.state !== "waiting") return;
    this.again = setTimeout(() => this.#connect(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
  }
}
