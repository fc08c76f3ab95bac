import type { Git, Sandbox } from "@daytonaio/sdk";
import { expect } from "vitest";
import type { DaytonaEmulator } from "../../src/emulator/index.ts";
import { type GitServer, startGitServer } from "../helpers/git-http-server.ts";
import { sdkClient } from "./sdk-client.ts";
import { startEmulator } from "./start-emulator.ts";

export interface GitSandbox extends AsyncDisposable {
  readonly emulator: DaytonaEmulator;
  readonly server: GitServer;
  readonly sandbox: Sandbox;
  readonly git: Git;
  /** Runs a command in the sandbox, which must succeed, and gives what it prints. */
  run(command: string): Promise<string>;
}

/** A sandbox of an emulator of its own, and a server of repositories beside it. */
export async function openGitSandbox(): Promise<GitSandbox> {
  const [emulator, server] = await Promise.all([startEmulator(), startGitServer()]);
  const sandbox = await sdkClient(emulator).create();
  return {
    emulator,
    server,
    sandbox,
    git: sandbox.git,
    async run(command) {
      const { exitCode, result } = await sandbox.process.executeCommand(command);
      expect([exitCode, result]).toEqual([0, expect.anything()]);
      return result.trim();
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([emulator.close(), server.close()]);
    },
  };
}
