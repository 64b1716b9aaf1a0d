// The editor of one file at a time.
import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tagHighlighter, tags } from "@lezer/highlight";
import { yCollab, ySyncAnnotation, yUndoManagerKeymap } from "y-codemirror.next";
import * as Y from "yjs";

import { $, text } from "../js/dom.js";
import { cursorIn, cursors } from "./cursors.js";
import { load, stepOf } from "./languages.js";
import { place } from "./place.js";

/** Bytes that come at once: they have to fit into one message. */
const MOST_AT_ONCE = 40_000;
/** Characters of all files: the server keeps a megabyte, with what was deleted. */
const MOST = 400_000;

// The classes are those of the server's highlighter, so that the same code looks the same everywhere.
const colours = tagHighlighter([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier, tags.bool, tags.null, tags.self], class: "k" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp, tags.character, tags.docString], class: "s" },
  { tag: [tags.number], class: "m" },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.definition(tags.variableName)), tags.macroName],
    class: "nf",
  },
  { tag: [tags.function(tags.propertyName), tags.meta, tags.annotation], class: "nd" },
  { tag: [tags.className, tags.typeName, tags.namespace, tags.standard(tags.variableName)], class: "nc" },
  { tag: [tags.tagName, tags.heading, tags.labelName], class: "nt" },
  { tag: [tags.comment], class: "c1" },
]);

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "0.875rem", color: "var(--text)", backgroundColor: "var(--surface)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.65" },
  ".cm-content": { paddingBlock: "var(--s3)", caretColor: "var(--text)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--muted)", border: "0" },
  ".cm-lineNumbers .cm-gutterElement": { minWidth: "2.75rem", paddingInlineEnd: "0.75rem" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine, &.cm-focused .cm-activeLineGutter": {
    backgroundColor: "color-mix(in srgb, var(--hover) 55%, transparent)",
  },
  ".cm-selectionMatch, .cm-searchMatch": { backgroundColor: "var(--accent-soft)" },
  ".cm-searchMatch": { outline: "1px solid var(--accent-line)" },
  ".cm-searchMatch-selected": { backgroundColor: "var(--marker)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent-line)" },
  "&.cm-focused .cm-nonmatchingBracket": { backgroundColor: "var(--danger-soft)" },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--text)", fontFamily: "var(--sans)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "var(--edge)" },
  ".cm-panel label, .cm-panel input, .cm-panel button": { fontSize: "var(--t-xs)" },
  ".cm-textfield": { border: "1px solid var(--control)", backgroundColor: "var(--surface)", borderRadius: "var(--r1)" },
  ".cm-button": {
    background: "var(--surface)",
    border: "var(--edge)",
    borderRadius: "var(--r1)",
    "&:active": { background: "var(--hover)" },
  },
  ".cm-panel [name=close]": { color: "var(--text)" },
});

const size = (words) => new TextEncoder().encode(words).length;

/** The texts of the search panel in the reader's language: each is the editor's own, `=`, and ours. */
function phrases() {
  const lines = place.dataset.phrases.split("\n").map((line) => line.split("="));
  return EditorState.phrases.of(Object.fromEntries(lines));
}

