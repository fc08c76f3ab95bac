/**
 * Checks the package as a user gets it: packed, installed from the tarball in an empty folder, and used from there. Needs the
 * registry, for the dependencies, and a build.
 *
 *     npm run build && npm run check:consumer
 */
import { mkdir, mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  checkMainEntry,
  checkOtherEntries,
  describeFiles,
  measureMainEntry,
} from "./check-loading.ts";
import { checkBundledHost, checkLocalBackend } from "./check-local.ts";
import { checkTypes } from "./check-types.ts";
import { checkBuild, install, pack, writeProjectFiles } from "./consumer-project.ts";
import { asCommonJs, extractExample, withoutIsolation } from "./readme-example.ts";
import { outputOf, type ProgramResult, runProgram } from "./run-program.ts";

const repository = join(import.meta.dirname, "../..");
const exampleTimeoutMs = 120_000;
const commandTimeoutMs = 60_000;

const folder = await realpath(await mkdtemp(join(tmpdir(), "sandbox-backend-package-")));
try {
  await check();
  say("The package works.");
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function check(): Promise<void> {
  await checkBuild(repository);
  const project = join(folder, "project");
  await mkdir(project);
  const tarball = await pack(repository, folder);
  const { version } = await install(tarball, project);
  say(`✔ packed and installed version ${version} in an empty folder`);

  const example = extractExample(await readFile(join(repository, "README.md"), "utf8"));
  await runExample(project, "example.mjs", example);
  await runExample(project, "example.cjs", asCommonJs(example));

  for (const checked of await checkTypes(project, repository, example)) {
    say(`✔ types, skipLibCheck off, ${checked}`);
  }

  await checkCommandLine(project, version);
  say("✔ npx sandbox-backend emulator --help, npx sandbox-backend version");

  const { esm, cjs } = await checkMainEntry(project);
  say("✔ importing the main entry and making a backend loads no other package, and of its own");
  say(`  as ESM ${describeFiles(esm)}`);
  say(`  as CommonJS ${describeFiles(cjs)}`);
  await checkOtherEntries(project);
  say("✔ sandbox-backend/emulator and sandbox-backend/testing load, without an SDK");

  await checkLocalBackend(project);
  say("✔ the local backend makes a sandbox and takes it away, as ESM and as CommonJS");
  await checkBundledHost(project);
  say("✔ so it does in host apps that are bundled into one file, as ESM and as CommonJS");

  const { medianMs, fastestMs } = await measureMainEntry(project);
  say(
    `✔ import("sandbox-backend") in 10 fresh processes: median ${medianMs.toFixed(1)} ms, fastest ${fastestMs.toFixed(1)} ms`,
  );
}

async function runExample(project: string, name: string, code: string): Promise<void> {
  let result = await runOnEmulator(project, name, code);
  let note = "";
  if (result.exitCode !== 0 && result.stderr.includes("ISOLATION_UNAVAILABLE")) {
    note = ", without isolation, since this machine refuses it";
    result = await runOnEmulator(project, name, withoutIsolation(code));
  }
  if (result.exitCode !== 0 || !/^Hello you, this is \/\S*\n\s*$/.test(result.stdout)) {
    throw new Error(`${name} of the README does not run: ${JSON.stringify(result, null, 2)}`);
  }
  say(`✔ the README's example as ${name}${note}: ${result.stdout.trim()}`);
}

/** Runs a program without a key. What it puts into the temporary folder must be gone at its end. */
async function runOnEmulator(project: string, name: string, code: string): Promise<ProgramResult> {
  await writeProjectFiles(project, { [name]: code });
  const temporary = join(folder, "temporary");
  await mkdir(temporary, { recursive: true });
  const env: NodeJS.ProcessEnv = { ...process.env, TMPDIR: temporary };
  for (const variable of Object.keys(env)) {
    if (variable.startsWith("DAYTONA_")) delete env[variable];
  }
  const result = await runProgram(process.execPath, [name], {
    cwd: project,
    env,
    timeoutMs: exampleTimeoutMs,
  });
  const left = await readdir(temporary);
  if (result.exitCode === 0 && left.length > 0) {
    throw new Error(`${name} left in the temporary folder: ${left.join(", ")}`);
  }
  await rm(temporary, { recursive: true, force: true });
  return result;
}

async function checkCommandLine(project: string, version: string): Promise<void> {
  const run = (...args: string[]): Promise<string> =>
    outputOf("npx", ["--no-install", "sandbox-backend", ...args], {
      cwd: project,
      timeoutMs: commandTimeoutMs,
    });
  const help = await run("emulator", "--help");
  if (!help.startsWith("Usage: sandbox-backend emulator")) {
    throw new Error(`The help of the emulator is not one: ${help}`);
  }
  const printed = await run("version");
  if (printed !== `${version}\n`) throw new Error(`The version printed is ${printed}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
