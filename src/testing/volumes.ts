import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Backend } from "../contract/backend.ts";
import type { VolumeConfig } from "../contract/config.ts";
import type { Conformance } from "./conformance.ts";
import { assertErrorCode, rejectionOf } from "./expected-errors.ts";
import { eventually } from "./polling.ts";

const area = "volumes";

/** The same in every run: nothing of the contract deletes a volume, so each run would leave another one at the provider. */
const name = "sandbox-backend-conformance";

/** Directories that outlive sandboxes. */
export function volumeCases(conformance: Conformance): void {
  const { capabilities } = conformance;
  if (!capabilities.volumes) {
    conformance.add(area, "are refused, as the capabilities say", async () => {
      const refused = conformance.sendsNoRequest(async () => {
        conformance.newBackend({ volumes: [{ name, mountPath: "/mnt/volume" }] });
      });
      const error = await rejectionOf(refused);
      assertErrorCode(error, "CONFIG_INVALID");
    });
    return;
  }
  conformance.add(
    area,
    "are made by name, seen by two sandboxes at once, and outlive both",
    () => sharesAndOutlives(conformance),
    conformance.withoutOwnFileSystem,
  );

  conformance.add(
    area,
    "that must be there and are not fail the setup, and leave nothing",
    async () => {
      const missing = `${name}-${randomUUID()}`;
      await conformance.leavesNothing(async () => {
        const volumes = [{ name: missing, mountPath: "/mnt/volume", create: false }];
        const backend = conformance.newBackend({ volumes });
        const expected = { operation: "setup" } as const;
        const error = await conformance.rejects(backend.setup(), "VOLUME_FAILED", expected);
        assert.ok(error.message.includes(missing), error.message);
        assert.equal(backend.sandboxId, undefined);
        conformance.release(backend);
      });
    },
    conformance.withoutOwnFileSystem,
  );
}

async function sharesAndOutlives(conformance: Conformance): Promise<void> {
  const subpath = `run ${randomUUID()}/deep`;
  const whole = { name, mountPath: "/mnt/the whole" };
  const part = { name, mountPath: "/data/part", subpath };
  const read = async (backend: Backend, path: string): Promise<string> =>
    (await backend.exec(["cat", path], { check: false })).stdout;

  await withSandboxes(conformance, [[whole], [part]], async ([one, two]) => {
    // Plain writes of new files: some providers have object storage behind a volume, which knows no others.
    const directory = `${whole.mountPath}/${subpath}`;
    await one.exec(["sh", "-c", 'mkdir -p "$1" && echo one > "$1/of one"', "sh", directory]);
    await two.exec(["sh", "-c", 'echo two > "$1/of two"', "sh", part.mountPath]);
    await eventually("Both see both files", conformance.patient(10_000), async () => {
      const seen = await Promise.all([
        read(one, `${directory}/of two`),
        read(two, `${part.mountPath}/of one`),
      ]);
      return seen.join("") === "two\none\n";
    });
  });
  await conformance.settleReleases();
  await withSandboxes(conformance, [[{ ...part, create: false }]], async ([three]) => {
    assert.equal(await read(three, `${part.mountPath}/of one`), "one\n");
    assert.equal(await read(three, `${part.mountPath}/of two`), "two\n");
    await three.exec(["sh", "-c", 'rm "$1"/*', "sh", part.mountPath]);
  });
}

/** One sandbox for each list of volumes, all at once; they are deleted afterwards. */
async function withSandboxes<const Lists extends readonly (readonly VolumeConfig[])[]>(
  conformance: Conformance,
  lists: Lists,
  use: (backends: { [Index in keyof Lists]: Backend }) => Promise<void>,
): Promise<void> {
  const backends = lists.map((volumes) => conformance.newBackend({ volumes }));
  try {
    await Promise.all(backends.map((backend) => backend.setup()));
    await use(backends as unknown as { [Index in keyof Lists]: Backend });
  } finally {
    for (const backend of backends) conformance.release(backend);
  }
}
