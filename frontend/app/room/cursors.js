// Where the others are in the text. Their colours are classes, and no styles of elements: the policy forbids those.
import { RangeSet } from "@codemirror/state";
import { Decoration, ViewPlugin, WidgetType } from "@codemirror/view";
import * as Y from "yjs";

class Caret extends WidgetType {
  constructor(name, index) {
    super();
    Object.assign(this, { name, index });
  }

  /** Another one where it has moved: it shows its name for a while then. */
  eq(caret) {
    return caret.name === this.name && caret.index === this.index;
  }

  toDOM() {
    const caret = document.createElement("span");
    caret.className = "caret";
    caret.setAttribute("aria-hidden", "true"); // It is no part of the text.
    caret.append(Object.assign(document.createElement("b"), { textContent: this.name }));
    return caret;
  }

  ignoreEvent() {
    return true;
  }
}

const selected = Decoration.mark({ class: "sel" });

/** Where a relative position is in this text now, if it is in this one. */
function indexOf(position, text) {
  const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(position), text.doc);
  return found?.type === text ? found.index : null;
}

/** Where somebody's caret is in `text`: [anchor, head], or null. */
export function cursorIn(text, { cursor } = {}) {
  if (!cursor?.anchor || !cursor.head) return null;
  const [anchor, head] = [indexOf(cursor.anchor, text), indexOf(cursor.head, text)];
  return anchor === null || head === null ? null : [anchor, head];
}

/** Shows the others in `text`, and tells them where one is. */
export function cursors(text, shared) {
  const { awareness } = shared;

  class Cursors {
    constructor(view) {
      this.view = view;
      this.decorations = RangeSet.empty;
      this.redraw = ({ added, updated, removed }) => {
        const clients = [...added, ...updated, ...removed];
        // Not in the middle of an update of the editor, which may be what caused this.
        if (clients.some((client) => client !== shared.doc.clientID)) queueMicrotask(() => this.isOver || view.dispatch({}));
      };
      awareness.on("change", this.redraw);
      this.draw();
    }

    update(update) {
      if (update.selectionSet || update.docChanged || update.focusChanged) this.tell();
      this.draw();
    }

    destroy() {
      this.isOver = true;
      awareness.off("change", this.redraw);
    }

    tell() {
      if (!this.view.hasFocus) return;
      const { anchor, head } = this.view.state.selection.main;
      const [from, to] = [anchor, head].map((index) =>
        Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, Math.min(index, text.length))),
      );
      const cursor = { anchor: from, head: to };
      if (JSON.stringify(cursor) !== JSON.stringify(awareness.getLocalState()?.cursor)) shared.show("cursor", cursor);
    }

    draw() {
      const end = this.view.state.doc.length;
      const found = [];
      for (const [client, state] of awareness.getStates()) {
        const at = client === shared.doc.clientID ? null : cursorIn(text, state);
        if (!at) continue;
        const [anchor, head] = at.map((index) => Math.min(index, end));
        const [from, to] = [Math.min(anchor, head), Math.max(anchor, head)];
        if (from < to) found.push(selected.range(from, to));
        const name = String(state.user?.name ?? "");
        found.push(Decoration.widget({ widget: new Caret(name, head), side: head > anchor ? -1 : 1 }).range(head));
      }
      this.decorations = Decoration.set(found, true);
    }
  }

  return ViewPlugin.fromClass(Cursors, { decorations: (plugin) => plugin.decorations });
}
