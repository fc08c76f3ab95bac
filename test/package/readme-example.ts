const longestExampleLines = 15;

/** The fenced block of the README that is marked `js example`. */
export function extractExample(readme: string): string {
  const blocks = [...readme.matchAll(/^```js example\n(.*?)^```$/gms)].map(([, code]) => code);
  const [code] = blocks;
  if (code === undefined || blocks.length > 1) {
    throw new Error(`The README has ${blocks.length} blocks marked \`js example\`, not one.`);
  }
  const lines = code.split("\n").filter((line) => line.trim() !== "").length;
  if (lines > longestExampleLines) {
    throw new Error(`The example of the README has ${lines} lines, not ${longestExampleLines}.`);
  }
  return code;
}

/** The same program as CommonJS: each import becomes a `require`. */
export function asCommonJs(code: string): string {
  const derived = code.replaceAll(
    /^import (\{[^}]*\}) from ("[^"]+");$/gm,
    "const $1 = require($2);",
  );
  if (/^import\b/m.test(derived)) throw new Error("An import of the example has no `require`.");
  return derived;
}

/** The same program for a machine without namespaces: the emulator asked for ordinary processes, by name. */
export function withoutIsolation(code: string): string {
  return replaceOnce(
    replaceOnce(code, "startDaytonaEmulator()", 'startDaytonaEmulator({ isolation: "none" })'),
    'createBackend("daytona", {',
    'createBackend("daytona", { workDir: "~/workspace",',
  );
}

function replaceOnce(code: string, from: string, to: string): string {
  if (code.split(from).length !== 2) {
    throw new Error(`The example does not have ${from} exactly once.`);
  }
  return code.replace(from, to);
}
