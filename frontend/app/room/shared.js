// The shared document: what others write comes in, what is written here goes out and is kept until the server has it.
//
// The protocol is that of y-websocket, with one addition: the server says how many updates of this connection are stored.
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as buffer from "lib0/buffer";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import * as Y from "yjs";

import { keep, recall } from "./kept.js";
import { Line } from "./line.js";
import { LONGEST, pieces } from "./pieces.js";
import { room } from "./place.js";

const SYNC = 0;
const AWARENESS = 1;
const QUERY_AWARENESS = 3;
const STORED = 100;
const STEP_1 = 0;
const STEP_2 = 1;
const UPDATE = 2;

const TOO_LONG = 1009;

const GATHERED_FOR = 60;
const MOVED_EVERY = 150;
const KEPT_AFTER = 300;

/** An update without anything in it. */
const NOTHING = new Uint8Array([0, 0]);

const merged = (pending) => Y.mergeUpdates(pending.map(({ update }) => update));

/** A message: its kind, the kind of sync message if it is one, and bytes. */
function message(...parts) {
  const encoder = encoding.createEncoder();
  for (const part of parts) {
    if (typeof part === "number") encoding.writeVarUint(encoder, part);
    else encoding.writeVarUint8Array(encoder, part);
  }
  return encoding.toUint8Array(encoder);
}

export class Shared {
  /** `onChange` is told when it is stored, or not yet; `onSynced` once, when all is here. */
  constructor({ onChange, onSynced, onState, onOver }) {
    this.onChange = onChange;
    this.onSynced = onSynced;
    this.doc = new Y.Doc();
    this.awareness = new Awareness(this.doc);
    /** What the server has not said to have, oldest first, each with its number where it was sent by this connection. */
    this.pending = [];
    this.sent = 0;
    this.isSynced = false;
    this.line = new Line({
      address: () => new URL(`/sessions/${room}/editor?acks=1`, location),
      ping: () => this.line.send(message(QUERY_AWARENESS)),
      onOpen: () => this.#opened(),
      onMessage: (data) => this.#hear(new Uint8Array(data)),
      onState: () => {
        if (this.line.state !== "open") this.#closed();
        this.onChange();
        onState();
      },
      onOver,
    });
    this.#recall();
    this.doc.on("update", (update, origin) => origin !== this && this.#wrote(update));
    this.awareness.on("update", (changes, origin) => origin !== this && this.#moved(changes));
    window.addEventListener("pagehide", () => {
      this.#keep();
      this.#leave();
    });
    window.addEventListener("pageshow", (event) => event.persisted && this.awareness.setLocalState(this.shown));
  }

  start() {
    this.line.start();
  }

  stop() {
    this.#leave();
    this.line.stop();
  }

  get isStored() {
    return this.pending.length === 0;
  }

  get isOpen() {
    return this.line.state === "open";
  }

  /** The server took nothing more: the document would be larger than it may. */
  get isFull() {
    return !this.isOpen && this.line.code === TOO_LONG;
  }

  /** Say where one is. */
  show(field, value) {
    if (this.awareness.getLocalState()) this.awareness.setLocalStateField(field, value);
  }

  // --- what is written here

  /** A new page begins with what the last one could not send. */
  #recall() {
    const kept = recall("code");
    if (!kept) return;
    const update = buffer.fromBase64(kept);
    this.pending.push({ update });
    Y.applyUpdate(this.doc, update, this);
  }

  #keep() {
    clearTimeout(this.keeping);
    this.keeping = undefined;
    keep("code", this.isStored ? null : buffer.toBase64(merged(this.pending)));
  }

  #keepSoon() {
    this.keeping ??= setTimeout(() => this.#keep(), KEPT_AFTER);
  }

  #wrote(update) {
    this.pending.push({ update });
    this.#keepSoon();
    this.flushing ??= setTimeout(() => this.#flush(), GATHERED_FOR);
    this.onChange();
  }

