// An unmodified y-websocket client: node --experimental-websocket y_websocket.mjs FRONTEND SERVER ROOM TOKEN
//
// Each line of stdin is typed at the end of the first file; an empty line reconnects. Each line of stdout says what is
// there by then.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [frontend, server, room, token] = process.argv.slice(2);
const require = createRequire(`${frontend}/package.json`);
const Y = require("yjs");
const { WebsocketProvider } = require("y-websocket");

const doc = new Y.Doc();
const provider = new WebsocketProvider(server, room, doc, {
  protocols: ["mentorq.v1", `bearer.${token}`],
  disableBc: true,
});
const files = doc.getMap("files");
const first = () => [...files.values()].sort((a, b) => a.get("position") - b.get("position"))[0]?.get("text");

function say() {
  const others = [...provider.awareness.getStates().values()].map((state) => state.user ?? null);
  process.stdout.write(`${JSON.stringify({ text: first()?.toString(), synced: provider.synced, others })}\n`);
}

provider.awareness.setLocalStateField("user", "node");
doc.on("update", say);
provider.on("sync", say);
provider.awareness.on("change", say);

createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line) return first().insert(first().length, `${line}\n`);
    provider.disconnect();
    first().insert(0, "offline\n");
    provider.connect();
    first().insert(first().length, "at once\n");
  })
  .on("close", () => process.exit(0));
