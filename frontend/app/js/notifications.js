// What one is told, as it comes: a number at the bell, a toast, and pages that know of it. All tabs share one stream.
//
// The tab that holds the lock leads: it has the stream and passes on what comes. When it closes, the next one takes over
// after the last number that it has heard, so nothing is lost. Without locks, every tab has a stream of its own.
import { $, $$, announce, language, on, text, whenNew } from "./dom.js";
import { post } from "./requests.js";
import { show } from "./toasts.js";

const LOCK = "mentorq-stream";
const PLACE = "/app/notifications";
// What another page of this browser knew so shortly ago still holds; the stream tells what has come since.
const FRESH = 60 * 1000;
const FIRST_PAUSE = 5 * 1000;
const LONGEST_PAUSE = 5 * 60 * 1000;
const MOST_SHOWN = 99;

const me = document.body.dataset.me;
const { about } = document.body.dataset; // As "tickets/12", or "sessions/3".
const short = (n) => (n > MOST_SHOWN ? `${MOST_SHOWN}+` : String(n));

/** `last`: the number of the last event; `unread`: how many; both undefined as long as nobody knows. */
const state = { last: undefined, unread: undefined };
let hasUnseen = true; // Something about the ticket or session of this page may be unread.
let isOver = false;
let title = document.title; // Without the number.
let shownTitle = title;

// --- what other tabs, and the next page, know

const channel = me && "BroadcastChannel" in window ? new BroadcastChannel(LOCK) : null;
const tell = (message) => channel?.postMessage({ ...message, me });

function remember() {
  if (state.last === undefined) return;
  try {
    localStorage.setItem(LOCK, JSON.stringify({ ...state, me, at: Date.now() }));
  } catch {
    // Storage may be full or forbidden.
  }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(LOCK) ?? "{}");
    if (kept.me === me && Date.now() - kept.at < FRESH) Object.assign(state, { last: kept.last, unread: kept.unread });
  } catch {
    // As if there were nothing.
  }
}

function forget() {
  try {
    localStorage.removeItem(LOCK);
  } catch {
    // There is nothing, then.
  }
}

// --- showing

function draw() {
  const { unread } = state;
  if (unread === undefined) return;
  for (const bell of $$("[data-bell]")) {
    const badge = $("[data-badge]", bell);
    badge.hidden = unread === 0;
    badge.textContent = short(unread);
    bell.ariaLabel = unread ? text("some", bell, { n: unread }) : text("none", bell);
  }
  for (const count of $$("[data-unread-count]")) {
    count.hidden = unread === 0;
    count.textContent = unread.toLocaleString(language);
  }
  if (document.title !== shownTitle) title = document.title; // A swap brought another one.
  shownTitle = unread ? `(${short(unread)}) ${title}` : title;
  document.title = shownTitle;
}

const isLookedAt = () => document.visibilityState === "visible";
const isOpen = () => $("#told")?.matches(":popover-open");
const wake = (selector) => $(selector)?.dispatchEvent(new CustomEvent("news"));

/** What is told of a ticket or session that one looks at needs no telling. */
function read() {
  if (isOver || !about || !hasUnseen || !state.unread || !isLookedAt()) return;
  hasUnseen = false;
  post(`${PLACE}/about/${about}`).catch(() => (hasUnseen = true));
}

/** The list stays as it is under the eyes of who reads it: a banner offers to show what is new. */
function offer(place) {
  if (place && !$("p", place)) place.append($("template", place).content.cloneNode(true));
}

function toastOf({ id, title, body }) {
  // An act that can still be undone is worth more than news that the bell has, too.
  if ($(".toasts .toast button")) return;
  const toast = document.createElement("div");
  toast.className = "toast";
  const link = Object.assign(document.createElement("a"), { href: `${PLACE}/${id}`, dir: "auto", textContent: title });
  const ticket = Object.assign(document.createElement("span"), { className: "clip", dir: "auto", textContent: body });
  toast.append(link, ticket);
  show(toast);
}

function spread(told) {
  const { session_id, ticket_id } = told.data;
  const isHere = about === (session_id ? `sessions/${session_id}` : `tickets/${ticket_id}`);
  if (isHere) {
    hasUnseen = true;
    wake("form#news");
  }
  if (isOpen()) announce(told.title);
  else if (!(isHere && isLookedAt()) && !$("[data-fresh]")) toastOf(told);
}