export class Editor {
  /** `onMove` is told the line and column; `onTooMuch` that a change was refused, and why. */
  constructor(element, { shared, onMove, onTooMuch }) {
    Object.assign(this, { shared, onMove, onTooMuch });
    this.language = new Compartment();
    this.access = new Compartment();
    this.undo = new WeakMap();
    this.places = new WeakMap();
    this.isReadOnly = true;
    this.view = new EditorView({ parent: element, state: EditorState.create({ extensions: this.#always() }) });
  }

  /** Show a file; `label` is what it is called for those who do not see it. */
  open({ text: shown, language }, label) {
    this.#leave();
    this.text = shown;
    const undoManager = this.#undoOf(shown);
    const state = EditorState.create({
      doc: shown.toString(),
      extensions: [
        ...this.#always(label),
        yCollab(shown, null, { undoManager }),
        cursors(shown, this.shared),
      ],
    });
    this.view.setState(state);
    this.speak(language);
    this.#comeBack();
    this.#tellPlace();
  }

  close() {
    this.text = undefined;
    this.view.setState(EditorState.create({ extensions: this.#always() }));
  }

  /** The language of what is open. */
  async speak(language) {
    this.spoken = language;
    const extension = await load(language);
    if (this.spoken !== language) return;
    this.view.dispatch({ effects: this.language.reconfigure([extension, indentUnit.of(stepOf(language))]) });
  }

  setReadOnly(isReadOnly, isPhone) {
    this.isReadOnly = isReadOnly;
    this.isPhone = isPhone;
    this.view.dispatch({ effects: this.access.reconfigure(this.#accessNow()) });
  }

  focus() {
    this.view.focus();
  }

  /** Go to where somebody is. */
  goTo(state) {
    const at = this.text && cursorIn(this.text, state);
    if (at) this.view.dispatch({ effects: EditorView.scrollIntoView(Math.min(at[1], this.view.state.doc.length), { y: "center" }) });
  }

  /** What holds whichever file is open, also for none. */
  #always(label = $(".edit", place).ariaLabel) {
    return [
      EditorView.contentAttributes.of({ "aria-label": label, dir: "ltr", tabindex: "0" }),
      EditorView.contentAttributes.of({ autocorrect: "off", autocapitalize: "off" }),
      EditorView.cspNonce.of($("script[nonce]").nonce),
      // A text is the same everywhere only if nobody counts its ends of lines otherwise.
      EditorState.lineSeparator.of("\n"),
      EditorView.clipboardInputFilter.of((words) => words.replace(/\r\n?/g, "\n")),
      EditorState.tabSize.of(4),
      lineNumbers(),
      highlightActiveLine(),
      highlightActiveLineGutter(),
      highlightSelectionMatches(),
      bracketMatching(),
      closeBrackets(),
      indentOnInput(),
      syntaxHighlighting(colours),
      look,
      phrases(),
      keymap.of([...closeBracketsKeymap, ...yUndoManagerKeymap, ...searchKeymap, ...defaultKeymap, indentWithTab]),
      EditorState.transactionFilter.of((transaction) => this.#allow(transaction)),
      EditorView.updateListener.of((update) => {
        if (update.selectionSet || update.docChanged) this.#tellPlace();
      }),
      this.language.of([]),
      this.access.of(this.#accessNow()),
    ];
  }

  #accessNow() {
    return [
      EditorState.readOnly.of(this.isReadOnly),
      // On a phone, no keyboard should come up over the code that one only reads.
      EditorView.editable.of(!this.isPhone),
      EditorView.contentAttributes.of({ tabindex: "0", "aria-readonly": String(this.isReadOnly) }),
    ];
  }

  /** One's own changes only: undoing never takes back what the other one wrote. */
  #undoOf(shown) {
    if (!this.undo.has(shown)) this.undo.set(shown, new Y.UndoManager(shown, { trackedOrigins: new Set() }));
    return this.undo.get(shown);
  }

  #allow(transaction) {
    if (!transaction.docChanged || transaction.annotation(ySyncAnnotation)) return transaction;
    let inserted = 0;
    transaction.changes.iterChanges((_from, _to, _fromB, _toB, words) => (inserted += words.length));
    if (inserted * 3 > MOST_AT_ONCE && this.#bytesOf(transaction) > MOST_AT_ONCE) return this.#refuse("too-much");
    const isMore = transaction.newDoc.length > transaction.startState.doc.length;
    if (isMore && this.#total() + inserted > MOST) return this.#refuse("full");
    return transaction;
  }

  #bytesOf(transaction) {
    let bytes = 0;
    transaction.changes.iterChanges((_from, _to, _fromB, _toB, words) => (bytes += size(words.toString())));
    return bytes;
  }

  #total() {
    let total = 0;
    for (const file of this.shared.doc.getMap("files").values()) total += file.get("text")?.length ?? 0;
    return total;
  }

  #refuse(reason) {
    queueMicrotask(() => this.onTooMuch(text(reason, place)));
    return [];
  }

  #tellPlace() {
    const { state } = this.view;
    const { head } = state.selection.main;
    const line = state.doc.lineAt(head);
    this.onMove(line.number, head - line.from + 1);
  }

  #leave() {
    if (!this.text) return;
    const { anchor, head } = this.view.state.selection.main;
    const at = [anchor, head].map((index) => Y.createRelativePositionFromTypeIndex(this.text, Math.min(index, this.text.length)));
    this.places.set(this.text, { at, top: this.view.scrollDOM.scrollTop });
  }

  /** To where one was in this file. */
  #comeBack() {
    const kept = this.places.get(this.text);
    if (!kept) return;
    const [anchor, head] = kept.at.map((each) => Y.createAbsolutePositionFromRelativePosition(each, this.text.doc)?.index ?? 0);
    this.view.dispatch({ selection: { anchor, head } });
    requestAnimationFrame(() => (this.view.scrollDOM.scrollTop = kept.top));
  }
}
