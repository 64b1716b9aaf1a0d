// The room of a live session. Its parts know the page's elements; what they share is here.
import { $, announce, on, text } from "../js/dom.js";
import { toast } from "../js/toasts.js";
import { Chat } from "./chat.js";
import { Clock } from "./clock.js";
import { Code } from "./code.js";
import { Banner } from "./banner.js";
import { forgetAll } from "./kept.js";
import { place } from "./place.js";
import { ask, send } from "./server.js";

const SOON = 1500;

const lines = new Banner($("[data-line]"), () => [chat.line, code.line].forEach((line) => line.now()));
const clock = new Clock();
const chat = new Chat({ clock, onChange: () => lines.show(chat.line, code.line), onOver: end });
const code = new Code({ onChange: () => lines.show(chat.line, code.line), onOver: end, onWhere: (name) => chat.where(name) });

let isOver = false;

/** The session is over: what was written stays to be read, and nothing more is taken. */
function end() {
  if (isOver) return;
  isOver = true;
  $("dialog#end")?.close();
  clock.stop();
  chat.stop();
  code.stop();
  lines.hide();
  const notice = $("[data-over]");
  notice.hidden = false;
  for (const element of place.querySelectorAll("[data-while-on]")) element.hidden = true;
  announce($("span", notice).textContent);
}

/** The lines ask when the server refuses them: it may know that nobody is signed in, or that the session is over. */
ask.onAnswer = (answer) => {
  clock.set(answer);
  if (answer.status !== "accepted" && answer.status !== "live") end();
};

on("click", "[data-where]", () => {
  $("#see-code").click();
  code.follow();
});

// Forms of the room do what they say without leaving it.
on("submit", "form[data-act]", async (event, form) => {
  event.preventDefault();
  const button = event.submitter;
  if (button?.ariaDisabled === "true") return;
  button?.setAttribute("aria-disabled", "true");
  const refused = await send(form);
  button?.removeAttribute("aria-disabled");
  form.closest("dialog")?.close();
  if (refused !== null) toast(refused || text("failed"));
});

on("submit", "form[action='/signout']", forgetAll);

window.addEventListener("beforeunload", (event) => {
  if (!isOver && (chat.isWaiting || code.isWaiting)) event.preventDefault();
});

// Who comes back to the page, or to the network, need not wait.
const hurry = () => [chat.line, code.line].forEach((line) => line.check());
window.addEventListener("online", hurry);
window.addEventListener("offline", hurry);
window.addEventListener("pageshow", hurry);
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && hurry());

$("[data-opening]").remove();
$(".panes", place).hidden = false;
clock.start();
chat.start();
code.start();
setTimeout(() => lines.begin(), SOON);
