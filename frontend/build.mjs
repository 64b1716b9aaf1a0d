// Builds everything under mentorq/web/static that is not written by hand.
//
//   node build.mjs           writes the files
//   node build.mjs --check   builds into a temporary directory and compares, byte by byte, with the committed files
//
// A step gets the directory to write into and is wholly responsible for one directory there: what it does not write is
// removed by a build, and reported by a check.

import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { build as bundle } from "esbuild";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const STATIC = path.join(HERE, "..", "mentorq", "web", "static");

/** Add a step for each further output, such as an esbuild bundle. */
const STEPS = [
  { directory: "vendor/swagger-ui", build: swaggerUi },
  { directory: "vendor/redoc", build: redoc },
  { directory: "app", build: app },
  { directory: "room", build: room },
];

/** Our own pages' one stylesheet, one script, the worker that shows notifications, and icons. */
async function app(target) {
  const source = path.join(HERE, "app");
  await bundle({
    absWorkingDir: HERE,
    entryPoints: [path.join(source, "css/app.css"), path.join(source, "js/app.js")],
    outdir: target,
    entryNames: "[name]",
    bundle: true,
    minify: true,
    format: "esm",
    // As written: light-dark(), nesting and layers are in every browser that we serve.
    target: "esnext",
    // They are in LICENSES.txt.
    legalComments: "none",
    logLevel: "warning",
  });
  // Not minified: it is served as it is, and short.
  await cp(path.join(source, "worker/sw.js"), path.join(target, "sw.js"));
  for (const icons of ["sprite.svg", "mark.svg"]) {
    await cp(path.join(source, "icons", icons), path.join(target, icons));
  }
  const licences = [path.join(source, "icons/LICENSE.txt"), path.join(packageDirectory("htmx.org"), "LICENSE")];
  const [icons, htmx] = await Promise.all(licences.map((file) => readFile(file, "utf8")));
  await writeFile(path.join(target, "LICENSES.txt"), `${icons.trim()}\n\n\napp.js contains htmx (htmx.org).\n\n${htmx.trim()}\n`);
}

/** The room of a live session, with its editor. Languages are files of their own, which are loaded when they are needed. */
async function room(target) {
  const source = path.join(HERE, "app");
  const { metafile } = await bundle({
    absWorkingDir: HERE,
    entryPoints: [path.join(source, "room/room.js"), path.join(source, "css/room.css")],
    outdir: target,
    entryNames: "[name]",
    // Their names change with their content, so browsers may keep them.
    chunkNames: "parts/[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "esnext",
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  await writeFile(path.join(target, "LICENSES.txt"), await licencesOf(Object.keys(metafile.inputs)));
}

/** The licences of the packages that files come from. */
async function licencesOf(files) {
  const names = files.map((file) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1]).filter(Boolean);
  const texts = [...new Set(names)].sort().map(async (name) => {
    const directory = path.join(HERE, "node_modules", name);
    const { version, license } = JSON.parse(await readFile(path.join(directory, "package.json"), "utf8"));
    return `${name} ${version} (${license})\n\n${(await readFile(path.join(directory, "LICENSE"), "utf8")).trim()}\n`;
  });
  return (await Promise.all(texts)).join("\n\n");
}

async function swaggerUi(target) {
  await copyFromPackage("swagger-ui-dist", target, [
    "swagger-ui-bundle.js",
    "swagger-ui-bundle.js.LICENSE.txt",
    "swagger-ui.css",
    "LICENSE",
    "NOTICE",
  ]);
}

/** What we change in Redoc's bundle: [old, new, why], each found exactly once. */
const REDOC_CHANGES = [
  [
    "https://cdn.redoc.ly/redoc/logo-mini.svg",
    "data:,",
    // An image without content fails to load, and Redoc then leaves it out; the link to its makers stays.
    "It does not load its makers' logo from another server; there is no option against that.",
  ],
  [
    "r.nc=void 0",
    "r.nc=document.currentScript.nonce",
    // Its option for a nonce is read after the first <style> element has been written.
    "Its <style> elements carry the nonce of its <script> element, for a strict Content-Security-Policy.",
  ],
];

async function redoc(target) {
  await copyFromPackage("redoc", target, ["LICENSE", "bundles/redoc.standalone.js.LICENSE.txt"]);
  let bundle = await readFile(path.join(packageDirectory("redoc"), "bundles/redoc.standalone.js"), "utf8");
  for (const [old, replacement] of REDOC_CHANGES) bundle = replaceOnce(bundle, old, replacement);
  await writeFile(path.join(target, "redoc.standalone.js"), bundle);
  const reasons = REDOC_CHANGES.map(([, , why]) => `- ${why}\n`).join("");
  await writeFile(path.join(target, "CHANGES.txt"), `How redoc.standalone.js differs from the published file:\n${reasons}`);
}

function replaceOnce(text, old, replacement) {
  const parts = text.split(old);
  if (parts.length !== 2) {
    throw new Error(`Expected ${old} exactly once, found it ${parts.length - 1} times: look at the new version.`);
  }
  return parts.join(replacement);
}

function packageDirectory(name) {
  try {
    return path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch {
    throw new Error(`The package ${name} is not installed: run "npm ci" in frontend/ first.`);
  }
}

async function copyFromPackage(name, target, files) {
  for (const file of files) {
    await cp(path.join(packageDirectory(name), file), path.join(target, path.basename(file)));
  }
}

/** Build every step into `root`, each into an empty directory. */
async function buildInto(root) {
  for (const step of STEPS) {
    const target = path.join(root, step.directory);
    await rm(target, { recursive: true, force: true });
    await mkdir(target, { recursive: true });
    await step.build(target);
  }
}

/** Name → content of all files below a directory; empty where there is none. */
async function filesBelow(directory) {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = new Map();
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    files.set(path.relative(directory, file), await readFile(file));
  }
  return files;
}

/** Sentences that say how the committed files of a step differ from freshly built ones. */
async function differences(step, freshRoot) {
  const fresh = await filesBelow(path.join(freshRoot, step.directory));
  const committed = await filesBelow(path.join(STATIC, step.directory));
  const names = [...new Set([...fresh.keys(), ...committed.keys()])].sort();
  return names.flatMap((name) => {
    const shown = path.posix.join(step.directory, name);
    if (!committed.has(name)) return [`${shown} is missing.`];
    if (!fresh.has(name)) return [`${shown} is not made by the build.`];
    return fresh.get(name).equals(committed.get(name)) ? [] : [`${shown} differs from what the build makes.`];
  });
}

async function check() {
  const freshRoot = await mkdtemp(path.join(tmpdir(), "frontend-"));
  try {
    await buildInto(freshRoot);
    const found = (await Promise.all(STEPS.map((step) => differences(step, freshRoot)))).flat();
    if (found.length === 0) return;
    console.error(`${found.join("\n")}\nRun "npm ci && npm run build" in frontend/ and commit what changes.`);
    process.exitCode = 1;
  } finally {
    await rm(freshRoot, { recursive: true, force: true });
  }
}

try {
  await (process.argv.includes("--check") ? check() : buildInto(STATIC));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
