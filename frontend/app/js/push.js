// Whether this browser shows notifications while no page is open: asked only when somebody turns it on.
import { $, announce, on, text, whenNew } from "./dom.js";
import { post } from "./requests.js";
import { toast } from "./toasts.js";

const WORKER = "/sw.js";
const can = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

const subscribed = async () => (await navigator.serviceWorker.getRegistration(WORKER))?.pushManager.getSubscription();

function show(box, state) {
  box.dataset.state = state;
  box.hidden = false;
  const button = $("button", box);
  button.hidden = state === "denied" || state === "unable";
  button.ariaPressed = String(state === "on");
  button.textContent = text(state === "on" ? "turn-off" : "turn-on", box);
  $("[data-push-status]", box).textContent = text(state, box);
}

async function look(box) {
  if (!can) return show(box, "unable");
  if (Notification.permission === "denied") return show(box, "denied");
  return show(box, (await subscribed()) ? "on" : "off");
}

async function turnOn(box) {
  if ((await Notification.requestPermission()) !== "granted") return look(box);
  await navigator.serviceWorker.register(WORKER);
  const { pushManager } = await navigator.serviceWorker.ready;
  const key = await fetch("/app/browsers/key");
  if (!key.ok) throw new Error("The server gave no key.");
  const subscription = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: await key.text() });
  const { endpoint, keys } = subscription.toJSON();
  await post("/app/browsers", new URLSearchParams({ endpoint, ...keys }));
  return show(box, "on");
}

async function turnOff() {
  const subscription = can && (await subscribed());
  if (!subscription) return;
  await post("/app/browsers/end", new URLSearchParams({ endpoint: subscription.endpoint }));
  await subscription.unsubscribe();
}

whenNew("[data-push]", look);

on("click", "[data-push] button", async (_, button) => {
  const box = button.closest("[data-push]");
  try {
    if (box.dataset.state === "on") {
      await turnOff();
      await look(box);
    } else {
      await turnOn(box);
    }
    announce(text(box.dataset.state, box));
  } catch {
    toast(text("push-failed", box));
    await look(box);
  }
});

// Others may use this browser next. What cannot be ended now, the push service ends at the first message.
on("submit", "form[action='/signout']", () => turnOff().catch(() => {}));
