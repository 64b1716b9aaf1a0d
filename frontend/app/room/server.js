// What is asked of the server beside the lines.
import { base } from "./place.js";

const HEADERS = { Accept: "application/json, text/html", "HX-Request": "true" };

/** The server would rather show another page, as to who is signed in no longer. */
function isElsewhere(answer) {
  const next = answer.headers.get("HX-Redirect");
  // Whoever signs in comes back to the room, not to what it asked for.
  if (next) location.href = next.startsWith("/signin") ? `/signin?next=${encodeURIComponent(location.pathname)}` : next;
  return Boolean(next);
}

let asking;

/**
 * How the session stands. Asking renews the sign-in, too, which a line cannot.
 *
 * Both lines ask at the same moments: one answer is for both.
 */
export function ask() {
  asking ??= askNow().finally(() => (asking = undefined));
  return asking;
}

ask.onAnswer = () => {};

/** Whether it makes sense to try again. */
async function askNow() {
  let answer;
  try {
    answer = await fetch(`${base}/now`, { headers: HEADERS });
  } catch {
    return true; // No network.
  }
  if (isElsewhere(answer)) return false;
  if (answer.status === 403 || answer.status === 404) {
    location.reload(); // The page says what has become of it.
    return false;
  }
  if (answer.ok) ask.onAnswer(await answer.json());
  return true;
}

/** Send a form; returns null, or why the server did not do it, in its words if it has any. */
export async function send(form) {
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch(form.action, { method: "POST", headers: HEADERS, body });
    if (isElsewhere(answer) || answer.ok) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector(".toast span, .toast")?.textContent.trim() ?? "";
  } catch {
    return "";
  }
}
