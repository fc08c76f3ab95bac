import { existsSync } from "node:fs";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { LocalBackend } from "../../../src/backends/local/local-backend.ts";
import { createBackend } from "../../../src/create-backend.ts";
import type { Isolation } from "../../../src/engine/engine-types.ts";
import { LocalEngine } from "../../../src/engine/local-engine.ts";
import type { LocalConfig } from "../../../src/index.ts";
import { mountsNaming, processesNaming } from "../../engine/host-leftovers.ts";

/** What one test needs: a folder in which all sandboxes are its own. */
interface LocalFixture {
  /** What every backend of this test has in common; another process that is given it acts as another host of the same owner. */
  readonly config: LocalConfig & {
    readonly owner: string;
    readonly name: string;
    readonly directory: string;
  };
  /** A backend that the fixture disposes of. */
  backend(config?: LocalConfig): LocalBackend;
  /** A backend whose setup has succeeded. */
  ready(config?: LocalConfig): Promise<LocalBackend & { readonly sandboxId: string }>;
  /** IDs of the sandboxes on disk, also of those that are half made. */
  sandboxIds(): Promise<string[]>;
  /** Changes what the library keeps with a sandbox, as the library of another process would. */
  changeNote(sandboxId: string, changes: Readonly<Record<string, unknown>>): Promise<void>;
  /** Lets the next setup look for what dead processes have left. */
  forgetLastSweep(): Promise<void>;
}

/** Runs a test's body; afterwards no sandbox, process or mount may be left. */
export async function withLocal(
  isolation: Isolation,
  body: (fixture: LocalFixture) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), `local-${isolation}-`));
  await chmod(directory, 0o755);
  const backends: LocalBackend[] = [];
  const fixture = makeFixture(isolation, directory, backends);
  const dispose = () => Promise.all(backends.map((backend) => backend[Symbol.asyncDispose]()));
  try {
    await body(fixture);
    await dispose();
    await expectEmptyFolders(join(directory, isolation, "engine"), isolation);
    await vi.waitFor(
      () => {
        expect(processesNaming(directory)).toEqual([]);
        expect(mountsNaming(directory)).toEqual([]);
      },
      { timeout: 10_000, interval: 20 },
    );
  } finally {
    await dispose();
    for (const id of await fixture.sandboxIds()) {
      const left = createBackend("local", { directory, isolation });
      await left.reconnect(id).then(
        () => left.teardown(),
        () => undefined,
      );
      await left[Symbol.asyncDispose]();
    }
    await rm(directory, { recursive: true, force: true });
  }
}

/** Nothing of a sandbox, of a half-made one, of a trial or of a dead host is left on disk once the folder is opened again. */
async function expectEmptyFolders(directory: string, isolation: Isolation): Promise<void> {
  if (!existsSync(directory)) return;
  expect(await readdir(join(directory, "sandboxes"))).toEqual([]);
  const engine = await LocalEngine.open({ directory, isolation });
  await engine.close();
  const names = await readdir(directory);
  expect(names.filter((name) => name.startsWith("probe-"))).toEqual([]);
  for (const kind of ["sandboxes", "trash", "staging", "pipes"]) {
    expect(await readdir(join(directory, kind)), kind).toEqual([]);
  }
}

function makeFixture(
  isolation: Isolation,
  directory: string,
  backends: LocalBackend[],
): LocalFixture {
  const config = { directory, isolation, owner: "local-test", name: "local" };
  const folder = join(directory, isolation);
  const backend = (own: LocalConfig = {}): LocalBackend => {
    const made = createBackend("local", { ...config, ...own });
    backends.push(made);
    return made;
  };
  return {
    config,
    backend,
    async ready(own) {
      const made = backend(own);
      await made.setup();
      return made as LocalBackend & { readonly sandboxId: string };
    },
    async sandboxIds() {
      return readdir(join(folder, "engine/sandboxes")).catch(() => []);
    },
    async changeNote(sandboxId, changes) {
      const path = join(folder, "engine/sandboxes", sandboxId, "sandbox.json");
      const record = JSON.parse(await readFile(path, "utf8")) as { metadata: object };
      await writeFile(
        path,
        JSON.stringify({ ...record, metadata: { ...record.metadata, ...changes } }),
      );
    },
    async forgetLastSweep() {
      await rm(join(folder, "last-sweep"), { force: true });
    },
  };
}
