import { $$, on } from "./dom.js";

const YEAR = 365 * 24 * 60 * 60;

// A cookie, so that the server's next page has the right colours from its first pixel.
on("change", "input[name=theme]", (_, { value }) => {
  const isChosen = value !== "auto";
  if (isChosen) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${value}; Path=/; Max-Age=${isChosen ? YEAR : 0}; SameSite=Lax${secure}`;
  for (const input of $$("input[name=theme]")) input.checked = input.value === value;
});
