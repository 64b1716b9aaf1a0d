// Times that go on: how long something still lasts, how long ago something was.
import { $$, announce, language, text, whenNew } from "./dom.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SAID_AT = [5, 1];

const unit = (name) => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay: "short" });
const minutes = unit("minute");
const hours = unit("hour");

function span(left) {
  const n = Math.ceil(left / MINUTE);
  return n < 60
    ? minutes.format(n)
    : [hours.format(Math.floor(n / 60)), n % 60 && minutes.format(n % 60)].filter(Boolean).join(" ");
}

const leftBefore = new WeakMap();

function countDown(element) {
  const until = Date.parse(element.dataset.until || element.dateTime);
  const left = Math.max(0, until - Date.now());
  if (element.dataset.from) {
    const from = Date.parse(element.dataset.from);
    element.setAttribute("stroke-dasharray", `${Math.min(100, (100 * left) / (until - from))} 100`);
    return;
  }
  element.textContent = span(left);
  const before = leftBefore.get(element);
  const reached = SAID_AT.find((n) => left <= n * MINUTE && before > n * MINUTE);
  if (reached) announce(text("left", element, { time: minutes.format(reached) }));
  leftBefore.set(element, left);
}

const ago = new Intl.RelativeTimeFormat(language);
const UNITS = [
  [DAY, "day"],
  [HOUR, "hour"],
  [MINUTE, "minute"],
];
// As the server rounds: 51 minutes are an hour.
const ENOUGH = 0.85;

function sayHowLongAgo(element) {
  const passed = Date.parse(element.dateTime) - Date.now();
  const length = Math.abs(passed);
  const [size, name] = UNITS.find(([size]) => length >= size * ENOUGH) ?? [];
  // Below a minute "just now" stays, and from a day on the date.
  if (!size || length >= DAY) return;
  element.textContent = ago.format(Math.sign(passed) * Math.max(1, Math.round(length / size)), name);
}

whenNew("[data-until]", countDown);
setInterval(() => $$("[data-until]").forEach(countDown), 15 * SECOND);
setInterval(() => $$("time[data-ago]").forEach(sayHowLongAgo), MINUTE);
