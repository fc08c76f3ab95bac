import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test, vi } from "vitest";
import { reconnectBackend } from "../../../src/create-backend.ts";
import {
  AbortError,
  ConfigError,
  FileAccessError,
  FileNotFoundError,
  PreviewError,
  SandboxNotFoundError,
  SandboxStateError,
} from "../../../src/index.ts";
import { isolationsUnderTest } from "../../engine/isolations.ts";
import { rejection } from "../../helpers/rejection.ts";
import { until } from "../../helpers/until.ts";
import { withLocal } from "./local-fixture.ts";

/** A process that is certainly not alive: of another boot. */
const deadProcess = { pid: 1, startTicks: "1", bootId: "of-another-boot" };

for (const { isolation, skipped, title } of await isolationsUnderTest()) {
  describe.skipIf(skipped)(`the local backend, isolation ${title}`, () => {
    test("a ref leads to the sandbox, with what it does not hold beside it", async () => {
      await withLocal(isolation, async ({ config, ready }) => {
        const backend = await ready();
        await backend.writeFile("file", "kept");
        const { ref } = backend;
        if (ref === undefined) throw new Error("There is no ref.");
        const { directory } = config;
        await using same = await reconnectBackend(ref, { directory, isolation });
        expect(same.workDir).toBe(backend.workDir);
        expect(await same.readFile("file", { encoding: "utf8" })).toBe("kept");
        await backend.teardown();
      });
    });

    test("a working directory of its own is found again by the ID alone", async () => {
      await withLocal(isolation, async ({ ready, backend }) => {
        const first = await ready({ workDir: "~/elsewhere" });
        const second = backend({ owner: undefined, name: undefined });
        await second.reconnect(first.sandboxId);
        expect(second.workDir).toBe(first.workDir);
        expect(second.workDir).toMatch(/^\/.*\/elsewhere$/);
        expect((await second.exec('echo "$WORKDIR"; pwd')).stdout).toBe(
          `${first.workDir}\n${first.workDir}\n`,
        );
        await first.teardown();
      });
    });

    test("another folder, and another isolation, do not have the sandbox", async () => {
      await withLocal(isolation, async ({ config, ready, backend }) => {
        const first = await ready();
        const elsewhere = await mkdtemp(join(tmpdir(), "local-elsewhere-"));
        try {
          const strangers = [
            backend({ directory: elsewhere }),
            ...(isolation === "namespaces" ? [backend({ isolation: "none" })] : []),
          ];
          for (const stranger of strangers) {
            const failed = stranger.reconnect(first.sandboxId);
            const error = await rejection(expect, failed, SandboxNotFoundError, {
              code: "SANDBOX_NOT_FOUND",
              operation: "reconnect",
            });
            expect(error.message).toContain("another folder");
            await stranger[Symbol.asyncDispose]();
          }
          expect(await readFile(join(config.directory, isolation, "last-sweep"), "utf8")).toBe("");
          await first.teardown();
        } finally {
          await rm(elsewhere, { recursive: true, force: true });
        }
      });
    });

    test("directories go in and out", async () => {
      await withLocal(isolation, async ({ ready }) => {
        const backend = await ready();
        const folder = await mkdtemp(join(tmpdir(), "local-directory-"));
        try {
          await writeFile(join(folder, "a file"), "content");
          await backend.uploadDirectory(folder, "sent");
          expect((await backend.exec("cat 'sent/a file'")).stdout).toBe("content");
          await backend.downloadDirectory("sent", join(folder, "back"));
          expect(await readFile(join(folder, "back/a file"), "utf8")).toBe("content");
          expect((await backend.exec('ls -A "${TMPDIR:-/tmp}"')).stdout).toBe("");
        } finally {
          await rm(folder, { recursive: true, force: true });
        }
        await backend.teardown();
      });
    });

    test("as many calls at once as one likes are no reason for a warning", async () => {
      await withLocal(isolation, async ({ ready }) => {
        const backend = await ready();
        const warn = vi.spyOn(process, "emitWarning");
        await Promise.all(Array.from({ length: 24 }, () => backend.exists("none")));
        expect(warn).not.toHaveBeenCalled();
        await backend.teardown();
      });
    });

    test("a file that grows while it is read gives what it had at the beginning", async () => {
      await withLocal(isolation, async ({ ready }) => {
        const backend = await ready();
        const writer = await backend.spawn("while :; do seq 1 20000; sleep 0.01; done >>log");
        await until(
          async () => (await backend.exists("log")) && (await backend.stat("log")).size > 1e6,
        );
        for (let round = 0; round < 5; round++) {
          const { size } = await backend.stat("log");
          expect((await backend.readFile("log")).byteLength).toBeGreaterThanOrEqual(size);
        }
        await writer.kill("SIGKILL");
        await backend.teardown();
      });
    });

    test("a failure of a file says which and why", async () => {
      await withLocal(isolation, async ({ ready }) => {
        const backend = await ready();
        await rejection(expect, backend.readFile("none"), FileNotFoundError, {
          code: "FILE_NOT_FOUND",
          operation: "readFile",
        });
        const directory = backend.readFile(".");
        const error = await rejection(expect, directory, FileAccessError, {
          code: "FILE_ACCESS",
          operation: "readFile",
        });
        expect(error.reason).toBe("is-directory");
        await backend.writeFile("file", "");
        const below = backend.writeFile("file/below", "");
        expect(
          (
            await rejection(expect, below, FileAccessError, {
              code: "FILE_ACCESS",
              operation: "writeFile",
            })
          ).reason,
        ).toBe("not-a-directory");
        await backend.teardown();
      });
    });

    test("a deletion whose process died in its midst is brought to its end", async () => {
      await withLocal(isolation, async ({ ready, sandboxIds, changeNote }) => {
        const first = await ready();
        await changeNote(first.sandboxId, { deletedBy: deadProcess });
        const second = await ready();
        expect(second.sandboxId).not.toBe(first.sandboxId);
        expect(await sandboxIds()).toEqual([second.sandboxId]);
        expect((await first.status()).state).toBe("deleted");
        await second.teardown();
      });
    });

    test("a sandbox on its way out is waited for, and not adopted", async () => {
      await withLocal(isolation, async ({ ready, backend, changeNote }) => {
        const first = await ready();
        const me = await backendsProcess();
        await changeNote(first.sandboxId, { deletedBy: me });
        expect(await first.status()).toMatchObject({
          state: "stopping",
          providerState: "destroying",
        });
        const second = backend();
        const settingUp = second.setup();
        await sleep(700);
        expect(second.sandboxId).toBeUndefined();
        await first.teardown();
        await settingUp;
        expect(second.sandboxId).not.toBe(first.sandboxId);
        await second.teardown();
      });
    });

    test("a preview address never leads to another program of this machine", async () => {
      await withLocal(isolation, async ({ ready }) => {
        const backend = await ready();
        const { server, port } = await listenSomewhere();
        try {
          const refused = backend.getPreviewUrl(port);
          const error = await rejection(expect, refused, PreviewError, {
            code: "PREVIEW_FAILED",
            operation: "getPreviewUrl",
          });
          expect(error.message).toContain(String(port));
        } finally {
          await new Promise((resolve) => server.close(resolve));
        }
        const { url, webSocketUrl, headers, expiresAt } = await backend.getPreviewUrl(port);
        expect({ url, webSocketUrl, headers, expiresAt }).toEqual({
          url: `http://127.0.0.1:${port}`,
          webSocketUrl: `ws://127.0.0.1:${port}`,
          headers: {},
          expiresAt: undefined,
        });
        await backend.teardown();
      });
    });

    test("an aborted command of one client goes on for another that has it", async () => {
      await withLocal(isolation, async ({ ready, backend }) => {
        const first = await ready();
        const child = await first.spawn("sleep 0.5; echo done");
        const second = backend();
        await second.reconnect(first.sandboxId);
        // A script that is given up goes on to its end in the sandbox.
        const reading = second.exec("sleep 30", { signal: AbortSignal.timeout(200) });
        await rejection(expect, reading, AbortError, { code: "ABORTED", operation: "exec" });
        expect((await child.wait()).exitCode).toBe(0);
        await first.teardown();
      });
    });

    test("a disposed backend says so, and the sandbox goes on", async () => {
      await withLocal(isolation, async ({ ready, backend }) => {
        const first = await ready();
        await first[Symbol.asyncDispose]();
        await rejection(expect, first.exec("true"), AbortError, {
          code: "ABORTED",
          operation: "exec",
        });
        const second = backend();
        await second.reconnect(first.sandboxId);
        expect((await second.exec("echo up")).stdout).toBe("up\n");
        await second.teardown();
      });
    });

    test("a record that cannot be read is a state of that sandbox, and hinders no other", async () => {
      await withLocal(isolation, async ({ config, ready, backend, sandboxIds }) => {
        const broken = await ready();
        const path = join(
          config.directory,
          isolation,
          "engine/sandboxes",
          broken.sandboxId,
          "sandbox.json",
        );
        const record = await readFile(path, "utf8");
        await writeFile(path, "{");
        await rejection(expect, broken.status(), SandboxStateError, {
          code: "SANDBOX_STATE",
          operation: "status",
          sandboxId: broken.sandboxId,
        });
        const sameName = backend().setup();
        await rejection(expect, sameName, SandboxStateError, {
          code: "SANDBOX_STATE",
          operation: "setup",
        });
        const other = await ready({ name: "other" });
        await other.teardown();
        await writeFile(path, record);
        await broken.teardown();
        expect(await sandboxIds()).toEqual([]);
      });
    });
  });
}

test("isolation none refuses to set up in the folder of another sandbox", async () => {
  await withLocal("none", async ({ ready, backend }) => {
    const first = await ready();
    const second = backend({ name: "second", workDir: first.workDir });
    const error = await rejection(expect, second.setup(), ConfigError, {
      code: "CONFIG_INVALID",
      operation: "setup",
    });
    expect(error.path).toBe("workDir");
    await first.teardown();
  });
});

test("a folder that cannot be made is named, and nothing is left", async () => {
  await withLocal("none", async ({ config, ready, backend }) => {
    const file = join(config.directory, "file");
    await writeFile(file, "");
    const failing = backend({ directory: join(file, "below") });
    const error = await rejection(expect, failing.setup(), ConfigError, {
      code: "CONFIG_INVALID",
      operation: "setup",
    });
    expect(error.path).toBe("directory");
    expect(await readdir(config.directory)).toEqual(["file"]);
    await (await ready()).teardown();
  });
});

/** This process, as the engine knows it. */
async function backendsProcess(): Promise<unknown> {
  const { identifyProcess } = await import("../../../src/engine/index.ts");
  return identifyProcess(process.pid);
}

async function listenSomewhere(): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("No port.");
  return { server, port: address.port };
}