  /** What was written since the last time, as one update where it fits into a message. */
  #flush() {
    this.flushing = undefined;
    if (!this.mayWrite) return;
    const fresh = this.pending.filter(({ number }) => number === undefined);
    if (fresh.length) this.#send(merged(fresh), UPDATE);
  }

  /** Instead of what has no number yet; the last part is of the kind `last`, those before are updates. */
  #send(update, last) {
    const parts = pieces(update);
    this.pending = this.pending.filter(({ number }) => number !== undefined);
    for (const [index, part] of parts.entries()) {
      this.sent += 1;
      this.pending.push({ update: part, number: this.sent });
      this.line.send(message(SYNC, index === parts.length - 1 ? last : UPDATE, part));
    }
  }

  // --- what comes

  #opened() {
    this.line.send(message(SYNC, STEP_1, Y.encodeStateVector(this.doc)));
    if (this.awareness.getLocalState()) this.#sayWhere([this.doc.clientID]);
  }

  #closed() {
    this.mayWrite = false;
    this.sent = 0;
    for (const each of this.pending) each.number = undefined;
    const others = [...this.awareness.getStates().keys()].filter((client) => client !== this.doc.clientID);
    removeAwarenessStates(this.awareness, others, this);
    // Whoever is still there says the same as before: that must be news again.
    for (const client of others) this.awareness.meta.delete(client);
  }

  #hear(bytes) {
    const decoder = decoding.createDecoder(bytes);
    const kind = decoding.readVarUint(decoder);
    if (kind === SYNC) this.#sync(decoding.readVarUint(decoder), decoding.readVarUint8Array(decoder));
    else if (kind === AWARENESS) applyAwarenessUpdate(this.awareness, decoding.readVarUint8Array(decoder), this);
    else if (kind === QUERY_AWARENESS) this.#sayWhere([this.doc.clientID]);
    else if (kind === STORED) this.#stored(decoding.readVarUint(decoder));
  }

  #sync(step, bytes) {
    if (step === STEP_1) {
      this.#answer(bytes);
      return;
    }
    Y.applyUpdate(this.doc, bytes, this);
    if (step === STEP_2 && !this.isSynced) {
      this.isSynced = true;
      this.onSynced();
    }
  }

  /**
   * The server says what it has: it gets what it lacks, and what it has not said to have stored.
   *
   * A server that was put back to an older state has all of it again, whatever it had said before.
   */
  #answer(vector) {
    const theirs = Y.decodeStateVector(vector);
    const ours = Y.decodeStateVector(Y.encodeStateVector(this.doc));
    const lacks = [...ours].some(([client, clock]) => (theirs.get(client) ?? 0) < clock);
    const update = lacks ? Y.encodeStateAsUpdate(this.doc, vector) : this.isStored ? NOTHING : merged(this.pending);
    this.mayWrite = true;
    this.pending = [];
    if (update === NOTHING) this.line.send(message(SYNC, STEP_2, NOTHING));
    else this.#send(update, STEP_2);
    this.#keepSoon();
    this.onChange();
  }

  /** So many messages of this connection are stored. */
  #stored(count) {
    this.pending = this.pending.filter(({ number }) => number === undefined || number > count);
    this.#keepSoon();
    this.onChange();
  }

  // --- where everybody is

  #moved({ added, updated, removed }) {
    this.shown = this.awareness.getLocalState() ?? this.shown;
    const clients = [...added, ...updated, ...removed];
    if (clients.includes(this.doc.clientID)) this.moving ??= setTimeout(() => this.#sayMoved(), MOVED_EVERY);
  }

  #sayMoved() {
    this.moving = undefined;
    this.#sayWhere([this.doc.clientID]);
  }

  #sayWhere(clients) {
    if (!clients.length) return;
    const said = message(AWARENESS, encodeAwarenessUpdate(this.awareness, clients));
    if (said.length <= LONGEST) this.line.send(said);
  }

  #leave() {
    removeAwarenessStates(this.awareness, [this.doc.clientID], "leaves");
    clearTimeout(this.moving);
    this.#sayMoved();
  }
}
