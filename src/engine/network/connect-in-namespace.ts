import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { getSystemErrorName } from "node:util";
import { SANDBOX_PATH } from "../isolation/environment.ts";
import type { HostPrivileges } from "../isolation/host-privileges.ts";
import { systemCallNumber } from "../isolation/system-calls.ts";
import type { ProgramStarter } from "../processes/program-starter.ts";
import { RELAY_PROGRAM } from "./relay-program.ts";
import { RelayedConnection } from "./relayed-connection.ts";

const FIRST_WORD_BYTES = 4;

export interface NetworkEntry {
  /** A process whose network it is. */
  readonly holderPid: number;
  readonly perl: string;
  readonly privileges: HostPrivileges;
  readonly starter: ProgramStarter;
}

/**
 * Connects to a port on the loopback of another network: a program of the host's joins that network, and nothing else of the sandbox's.
 * Undefined when the network has gone.
 */
export async function connectInNamespace(
  { holderPid, perl, privileges, starter }: NetworkEntry,
  port: number,
  signal?: AbortSignal,
): Promise<RelayedConnection | undefined> {
  signal?.throwIfAborted();
  // Only its root may join the network.
  const joined = privileges.needsUserNamespace ? ["user", "net"] : ["net"];
  const { started, descriptors } = await starter.startWithPipes({
    argv: [
      ...[perl, "-e", RELAY_PROGRAM, "--", String(port), String(systemCallNumber("setns"))],
      ...joined.map((name) => `/proc/${holderPid}/ns/${name}`),
    ],
    cwd: "/",
    env: { PATH: SANDBOX_PATH, LC_ALL: "C" },
  });
  started.unref();
  const [stdin, stdout, errors] = descriptors;
  const input = new Socket({ fd: stdin, readable: false, writable: true });
  const output = new Socket({ fd: stdout, readable: true, writable: false });
  const letGo = (): void => {
    input.destroy();
    output.destroy();
    closeSync(errors);
  };
  input.on("error", () => undefined);
  try {
    const word = await readFirstWord(output, signal);
    if (word === 0) return new RelayedConnection(input, output, errors);
    letGo();
    if (word === undefined) return undefined;
    throw connectError(word, port);
  } catch (error) {
    if (!output.destroyed) letGo();
    throw error;
  }
}

/** Undefined at the end of the stream. */
function readFirstWord(output: Socket, signal?: AbortSignal): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      output.off("readable", onReadable).off("end", onEnd).off("error", onError);
      signal?.removeEventListener("abort", onAbort);
      act();
    };
    const onReadable = (): void => {
      const word = output.read(FIRST_WORD_BYTES) as Buffer | null;
      if (word?.length === FIRST_WORD_BYTES) settle(() => resolve(word.readUInt32BE()));
    };
    const onEnd = (): void => settle(() => resolve(undefined));
    const onError = (error: Error): void => settle(() => reject(error));
    const onAbort = (): void => settle(() => reject(signal?.reason as Error));
    output.on("readable", onReadable).once("end", onEnd).once("error", onError);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function connectError(errno: number, port: number): NodeJS.ErrnoException {
  const code = getSystemErrorName(-errno);
  const error: NodeJS.ErrnoException = new Error(
    `connect ${code}: port ${port} of the sandbox's own network`,
  );
  return Object.assign(error, { code, errno: -errno, syscall: "connect" });
}