/** An event of the stream, whichever tab has it. */
function hear({ name, id, told }) {
  const isNews = name === "notification" && !(id <= state.last);
  // A ticket that is offered again is no news, but one more to read.
  const isMore = isNews || told.unread > state.unread;
  if (isNews ? told.data.session_id : told.unread !== state.unread) document.dispatchEvent(new Event("mentorq:told"));
  state.last = id;
  state.unread = told.unread;
  remember();
  draw();
  if (isNews) spread(told);
  if (isMore) {
    wake("[data-news]");
    offer($("[data-fresh]"));
  }
  if (isOpen()) wake("#newest");
  read();
}

function know(unread) {
  if (state.unread === unread) return;
  state.unread = unread;
  draw();
  read();
}

// --- the stream

let source;
let pause = FIRST_PAUSE;
let again;

function connect() {
  const after = state.last === undefined ? "" : `?after=${state.last}`;
  source = new EventSource(`${PLACE}/stream${after}`);
  for (const name of ["notification", "unread"]) {
    source.addEventListener(name, ({ lastEventId, data }) => {
      pause = FIRST_PAUSE;
      const event = { name, id: Number(lastEventId), told: JSON.parse(data) };
      tell({ event });
      hear(event);
    });
  }
  source.addEventListener("error", () => source.readyState === EventSource.CLOSED && comeBackLater());
}

/** The browser has given up: the server refused. It may be too busy, or nobody is signed in any longer. */
async function comeBackLater() {
  disconnect();
  try {
    const headers = { Accept: "application/json", "HX-Request": "true" };
    const answer = await fetch(`${PLACE}/count`, { headers });
    if (answer.headers.has("HX-Redirect")) return stop();
    if (answer.ok) {
      const { unread } = await answer.json();
      tell({ unread });
      know(unread);
    }
  } catch {
    // No network: later, then.
  }
  if (isOver) return undefined;
  again = setTimeout(connect, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE);
  return undefined;
}

function disconnect() {
  source?.close();
  source = undefined;
  clearTimeout(again);
}

let resign = () => {};

function stop() {
  hush();
  resign();
}

function hush() {
  isOver = true;
  disconnect();
}

function start() {
  isOver = false;
  recall();
  draw();
  read();
  // Whoever leads answers with what is known; a tab of somebody else stops.
  tell({ isHello: true });
  if (!navigator.locks) {
    connect();
    return;
  }
  const waiting = new AbortController();
  resign = () => waiting.abort();
  navigator.locks
    .request(LOCK, { signal: waiting.signal }, () => {
      const held = new Promise((resolve) => (resign = resolve));
      if (isOver) resign();
      else connect();
      return held;
    })
    .catch(() => {}); // It was called off while it waited.
}

function listen({ data }) {
  if (isOver) return;
  if (data.isBye || (data.isHello && data.me !== me)) stop();
  else if (data.me !== me) return;
  else if (data.isHello && source && state.unread !== undefined) tell({ known: { ...state } });
  else if (data.known) {
    state.last ??= data.known.last;
    know(data.known.unread);
  } else if (data.event) hear(data.event);
  else if (data.unread !== undefined) know(data.unread);
}

/** With scripts, the bell opens what is newest; it stays a link for a new tab, and where popovers are not known. */
function makeButton(link) {
  if (!("popover" in HTMLElement.prototype)) return;
  const button = document.createElement("button");
  for (const { name, value } of link.attributes) if (name !== "href") button.setAttribute(name, value);
  button.type = "button";
  button.setAttribute("popovertarget", "told");
  button.append(...link.childNodes);
  link.replaceWith(button);
}

if (me) {
  $$("a[data-bell]").forEach(makeButton);
  $("#told")?.addEventListener("toggle", (event) => event.newState === "open" && wake("#newest"));
  if (channel) channel.onmessage = listen;
  document.addEventListener("visibilitychange", read);
  // What a page says of it counts as long as there is no stream that knows better.
  whenNew("[data-unread]", (place) => (source || know(Number(place.dataset.unread))));
  document.addEventListener("htmx:after:swap", draw);
  on("submit", "form[action='/signout']", () => {
    forget();
    tell({ isBye: true });
    hush(); // The lock goes with the page: by then the other tabs have heard, and none takes over.
  });
  addEventListener("pagehide", () => {
    remember();
    stop();
  });
  addEventListener("pageshow", (event) => event.persisted && start());
  start();
}
