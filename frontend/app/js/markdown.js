// The buttons above a text in Markdown. What they write can be undone as if it were typed.
import { $, $$, on } from "./dom.js";

function write(area, from, to, words) {
  area.focus();
  area.setSelectionRange(from, to);
  // Deprecated, and still all that keeps the history of undo.
  if (words ? document.execCommand("insertText", false, words) : document.execCommand("delete")) return;
  area.setRangeText(words, from, to, "end");
  area.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

/** Put marks around the selection, or take them away. */
function surround(area, mark) {
  const { selectionStart: from, selectionEnd: to, value } = area;
  const inside = value.slice(from, to);
  const isMarked = value.slice(from - mark.length, from) === mark && value.slice(to, to + mark.length) === mark;
  const start = isMarked ? from - mark.length : from + mark.length;
  if (isMarked) write(area, start, to + mark.length, inside);
  else write(area, from, to, mark + inside + mark);
  area.setSelectionRange(start, start + inside.length);
}

/** Begin each selected line with a sign, or, where all have it, take it away. */
function prefix(area, sign) {
  const { selectionStart, selectionEnd, value } = area;
  const from = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const end = value.indexOf("\n", selectionEnd);
  const to = end < 0 ? value.length : end;
  const lines = value.slice(from, to).split("\n");
  const areMarked = lines.every((line) => line.startsWith(sign));
  const changed = lines.map((line) => (areMarked ? line.slice(sign.length) : sign + line)).join("\n");
  write(area, from, to, changed);
  area.setSelectionRange(lines.length > 1 ? from : from + changed.length, from + changed.length);
}

/** A block of code, on lines of its own. */
function fence(area) {
  const { selectionStart: from, selectionEnd: to, value } = area;
  const before = from === 0 || value[from - 1] === "\n" ? "```\n" : "\n```\n";
  const after = to === value.length || value[to] === "\n" ? "\n```" : "\n```\n";
  const inside = value.slice(from, to);
  write(area, from, to, before + inside + after);
  area.setSelectionRange(from + before.length, from + before.length + inside.length);
}

/** A link: its text is what was selected, its address is to be written next. */
function link(area) {
  const { selectionStart: from, selectionEnd: to, value } = area;
  const inside = value.slice(from, to);
  const address = "https://";
  write(area, from, to, `[${inside}](${address})`);
  const start = inside ? from + inside.length + 3 : from + 1;
  area.setSelectionRange(start, inside ? start + address.length : start);
}

const ACTS = {
  bold: (area) => surround(area, "**"),
  code: (area) => surround(area, "`"),
  block: fence,
  list: (area) => prefix(area, "- "),
  quote: (area) => prefix(area, "> "),
  link,
};

on("click", "[role=toolbar] button[data-md]", (_, button) => {
  const area = $("textarea", button.closest(".composer"));
  ACTS[button.dataset.md]?.(area);
});

on("keydown", "[role=toolbar] button", (event, button) => {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return;
  const buttons = $$("button", button.closest("[role=toolbar]"));
  const forward = getComputedStyle(button).direction === "rtl" ? -by : by;
  buttons.at((buttons.indexOf(button) + forward) % buttons.length).focus();
});
