// The languages that the editor knows. Each is loaded when a file needs it.
import { StreamLanguage } from "@codemirror/language";

const four = "    ";
const two = "  ";

/** Name → [endings of file names, one step of indentation, what loads it]. */
const LANGUAGES = {
  python: [["py", "pyi"], four, async () => (await import("@codemirror/lang-python")).python()],
  javascript: [["js", "jsx", "mjs", "cjs"], two, () => script({ jsx: true })],
  typescript: [["ts", "tsx"], two, () => script({ jsx: true, typescript: true })],
  html: [["html", "htm", "vue", "svelte"], two, async () => (await import("@codemirror/lang-html")).html()],
  css: [["css", "scss"], two, async () => (await import("@codemirror/lang-css")).css()],
  json: [["json"], two, async () => (await import("@codemirror/lang-json")).json()],
  java: [["java"], four, async () => (await import("@codemirror/lang-java")).java()],
  c: [["c", "h"], four, async () => (await import("@codemirror/lang-cpp")).cpp()],
  "c++": [["cpp", "cc", "cxx", "hpp"], four, async () => (await import("@codemirror/lang-cpp")).cpp()],
  rust: [["rs"], four, async () => (await import("@codemirror/lang-rust")).rust()],
  go: [["go"], "\t", async () => (await import("@codemirror/lang-go")).go()],
  sql: [["sql"], two, async () => (await import("@codemirror/lang-sql")).sql()],
  markdown: [["md", "markdown"], two, async () => (await import("@codemirror/lang-markdown")).markdown()],
  php: [["php"], four, async () => (await import("@codemirror/lang-php")).php()],
  bash: [["sh", "bash", "zsh"], two, async () => stream((await import("@codemirror/legacy-modes/mode/shell")).shell)],
  ruby: [["rb"], two, async () => stream((await import("@codemirror/legacy-modes/mode/ruby")).ruby)],
  "c#": [["cs"], four, async () => stream((await import("@codemirror/legacy-modes/mode/clike")).csharp)],
  kotlin: [["kt", "kts"], four, async () => stream((await import("@codemirror/legacy-modes/mode/clike")).kotlin)],
  yaml: [["yaml", "yml"], two, async () => stream((await import("@codemirror/legacy-modes/mode/yaml")).yaml)],
  toml: [["toml"], two, async () => stream((await import("@codemirror/legacy-modes/mode/toml")).toml)],
  swift: [["swift"], four, async () => stream((await import("@codemirror/legacy-modes/mode/swift")).swift)],
  scala: [["scala"], two, async () => stream((await import("@codemirror/legacy-modes/mode/clike")).scala)],
  dart: [["dart"], two, async () => stream((await import("@codemirror/legacy-modes/mode/clike")).dart)],
  haskell: [["hs"], two, async () => stream((await import("@codemirror/legacy-modes/mode/haskell")).haskell)],
  lua: [["lua"], two, async () => stream((await import("@codemirror/legacy-modes/mode/lua")).lua)],
  perl: [["pl", "pm"], four, async () => stream((await import("@codemirror/legacy-modes/mode/perl")).perl)],
  r: [["r"], two, async () => stream((await import("@codemirror/legacy-modes/mode/r")).r)],
  powershell: [["ps1"], four, async () => stream((await import("@codemirror/legacy-modes/mode/powershell")).powerShell)],
  xml: [["xml", "svg"], two, async () => stream((await import("@codemirror/legacy-modes/mode/xml")).xml)],
  docker: [["dockerfile"], four, async () => stream((await import("@codemirror/legacy-modes/mode/dockerfile")).dockerFile)],
  diff: [["diff", "patch"], two, async () => stream((await import("@codemirror/legacy-modes/mode/diff")).diff)],
  text: [["txt", "log"], four, async () => []],
};

const script = async (options) => (await import("@codemirror/lang-javascript")).javascript(options);
const stream = (mode) => StreamLanguage.define(mode);

/** What else they are called, as after the fence of a code block. */
const ALIASES = {
  py: "python",
  js: "javascript",
  jsx: "javascript",
  ts: "typescript",
  tsx: "typescript",
  cpp: "c++",
  rs: "rust",
  golang: "go",
  md: "markdown",
  sh: "bash",
  shell: "bash",
  zsh: "bash",
  rb: "ruby",
  cs: "c#",
  csharp: "c#",
  yml: "yaml",
  dockerfile: "docker",
  plaintext: "text",
  "": "text",
};

export const nameOf = (language) => ALIASES[language] ?? language;
export const isKnown = (language) => nameOf(language) in LANGUAGES;
export const stepOf = (language) => LANGUAGES[nameOf(language)]?.[1] ?? four;

/** What a file is written in, by its name; undefined where that says nothing. */
export function guess(file) {
  const ending = /([^./]+)$/.exec(file.toLowerCase())?.[1];
  return Object.keys(LANGUAGES).find((name) => LANGUAGES[name][0].includes(ending));
}

/** The extension of a language; of one that is not known, or cannot be loaded now, none. */
export async function load(language) {
  try {
    return (await LANGUAGES[nameOf(language)]?.[2]()) ?? [];
  } catch {
    return []; // No network: the code is shown all the same.
  }
}
