// What is not on the server yet survives a reload: kept by this tab, for whoever writes here.
import { me, room } from "./place.js";

const PREFIX = "room:";
const keyOf = (name) => `${PREFIX}${me.id}:${room}:${name}`;

/** Storage may be full or forbidden; then nothing is kept. */
function stored(act) {
  try {
    return act(sessionStorage);
  } catch {
    return null;
  }
}

export const recall = (name) => JSON.parse(stored((storage) => storage.getItem(keyOf(name))) ?? "null");

/** Keep a value; null forgets it. */
export function keep(name, value) {
  stored((storage) =>
    value === null ? storage.removeItem(keyOf(name)) : storage.setItem(keyOf(name), JSON.stringify(value)),
  );
}

export function forgetAll() {
  stored((storage) => {
    for (const key of Object.keys(storage)) if (key.startsWith(PREFIX)) storage.removeItem(key);
  });
}
