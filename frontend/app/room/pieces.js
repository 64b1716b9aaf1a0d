// An update of Yjs in pieces, each short enough for one message.
import * as encoding from "lib0/encoding";
import * as Y from "yjs";

/** Bytes; the server takes 64 KiB. */
export const LONGEST = 60 * 1024;
const UNITS_AT_ONCE = 16_000; // At most three bytes each.
const DELETED_AT_ONCE = 3_000; // At most some 15 bytes each.

/** Updates that make the same when they are applied in their order, in which none builds on a later one. */
export function pieces(update) {
  if (update.length <= LONGEST) return [update];
  const { structs, ds } = Y.decodeUpdate(update);
  return [...ofStructs(inOrder(structs.flatMap(cut))), ...ofDeleted(ds)];
}

/** An update has the items of one author after those of another; here, each comes after those that it builds on. */
function* inOrder(structs) {
  const waiting = new Map();
  for (const struct of structs) {
    const { client } = struct.id;
    if (!waiting.has(client)) waiting.set(client, []);
    waiting.get(client).push(struct);
  }
  const isThere = (id) => !(id instanceof Y.ID) || !(waiting.get(id.client)?.[0]?.id.clock <= id.clock);
  const isNext = ({ origin, rightOrigin, parent }) => [origin, rightOrigin, parent].every(isThere);
  while (waiting.size) {
    for (const [client, items] of waiting) {
      while (items.length && isNext(items[0])) yield items.shift();
      if (!items.length) waiting.delete(client);
    }
  }
}

/** A long text as several items, each behind the one before. */
function cut(struct) {
  const string = struct.content instanceof Y.ContentString ? struct.content.str : "";
  if (string.length <= UNITS_AT_ONCE) return struct instanceof Y.Skip ? [] : [struct];
  const { id, rightOrigin, parent, parentSub } = struct;
  const items = [];
  for (let start = 0; start < string.length; ) {
    const end = start + UNITS_AT_ONCE - (isHalf(string.charCodeAt(start + UNITS_AT_ONCE - 1)) ? 1 : 0);
    const content = new Y.ContentString(string.slice(start, end));
    const origin = start === 0 ? struct.origin : Y.createID(id.client, id.clock + start - 1);
    const own = Y.createID(id.client, id.clock + start);
    items.push(new Y.Item(own, null, origin, null, rightOrigin, parent, parentSub, content));
    start = end;
  }
  return items;
}

/** Two units may be one character, which stays whole. */
const isHalf = (code) => code >= 0xd800 && code < 0xdc00;

function written(struct) {
  const encoder = new Y.UpdateEncoderV1();
  struct.write(encoder, 0);
  return encoder.toUint8Array();
}

/** Runs of one author's items without a gap: a piece begins where it says, and the rest follows. */
function* ofStructs(structs) {
  let run;
  for (const struct of structs) {
    const bytes = written(struct);
    const { client, clock } = struct.id;
    const follows = run?.client === client && run.next === clock && run.size + bytes.length <= LONGEST - 64;
    if (run && !follows) yield pieceOf(run);
    if (!follows) run = { client, clock, size: 0, parts: [] };
    run.parts.push(bytes);
    run.size += bytes.length;
    run.next = clock + struct.length;
  }
  if (run) yield pieceOf(run);
}

function pieceOf({ client, clock, parts }) {
  const encoder = encoding.createEncoder();
  for (const number of [1, parts.length, client, clock]) encoding.writeVarUint(encoder, number);
  for (const part of parts) encoding.writeUint8Array(encoder, part);
  encoding.writeVarUint(encoder, 0);
  return encoding.toUint8Array(encoder);
}

function* ofDeleted({ clients }) {
  for (const [client, ranges] of clients) {
    for (let start = 0; start < ranges.length; start += DELETED_AT_ONCE) {
      const some = ranges.slice(start, start + DELETED_AT_ONCE);
      const encoder = encoding.createEncoder();
      for (const number of [0, 1, client, some.length]) encoding.writeVarUint(encoder, number);
      for (const { clock, len } of some) {
        encoding.writeVarUint(encoder, clock);
        encoding.writeVarUint(encoder, len);
      }
      yield encoding.toUint8Array(encoder);
    }
  }
}
