// How many requests for a session await one, beside the link to them in the menu. Some pages know it, and the others
// learn it from them; where nobody has known it lately, or something is told, the server is asked.
import { $, language } from "./dom.js";

const KEPT = "mentorq-awaiting";
const FRESH = 60 * 1000;

const me = document.body.dataset.me;
const badge = me && $("[data-awaiting]");

function draw(awaiting) {
  badge.hidden = !awaiting;
  $("[data-number]", badge).textContent = awaiting.toLocaleString(language);
}

function keep(awaiting) {
  try {
    localStorage.setItem(KEPT, JSON.stringify({ me, awaiting, at: Date.now() }));
  } catch {
    // Storage may be full or forbidden.
  }
}

function kept() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    return found.me === me && Date.now() - found.at < FRESH ? found.awaiting : undefined;
  } catch {
    return undefined;
  }
}

async function ask() {
  const response = await fetch("/app/sessions/awaiting", { headers: { Accept: "application/json" } });
  if (!response.ok || response.redirected) return;
  const { awaiting } = await response.json();
  keep(awaiting);
  draw(awaiting);
}

// Offline, or the server is away: the number stays as it is.
const askQuietly = () => ask().catch(() => {});

if (badge) {
  if (badge.dataset.awaiting) keep(Number(badge.dataset.awaiting));
  else {
    const known = kept();
    if (known === undefined) askQuietly();
    else draw(known);
  }
  document.addEventListener("mentorq:told", askQuietly);
}
