import type { ExpectStatic } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import type { Backend, SandboxProcess } from "../../src/index.ts";

/** The route that every script of a command goes to. */
export const execute = {
  surface: "toolbox",
  method: "POST",
  path: "/toolbox/{sandboxId}/process/execute",
} as const;

/** What the probe command writes: lines, and bytes that are not UTF-8. */
const probeOutput = Buffer.from("one\ntw\xff\0o\nlast", "latin1");

/** Says so each time that it runs, writes on both streams, and ends with a code that nobody would invent. */
const probe =
  "echo run >>\"$COUNT\"; echo one; sleep 0.3; printf 'tw\\377\\000o\\nlast'; echo oops >&2; exit 7";

let probes = 0;

/** How a probe is run: `exec` in one request, `streamed` followed from its start, or as a process. */
export type ProbeKind = "exec" | "streamed" | "spawn";

/** Runs the probe and proves that its result is right and that it ran exactly once. */
export async function runProbe(
  expect: ExpectStatic,
  backend: Backend,
  kind: ProbeKind,
): Promise<void> {
  const count = `count-${probes++}`;
  const ended =
    kind === "spawn" ? await spawnProbe(backend, count) : await execProbe(backend, count, kind);
  expect(ended).toEqual({ exitCode: 7, stdout: probeOutput, stderr: Buffer.from("oops\n") });
  expect(await backend.readFile(count, { encoding: "utf8" })).toBe("run\n");
}

interface Ended {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

async function execProbe(
  backend: Backend,
  count: string,
  kind: "exec" | "streamed",
): Promise<Ended> {
  const chunks: Uint8Array[] = [];
  const result = await backend.exec(probe, {
    env: { COUNT: count },
    check: false,
    ...(kind === "exec" ? {} : { onStdout: (chunk: Uint8Array) => chunks.push(chunk) }),
  });
  const stdout = Buffer.from(result.stdoutBytes);
  if (kind === "streamed" && !stdout.equals(Buffer.concat(chunks))) {
    throw new Error("The callback was given other bytes than the result has.");
  }
  return { exitCode: result.exitCode, stdout, stderr: Buffer.from(result.stderrBytes) };
}

async function spawnProbe(backend: Backend, count: string): Promise<Ended> {
  const child = await backend.spawn(probe, { env: { COUNT: count } });
  const [stdout, stderr, { exitCode }] = await Promise.all([
    read(child.stdout),
    read(child.stderr),
    child.wait(),
  ]);
  return { exitCode, stdout, stderr };
}

/** All of a stream. */
export async function read(stream: SandboxProcess["stdout"]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Runs a command by the provider's own route, without the library: what it prints. */
export async function executePlainly(
  emulator: DaytonaEmulator,
  sandboxId: string,
  command: string,
): Promise<string> {
  const url = new URL(`/toolbox/${sandboxId}/process/execute`, emulator.url);
  const response = await fetch(url, {
    method: "POST",
    headers: { Authorization: `Bearer ${emulator.apiKey}` },
    body: JSON.stringify({ command }),
  });
  return ((await response.json()) as { result: string }).result;
}
