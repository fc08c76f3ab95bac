import { join } from "node:path";
import { writeProjectFiles } from "./consumer-project.ts";
import { outputOf } from "./run-program.ts";

const compileTimeoutMs = 180_000;

/** Uses of the types beside the example; they fail to compile when the types are lost and everything is `any`. */
const typeUses = `import { createBackend, type DaytonaBackend, type ExecResult } from "sandbox-backend";

export const backend: DaytonaBackend = createBackend("daytona", { idle: { autoStopMinutes: 5 } });
export const result: Promise<ExecResult> = backend.exec(["true"], { signal: new AbortController().signal });
export const text: Promise<string> = backend.readFile("a", { encoding: "utf8" });
// @ts-expect-error Without an encoding it gives bytes.
export const bytes: Promise<string> = backend.readFile("a");
// @ts-expect-error There is no such option.
createBackend("daytona", { imag: "node:20-slim" });
`;

/** What an ESM module, or a bundler, can import beside the main entry. */
const otherEntries = `import { type DaytonaEmulator, startDaytonaEmulator } from "sandbox-backend/emulator";
import { type ConformanceOptions, testBackendConformance } from "sandbox-backend/testing";

export const emulator: Promise<DaytonaEmulator> = startDaytonaEmulator({ profile: "v0.190" });
export const register: (options: ConformanceOptions) => unknown = testBackendConformance;
// @ts-expect-error There is no such profile.
void startDaytonaEmulator({ profile: "v2" });
`;

const resolutions = [
  {
    name: "node16, without DOM types",
    options: { module: "node16", moduleResolution: "node16", lib: ["es2022"] },
    files: ["example.mts", "example.cts", "uses.mts", "uses.cts", "entries.mts"],
  },
  {
    name: "bundler, with DOM types",
    options: { module: "esnext", moduleResolution: "bundler" },
    files: ["example.ts", "uses.ts", "entries.ts"],
  },
] as const;

/**
 * Compiles the example and more uses in a consumer's project, declarations of the library included (`skipLibCheck` off).
 * TypeScript and Node's types are the repository's own. Gives what was compiled, in words.
 */
export async function checkTypes(
  project: string,
  repository: string,
  example: string,
): Promise<string[]> {
  const checked: string[] = [];
  for (const { name, options, files } of resolutions) {
    const sources = files.map((file) => {
      const base = file.replace(/\..*$/, "");
      const source = base === "example" ? example : base === "uses" ? typeUses : otherEntries;
      return [file, source] as const;
    });
    const compilerOptions = {
      ...options,
      target: "es2022",
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: ["node"],
      typeRoots: [join(repository, "node_modules/@types")],
    };
    await writeProjectFiles(project, {
      ...Object.fromEntries(sources),
      "tsconfig.json": JSON.stringify({ compilerOptions, files }),
    });
    await outputOf(
      process.execPath,
      [join(repository, "node_modules/typescript/bin/tsc"), "--project", project],
      { cwd: project, timeoutMs: compileTimeoutMs },
    );
    checked.push(`${name}: ${files.join(", ")}`);
  }
  return checked;
}
